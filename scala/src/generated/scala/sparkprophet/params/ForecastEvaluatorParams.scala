// Made by scripts/scala_params.py from Python's tables: not to be edited.
// format: off
package sparkprophet.params

import org.apache.spark.ml.param.{DoubleParam, Param, StringArrayParam}

/** The params of `ForecastEvaluator`, under the names that Python gives them. */
private[sparkprophet] trait ForecastEvaluatorParams extends TableParams {

  /**
   * One of rmse, mae, mape, smape, mase, wape, mdape, pinball, coverage. coverage is the share of
   * labels inside the interval. Default: "wape".
   */
  final val metricName: Param[String] = oneOf(
    "rmse", "mae", "mape", "smape", "mase", "wape", "mdape", "pinball", "coverage"
  )(
    "metricName",
    "One of rmse, mae, mape, smape, mase, wape, mdape, pinball, coverage. coverage is the " +
      "share of labels inside the interval."
  )

  /** The value of [[metricName]]. */
  def getMetricName: String = $(metricName)

  /** Sets [[metricName]]. */
  def setMetricName(value: String): this.type = set(metricName, value)

  /** Numeric column with what came. Default: "y". */
  final val labelCol: Param[String] = text(
    "labelCol",
    "Numeric column with what came."
  )

  /** The value of [[labelCol]]. */
  def getLabelCol: String = $(labelCol)

  /** Sets [[labelCol]]. */
  def setLabelCol(value: String): this.type = set(labelCol, value)

  /** Numeric column with the forecast. Default: "yhat". */
  final val predictionCol: Param[String] = text(
    "predictionCol",
    "Numeric column with the forecast."
  )

  /** The value of [[predictionCol]]. */
  def getPredictionCol: String = $(predictionCol)

  /** Sets [[predictionCol]]. */
  def setPredictionCol(value: String): this.type = set(predictionCol, value)

  /** Key columns of the groups. Default: []. */
  final val groupCols: StringArrayParam = texts(
    "groupCols",
    "Key columns of the groups."
  )

  /** The value of [[groupCols]]. */
  def getGroupCols: Array[String] = $(groupCols)

  /** Sets [[groupCols]]. */
  def setGroupCols(value: Array[String]): this.type = set(groupCols, value)

  /** Numeric column with the weight of each row. Default: unset. */
  final val weightCol: Param[String] = text(
    "weightCol",
    "Numeric column with the weight of each row."
  )

  /** The value of [[weightCol]]; fails where it is unset. */
  def getWeightCol: String = $(weightCol)

  /** Sets [[weightCol]]. */
  def setWeightCol(value: String): this.type = set(weightCol, value)

  /**
   * macro: the plain mean of the groups' metrics; micro: one metric of all rows. Default: "macro".
   */
  final val average: Param[String] = oneOf("macro", "micro")(
    "average",
    "macro: the plain mean of the groups' metrics; micro: one metric of all rows."
  )

  /** The value of [[average]]. */
  def getAverage: String = $(average)

  /** Sets [[average]]. */
  def setAverage(value: String): this.type = set(average, value)

  /** Lower end of the interval (pinball, coverage). Default: "yhat_lower". */
  final val lowerCol: Param[String] = text(
    "lowerCol",
    "Lower end of the interval (pinball, coverage)."
  )

  /** The value of [[lowerCol]]. */
  def getLowerCol: String = $(lowerCol)

  /** Sets [[lowerCol]]. */
  def setLowerCol(value: String): this.type = set(lowerCol, value)

  /** Upper end of the interval (pinball, coverage). Default: "yhat_upper". */
  final val upperCol: Param[String] = text(
    "upperCol",
    "Upper end of the interval (pinball, coverage)."
  )

  /** The value of [[upperCol]]. */
  def getUpperCol: String = $(upperCol)

  /** Sets [[upperCol]]. */
  def setUpperCol(value: String): this.type = set(upperCol, value)

  /** Nominal width of the interval (pinball). Default: 0.8. */
  final val intervalWidth: DoubleParam = number(0.0, 1.0, true)(
    "intervalWidth",
    "Nominal width of the interval (pinball)."
  )

  /** The value of [[intervalWidth]]. */
  def getIntervalWidth: Double = $(intervalWidth)

  /** Sets [[intervalWidth]]. */
  def setIntervalWidth(value: Double): this.type = set(intervalWidth, value)

  /** Column that orders the rows of a group (mase). Default: "ds". */
  final val timestampCol: Param[String] = text(
    "timestampCol",
    "Column that orders the rows of a group (mase)."
  )

  /** The value of [[timestampCol]]. */
  def getTimestampCol: String = $(timestampCol)

  /** Sets [[timestampCol]]. */
  def setTimestampCol(value: String): this.type = set(timestampCol, value)

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
}
