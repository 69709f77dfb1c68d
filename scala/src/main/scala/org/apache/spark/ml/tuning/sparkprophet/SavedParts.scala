package org.apache.spark.ml.tuning.sparkprophet

import org.apache.spark.ml.Model
import org.apache.spark.ml.classification.{ClassificationModel, OneVsRestModel}
import org.apache.spark.ml.param.Params
import org.apache.spark.ml.tuning.{CrossValidatorModel, TrainValidationSplitModel}
import org.apache.spark.ml.util.DefaultParamsReader
import org.apache.spark.sql.types.Metadata

/** Spark's models made of parts that were loaded already, as only Spark ML itself may make them. */
object SavedParts {

  def crossValidatorModel(
      uid: String,
      best: Model[_],
      metrics: Array[Double]
  ): CrossValidatorModel =
    new CrossValidatorModel(uid, best, metrics)

  /** Sub-models by fold and candidate. */
  def withSubModels(
      model: CrossValidatorModel,
      models: Option[Array[Array[Model[_]]]]
  ): CrossValidatorModel =
    model.setSubModels(models)

  def splitModel(uid: String, best: Model[_], metrics: Array[Double]): TrainValidationSplitModel =
    new TrainValidationSplitModel(uid, best, metrics)

  /** Sub-models by candidate. */
  def withSubModels(
      model: TrainValidationSplitModel,
      models: Option[Array[Model[_]]]
  ): TrainValidationSplitModel =
    model.setSubModels(models)

  /** @param labels the label column's metadata, as JSON */
  def oneVsRestModel(uid: String, labels: String, models: Seq[Params]): OneVsRestModel =
    new OneVsRestModel(
      uid,
      Metadata.fromJson(labels),
      models.map(_.asInstanceOf[ClassificationModel[_, _]]).toArray
    )

  /** Sets what a stage's saved metadata, as JSON, says of its params and defaults. */
  def setParams[T <: Params](stage: T, metadata: String, apart: Seq[String]): T = {
    DefaultParamsReader.parseMetadata(metadata).getAndSetParams(stage, Option(apart.toList))
    stage
  }
}
