package sparkprophet

import org.apache.spark.sql.Column
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.DoubleType

/**
 * Each metric as one aggregate over the columns y, yhat and w; lower and upper for the bounds'
 * metrics; change, the size of the last step of y, for mase. NULL where it is not defined.
 */
private[sparkprophet] object ForecastMetrics {

  private val y = col("y")
  private val yhat = col("yhat")
  private val w = col("w")
  private val absoluteError = abs(y - yhat)

  def needsBounds(metric: String): Boolean = metric == "pinball" || metric == "coverage"

  def needsTime(metric: String): Boolean = metric == "mase"

  def apply(metric: String, intervalWidth: Double): Column = metric match {
    case "rmse" => sqrt(weightedMean((y - yhat) * (y - yhat)))
    case "mae" => weightedMean(absoluteError)
    case "wape" => ratio(sum(w * absoluteError), sum(w * abs(y)))
    case "mape" => ratio(sum(w * relativeError), sum(when(y =!= 0, w)))
    case "smape" => weightedMean(symmetricError)
    case "mdape" => median(relativeError)
    case "mase" => ratio(weightedMean(absoluteError), avg("change"))
    case "pinball" =>
      val low = pinballLoss(col("lower"), (1 - intervalWidth) / 2)
      val high = pinballLoss(col("upper"), (1 + intervalWidth) / 2)
      weightedMean((low + high) / 2)
    case "coverage" =>
      weightedMean((y >= col("lower") && y <= col("upper")).cast(DoubleType))
  }

  /** NULL in rows where y is 0, so that sums and medians pass over them. */
  private def relativeError: Column = when(y =!= 0, absoluteError / abs(y))

  private def symmetricError: Column = {
    val scale = (abs(y) + abs(yhat)) / 2
    when(scale === 0, 0.0).otherwise(absoluteError / scale)
  }

  private def pinballLoss(quantile: Column, level: Double): Column =
    greatest((y - quantile) * level, (y - quantile) * (level - 1))

  private def weightedMean(value: Column): Column = ratio(sum(w * value), sum(w))

  /** Under ANSI mode, Spark 4's default, a division by 0 would end the job. */
  private def ratio(numerator: Column, denominator: Column): Column =
    when(denominator > 0, numerator / denominator)
}
