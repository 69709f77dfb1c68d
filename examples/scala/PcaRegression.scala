import scala.util.Random

import org.apache.spark.ml.Pipeline
import org.apache.spark.ml.evaluation.RegressionEvaluator
import org.apache.spark.ml.feature.PCA
import org.apache.spark.ml.linalg.Vectors
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.ml.regression.LinearRegression
import org.apache.spark.ml.tuning.ParamGridBuilder
import org.apache.spark.sql.{DataFrame, SparkSession}
import sparkprophet.{BayesianCrossValidator, BayesianParamGridBuilder, SearchSpace}

/**
 * A grid and a Bayesian search of a Pipeline side by side: PCA, then linear regression.
 *
 * {{{
 * spark-submit --class PcaRegression --jars sparkprophet.jar examples.jar [ROWS]
 * }}}
 *
 * 100 features, 4 values of PCA's k by 4 of regParam, 2 folds, 3 fits at one time: first the whole
 * grid, then half as many candidates of the same grid, then as many from the ranges around it.
 */
object PcaRegression {

  private val Trials = 8 // half of the grid's
  private val Parallelism = 3

  private val (pca, line) =
    (new PCA().setInputCol("raw").setOutputCol("features"), new LinearRegression())

  /** Tunes in each way and prints a table of what was found. */
  def main(args: Array[String]): Unit = {
    val spark = SparkSession.builder().appName("PCA and regression").getOrCreate()
    try {
      val data = regression(spark, args.headOption.fold(10000)(_.toInt))
      val (k, reg) = (Seq(15, 20, 40, 75), Seq(0.001, 0.003, 0.01, 0.03))
      val grid =
        new ParamGridBuilder().addGrid(pca.k, k).addGrid(line.regParam, reg.toArray).build()
      val same = new BayesianParamGridBuilder().addGrid(pca.k, k).addGrid(line.regParam, reg).space
      val opened = new BayesianParamGridBuilder()
        .addInt(pca.k, 5, 80)
        .addUniform(line.regParam, 1e-4, 1.0, log = true)
        .space
      val ways = Seq(
        "grid" -> tuner.setEstimatorParamMaps(grid),
        "grid searched" -> searching(same),
        "ranges opened" -> searching(opened)
      )
      println("%-14s %9s %5s %8s  %s".format("", "best RMSE", "fits", "seconds", "with"))
      for ((name, way) <- ways) println(s"${"%-14s".format(name)} ${fitted(way, data)}")
    } finally spark.stop()
  }

  /**
   * 100 independent features of falling variance; the label hangs on all of them, with noise of 1.
   */
  private def regression(spark: SparkSession, rows: Int): DataFrame = {
    val random = new Random(0)
    val weights = Array.fill(100)(random.nextGaussian())
    val scales = Array.tabulate(100)(i => math.sqrt(2 - 1.8 * i / 99))
    val data = Seq.fill(rows) {
      val x = scales.map(_ * random.nextGaussian())
      val y = x.zip(weights).map { case (value, weight) => value * weight }.sum
      (y + random.nextGaussian(), Vectors.dense(x))
    }
    spark.createDataFrame(data).toDF("label", "raw").repartition(4).cache()
  }

  private def tuner: BayesianCrossValidator = {
    val tuner = new BayesianCrossValidator()
    tuner.setEstimator(new Pipeline().setStages(Array(pca, line)))
    tuner.setEvaluator(new RegressionEvaluator())
    tuner.setNumFolds(2)
    tuner.setParallelism(Parallelism)
    tuner
  }

  private def searching(space: SearchSpace): BayesianCrossValidator =
    tuner
      .setSearchSpace(space)
      .setNumTrials(Trials)
      .setBatchSize(Parallelism)
      .setNumStartupTrials(Parallelism)

  private def fitted(tuner: BayesianCrossValidator, data: DataFrame): String = {
    val began = System.nanoTime()
    val model = tuner.fit(data)
    val seconds = (System.nanoTime() - began) / 1e9
    val metrics = model.avgMetrics
    val best = model.getEstimatorParamMaps(metrics.indexOf(metrics.filterNot(_.isNaN).min))
    "%9.4f %5d %8.1f  %s".format(
      metrics.filterNot(_.isNaN).min,
      metrics.length,
      seconds,
      shown(best)
    )
  }

  private def shown(values: ParamMap): String =
    values.toSeq.map(pair => s"${pair.param.name}=${pair.value}").sorted.mkString(", ")
}
