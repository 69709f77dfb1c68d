package sparkprophet

import org.apache.spark.ml.Model
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.ml.tuning.{TrainValidationSplit, TrainValidationSplitModel}
import org.apache.spark.ml.tuning.sparkprophet.OpenTrainValidationSplitModel
import org.apache.spark.ml.util.{Identifiable, MLReadable, MLReader, MLWriter}
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.types.StructType
import org.apache.spark.storage.StorageLevel

import sparkprophet.bayesian.{BayesianTuner, Fold, Folds}
import sparkprophet.saving.{Metadata, StageReader, StageWriter, TunerFolder, Written}

/**
 * `TrainValidationSplit` that searches; see [[BayesianCrossValidator]].
 *
 * The split is that of a hash of the row, or with `timestampCol` the last `horizon` steps validate.
 */
class BayesianTrainValidationSplit(override val uid: String)
    extends TrainValidationSplit(uid)
    with BayesianTuner {

  def this() = this(Identifiable.randomUID("BayesianTrainValidationSplit"))

  setDefault(seed, 0L)

  /**
   * The model of the best candidate, fitted on all rows, with the record of the search; throws as
   * that of [[BayesianCrossValidator]].
   */
  override def fit(dataset: Dataset[_]): BayesianTrainValidationSplitModel = {
    val data = dataset.toDF()
    val result = search(data)
    val record =
      SearchRecord(result.trials, result.stoppedBy, getEvaluator.isLargerBetter, get(searchSpace))
    val model = new BayesianTrainValidationSplitModel(
      uid,
      fittedBest(data, result),
      result.trials.map(_.value.getOrElse(Double.NaN)).toArray,
      Option.when(getCollectSubModels)(result.trials.map(result.model(_, 0)).toArray),
      record
    )
    withParams[TrainValidationSplitModel](model, result)
    model.setParent(this)
    model
  }

  override private[sparkprophet] def withFolds[T](data: DataFrame, level: StorageLevel)(
      block: Seq[Fold] => T
  ): T =
    if (isRolling) Folds.rolling(data, $(timestampCol), $(horizon), 1, level)(block)
    else Folds.hashed(data, Seq(1 - getTrainRatio), $(seed), level)(block)

  override def transformSchema(schema: StructType): StructType =
    if (searches) getEstimator.transformSchema(schema) else super.transformSchema(schema)

  override def copy(extra: ParamMap): BayesianTrainValidationSplit =
    super.copy(extra).asInstanceOf[BayesianTrainValidationSplit]

  /** Saves it whole or not at all; an estimator and an evaluator have to be set. */
  override def write: MLWriter = new StageWriter(this, TunerFolder.write(this, _))
}

/** Loads what `save` wrote, in this language or in Python. */
object BayesianTrainValidationSplit extends MLReadable[BayesianTrainValidationSplit] {

  override def read: MLReader[BayesianTrainValidationSplit] =
    new StageReader(classOf[BayesianTrainValidationSplit], build, TunerFolder.Apart)

  private def build(metadata: Metadata): BayesianTrainValidationSplit = {
    val tuner = new BayesianTrainValidationSplit(metadata.uid)
    TunerFolder.readInto(tuner, metadata)
    tuner
  }

  override def load(path: String): BayesianTrainValidationSplit = super.load(path)
}

/**
 * A TrainValidationSplitModel with the record of its search.
 *
 * `bestModel`, `validationMetrics` and `subModels` are those of Spark's class: one entry per trial,
 * in the order of `getEstimatorParamMaps`; NaN and null for a candidate that failed.
 */
class BayesianTrainValidationSplitModel private[sparkprophet] (
    override val uid: String,
    best: Model[_],
    metrics: Array[Double],
    models: Option[Array[Model[_]]],
    private[sparkprophet] val record: SearchRecord
) extends OpenTrainValidationSplitModel(uid, best, metrics, models)
    with SearchedModel {

  /** A copy with its own bestModel and sub-models. */
  override def copy(extra: ParamMap): BayesianTrainValidationSplitModel = {
    val copied = new BayesianTrainValidationSplitModel(
      uid,
      bestModel.copy(extra).asInstanceOf[Model[_]],
      validationMetrics.clone(),
      Option.when(hasSubModels)(subModels.map(SearchedModel.copied)),
      record
    )
    copyValues(copied, extra)
    copied.setParent(parent)
    copied
  }

  override def toString: String =
    s"BayesianTrainValidationSplitModel: uid=$uid, bestModel=$bestModel, trials=${trials.length}"

  /** Saves it whole or not at all, with its sub-models. */
  override def save(path: String): Unit =
    new StageWriter(this, parts(_, hasSubModels)).save(path)

  override private[sparkprophet] def parts(path: String, withSubModels: Boolean): Written = {
    val folders = Option.when(withSubModels)(Seq("" -> subModels))
    val metrics = Seq("validationMetrics" -> validationMetrics)
    TunerFolder.write(this, path, bestModel, metrics, folders)
  }
}

/** Loads what `save` wrote, in this language or in Python. */
object BayesianTrainValidationSplitModel extends MLReadable[BayesianTrainValidationSplitModel] {

  override def read: MLReader[BayesianTrainValidationSplitModel] =
    new StageReader(classOf[BayesianTrainValidationSplitModel], build, TunerFolder.Apart)

  private def build(metadata: Metadata): BayesianTrainValidationSplitModel = {
    val model = new BayesianTrainValidationSplitModel(
      metadata.uid,
      TunerFolder.bestModel(metadata),
      TunerFolder.metrics(metadata, "validationMetrics"),
      TunerFolder.subModels(metadata, ""),
      TunerFolder.record(metadata)
    )
    TunerFolder.readInto(model, metadata)
    model
  }

  override def load(path: String): BayesianTrainValidationSplitModel = super.load(path)
}
