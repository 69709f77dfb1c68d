package sparkprophet

import org.apache.spark.ml.param.{DoubleParam, Param, Params, StringArrayParam}

/** The params of [[ForecastEvaluator]], under the names that the Python class gives them. */
private[sparkprophet] trait ForecastEvaluatorParams extends Params {

  import ForecastEvaluatorParams._

  /** The metric: rmse, mae, mape, smape, mase, wape, mdape, pinball or coverage (default wape). */
  final val metricName: Param[String] =
    choice("metricName", s"the metric: ${Metrics.mkString(", ")}", Metrics)

  /** The column of true values (default y). */
  final val labelCol: Param[String] = column("labelCol", "the column of true values")

  /** The column of forecasts (default yhat). */
  final val predictionCol: Param[String] = column("predictionCol", "the column of forecasts")

  /** The key columns that tell one series from another (default none: all rows are one series). */
  final val groupCols: StringArrayParam = new StringArrayParam(
    this,
    "groupCols",
    "the key columns of a series; empty: all rows are one series",
    (names: Array[String]) => names.forall(isColumnName("groupCols"))
  )

  /** The column of row weights (unset: every row weighs 1). */
  final val weightCol: Param[String] = column("weightCol", "the column of weights >= 0; unset: 1")

  /** macro: the mean of the groups' metrics; micro: the metric of all rows (default macro). */
  final val average: Param[String] = choice(
    "average",
    "macro: the mean of the groups' metrics; micro: the metric of all rows at once",
    Averages
  )

  /** The column of lower bounds, read for pinball and coverage (default yhat_lower). */
  final val lowerCol: Param[String] = column("lowerCol", "the column of lower bounds")

  /** The column of upper bounds, read for pinball and coverage (default yhat_upper). */
  final val upperCol: Param[String] = column("upperCol", "the column of upper bounds")

  /** The share of values that the bounds are meant to hold, between 0 and 1 (default 0.8). */
  final val intervalWidth: DoubleParam = new DoubleParam(
    this,
    "intervalWidth",
    "the share of values that the bounds are meant to hold, between 0 and 1",
    (width: Double) =>
      width > 0 && width < 1 || refuse(s"intervalWidth is $width: give a number between 0 and 1")
  )

  /** The column of time, read for mase (default ds). */
  final val timestampCol: Param[String] = column("timestampCol", "the column of time, for mase")

  setDefault(
    metricName -> "wape",
    labelCol -> "y",
    predictionCol -> "yhat",
    groupCols -> Array.empty[String],
    average -> "macro",
    lowerCol -> "yhat_lower",
    upperCol -> "yhat_upper",
    intervalWidth -> 0.8,
    timestampCol -> "ds"
  )

  /** The value of [[metricName]]. */
  def getMetricName: String = $(metricName)

  /** The value of [[labelCol]]. */
  def getLabelCol: String = $(labelCol)

  /** The value of [[predictionCol]]. */
  def getPredictionCol: String = $(predictionCol)

  /** The value of [[groupCols]]. */
  def getGroupCols: Array[String] = $(groupCols)

  /** The value of [[weightCol]]; fails where it is unset. */
  def getWeightCol: String = $(weightCol)

  /** The value of [[average]]. */
  def getAverage: String = $(average)

  /** The value of [[lowerCol]]. */
  def getLowerCol: String = $(lowerCol)

  /** The value of [[upperCol]]. */
  def getUpperCol: String = $(upperCol)

  /** The value of [[intervalWidth]]. */
  def getIntervalWidth: Double = $(intervalWidth)

  /** The value of [[timestampCol]]. */
  def getTimestampCol: String = $(timestampCol)

  private def column(name: String, doc: String): Param[String] =
    new Param(this, name, doc, isColumnName(name))

  private def choice(name: String, doc: String, values: Seq[String]): Param[String] =
    new Param(
      this,
      name,
      doc,
      (value: String) =>
        values.contains(value) ||
          refuse(s"$name is '$value': choose one of ${values.mkString(", ")}")
    )
}

private[sparkprophet] object ForecastEvaluatorParams {

  val Metrics: Seq[String] =
    Seq("rmse", "mae", "mape", "smape", "mase", "wape", "mdape", "pinball", "coverage")

  val Averages: Seq[String] = Seq("macro", "micro")

  /** Spark's own check names neither the remedy nor the choices, so ours throws before it can. */
  def refuse(message: String): Nothing = throw new IllegalArgumentException(message)

  private def isColumnName(param: String): String => Boolean = name =>
    name != null && name.nonEmpty || refuse(
      s"$param holds ${if (name == null) "null" else "an empty name"}: give the name of a column"
    )
}
