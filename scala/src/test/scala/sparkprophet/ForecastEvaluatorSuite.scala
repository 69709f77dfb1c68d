package sparkprophet

import java.nio.file.{Files, Path}

import org.apache.commons.io.FileUtils
import org.apache.spark.SPARK_VERSION
import org.apache.spark.ml.evaluation.{Evaluator, RegressionEvaluator}
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.sql.{DataFrame, SparkSession}
import org.apache.spark.sql.functions._
import org.scalatest.BeforeAndAfterAll
import org.scalatest.funsuite.AnyFunSuite

class ForecastEvaluatorSuite extends AnyFunSuite with BeforeAndAfterAll {

  private lazy val spark: SparkSession = SparkSession
    .builder()
    .master("local[2]")
    .appName("ForecastEvaluatorSuite")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .getOrCreate()

  override protected def afterAll(): Unit = spark.stop()

  /** Two series: the errors of a are -1, 1, 0, 2, those of b 10 and 0. */
  private lazy val twoSeries: DataFrame = spark.sql("""
    select * from values
      ('a', timestamp '2024-01-01', 1.0D,  2.0D,  0.0D,  3.0D, 1.0D),
      ('a', timestamp '2024-01-02', 3.0D,  2.0D,  1.0D,  2.5D, 2.0D),
      ('a', timestamp '2024-01-03', 0.0D,  0.0D, -1.0D,  1.0D, 1.0D),
      ('a', timestamp '2024-01-04', 4.0D,  2.0D,  4.5D,  6.0D, 0.0D),
      ('b', timestamp '2024-01-02', 20.0D, 10.0D, 8.0D, 12.0D, 1.0D),
      ('b', timestamp '2024-01-01', 10.0D, 10.0D, 8.0D, 12.0D, 3.0D)
      as t(item, ds, y, yhat, yhat_lower, yhat_upper, w)""")

  private lazy val seriesA: DataFrame = twoSeries.where("item = 'a'")

  private def evaluator(metric: String): ForecastEvaluator =
    new ForecastEvaluator().setMetricName(metric)

  private def grouped(metric: String): ForecastEvaluator =
    evaluator(metric).setGroupCols(Array("item"))

  private def assertClose(found: Double, expected: Double): Unit =
    assert(math.abs(found - expected) <= 1e-12 * math.max(1.0, expected), s"not $expected")

  private val metrics =
    Seq("rmse", "mae", "mape", "smape", "mase", "wape", "mdape", "pinball", "coverage")

  private def messageOf(run: => Any): String =
    intercept[IllegalArgumentException](run).getMessage

  test("runs on the Spark that the build chose") {
    // Two Sparks on one class path would show here, or as a NoSuchMethodError further down.
    val pyspark = sys.props.getOrElse("sparkprophet.test.pyspark", "")
    val home = classOf[SparkSession].getProtectionDomain.getCodeSource.getLocation.toURI.getPath
    if (pyspark.nonEmpty) assert(home.startsWith(pyspark))
    else assert(SPARK_VERSION == sys.props("sparkprophet.test.compiledAgainst"))
    assert(spark.version == SPARK_VERSION)
    info(s"Spark ${spark.version} from $home")
  }

  test("rmse and mae of all rows are those of Spark's own RegressionEvaluator") {
    val rows = spark
      .range(0, 500, 1, 7)
      .select((rand(1) * 50).as("y"), (randn(2) * 20).as("yhat"), (rand(3) * 4).as("w"))
      .cache()
    for (metric <- Seq("rmse", "mae"); weight <- Seq(None, Some("w"))) {
      val stock =
        new RegressionEvaluator().setLabelCol("y").setPredictionCol("yhat").setMetricName(metric)
      val ours = evaluator(metric).setAverage("micro")
      weight.foreach { name =>
        stock.setWeightCol(name)
        ours.setWeightCol(name)
      }
      val expected = stock.evaluate(rows)
      assert(math.abs(ours.evaluate(rows) - expected) <= 1e-10 * expected, s"$metric, $weight")
    }
    rows.unpersist()
  }

