package sparkprophet

import java.nio.file.Files
import java.util.Random
import java.util.concurrent.atomic.AtomicInteger

import org.apache.commons.io.FileUtils
import org.apache.spark.ml.{Estimator, Model, Pipeline, PipelineModel}
import org.apache.spark.ml.evaluation.{Evaluator, RegressionEvaluator}
import org.apache.spark.ml.feature.PCA
import org.apache.spark.ml.linalg.Vectors
import org.apache.spark.ml.param.{DoubleParam, ParamMap}
import org.apache.spark.ml.regression.{LinearRegression, LinearRegressionModel}
import org.apache.spark.ml.tuning._
import org.apache.spark.ml.util.Identifiable
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.StructType
import org.scalatest.funsuite.AnyFunSuite

/** Forecasts its shift, at the cost of no job. */
class Shift(override val uid: String) extends Estimator[ShiftModel] {
  val shift = new DoubleParam(this, "shift", "what is forecast")
  setDefault(shift -> 0.0)
  override def fit(dataset: Dataset[_]): ShiftModel = new ShiftModel(uid, $(shift)).setParent(this)
  override def copy(extra: ParamMap): Shift = defaultCopy(extra)
  override def transformSchema(schema: StructType): StructType = schema
}

class ShiftModel(override val uid: String, shift: Double) extends Model[ShiftModel] {
  override def transform(dataset: Dataset[_]): DataFrame =
    dataset.withColumn("prediction", lit(shift))
  override def copy(extra: ParamMap): ShiftModel = new ShiftModel(uid, shift).setParent(parent)
  override def transformSchema(schema: StructType): StructType = schema
}

class BayesianTunersSuite extends AnyFunSuite with SharedSession {

  /**
   * Twelve features of which one matters, much noise: a fit without regularisation is a bad one.
   */
  private lazy val data: DataFrame = {
    val random = new Random(5)
    val rows = (0 until 60).map { i =>
      val x = Array.fill(12)(random.nextGaussian())
      (i.toLong, i % 3, Vectors.dense(x), x(0) + 2 * random.nextGaussian())
    }
    spark.createDataFrame(rows).toDF("id", "fold", "features", "label").cache()
  }

  private val lr = new LinearRegression()
  private val rmse = new RegressionEvaluator()

  private def builder = new BayesianParamGridBuilder()

  private def ridge = builder.addUniform(lr.regParam, 1e-4, 1e3, log = true).space

  private def split = new BayesianTrainValidationSplit()
    .setEstimator(lr)
    .setEvaluator(rmse)
    .setSearchSpace(ridge)
    .setNumTrials(8)
    .asInstanceOf[BayesianTrainValidationSplit]

  private def validator = new BayesianCrossValidator()
    .setSearchSpace(ridge)
    .setNumTrials(8)
    .setEstimator(lr)
    .setEvaluator(rmse)
    .asInstanceOf[BayesianCrossValidator]

  private val shift = new Shift("shift")

  /** A search whose fits cost nothing. */
  private def cheap = split
    .setEstimator(shift)
    .asInstanceOf[BayesianTrainValidationSplit]
    .setSearchSpace(builder.addUniform(shift.shift, 0.0, 1.0).space)

  /** An evaluator that does as it is told; it counts how often it is asked. */
  private class Told(value: DataFrame => Double) extends Evaluator {
    val asked = new AtomicInteger
    override val uid: String = Identifiable.randomUID("told")
    override def isLargerBetter: Boolean = false
    override def copy(extra: ParamMap): Evaluator = this
    override def evaluate(dataset: Dataset[_]): Double = {
      asked.incrementAndGet()
      value(dataset.toDF())
    }
  }

  private def shown(trials: Array[ScoredTrial]): Seq[Any] =
    trials.toSeq.map(trial => (trial.number, trial.params, trial.state, trial.error.isDefined))

  private def assertClose(one: Array[ScoredTrial], other: Array[ScoredTrial]): Unit = {
    assert(shown(one) == shown(other))
    for ((a, b) <- one.zip(other); (x, y) <- a.scores.zip(b.scores)) assert(math.abs(x - y) < 1e-9)
  }

