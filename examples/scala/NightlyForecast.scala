import scala.util.control.NonFatal

import org.apache.hadoop.fs.Path
import org.apache.spark.sql.{DataFrame, SparkSession}
import org.apache.spark.sql.functions._
import sparkprophet._

/**
 * The nightly job: tune and fit every series, keep model, failures and forecasts, end with a clear
 * code.
 *
 * {{{
 * spark-submit --class NightlyForecast --jars sparkprophet.jar examples.jar OUT [SALES]
 * }}}
 *
 * SALES is a Parquet table of (store, item, ds, y), without which one is made up: 20 series of 420
 * days, among them one of a single day, one of nothing but NaN and one that never changes.
 *
 * Exit codes, for cron and for schedulers: 0 all is written; 1 the job failed and wrote nothing; 2
 * wrong arguments; 3 written, but more than 10 % of the series have no model.
 */
object NightlyForecast {

  private val Keys = Array("store", "item")
  private val Horizon = 28 // days

  /** Ends the JVM with the exit code. */
  def main(args: Array[String]): Unit = {
    if (args.length < 1 || args.length > 2) {
      System.err.println(
        "NightlyForecast: give the folder to write, and if you like a table of sales"
      )
      sys.exit(2)
    }
    val spark = SparkSession.builder().appName("nightly forecasts").getOrCreate()
    val code =
      try run(spark, args.head, args.lift(1).fold(generated(spark))(spark.read.parquet(_)))
      catch {
        case NonFatal(error) =>
          System.err.println(s"NightlyForecast: ${error.getMessage}")
          1
      } finally spark.stop()
    sys.exit(code)
  }

  /** Made-up sales with a weekly pattern, of equal values wherever they are made. */
  private def generated(spark: SparkSession): DataFrame = {
    val (stores, items, days) = (5, 4, 420)
    val rows = spark
      .range(stores.toLong * items * days)
      .selectExpr(
        s"concat('store ', id % $stores) AS store",
        s"int(id div $stores % $items) AS item",
        s"int(id div ${stores * items}) AS day"
      )
      .withColumn("noise", expr("pmod(xxhash64(store, item, day), 1000) / 100.0"))
      .withColumn(
        "usual",
        expr("100 + 10 * item + day / 20 + 15 * sin(2 * pi() * day / 7) + noise")
      )
    val last = s"store = 'store ${stores - 1}'"
    rows
      .where(s"NOT ($last AND item = 3 AND day > 0)")
      .selectExpr(
        "store",
        "item",
        "date_add(DATE'2024-01-01', day) AS ds",
        s"CASE WHEN $last AND item = 2 THEN double('NaN') WHEN $last AND item = 1 THEN 7.0 " +
          "ELSE usual END AS y"
      )
  }

  private def tuner: GroupedProphetTuner = {
    val prophet = new GroupedProphet()
      .setGroupCols(Keys)
      .setUncertaintySamples(100)
      .setMaxFailedFraction(0.1)
    val space = new BayesianParamGridBuilder()
      .addUniform(prophet.changepointPriorScale, 0.001, 0.5, log = true)
      .addChoice(prophet.seasonalityMode, Seq("additive", "multiplicative"))
      .space
    new GroupedProphetTuner()
      .setEstimator(prophet)
      .setSearchSpace(space)
      .setNumTrials(8)
      .setHorizon(Horizon)
  }

  /** Tune, fit, write, report; the exit code. */
  private def run(spark: SparkSession, output: String, sales: DataFrame): Int = {
    val (model, code) =
      try (tuner.fit(sales), 0)
      catch {
        case error: FitFailedException =>
          System.err.println(s"NightlyForecast: ${error.getMessage}")
          (error.model, 3)
      }
    println(model.summary)
    for (row <- model.failures.orderBy(Keys.map(col).toSeq: _*).collect())
      println(s"${row.get(0)}, ${row.get(1)}: ${row.getAs[String]("error_message")}")
    compare(model)
    write(spark, model, output)
    println(
      s"forecasts: ${spark.read.parquet(s"$output/forecasts").count()} rows in $output/forecasts"
    )
    code
  }

  /** How many series the search was worth its time for, on days that no fit had seen. */
  private def compare(model: GroupedProphetModel): Unit = {
    val counts = model.comparison
      .agg(
        count("tuned"),
        count_if(expr("tuned <= untuned")),
        count_if(expr("tuned < seasonal_naive"))
      )
      .head()
    println(
      s"${counts.get(0)} series tuned: ${counts.get(1)} at least as good as untuned, " +
        s"${counts.get(2)} better than seasonal naive"
    )
  }

  /** Written beside the output folder and renamed: readers find a whole run or none. */
  private def write(spark: SparkSession, model: GroupedProphetModel, output: String): Unit = {
    val (folder, part) = (new Path(output), s"$output.part")
    val files = folder.getFileSystem(spark.sparkContext.hadoopConfiguration)
    if (files.exists(folder)) throw new IllegalArgumentException(s"$output is there already")
    files.delete(new Path(part), true)
    model.write.save(s"$part/model")
    model.failures.write.parquet(s"$part/failures")
    model.forecast(Horizon).write.parquet(s"$part/forecasts")
    if (!files.rename(new Path(part), folder))
      throw new IllegalStateException(s"$part cannot be renamed to $output")
  }
}