  test("each metric of one series, against numbers worked out by hand") {
    assertClose(evaluator("rmse").evaluate(seriesA), math.sqrt(6.0 / 4))
    assertClose(evaluator("mae").evaluate(seriesA), 4.0 / 4)
    assertClose(evaluator("wape").evaluate(seriesA), 4.0 / 8)
    assertClose(evaluator("mape").evaluate(seriesA), (1 + 1.0 / 3 + 0.5) / 3)
    // 1 / 1.5, 1 / 2.5, 0 of 0, 2 / 3
    assertClose(evaluator("smape").evaluate(seriesA), (2.0 / 3 + 0.4 + 0 + 2.0 / 3) / 4)
    assertClose(evaluator("mdape").evaluate(seriesA), 0.5)
    // mean step (2 + 3 + 4) / 3
    assertClose(evaluator("mase").evaluate(seriesA), 1.0 / 3)
    // above the bounds, below them, and twice between
    assertClose(evaluator("coverage").evaluate(seriesA), 2.0 / 4)
    // lower at 0.1: 0.1, 0.2, 0.1, 0.45; upper at 0.9: 0.2, 0.45, 0.1, 0.2
    assertClose(evaluator("pinball").evaluate(seriesA), (0.85 + 0.95) / 2 / 4)
    // lower at 0.25: 0.25, 0.5, 0.25, 0.375; upper at 0.75: 0.5, 0.375, 0.25, 0.5
    val half = evaluator("pinball").setIntervalWidth(0.5)
    assertClose(half.evaluate(seriesA), (1.375 + 1.625) / 2 / 4)
  }

  test("weights count in every metric but mdape, and in the error of mase alone") {
    def weighted(metric: String): Double = evaluator(metric).setWeightCol("w").evaluate(seriesA)
    assertClose(weighted("rmse"), math.sqrt(3.0 / 4))
    assertClose(weighted("mae"), 3.0 / 4)
    assertClose(weighted("wape"), 3.0 / 7)
    assertClose(weighted("mape"), (1 + 2.0 / 3) / 3)
    assertClose(weighted("smape"), (2.0 / 3 + 2 * 0.4) / 4)
    assertClose(weighted("mase"), (3.0 / 4) / 3)
    assertClose(weighted("coverage"), 2.0 / 4)
    assertClose(weighted("pinball"), (0.1 + 0.4 + 0.1 + 0.2 + 0.9 + 0.1) / 2 / 4)
  }

  test("the default is the macro wape, without groups the wape of all rows") {
    assertClose(new ForecastEvaluator().evaluate(twoSeries), 14.0 / 38)
    val macroWape = new ForecastEvaluator().setGroupCols(Array("item"))
    assertClose(macroWape.evaluate(twoSeries), (4.0 / 8 + 10.0 / 30) / 2)
  }

  test("macro is the mean over the groups, micro the metric of all rows") {
    assertClose(grouped("mae").evaluate(twoSeries), (1.0 + 5.0) / 2)
    assertClose(grouped("mae").setAverage("micro").evaluate(twoSeries), 14.0 / 6)
    assertClose(grouped("coverage").evaluate(twoSeries), (0.5 + 0.5) / 2)
    assertClose(grouped("mdape").evaluate(twoSeries), (0.5 + 0.25) / 2)
    // |e / y|: 1, 1/3, 1/2, 1/2, 0
    assertClose(grouped("mdape").setAverage("micro").evaluate(twoSeries), 0.5)
    for (metric <- Seq("rmse", "mape", "smape", "pinball")) {
      val one = evaluator(metric).evaluate(twoSeries)
      assert(evaluator(metric).setAverage("micro").evaluate(twoSeries) == one)
    }
  }