  test(
    "a search of a fold column's folds: its metrics are what Spark gives for its param maps",
    Slow
  ) {
    val tuner = validator.setFoldCol("fold").setParallelism(2)
    val model = tuner.fit(data).asInstanceOf[BayesianCrossValidatorModel]
    val stock = new CrossValidator()
      .setEstimator(lr)
      .setEvaluator(rmse)
      .setFoldCol("fold")
      .setEstimatorParamMaps(model.getEstimatorParamMaps :+ ParamMap.empty)
      .fit(data)
    assert(model.avgMetrics.length == 8 && model.trials.length == 8)
    for ((found, expected) <- model.avgMetrics.zip(stock.avgMetrics))
      assert(math.abs(found - expected) < 1e-9)
    assert(model.avgMetrics.min < stock.avgMetrics.last - 0.1) // the last one is the default
    val best = model.getEstimatorParamMaps(model.avgMetrics.indexOf(model.avgMetrics.min))
    val fitted = model.bestModel.asInstanceOf[LinearRegressionModel]
    assert(fitted.getRegParam == best(lr.regParam))
    assert(fitted.coefficients == lr.fit(data, best).coefficients)
    assert(model.stoppedBy == "numTrials")
    for ((trial, i) <- model.trials.zipWithIndex) {
      val mean = trial.scores.sum / 3
      val squares = trial.scores.map(score => math.pow(score - mean, 2)).sum
      assert(math.abs(model.stdMetrics(i) - math.sqrt(squares / 3)) < 1e-12)
      assert(math.abs(trial.value.get - mean) < 1e-12 && trial.seconds > 0)
    }
  }

  test("a grid on a fold column gives what Spark's CrossValidator gives, without Python") {
    val grid = new ParamGridBuilder()
      .addGrid(lr.regParam, Array(0.0, 0.3, 3.0))
      .addGrid(lr.fitIntercept)
      .build()
    def set(tuner: CrossValidator): CrossValidator = tuner
      .setEstimator(lr)
      .setEvaluator(rmse)
      .setFoldCol("fold")
      .setEstimatorParamMaps(grid)
      .setParallelism(2)
    val stock = set(new CrossValidator()).fit(data)
    val model =
      set(new BayesianCrossValidator()).fit(data).asInstanceOf[BayesianCrossValidatorModel]
    for ((found, expected) <- model.avgMetrics.zip(stock.avgMetrics))
      assert(math.abs(found - expected) < 1e-12)
    val best = stock.bestModel.asInstanceOf[LinearRegressionModel]
    assert(model.bestModel.asInstanceOf[LinearRegressionModel].coefficients == best.coefficients)
    assert(model.getEstimatorParamMaps.map(_.toString) sameElements grid.map(_.toString))
    assert(model.trials.map(_.params("regParam")) sameElements grid.map(_(lr.regParam)))
  }

  test(
    "any parallelism and partitioning give the same trials and metrics; another seed others",
    Slow
  ) {
    val one = split.fit(data)
    val four = split.setParallelism(4).fit(data.repartition(5, col("id")))
    assertClose(one.trials, four.asInstanceOf[BayesianTrainValidationSplitModel].trials)
    val other = split.setSeed(1).fit(data).asInstanceOf[BayesianTrainValidationSplitModel]
    assert(shown(other.trials) != shown(one.trials))
    assert(one.validationMetrics sameElements one.trials.map(_.value.get))
  }

  test("params of several stages of a Pipeline, whole numbers too", Slow) {
    val pca = new PCA().setInputCol("features").setOutputCol("few")
    val of = new LinearRegression().setFeaturesCol("few")
    val space = builder
      .addInt(pca.k, 1, 12)
      .addUniform(of.regParam, 1e-3, 10, log = true)
      .addChoice(of.fitIntercept, Seq(true, false))
      .baseOn(of.maxIter -> 5)
      .space
    val tuner = split.setSearchSpace(space).setEstimator(new Pipeline().setStages(Array(pca, of)))
    val model = tuner.fit(data).asInstanceOf[BayesianTrainValidationSplitModel]
    val best =
      model.bestModel.asInstanceOf[PipelineModel].stages(1).asInstanceOf[LinearRegressionModel]
    val trial = model.trials.minBy(_.value.get)
    assert(best.numFeatures == trial.params("k") && best.getMaxIter == 5)
    assert(best.getRegParam == trial.params("regParam"))
    assert(trial.params.keys.toSeq == Seq("k", "regParam", "fitIntercept", "maxIter"))
    assert(model.trials.map(_.params("k")).distinct.length > 2)
  }

