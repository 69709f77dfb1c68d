package sparkprophet

import org.apache.spark.ml.{Pipeline, PipelineStage}
import org.apache.spark.ml.evaluation.RegressionEvaluator
import org.apache.spark.ml.feature.SQLTransformer
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.ml.tuning.{ParamGridBuilder, TrainValidationSplit}
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions._
import org.scalatest.funsuite.AnyFunSuite

class GroupedProphetSuite extends AnyFunSuite with SharedSession {

  /** Two straight lines of 60 days, y = 10 + t and y = 20 - t / 2, and a group of one row. */
  private lazy val lines: DataFrame = spark.sql("""
    select 'up' as g, date_add(date '2024-01-01', cast(id as int)) as ds, 10.0D + id as y
    from range(60)
    union all
    select 'down', date_add(date '2024-01-01', cast(id as int)), 20.0D - id / 2 from range(60)
    union all
    select 'short', date '2024-01-01', 1.0D""").cache()

  private def stage: GroupedProphet = new GroupedProphet()
    .setGroupCols(Array("g"))
    .setWeeklySeasonality("false")
    .setUncertaintySamples(0)

  private lazy val model: GroupedProphetModel = stage.fit(lines)

  test("straight lines go on as lines, and a group that cannot be fitted is a row") {
    val steps = model.forecast(3).orderBy("g", "ds").collect()
    assert(steps.map(_.getString(0)).toSeq == Seq.fill(3)("down") ++ Seq.fill(3)("up"))
    assert(steps.map(_.getDate(1).toString).distinct.toSeq.head == "2024-03-01")
    val expected = Seq(-10.0, -10.5, -11.0, 70.0, 71.0, 72.0)
    for ((row, y) <- steps.zip(expected)) assert(math.abs(row.getDouble(2) - y) < 0.05, row)
    assert(model.summary.byStatus == Map("ok" -> 2L, "failed" -> 1L))
    val failures = model.failures.select("g", "error_code", "n_obs").collect()
    assert(failures.map(_.toString).toSeq == Seq("[short,TOO_SHORT,1]"))
    assert(model.parent.isInstanceOf[GroupedProphet])
  }

  test("transform keeps the rows and columns, and its schema is that of transformSchema") {
    val rows = lines.withColumn("note", concat(lit("row "), col("y")))
    val forecasts = model.transform(rows)
    assert(forecasts.schema.map(f => f.name -> f.dataType) ==
      model.transformSchema(rows.schema).map(f => f.name -> f.dataType))
    assert(forecasts.select(rows.columns.map(col).toSeq: _*).exceptAll(rows).isEmpty)
    assert(forecasts.count() == rows.count())
    assert(forecasts.where("g = 'short' and yhat is not null").isEmpty)
    val error = forecasts.where("g <> 'short'").select(max(abs(col("y") - col("yhat"))))
    assert(error.head().getDouble(0) < 0.05)
  }

  test("rows of unknown keys are skipped or refused where that is wanted") {
    val rows = lines.where("ds < date '2024-01-03'")
    val skipped = model.copy(ParamMap(model.handleInvalid -> "skip")).transform(rows)
    assert(skipped.select("g").distinct().collect().map(_.getString(0)).toSet == Set("up", "down"))
    val refusing = model.copy(ParamMap.empty).setHandleInvalid("error")
    val error = intercept[Exception](refusing.transform(rows).collect())
    assert(error.getMessage.contains("{\"g\":\"short\"} cannot be forecast at 2024-01-01"))
  }

  test("works in a Pipeline and inside Spark's own TrainValidationSplit", Slow) {
    val doubled = new SQLTransformer().setStatement("select *, y * 2 as y2 from __THIS__")
    val prophet = stage.setLabelCol("y2").setHandleInvalid("skip")
    val pipeline = new Pipeline().setStages(Array[PipelineStage](doubled, prophet))
    val grid = new ParamGridBuilder().addGrid(prophet.growth, Seq("linear", "flat")).build()
    val split = new TrainValidationSplit()
      .setEstimator(pipeline)
      .setEstimatorParamMaps(grid)
      .setEvaluator(new RegressionEvaluator().setLabelCol("y2").setPredictionCol("yhat"))
      .setSeed(1)
      .fit(lines.where("g <> 'short'"))
    assert(split.validationMetrics(0) < 0.1)
    assert(split.validationMetrics(1) > 5) // a flat trend leaves the whole slope
    assert(split.bestModel.transform(lines).columns.contains("yhat"))
  }