  test("mase never steps from one series to the next") {
    // a: mae 1, mean step 3; b: mae 5, mean step 10
    assertClose(grouped("mase").evaluate(twoSeries), (1.0 / 3 + 5.0 / 10) / 2)
    val micro = grouped("mase").setAverage("micro").evaluate(twoSeries)
    assertClose(micro, (14.0 / 6) / ((2 + 3 + 4 + 10) / 4.0))
    assert(micro == grouped("mase").setAverage("micro").evaluate(twoSeries.orderBy(rand(5))))
  }

  test("mase reads dates and wall-clock times too") {
    for (kind <- Seq("date", "timestamp_ntz"))
      assertClose(
        evaluator("mase").evaluate(seriesA.withColumn("ds", col("ds").cast(kind))),
        1.0 / 3
      )
  }

  test("rows with NULL or NaN are ignored") {
    val holes = spark.sql("""
      select * from values
        ('a', timestamp '2024-01-05', null,            9.0D, 0.0D, 9.0D, 1.0D),
        ('a', timestamp '2024-01-06', 9.0D,            null, 0.0D, 9.0D, 1.0D),
        ('a', timestamp '2024-01-07', double('NaN'),   9.0D, 0.0D, 9.0D, 1.0D),
        ('a', timestamp '2024-01-08', 9.0D,   double('NaN'), 0.0D, 9.0D, 1.0D),
        ('c', timestamp '2024-01-01', 9.0D,            null, 0.0D, 9.0D, 1.0D)
        as t(item, ds, y, yhat, yhat_lower, yhat_upper, w)""")
    val rows = twoSeries.union(holes)
    for (metric <- metrics; average <- Seq("macro", "micro")) {
      val it = grouped(metric).setAverage(average)
      assert(it.evaluate(rows) == it.evaluate(twoSeries), s"$metric, $average")
    }
  }

  test("rows without a bound, a weight or a time are ignored where these are read") {
    val rows = twoSeries.union(spark.sql("""
      select * from values
        ('a', timestamp '2024-01-05', 9.0D, 1.0D, null, 9.0D, 1.0D),
        ('a', timestamp '2024-01-06', 9.0D, 1.0D, 0.0D, double('NaN'), 1.0D),
        ('a', null,                   9.0D, 1.0D, null, 9.0D, null),
        ('a', null,                   9.0D, 1.0D, null, 9.0D, double('NaN'))
        as t(item, ds, y, yhat, yhat_lower, yhat_upper, w)"""))
    for (metric <- Seq("coverage", "pinball"))
      assert(grouped(metric).evaluate(rows) == grouped(metric).evaluate(twoSeries), metric)
    assertClose(evaluator("mae").evaluate(rows), (14.0 + 32) / 10)
    assertClose(
      evaluator("mae").setWeightCol("w").evaluate(rows),
      (1 + 2 + 10 + 8 + 8) / (4.0 + 4 + 2)
    )
    // errors 1, 1, 0, 2, 8, 8; steps 2, 3, 4, 5, 0
    assertClose(evaluator("mase").evaluate(rows.where("item = 'a'")), (20.0 / 6) / (14.0 / 5))
  }

  test("groups without a defined metric do not count, groups with a NULL key do") {
    val rows = spark.sql("""
      select * from values
        ('zero', 0.0D, 1.0D), ('zero', 0.0D, 2.0D),
        ('one', 1.0D, 2.0D),
        (null, 2.0D, 3.0D), (null, 2.0D, 2.0D)
        as t(item, y, yhat)""")
    assertClose(grouped("wape").evaluate(rows), (1.0 + 0.25) / 2)
    assertClose(grouped("mape").evaluate(rows), (1.0 + 0.25) / 2)
    assertClose(grouped("mdape").evaluate(rows), (1.0 + 0.25) / 2)
    assertClose(grouped("mae").evaluate(rows), (1.5 + 1.0 + 0.5) / 3)
  }