  test("a candidate that fails is a trial with its error, and neither ends the search nor wins") {
    // Huber's loss cannot be solved by the normal equations, which Spark says when it fits.
    val space =
      builder.addChoice(lr.solver, Seq("l-bfgs", "normal")).baseOn(lr.loss -> "huber").space
    val model = validator.setSearchSpace(space).setNumTrials(6).setNumFolds(2)
      .setCollectSubModels(true).fit(data).asInstanceOf[BayesianCrossValidatorModel]
    val (failed, complete) = model.trials.partition(_.params("solver") == "normal")
    assert(failed.nonEmpty && complete.nonEmpty)
    assert(failed.forall(t => t.state == "FAIL" && t.value.isEmpty && t.scores.isEmpty))
    assert(failed.forall(_.error.get.startsWith("IllegalArgumentException: requirement failed")))
    assert(complete.forall(t => t.state == "COMPLETE" && t.error.isEmpty && t.scores.length == 2))
    for ((trial, i) <- model.trials.zipWithIndex) {
      assert(model.avgMetrics(i).isNaN == trial.error.isDefined)
      assert(model.stdMetrics(i).isNaN == trial.error.isDefined)
      for (fold <- 0 to 1) assert((model.subModels(fold)(i) == null) == trial.error.isDefined)
    }
    assert(model.bestModel.asInstanceOf[LinearRegressionModel].getSolver == "l-bfgs")
  }

  test("a metric of NaN is a failure and never the best") {
    val whimsical = new Told(frame => {
      val spread = frame.agg(stddev("prediction")).head().getDouble(0)
      if (spread < 0.1) Double.NaN else spread
    })
    val tuner = split.setEvaluator(whimsical).setNumTrials(12)
    val model = tuner.fit(data).asInstanceOf[BayesianTrainValidationSplitModel]
    val failed = model.trials.filter(_.error.isDefined)
    assert(failed.nonEmpty && failed.length < 12)
    assert(failed.forall(_.error.get == "ValueError: the metric is nan on fold 0"))
    val best = model.bestModel.asInstanceOf[LinearRegressionModel].getRegParam
    assert(failed.forall(_.params("regParam") != best))
  }

  test("maxFailedTrials, and a search in which all fail") {
    val broken = new Told(_ => throw new ArithmeticException("broken\non purpose"))
    val all = intercept[SearchFailedException](cheap.setEvaluator(broken).fit(data))
    assert(all.getMessage.startsWith("8 of 8 trials failed; trial 0 with shift -> "))
    assert(all.getMessage.endsWith("ArithmeticException: broken"))
    assert(all.trials.length == 8)
    val first = new AtomicInteger
    val once = new Told(_ => if (first.getAndIncrement() == 0) Double.NaN else 1.0)
    val strict = cheap.setMaxFailedTrials(0).setEvaluator(once)
    val error = intercept[SearchFailedException](strict.fit(data))
    assert(error.getMessage.startsWith("1 of 4 trials failed"))
    first.set(0)
    val lenient = cheap.setMaxFailedTrials(1).setEvaluator(once).fit(data)
    assert(lenient.validationMetrics.count(_.isNaN) == 1)
  }

  test("early stopping and the timeout look between batches; a grid obeys them too", Slow) {
    val same = new Told(_ => 1.0)
    val grid = new ParamGridBuilder().addGrid(shift.shift, (1 to 12).map(_ / 4.0)).build()
    def ended(tuner: BayesianTrainValidationSplit): (String, Int) = {
      val model = tuner.setEvaluator(same).fit(data).asInstanceOf[BayesianTrainValidationSplitModel]
      (model.stoppedBy, model.trials.length)
    }
    def bare = new BayesianTrainValidationSplit()
      .setEstimator(shift)
      .setEstimatorParamMaps(grid)
      .asInstanceOf[BayesianTrainValidationSplit]
    for (tuner <- Seq(() => cheap.setNumTrials(12), () => bare)) {
      assert(ended(tuner().setEarlyStoppingRounds(4)) == ("earlyStopping", 8))
      assert(ended(tuner().setEarlyStoppingRounds(3).setBatchSize(3)) == ("earlyStopping", 6))
      assert(ended(tuner().setTimeout(1e-9)) == ("timeout", 4))
      assert(ended(tuner().setBatchSize(5)) == ("numTrials", 12))
    }
    val failing = new Told(_ => Double.NaN)
    val strict = bare.setMaxFailedTrials(0).setEvaluator(failing)
    assert(intercept[SearchFailedException](strict.fit(data)).trials.length == 4)
  }

