package org.apache.spark.ml.tuning.sparkprophet

import org.apache.spark.ml.Model
import org.apache.spark.ml.param.Params
import org.apache.spark.ml.tuning.{CrossValidatorModel, TrainValidationSplitModel}
import org.apache.spark.ml.util.MetaAlgorithmReadWrite

/**
 * Spark's model with a constructor that other packages may call.
 *
 * @param models per fold and candidate, as `subModels` gives them
 */
abstract class OpenCrossValidatorModel(
    uid: String,
    best: Model[_],
    metrics: Array[Double],
    models: Option[Array[Array[Model[_]]]]
) extends CrossValidatorModel(uid, best, metrics) {
  setSubModels(models)
}

/**
 * Spark's model with a constructor that other packages may call.
 *
 * @param models per candidate, as `subModels` gives them
 */
abstract class OpenTrainValidationSplitModel(
    uid: String,
    best: Model[_],
    metrics: Array[Double],
    models: Option[Array[Model[_]]]
) extends TrainValidationSplitModel(uid, best, metrics) {
  setSubModels(models)
}

/** What Spark's own tuners know of stages. */
object Stages {

  /** uid -> stage, of this one and of all inside it. */
  def inside(stage: Params): Map[String, Params] = MetaAlgorithmReadWrite.getUidMap(stage)
}