  test("regressors have effects of their own size") {
    val promo = lines
      .where("g = 'up'")
      .withColumn("promo", (dayofmonth(col("ds")) % 3 === 0).cast("double"))
      .withColumn("y", col("y") + col("promo") * 7)
    val fitted = stage.setRegressors(Array("promo")).fit(promo)
    assert(messageOf(fitted.forecast(3)).startsWith("regressors: the models use promo; give a"))
    val after = promo.withColumn("ds", date_add(col("ds"), 60)).withColumn("promo", lit(1.0))
    val steps = fitted.forecast(2, after, includeHistory = false).orderBy("ds").collect()
    assert(steps.length == 2)
    for ((row, y) <- steps.zip(Seq(77.0, 78.0))) assert(math.abs(row.getDouble(2) - y) < 0.2, row)
    val parts = fitted.components(promo).where("promo = 1").select("components").head()
    assert(math.abs(parts.getMap[String, Double](0)("promo") - 7) < 0.2)
  }

  test("where all groups fail the error has the codes, and the model with the rows") {
    val error = intercept[FitFailedException](stage.fit(lines.where("g = 'short'")))
    assert(error.getMessage.contains("1 of 1 groups failed"))
    assert(error.getMessage.contains("1 x TOO_SHORT"))
    assert(error.model.failures.count() == 1)
    val strict = stage.setMaxFailedFraction(0.2)
    assert(intercept[FitFailedException](strict.fit(lines)).getMessage.startsWith("1 of 3 groups"))
  }

  test("copies have values of their own") {
    val original = stage.setSeed(3)
    val copied = original.copy(ParamMap(original.seed -> 4L))
    assert((original.getSeed, copied.getSeed) == ((3L, 4L)))
    assert(copied.uid == original.uid)
    val tuner = new GroupedProphetTuner().setEstimator(original)
    val changed = tuner.copy(ParamMap(original.seed -> 5L))
    assert((tuner.getEstimator.getSeed, changed.getEstimator.getSeed) == ((3L, 5L)))
  }

  test("what cannot work is refused before any job, by name and with a remedy") {
    val cases = Seq[(() => Any, String)](
      (() => stage.setGroupCols(Array("G")).fit(lines), "groupCols: there is no column 'G'; did"),
      (() => stage.setTimestampCol("g").fit(lines), "timestampCol: column 'g' is string, must be"),
      (() => stage.setLabelCol("ds").fit(lines), "labelCol: column 'ds' is date, must be"),
      (() => stage.setGroupCols(Array("y")).fit(lines), "groupCols: 'y' is labelCol too"),
      (() => stage.setPredictionCol("Y").fit(lines), "predictionCol: column 'Y' is in the input"),
      (
        () => stage.setLowerCol("yhat").fit(lines),
        "predictionCol, lowerCol, upperCol: found yhat, yhat"
      ),
      (() => stage.setGrowth("logistic").fit(lines), "growth: found 'logistic' without capCol"),
      (
        () => stage.setRegressors(Array("promo")).fit(lines),
        "regressors or seasonalities: there is no column 'promo'"
      ),
      (() => stage.setGrowth("Linear"), "growth: found 'Linear', must be one of linear, logistic"),
      (() => stage.setGroupCols(null), "groupCols: found null, must be an array, which may"),
      (() => stage.setIntervalWidth(1.0), "intervalWidth: found 1.0, must be a number between 0"),
      (() => stage.setNChangepoints(-1), "nChangepoints: found -1, must be a whole number >= 0"),
      (
        () => model.forecast(0),
        "horizon: found 0, must be a whole number of steps from 1 to 1,000,000"
      ),
      (() => model.forecast(1000001), "horizon: found 1000001, must be"),
      (() => stage.fit(lines.limit(0)), "dataset: has no rows"),
      (() => model.trials, "trials: this model was fitted, not tuned; use GroupedProphet"),
      (() => new GroupedProphetTuner().fit(lines), "estimator: is not set; GroupedProphetTuner")
    )
    for ((run, expected) <- cases) assert(messageOf(run()).contains(expected))
  }

  test("what only Python can see is refused by Python's own message, before any group") {
    def refused(stage: GroupedProphet): String = messageOf(stage.fit(lines))
    assert(refused(stage.setCountryHolidays("Atlantis")).contains("Atlantis"))
    val twice = Seq.fill(2)(Map[String, Any]("name" -> "x", "period" -> 7, "fourierOrder" -> 2))
    assert(refused(stage.setSeasonalities(twice)).contains("the name 'x' is used twice"))
    assert(messageOf(model.forecast(3, Some("every day"), includeHistory = false))
      .contains("must be a pandas frequency"))
    val prophet = stage
    val space = new BayesianParamGridBuilder().addUniform(prophet.intervalWidth, 0.1, 0.9)
      .addChoice(new RegressionEvaluator().metricName, Seq("mae", "rmse")).space
    val tuner = new GroupedProphetTuner().setEstimator(prophet).setHorizon(5)
    assert(messageOf(tuner.setSearchSpace(space).fit(lines)).contains("metricName"))
  }
}