  test("an interrupt keeps the best so far and cancels what is at work") {
    val searching = Thread.currentThread()
    lazy val slow: Told = new Told(_ => {
      if (slow.asked.get == 6) searching.interrupt()
      if (slow.asked.get >= 6) Thread.sleep(300)
      slow.asked.get.toDouble
    })
    val model = cheap.setEvaluator(slow).fit(data).asInstanceOf[BayesianTrainValidationSplitModel]
    assert(model.stoppedBy == "interrupt" && !Thread.interrupted())
    assert(model.trials.length >= 4 && model.trials.length < 8)
    val early = new Told(_ => { searching.interrupt(); Thread.sleep(300); 1.0 })
    intercept[InterruptedException](cheap.setEvaluator(early).fit(data))
    assert(!Thread.interrupted())
  }

  test("a stored study goes on where it was, and one of another search is refused", Slow) {
    val folder = Files.createTempDirectory("study")
    try {
      def stored = split
        .setStorage(s"sqlite:///$folder/search.db")
        .setStudyName("s")
      val whole = split.fit(data)
      stored.setNumTrials(4).fit(data)
      val resumed = stored.fit(data)
      assertClose(resumed.trials, whole.trials)
      val other = messageOf(stored.setSeed(3).fit(data))
      assert(other.contains("'s' in the storage is of another search: its seed is 0, here 3"))
    } finally FileUtils.deleteDirectory(folder.toFile)
    val nameless = messageOf(split.setStorage("sqlite:///x.db").fit(data))
    assert(nameless == "storage: is set without studyName; set both or neither")
  }

  test("a rolling origin validates the newest steps", Slow) {
    val tuner = validator.setTimestampCol("id").setHorizon(5).setNumTrials(2)
    val model = tuner.fit(data).asInstanceOf[BayesianCrossValidatorModel]
    for ((trial, i) <- model.trials.zipWithIndex; (start, fold) <- Seq(45, 50, 55).zipWithIndex) {
      val fitted = lr.fit(data.where(col("id") < start), model.getEstimatorParamMaps(i))
      val held = data.where(col("id") >= start && col("id") < start + 5)
      assert(math.abs(trial.scores(fold) - rmse.evaluate(fitted.transform(held))) < 1e-9)
    }
    assert(
      messageOf(validator.setHorizon(5).fit(data)).contains("horizon: is set without timestampCol")
    )
    assert(messageOf(validator.setTimestampCol("id").fit(data)).contains("without horizon"))
    val both = validator.setTimestampCol("id").setHorizon(5).setFoldCol("fold")
    assert(messageOf(both.fit(data)).contains("foldCol and timestampCol are both set"))
  }

  test("sub-models are those of the candidates on the folds", Slow) {
    val tuner = validator.setNumTrials(3).setFoldCol("fold").setCollectSubModels(true)
    val model = tuner.fit(data).asInstanceOf[BayesianCrossValidatorModel]
    assert(model.hasSubModels && model.subModels.length == 3)
    for (fold <- 0 to 2; i <- 0 to 2) {
      val expected = lr.fit(data.where(col("fold") =!= fold), model.getEstimatorParamMaps(i))
      val kept = model.subModels(fold)(i).asInstanceOf[LinearRegressionModel]
      assert(kept.coefficients == expected.coefficients)
    }
    assert(!split.setNumTrials(1).fit(data).hasSubModels)
    val single = split.setNumTrials(2).setCollectSubModels(true).fit(data)
    assert(single.subModels.length == 2)
  }