  test("several keys, whatever their names and types") {
    val rows = twoSeries
      .withColumn("the `key`.x", when(col("item") === "a", 1).otherwise(2))
      .withColumn("w", col("w").cast("decimal(10,2)"))
      .withColumn("key_0", lit("in the way"))
    val it = new ForecastEvaluator()
      .setMetricName("mae")
      .setGroupCols(Array("item", "the `key`.x"))
      .setWeightCol("w")
    assertClose(it.evaluate(rows), (3.0 / 4 + 10.0 / 4) / 2)
  }

  test("integers and decimals are numbers too") {
    val rows = spark.sql("select 4 as y, cast(3.5 as decimal(10, 2)) as yhat")
    assertClose(evaluator("mae").evaluate(rows), 0.5)
  }

  test("what is defined nowhere is the worst value") {
    val zeros = spark.sql("select 0D as y, 1D as yhat, timestamp '2024-01-01' as ds")
    for (metric <- Seq("wape", "mape", "mdape", "mase"))
      assert(evaluator(metric).evaluate(zeros) == Double.PositiveInfinity, metric)
    for (metric <- metrics) {
      val it = grouped(metric)
      val worst = if (metric == "coverage") Double.NegativeInfinity else Double.PositiveInfinity
      assert(it.isLargerBetter == (metric == "coverage"))
      assert(it.evaluate(twoSeries.limit(0)) == worst, metric)
      assert(it.evaluate(twoSeries.withColumn("yhat", lit(Double.NaN))) == worst, metric)
    }
    assert(evaluator("mae").setWeightCol("yhat").evaluate(zeros.withColumn("yhat", lit(0))) ==
      Double.PositiveInfinity)
  }

  test("a forecast that went to infinity is the worst, not left out") {
    val rows = twoSeries.withColumn(
      "yhat",
      when(col("y") === 20, Double.PositiveInfinity).otherwise(col("yhat"))
    )
    for (metric <- Seq("rmse", "mae", "wape", "mape", "smape", "mase"))
      assert(grouped(metric).evaluate(rows) == Double.PositiveInfinity, metric)
  }

  test("the result is the same with ANSI mode off") {
    val expected = metrics.map(grouped(_).evaluate(twoSeries))
    val ansi = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", "false")
    try assert(metrics.map(grouped(_).evaluate(twoSeries)) == expected)
    finally spark.conf.set("spark.sql.ansi.enabled", ansi)
  }

  test("a negative weight is refused") {
    val it = evaluator("mae").setWeightCol("w")
    val error = intercept[Exception](it.evaluate(twoSeries.withColumn("w", -col("w"))))
    val messages = Iterator.iterate[Throwable](error)(_.getCause).takeWhile(_ != null)
    assert(messages.exists(_.getMessage.contains("weightCol: found -")))
  }

  test("a wrong param is refused with its name, its value and the remedy") {
    assert(
      messageOf(evaluator("rsme")) == "metricName: found 'rsme', must be one of rmse, mae, mape, " +
        "smape, mase, wape, mdape, pinball, coverage"
    )
    assert(
      messageOf(new ForecastEvaluator().setAverage("mean")) ==
        "average: found 'mean', must be one of macro, micro"
    )
    for (width <- Seq(0.0, 1.0, 80.0, Double.NaN))
      assert(
        messageOf(new ForecastEvaluator().setIntervalWidth(width)) ==
          s"intervalWidth: found $width, must be a number between 0 and 1"
      )
    assert(messageOf(new ForecastEvaluator().setLabelCol("")).startsWith("labelCol: found ''"))
    val noName = Array("a", null)
    assert(messageOf(new ForecastEvaluator().setGroupCols(noName)).startsWith("groupCols: found"))
    val weighted = evaluator("mdape").setWeightCol("w")
    assert(messageOf(weighted.evaluate(twoSeries)).startsWith("weightCol: a median has no"))
  }

