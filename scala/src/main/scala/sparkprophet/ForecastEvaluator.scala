package sparkprophet

import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param.{Param, ParamMap}
import org.apache.spark.ml.util.{DefaultParamsReadable, DefaultParamsWritable, Identifiable}
import org.apache.spark.sql.{Column, DataFrame, Dataset}
import org.apache.spark.sql.expressions.Window
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._
import org.slf4j.LoggerFactory

import sparkprophet.params.{ForecastEvaluatorParams, TableParams}

/**
 * How good the forecasts in a table are, as one number, for one series or for many.
 *
 * Rows whose label or prediction is NULL or NaN are ignored; so are rows without a bound, a weight or
 * a timestamp where the metric needs it. With e = y - yhat and w = the weight or 1:
 *
 *   - `rmse` = sqrt(sum w e^2^ / sum w), `mae` = sum w|e| / sum w
 *   - `wape` = sum w|e| / sum w|y|
 *   - `mape` = weighted mean of |e/y| over the rows with y != 0
 *   - `smape` = weighted mean of |e| / ((|y| + |yhat|) / 2), a row with both 0 counting 0
 *   - `mdape` = exact median of |e/y| over the rows with y != 0; it takes no weights
 *   - `mase` = mae / mean |y,,t,, - y,,t-1,,| of the series' usable rows in the order of time
 *   - `pinball` = mean of the pinball losses of the bounds, at (1 - intervalWidth) / 2 and
 *     (1 + intervalWidth) / 2
 *   - `coverage` = weighted share of the rows with lower <= y <= upper, and the only metric where
 *     more is better
 *
 * With `groupCols`, `average` "macro" is the plain mean over the groups where the metric is defined,
 * and "micro" is the metric of all rows at once; `mase` never takes the step from one series to the
 * next for a step in time. A metric that is defined nowhere, or NaN (as with an infinite forecast of
 * an infinite value), is the worst value there is, so that it never wins a search.
 *
 * The class and its params have the same names in Python: what is saved there loads here, and back.
 */