  test("tuners and models are Spark's own, copy, and tell their schema") {
    val tuner = validator.setNumTrials(2).setNumFolds(2).setSeed(4).setMaxFailedTrials(1)
    val other = new LinearRegression().setMaxIter(3)
    val copied = tuner.copy(ParamMap(tuner.estimator -> other)).asInstanceOf[BayesianCrossValidator]
    assert(copied.getSearchSpace == ridge && copied.getNumTrials == 2 && copied.getSeed == 4)
    assert(copied.getEstimator.asInstanceOf[LinearRegression].getMaxIter == 3)
    assert(copied.uid == tuner.uid && copied.getMaxFailedTrials == 1)
    assert(tuner.transformSchema(data.schema) == lr.transformSchema(data.schema))
    intercept[IllegalArgumentException](tuner.transformSchema(data.drop("features").schema))

    val model = tuner.fit(data)
    assert(model.isInstanceOf[CrossValidatorModel] && model.parent == tuner)
    assert(model.getNumFolds == 2 && model.getSeed == 4 && model.getEstimator == lr)
    val again = model.copy(ParamMap.empty).asInstanceOf[BayesianCrossValidatorModel]
    assert(shown(again.trials) == shown(model.asInstanceOf[BayesianCrossValidatorModel].trials))
    assert(again.avgMetrics sameElements model.avgMetrics)
    assert(again.getEstimatorParamMaps.length == 2 && again.bestModel != model.bestModel)
    val predicted = model.transform(data).select("id", "prediction").orderBy("id").collect()
    assert(predicted sameElements again.transform(data).select(
      "id",
      "prediction"
    ).orderBy("id").collect())
    val one: TrainValidationSplitModel = split.setNumTrials(1).fit(data)
    assert(one.copy(ParamMap.empty).isInstanceOf[BayesianTrainValidationSplitModel])
  }

  test("a tuner is a stage of a Pipeline, and its params can be in a ParamMap") {
    val tuner = split
    val pipeline = new Pipeline().setStages(Array(tuner))
    val fitted = pipeline.fit(data, ParamMap(tuner.numTrials -> 3))
    val model = fitted.stages(0).asInstanceOf[BayesianTrainValidationSplitModel]
    assert(model.trials.length == 3)
  }

  test("the defaults are Python's, and params are refused by name, value and remedy") {
    val tuner = new BayesianCrossValidator()
    assert(tuner.getSeed == 0 && tuner.getNumTrials == 32 && tuner.getBatchSize == 4)
    assert(tuner.getNumFolds == 3 && tuner.getParallelism == 1 && !tuner.getCollectSubModels)
    assert(tuner.getSampler == "tpe" && tuner.getFoldStorageLevel == "MEMORY_AND_DISK")
    assert(new BayesianTrainValidationSplit().getTrainRatio == 0.75)
    assert(messageOf(tuner.setNumTrials(0)) == "numTrials: found 0, must be a whole number >= 1")
    assert(messageOf(tuner.setSampler("best")).startsWith("sampler: found 'best', must be one of"))
    assert(messageOf(tuner.setSearchSpace("{}")).startsWith("search space: formatVersion: found"))
    assert(messageOf(tuner.fit(data)).startsWith("estimator: is not set; BayesianCrossValidator"))
  }

  test("what does not go together is refused before any fit") {
    val never = new Told(_ => throw new IllegalStateException("a candidate was tried"))
    def refused(tuner: BayesianTrainValidationSplit): String =
      messageOf(tuner.setEvaluator(never).fit(data))
    val bare = split
    assert(refused(bare.clear(bare.searchSpace)) == "searchSpace: is not set; give one, or " +
      "estimatorParamMaps")
    val grid = Array(ParamMap(lr.maxIter -> 3))
    val both = split.setEstimatorParamMaps(grid).asInstanceOf[BayesianTrainValidationSplit]
    assert(refused(both) == "searchSpace and estimatorParamMaps are both set; clear one of them")
    val stored = split.setStorage("sqlite:///x.db")
    stored.clear(stored.searchSpace).setEstimatorParamMaps(grid)
    assert(refused(stored) == "storage: is set for a fixed grid, which has no study; clear it")
    val foreign = split.setSearchSpace(builder.addInt(new LinearRegression().maxIter, 1, 9).space)
    assert(refused(foreign).contains("is a param of none of the estimator's stages"))
    val wrong = """{"formatVersion": 1, "fixed": [], "dimensions": [{"kind": "uniform",
      "name": "regParam", "low": 2.0, "high": 1.0, "log": false, "parent": null, "when": []}]}"""
    assert(refused(split.setSearchSpace(wrong)).contains("low=2.0, high=1.0"))
    assert(refused(split.setSampler("cmaes").setSearchSpace(
      builder.addChoice(lr.solver, Seq("l-bfgs", "normal")).space
    )).contains("sampler"))
  }
}
