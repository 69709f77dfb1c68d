package org.apache.spark.ml.sparkprophet

import org.apache.spark.ml.{PipelineModel, Transformer}

/** What only Spark ML itself may make: all that sparkprophet uses of it. */
object Pipelines {

  /** A fitted Pipeline of these stages. */
  def model(uid: String, stages: Array[Transformer]): PipelineModel =
    new PipelineModel(uid, stages)
}
