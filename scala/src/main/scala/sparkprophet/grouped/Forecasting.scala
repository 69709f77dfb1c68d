package sparkprophet.grouped

import org.apache.spark.sql.{Column, DataFrame, Dataset}
import org.apache.spark.sql.expressions.Window
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._
import org.json4s._
import org.json4s.JsonDSL._
import org.slf4j.LoggerFactory

import sparkprophet.params.{Columns, GroupedProphetParams, InputChecks, ModelColumns}
import sparkprophet.params.Messages.refuse
import sparkprophet.workers.PythonWorkers

/**
 * Fitted models, and what their model says of how they forecast.
 *
 * @param zone
 *   the time zone in which instants are wall-clock times; none for timestamps without one
 * @param settings
 *   what of ModelColumns.ForecastSettings was changed after the fit, for all groups
 */
final private[sparkprophet] case class FittedModels(
    models: DataFrame,
    params: GroupedProphetParams,
    zone: Option[String],
    settings: JObject
)

/**
 * Forecasts of a table of models: by rows that are given, or ahead of each key's own end. The ways
 * of the rows are those of Python's module `sparkprophet.spark.grouped.forecasting`.
 *
 * The input's rows never leave the JVM. They are sorted by group, each group's model before its
 * rows; workers see only the models, timestamps and numbers, and Spark puts their answers beside
 * the rows.
 */
