package sparkprophet

import org.apache.spark.ml.Model
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.ml.tuning.{CrossValidator, CrossValidatorModel}
import org.apache.spark.ml.tuning.sparkprophet.OpenCrossValidatorModel
import org.apache.spark.ml.util.{Identifiable, MLReadable, MLReader, MLWriter}
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.types.StructType
import org.apache.spark.storage.StorageLevel

import sparkprophet.bayesian.{BayesianTuner, Fold, Folds}
import sparkprophet.params.PlainJson
import sparkprophet.params.Messages.refuse
import sparkprophet.saving.{Metadata, StageReader, StageWriter, TunerFolder, Written}

/**
 * `CrossValidator` that searches: a Bayesian search of `searchSpace`, or a grid, fault-tolerant.
 *
 * All params of Spark's class keep their meaning. Folds are those of a hash of the row (Spark's
 * depend on the partitions), of `foldCol`, or with `timestampCol` and `horizon` those of a rolling
 * origin. The same seed gives the same trials with any `parallelism`, and in Python too. A
 * candidate that fails, or whose metric is NaN, is a trial with its error and never the best. An
 * interrupt of the thread ends the search and keeps the best so far.
 *
 * The search itself runs in a Python process beside the driver, which needs a Python with
 * `pip install sparkprophet`; a grid needs none.
 */
class BayesianCrossValidator(override val uid: String)
    extends CrossValidator(uid)
    with BayesianTuner {

  def this() = this(Identifiable.randomUID("BayesianCrossValidator"))

  setDefault(seed, 0L)

  /**
   * The model of the best candidate, fitted on all rows, with the record of the search.
   *
   * @throws SearchFailedException where every candidate failed, or more than `maxFailedTrials`
   * @throws IllegalArgumentException for params that do not go together, folds without rows, and a
   *   Python that cannot search
   */
  override def fit(dataset: Dataset[_]): BayesianCrossValidatorModel = {
    val data = dataset.toDF()
    val result = search(data)
    val nothing = Seq.fill(getNumFolds)(Double.NaN)
    val scores = result.trials.map(trial => if (trial.scores.isEmpty) nothing else trial.scores)
    val models = Option.when(getCollectSubModels) {
      Array.tabulate(getNumFolds)(fold => result.trials.map(result.model(_, fold)).toArray)
    }
    val record =
      SearchRecord(result.trials, result.stoppedBy, getEvaluator.isLargerBetter, get(searchSpace))
    val model = new BayesianCrossValidatorModel(
      uid,
      fittedBest(data, result),
      scores.map(of => of.sum / of.length).toArray,
      result.trials.map(_.std).toArray,
      models,
      record
    )
    withParams[CrossValidatorModel](model, result)
    model.setParent(this)
    model
  }

  override private[sparkprophet] def withFolds[T](data: DataFrame, level: StorageLevel)(
      block: Seq[Fold] => T
  ): T = {
    val (count, column) = (getNumFolds, getFoldCol)
    if (isRolling) {
      if (column.nonEmpty)
        refuse("foldCol and timestampCol are both set; clear one of them")
      Folds.rolling(data, $(timestampCol), $(horizon), count, level)(block)
    } else if (column.nonEmpty) Folds.byColumn(data, column, count, level)(block)
    else Folds.hashed(data, Seq.fill(count)(1.0 / count), $(seed), level)(block)
  }

  override def transformSchema(schema: StructType): StructType =
    if (searches) getEstimator.transformSchema(schema) else super.transformSchema(schema)

  override def copy(extra: ParamMap): BayesianCrossValidator =
    super.copy(extra).asInstanceOf[BayesianCrossValidator]

  /** Saves it whole or not at all; an estimator and an evaluator have to be set. */
  override def write: MLWriter = new StageWriter(this, TunerFolder.write(this, _))
}

/** Loads what `save` wrote, in this language or in Python. */
object BayesianCrossValidator extends MLReadable[BayesianCrossValidator] {

  override def read: MLReader[BayesianCrossValidator] =
    new StageReader(classOf[BayesianCrossValidator], build, TunerFolder.Apart)

  private def build(metadata: Metadata): BayesianCrossValidator = {
    val tuner = new BayesianCrossValidator(metadata.uid)
    TunerFolder.readInto(tuner, metadata)
    tuner
  }

  override def load(path: String): BayesianCrossValidator = super.load(path)
}

/**
 * A CrossValidatorModel with the record of its search.
 *
 * `bestModel`, `avgMetrics` and `subModels` are those of Spark's class: one entry per trial, in the
 * order of `getEstimatorParamMaps`; NaN and null for a candidate that failed.
 *
 * @param stdMetrics standard deviation of each trial's metric over the folds, NaN where it failed
 */
class BayesianCrossValidatorModel private[sparkprophet] (
    override val uid: String,
    best: Model[_],
    metrics: Array[Double],
    val stdMetrics: Array[Double],
    models: Option[Array[Array[Model[_]]]],
    private[sparkprophet] val record: SearchRecord
) extends OpenCrossValidatorModel(uid, best, metrics, models)
    with SearchedModel {

  /** A copy with its own bestModel and sub-models. */
  override def copy(extra: ParamMap): BayesianCrossValidatorModel = {
    val copied = new BayesianCrossValidatorModel(
      uid,
      bestModel.copy(extra).asInstanceOf[Model[_]],
      avgMetrics.clone(),
      stdMetrics.clone(),
      Option.when(hasSubModels)(subModels.map(_.map(SearchedModel.copied))),
      record
    )
    copyValues(copied, extra)
    copied.setParent(parent)
    copied
  }

  override def toString: String =
    s"BayesianCrossValidatorModel: uid=$uid, bestModel=$bestModel, trials=${trials.length}"

  /** Saves it whole or not at all, with its sub-models. */
  override def save(path: String): Unit =
    new StageWriter(this, parts(_, hasSubModels)).save(path)

  override private[sparkprophet] def parts(path: String, withSubModels: Boolean): Written = {
    val metrics = Seq("avgMetrics" -> avgMetrics, "stdMetrics" -> stdMetrics)
    val folders = Option.when(withSubModels) {
      subModels.toSeq.zipWithIndex.map { case (of, fold) => s"fold$fold/" -> of }
    }
    TunerFolder.write(this, path, bestModel, metrics, folders)
  }
}

/** Loads what `save` wrote, in this language or in Python. */
object BayesianCrossValidatorModel extends MLReadable[BayesianCrossValidatorModel] {

  override def read: MLReader[BayesianCrossValidatorModel] =
    new StageReader(classOf[BayesianCrossValidatorModel], build, TunerFolder.Apart)

  private def build(metadata: Metadata): BayesianCrossValidatorModel = {
    val folds = metadata.params.get("numFolds").fold(0)(PlainJson.number(_).toInt)
    val models = Seq.tabulate(folds)(fold => TunerFolder.subModels(metadata, s"fold$fold/"))
    val model = new BayesianCrossValidatorModel(
      metadata.uid,
      TunerFolder.bestModel(metadata),
      TunerFolder.metrics(metadata, "avgMetrics"),
      TunerFolder.metrics(metadata, "stdMetrics"),
      Option.when(models.nonEmpty && models.forall(_.isDefined))(models.flatten.toArray),
      TunerFolder.record(metadata)
    )
    TunerFolder.readInto(model, metadata)
    model
  }

  override def load(path: String): BayesianCrossValidatorModel = super.load(path)
}