  test("a missing or unfit column is refused before any job") {
    val never = twoSeries.withColumn("yhat", raise_error(lit("a job ran")).cast("double"))
    def refused(it: Evaluator): String = messageOf(it.evaluate(never))
    assert(
      refused(new ForecastEvaluator().setPredictionCol("forecast")) ==
        "predictionCol: there is no column 'forecast'; columns: item, ds, y, yhat, " +
        "yhat_lower, yhat_upper, w"
    )
    assert(
      refused(new ForecastEvaluator().setLabelCol("item")) ==
        "labelCol: column 'item' is string, must be a number; cast it"
    )
    assert(refused(evaluator("mae").setWeightCol("ds")).startsWith("weightCol: column 'ds' is"))
    assert(refused(evaluator("pinball").setLowerCol("no")).startsWith("lowerCol: there is no"))
    assert(refused(evaluator("coverage").setUpperCol("item")).startsWith("upperCol: column 'item'"))
    assert(refused(evaluator("mase").setTimestampCol("y")).startsWith("timestampCol: column 'y'"))
    val noGroup = new ForecastEvaluator().setGroupCols(Array("store"))
    assert(refused(noGroup).startsWith("groupCols: there is no column 'store'"))
  }

  test("saved and loaded, it is the same evaluator") {
    val folder = Files.createTempDirectory("evaluator")
    try savedAndLoaded(folder.resolve("saved").toString)
    finally FileUtils.deleteDirectory(folder.toFile)
  }

  private def savedAndLoaded(path: String): Unit = {
    val it = grouped("pinball").setIntervalWidth(0.5).setAverage("micro").setWeightCol("w")
    it.save(path)
    val again = ForecastEvaluator.load(path)
    assert(again.uid == it.uid)
    assert(again.extractParamMap().toSeq.map(_.toString).sorted.length == 10)
    for (param <- it.params if param.name != "groupCols") {
      assert(again.isSet(again.getParam(param.name)) == it.isSet(param), param.name)
      assert(again.get(again.getParam(param.name)) == it.get(param), param.name)
    }
    assert(again.getGroupCols.toSeq == Seq("item"))
    assert(again.evaluate(twoSeries) == it.evaluate(twoSeries))
    assert(Files.isDirectory(Path.of(path, "manifest")))
    Files.writeString(Path.of(path, "metadata", "part-2"), "{}")
    assert(messageOf(ForecastEvaluator.load(path)).contains("part-2: is not of this save"))
  }

  test("what Spark's own writer saved, without a manifest and a version, still loads") {
    val folder = Files.createTempDirectory("evaluator")
    try {
      val metadata = Files.createDirectory(folder.resolve("metadata"))
      val text = """{"class":"sparkprophet.ForecastEvaluator","timestamp":1700000000000,
        "sparkVersion":"4.1.0","uid":"ForecastEvaluator_1","paramMap":{"metricName":"mae"},
        "defaultParamMap":{"metricName":"wape","intervalWidth":0.9,"groupCols":[]}}"""
      Files.writeString(metadata.resolve("part-00000"), text.replaceAll("\\s*\n\\s*", ""))
      val loaded = ForecastEvaluator.load(folder.toString)
      assert((loaded.uid, loaded.getMetricName) == (("ForecastEvaluator_1", "mae")))
      assert((loaded.getIntervalWidth, loaded.getAverage) == ((0.9, "macro")))
      assert(loaded.evaluate(twoSeries) == evaluator("mae").evaluate(twoSeries))
    } finally FileUtils.deleteDirectory(folder.toFile)
  }

  test("a copy takes other params and leaves the original as it was") {
    val it = grouped("mae")
    val copy = it.copy(ParamMap(it.metricName -> "rmse"))
    assert(copy.getMetricName == "rmse" && it.getMetricName == "mae")
    assert(copy.getGroupCols.toSeq == Seq("item"))
  }
}