private[sparkprophet] object Forecasting {

  private val log = LoggerFactory.getLogger("sparkprophet")
  private val Values = Seq("yhat", "lower", "upper")
  private val Error = StructField("error", StringType)
  private val Forecast = StructType(Values.map(StructField(_, DoubleType)) :+ Error)
  private val Steps = "ds" +: Values
  private val Ahead = StructType(
    StructField("ds", ArrayType(LongType)) +:
      Values.map(StructField(_, ArrayType(DoubleType))) :+ Error
  )
  private val Components = StructType(
    Seq(
      StructField("trend", DoubleType),
      StructField("components", MapType(StringType, DoubleType))
    )
  )
  private val StateColumns =
    "config" +: "seed" +: ModelColumns.StateFields.map(name => s"state_$name")

  /** The rows of `dataset` with forecast columns, by handleInvalid. */
  def transform(dataset: Dataset[_], fitted: FittedModels): DataFrame = {
    val params = fitted.params
    val rows = byGroup(dataset, fitted, "predict", Forecast)
    val values = Values.map(name => finite(col(s"values.$name")))
    val refused = raise_error(complaint(params)).cast("double")
    val checked =
      if (params.getHandleInvalid == "error") coalesce(values.head, refused) +: values.tail
      else values
    val named = checked.zip(Columns.outputs(params)).map { case (value, name) => value.as(name) }
    val result = rows.select(col("row.*") +: named: _*)
    if (params.getHandleInvalid == "skip")
      result.where(Columns.quoted(params.getPredictionCol).isNotNull)
    else result
  }

  /** The rows of `dataset` with trend and the map of components. */
  def components(dataset: Dataset[_], fitted: FittedModels): DataFrame = {
    for (name <- Components.names if dataset.columns.contains(name))
      refuse(s"components: column '$name' is in the input already; drop it")
    val rows = byGroup(dataset, fitted, "components", Components)
    rows.select(col("row.*"), finite(col("values.trend")).as("trend"), col("values.components"))
  }

  /** Forecasts from the step after each key's end. */
  def ahead(
      fitted: FittedModels,
      horizon: Int,
      freq: Option[String],
      history: Boolean
  ): DataFrame = {
    import fitted._
    requireSteps(horizon)
    val used = Columns.columnNames(params)
    if (used.nonEmpty)
      refuse(
        s"regressors: the models use ${used.mkString(", ")}; give a DataFrame with their future " +
          "values"
      )
    val spark = models.sparkSession
    def json(text: Option[String]): JValue = text.fold[JValue](JNull)(JString(_))
    val how = ("freq" -> json(freq)) ~ ("zone" -> json(zone))
    PythonWorkers.check(spark, how)
    val keys = Columns.keyNames(params)
    val rows = models
      .where(col("state").isNotNull)
      .select(Columns.keys(params) ++ stateFields(params, models): _*)
      .repartition(GroupWork.tasks(spark, params), keys.map(col): _*)
    val arguments =
      ("horizon" -> horizon) ~ ("history" -> history) ~ how ~ ("settings" -> settings)
    val steps = PythonWorkers.column(spark, "ahead", arguments, Ahead, StateColumns.map(col): _*)
    val named = rows.select(keys.map(col) :+ steps.as("steps"): _*).select("*", "steps.*")
    val refused = raise_error(noForecast(params)).cast(Ahead("ds").dataType)
    val answers =
      if (params.getHandleInvalid == "error") named.withColumn("ds", coalesce(col("ds"), refused))
      else named
    val zipped = arrays_zip(Steps.map(col): _*)
    // A key that cannot be forecast has no steps; to keep it is a row of NULLs.
    val exploded = if (params.getHandleInvalid == "keep") explode_outer(zipped) else explode(zipped)
    val flat = answers.select(keys.map(col) :+ exploded.as("v"): _*)
    val groups = keys.zip(params.getGroupCols).map { case (key, group) => col(key).as(group) }
    val moment = zone.fold(Columns.wallClock(col("v.ds")))(_ => timestamp_micros(col("v.ds")))
    val ds = moment.cast(models.schema("end").dataType)
    val values = Values.zip(Columns.outputs(params)).map { case (name, as) =>
      finite(col(s"v.$name")).as(as)
    }
    flat.select((groups :+ ds.as(params.getTimestampCol)) ++ values: _*)
  }

  /** Forecasts of the rows of `regressors` that lie after their key's end. */
  def aheadOfRows(
      fitted: FittedModels,
      horizon: Int,
      regressors: Dataset[_],
      history: Boolean
  ): DataFrame = {
    import fitted._
    requireSteps(horizon)
    InputChecks.check(params, regressors, fitting = false)
    InputChecks.checkKeys(params, regressors, models)
    val keys = Columns.keyNames(params)
    val ends = models
      .where(col("state").isNotNull)
      .select(modelKeys(params) :+ col("end").as("model_end"): _*)
    val marked = regressors.select(Columns.keys(params) :+ struct("*").as("row"): _*)
    val ds = col("row").getField(params.getTimestampCol)
    val joined = marked
      .join(ends, same(keys))
      .withColumn("model_ahead", ds > col("model_end"))
    val order = Window.partitionBy((keys :+ "model_ahead").map(col): _*).orderBy(ds)
    val ahead = col("model_ahead") && col("model_step") <= horizon
    val rows = joined
      .withColumn("model_step", dense_rank().over(order))
      .where(if (history) ahead || !col("model_ahead") else ahead)
      .select("row.*")
    val names = (params.getGroupCols.toSeq :+ params.getTimestampCol) ++ Columns.outputs(params)
    transform(rows, fitted).select(names.map(Columns.quoted): _*)
  }

  /** The longest horizon, as in Python. */
  private val MostSteps = 1000000

  private def requireSteps(horizon: Int): Unit =
    if (horizon < 1 || horizon > MostSteps)
      refuse(s"horizon: found $horizon, must be a whole number of steps from 1 to 1,000,000")

  /** Columns `row` (a row of `dataset`, whole) and `values` (a struct of its outputs). */
  private def byGroup(
      dataset: Dataset[_],
      fitted: FittedModels,
      function: String,
      outputType: StructType
  ): DataFrame = {
    import fitted._
    InputChecks.checkKeys(params, dataset, models)
    val spark = dataset.sparkSession
    val inputs = Columns.inputs(params, otherZone(dataset, params, zone))
    val keys = Columns.keys(params)
    val rows = dataset.select(
      keys ++ Seq(
        lit(true).as("given"),
        struct("*").as("row"),
        lit(null).as("model"),
        struct(inputs.map(_._2): _*).as("input")
      ): _*
    )
    val model = struct(stateFields(params, models): _*)
    val ones = models
      .where(col("state").isNotNull)
      .select(
        keys ++ Seq(
          lit(false).as("given"),
          lit(null).as("row"),
          model.as("model"),
          lit(null).as("input")
        ): _*
      )
    // Spread by hand: adaptive execution would put many small groups into one task.
    val keyed = Columns.keyNames(params).map(col)
    val both = rows.union(ones).repartition(GroupWork.tasks(spark, params), keyed: _*)
    // A group's model comes before its rows.
    val order = Window.partitionBy(keyed: _*).orderBy("given")
    val fields = both.schema("model").dataType.asInstanceOf[StructType].fields.toSeq
    val columns = col("begins") +: (fields.map(modelField) ++ inputs.map(_._1).map(input))
    val names = userNames(inputs.map(_._1), params).toList
    val arguments = ("names" -> names) ~ ("settings" -> settings)
    val values = PythonWorkers.stream(spark, function, arguments, outputType, columns: _*)
    both
      .withColumn("begins", row_number().over(order) === 1)
      .withColumn("goes_on", lead("given", 1).over(order))
      // Models of keys that have no row stay here.
      .where("given OR goes_on")
      .select(col("given"), col("row"), values.as("values"))
      .where("given")
  }

  /** The time zone of the fit, where the dataset's instants would be read in another one. */
  private def otherZone(
      dataset: Dataset[_],
      params: GroupedProphetParams,
      zone: Option[String]
  ): Option[String] = {
    val session = Columns.sessionZone(dataset)
    val ofInstants = dataset.schema(params.getTimestampCol).dataType == TimestampType
    val other = zone.filter(name => ofInstants && name != session)
    for (name <- other)
      log.warn(
        s"the model was fitted in the time zone $name, and this session's is $session: instants " +
          "are read in that of the fit"
      )
    other
  }

  private def modelKeys(params: GroupedProphetParams): Seq[Column] =
    Columns.keys(params).zipWithIndex.map { case (key, i) => key.as(s"model_$i") }

  private def same(keys: Seq[String]): Column =
    keys.zipWithIndex.map { case (key, i) => col(key) <=> col(s"model_$i") }.reduce(_ && _)

  /** Series' names of the input fields ds, cap, floor, x_0, x_1, ... */
  private def userNames(names: Seq[String], params: GroupedProphetParams): Seq[String] = {
    val columnNames = Columns.columnNames(params)
    names.map(name => if (name.startsWith("x_")) columnNames(name.drop(2).toInt) else name)
  }

  /** A model row as the workers take it. */
  private def stateFields(params: GroupedProphetParams, models: DataFrame): Seq[Column] =
    Seq(col("config"), Columns.seed(params, models).as("seed")) ++
      ModelColumns.StateFields.map(name => col(s"state.$name").as(s"state_$name"))

  /** A field of a group's model, empty in its rows: Spark takes long over NULLs among arrays. */
  private def modelField(field: StructField): Column = {
    val empty = field.dataType match {
      case StringType => lit("")
      case LongType => lit(0L)
      case kind => array().cast(kind)
    }
    coalesce(col(s"model.${field.name}"), empty)
  }

  /** An input column without NULLs, which Arrow hands to numpy as it is. */
  private def input(name: String): Column = {
    val value = col(s"input.$name")
    if (name == "ds") coalesce(Columns.microseconds(value), lit(Long.MinValue))
    else coalesce(value, lit(Double.NaN))
  }

  private def finite(value: Column): Column = when(!isnan(value), value)

  /** Of a row that cannot be forecast. */
  private def complaint(params: GroupedProphetParams): Column = {
    val row = col("row")
    val ds = row.getField(params.getTimestampCol).cast("string")
    val unknown = lit(
      "unknown or failed key, or a missing regressor, cap or timestamp; see model.failures"
    )
    refusal(
      params.getGroupCols.toSeq.map(name => row.getField(name).as(name)),
      concat(lit(" at "), coalesce(ds, lit("NULL"))),
      coalesce(col("values.error"), unknown)
    )
  }

  /** Of a key that cannot be forecast. */
  private def noForecast(params: GroupedProphetParams): Column = {
    val names = Columns.keyNames(params).zip(params.getGroupCols)
    refusal(names.map { case (key, group) => col(key).as(group) }, lit(""), col("error"))
  }

  private def refusal(keys: Seq[Column], at: Column, why: Column): Column = {
    val options = java.util.Map.of("ignoreNullFields", "false")
    val key = if (keys.isEmpty) lit("") else to_json(struct(keys: _*), options)
    val remedy = lit(", or set handleInvalid to 'keep' or 'skip'")
    concat(lit("group "), key, lit(" cannot be forecast"), at, lit(": "), why, remedy)
  }
}