class ForecastEvaluator(override val uid: String)
    extends Evaluator
    with ForecastEvaluatorParams
    with DefaultParamsWritable {

  import ForecastEvaluator._
  import TableParams.refuse

  def this() = this(Identifiable.randomUID("ForecastEvaluator"))

  /** True for coverage alone; all other metrics are errors. */
  override def isLargerBetter: Boolean = $(metricName) == "coverage"

  override def copy(extra: ParamMap): ForecastEvaluator = defaultCopy(extra)

  /** The metric of the dataset's rows, by one query; no row leaves the cluster. */
  override def evaluate(dataset: Dataset[_]): Double = {
    checkColumns(dataset)
    val rows = usableRows(dataset)
    val metric = ForecastMetrics($(metricName), $(intervalWidth)).as("metric")
    val metrics =
      if ($(average) == "macro" && keys.nonEmpty) rows.groupBy(keys: _*).agg(metric)
      else rows.agg(metric)
    val result = metrics.agg(avg("metric")).head()
    if (result.isNullAt(0) || result.getDouble(0).isNaN) worstValue() else result.getDouble(0)
  }

  private def worstValue(): Double = {
    val worst = if (isLargerBetter) Double.NegativeInfinity else Double.PositiveInfinity
    val columns = numericParams.map(param => $(param)).mkString(", ")
    logger.warn(
      s"$uid: ${$(metricName)} is not defined on this data and counts as $worst: no group has " +
        s"enough rows with numbers in $columns. Do the forecasts cover the rows' keys and times?"
    )
    worst
  }

  private def numericParams: Seq[Param[String]] = {
    val bounds = if (ForecastMetrics.needsBounds($(metricName))) Seq(lowerCol, upperCol) else Nil
    Seq(labelCol, predictionCol) ++ Seq(weightCol).filter(isSet(_)) ++ bounds
  }

  private def needsTime: Boolean = ForecastMetrics.needsTime($(metricName))

  /** On the driver, before any job: a wrong name must not cost the time of a search first. */
  private def checkColumns(dataset: Dataset[_]): Unit = {
    if ($(metricName) == "mdape" && isSet(weightCol))
      refuse(
        s"weightCol is '${$(weightCol)}' and metricName is mdape: a median takes no weights; clear " +
          "weightCol, or choose mape or wape"
      )
    numericParams.foreach { param =>
      requireType(dataset, param, "a number")(_.isInstanceOf[NumericType])
    }
    if (needsTime)
      requireType(dataset, timestampCol, "a date or timestamp")(TimeTypes.contains)
    $(groupCols).foreach(typeOf(dataset, groupCols, _))
  }

  private def requireType(dataset: Dataset[_], param: Param[String], wanted: String)(
      fits: DataType => Boolean
  ): Unit = {
    val found = typeOf(dataset, param, $(param))
    if (!fits(found))
      refuse(
        s"${param.name} is '${$(param)}', a column of type ${found.simpleString}, and must be " +
          s"$wanted: cast the column or set ${param.name} to another one"
      )
  }

  private def typeOf(dataset: Dataset[_], param: Param[_], column: String): DataType =
    dataset.schema.find(_.name == column).map(_.dataType).getOrElse {
      refuse(
        s"${param.name} is '$column', and there is no such column: set ${param.name} to one of " +
          dataset.columns.mkString(", ")
      )
    }

  private def keys: Seq[Column] = $(groupCols).toSeq.indices.map(i => col(s"key$i"))

  /** The rows that count, under the names that the metrics know: the user's own may be anything. */
  private def usableRows(dataset: Dataset[_]): DataFrame = {
    def input(name: String): Column = dataset.col("`" + name.replace("`", "``") + "`")
    def number(param: Param[String]): Column = input($(param)).cast(DoubleType)
    val weight = if (isSet(weightCol)) nonNegative(number(weightCol)) else lit(1.0)
    val numbers = Seq("y" -> number(labelCol), "yhat" -> number(predictionCol), "w" -> weight) ++
      (if (ForecastMetrics.needsBounds($(metricName)))
         Seq("lower" -> number(lowerCol), "upper" -> number(upperCol))
       else Nil)
    val time = if (needsTime) Seq("time" -> input($(timestampCol))) else Nil
    val groups = $(groupCols).toSeq.zipWithIndex.map { case (name, i) => s"key$i" -> input(name) }
    val rows = dataset.select((groups ++ time ++ numbers).map { case (as, c) => c.as(as) }: _*)
    val known = numbers.map { case (name, _) => col(name).isNotNull && !isnan(col(name)) } ++
      time.map { case (name, _) => col(name).isNotNull }
    val usable = rows.where(known.reduce(_ && _))
    if (needsTime) withSteps(usable) else usable
  }

  /** Ties in time are ordered by value, so that the result does not hang on the partitioning. */
  private def withSteps(rows: DataFrame): DataFrame = {
    val series = Window.partitionBy(keys: _*).orderBy("time", "y")
    rows.withColumn("step", abs(col("y") - lag("y", 1).over(series)))
  }

  private def nonNegative(weight: Column): Column = {
    val message = lit(
      s"weightCol is '${$(weightCol)}', a column with a negative weight: drop or mend the rows " +
        "where it is below 0; found "
    )
    when(weight < 0, raise_error(concat(message, weight.cast(StringType))).cast(DoubleType))
      .otherwise(weight)
  }
}

/** Loads what `save` wrote, in this language or in Python. */
object ForecastEvaluator extends DefaultParamsReadable[ForecastEvaluator] {

  private val TimeTypes: Set[DataType] = Set(DateType, TimestampType, TimestampNTZType)

  // Not Spark's Logging trait: its members differ between the versions of Spark that this runs on.
  private val logger = LoggerFactory.getLogger(classOf[ForecastEvaluator])
}
