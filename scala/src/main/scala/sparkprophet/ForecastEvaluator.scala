package sparkprophet

import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param.{Param, ParamMap}
import org.apache.spark.ml.util.{Identifiable, MLReadable, MLReader, MLWritable, MLWriter}
import org.apache.spark.sql.{Column, DataFrame, Dataset}
import org.apache.spark.sql.expressions.Window
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.{DoubleType, StringType}
import org.slf4j.LoggerFactory

import sparkprophet.params.{Columns, ForecastEvaluatorParams, InputColumns}
import sparkprophet.params.InputColumns.{TimeTypes, isNumber}
import sparkprophet.params.Messages.refuse
import sparkprophet.saving.{StageReader, StageWriter, Written}

/**
 * How good the forecasts in a table are, as one number, for one series or for many.
 *
 * Rows whose label or prediction is NULL or NaN are ignored; so are rows without a bound, a weight
 * or a timestamp where the metric needs it. With e = y - yhat and w = the weight or 1:
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
 * With `groupCols`, `average` "macro" is the plain mean over the groups where the metric is
 * defined, and "micro" is the metric of all rows at once; `mase` never takes the step from one
 * series to the next for a step in time. A metric that is defined nowhere, or NaN (as with an
 * infinite forecast of an infinite value), is the worst value there is, so that it never wins a
 * search.
 *
 * The class and its params have the same names in Python: what is saved there loads here, and back.
 */
class ForecastEvaluator(override val uid: String)
    extends Evaluator
    with ForecastEvaluatorParams
    with MLWritable {

  import ForecastEvaluator.log

  def this() = this(Identifiable.randomUID("ForecastEvaluator"))

  /** True for coverage alone; all other metrics are errors. */
  override def isLargerBetter: Boolean = $(metricName) == "coverage"

  override def copy(extra: ParamMap): ForecastEvaluator = defaultCopy(extra)

  /**
   * The metric of the dataset's rows, by one query; no row leaves the cluster.
   *
   * @throws IllegalArgumentException for a column that is missing or of the wrong type, and for
   *   params that do not go together, before any job
   */
  override def evaluate(dataset: Dataset[_]): Double = {
    checkColumns(dataset)
    val rows = usableRows(dataset)
    val metric = ForecastMetrics($(metricName), $(intervalWidth)).as("metric")
    val metrics =
      if ($(average) == "macro" && $(groupCols).nonEmpty) rows.groupBy(keys: _*).agg(metric)
      else rows.agg(metric)
    val result = metrics.agg(avg("metric")).head()
    if (result.isNullAt(0) || result.getDouble(0).isNaN) worstValue() else result.getDouble(0)
  }

  /** A writer: `write.overwrite().save(path)`. */
  override def write: MLWriter = new StageWriter(this, _ => Written())

  private def worstValue(): Double = {
    val worst = if (isLargerBetter) Double.NegativeInfinity else Double.PositiveInfinity
    val columns = numericParams.map(param => $(param)).mkString(", ")
    log.warn(
      s"$uid: ${$(metricName)} is not defined on this data and counts as $worst: no group has " +
        s"enough rows with numbers in $columns. Do the forecasts cover the rows' keys and times?"
    )
    worst
  }

  private def numericParams: Seq[Param[String]] = {
    val bounds = if (needsBounds) Seq(lowerCol, upperCol) else Nil
    Seq(labelCol, predictionCol) ++ Seq(weightCol).filter(isSet(_)) ++ bounds
  }

  private def needsBounds: Boolean = ForecastMetrics.needsBounds($(metricName))

  private def needsTime: Boolean = ForecastMetrics.needsTime($(metricName))

  /** On the driver, before any job: a wrong name must not cost the time of a search first. */
  private def checkColumns(dataset: Dataset[_]): Unit = {
    if ($(metricName) == "mdape" && isSet(weightCol))
      refuse("weightCol: a median has no weights; clear weightCol, or choose mape or wape")
    val columns = InputColumns(dataset)
    numericParams.foreach(columns.require(this, _, "a number; cast it")(isNumber))
    if (needsTime)
      columns.require(this, timestampCol, "a date or timestamp; use to_date")(TimeTypes.contains)
    $(groupCols).foreach(columns.typeOf(groupCols.name, _))
  }

  private def keys: Seq[Column] = Columns.keyNames($(groupCols).toSeq).map(col)

  /** The rows that count, under the names that the metrics know: the user's own may be anything. */
  private def usableRows(dataset: Dataset[_]): DataFrame = {
    def number(param: Param[String]): Column = Columns.quoted($(param)).cast(DoubleType)
    val weight = if (isSet(weightCol)) nonNegative(number(weightCol)) else lit(1.0)
    val bounds =
      if (needsBounds) Seq("lower" -> number(lowerCol), "upper" -> number(upperCol)) else Nil
    val numbers =
      Seq("y" -> number(labelCol), "yhat" -> number(predictionCol), "w" -> weight) ++ bounds
    val times = if (needsTime) Seq("at" -> Columns.quoted($(timestampCol))) else Nil
    val values = (times ++ numbers).map { case (name, column) => column.as(name) }
    val rows = dataset.select(Columns.keys($(groupCols).toSeq) ++ values: _*)
    val known = numbers.map { case (name, _) => col(name).isNotNull && !isnan(col(name)) } ++
      times.map { case (name, _) => col(name).isNotNull }
    val usable = rows.where(known.reduce(_ && _))
    if (needsTime) withChanges(usable) else usable
  }

  /** Ties in time are ordered by value, so that the result does not hang on the partitioning. */
  private def withChanges(rows: DataFrame): DataFrame = {
    val series = Window.partitionBy(keys: _*).orderBy("at", "y")
    rows.withColumn("change", abs(col("y") - lag("y", 1).over(series)))
  }

  private def nonNegative(weight: Column): Column = {
    val message = concat(
      lit("weightCol: found "),
      weight.cast(StringType),
      lit(s" in column '${$(weightCol)}', must be >= 0; drop or mend such rows")
    )
    when(weight < 0, raise_error(message).cast(DoubleType)).otherwise(weight)
  }
}

/** Loads what `save` wrote, in this language or in Python. */
object ForecastEvaluator extends MLReadable[ForecastEvaluator] {

  // Not Spark's Logging trait: its members differ between the versions of Spark that this runs on.
  private val log = LoggerFactory.getLogger("sparkprophet")

  override def read: MLReader[ForecastEvaluator] =
    new StageReader(classOf[ForecastEvaluator], saved => new ForecastEvaluator(saved.uid))

  override def load(path: String): ForecastEvaluator = super.load(path)
}
