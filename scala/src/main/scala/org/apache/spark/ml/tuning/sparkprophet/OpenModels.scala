package org.apache.spark.ml.tuning.sparkprophet

import org.apache.hadoop.fs.Path
import org.apache.spark.ml.Model
import org.apache.spark.ml.param.{ParamMap, Params}
import org.apache.spark.ml.tuning.{CrossValidatorModel, TrainValidationSplitModel}
import org.apache.spark.ml.util.{MetaAlgorithmReadWrite, MLWritable, MLWriter}
import org.apache.spark.sql.{DataFrame, Dataset, SparkSession}
import org.apache.spark.sql.types.StructType
import org.json4s.JBool
import org.json4s.jackson.JsonMethods.parse

/**
 * Spark's model, open to other packages: with a constructor, and a folder of its own.
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

  /** Writes the model, sub-models too if asked, to a folder that is not there. */
  protected def writeTo(path: String, withSubModels: Boolean): Unit

  /** Spark's class of writer, which cannot be another, with this model's folder. */
  override def write: CrossValidatorModel.CrossValidatorModelWriter = {
    val shell = new CrossValidatorModel(uid, new WritesAll(uid, writeTo), Array.empty[Double])
    copyValues(shell).set(shell.estimatorParamMaps, Array.empty[ParamMap])
    shell.setSubModels(Option.when(hasSubModels)(Array.empty[Array[Model[_]]]))
    new CrossValidatorModel.CrossValidatorModelWriter(shell)
  }
}

/**
 * Spark's model, open to other packages: with a constructor, and a folder of its own.
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

  /** Writes the model, sub-models too if asked, to a folder that is not there. */
  protected def writeTo(path: String, withSubModels: Boolean): Unit

  /** Spark's class of writer, which cannot be another, with this model's folder. */
  override def write: TrainValidationSplitModel.TrainValidationSplitModelWriter = {
    val shell = new TrainValidationSplitModel(uid, new WritesAll(uid, writeTo), Array.empty[Double])
    copyValues(shell).set(shell.estimatorParamMaps, Array.empty[ParamMap])
    shell.setSubModels(Option.when(hasSubModels)(Array.empty[Model[_]]))
    new TrainValidationSplitModel.TrainValidationSplitModelWriter(shell)
  }
}

/**
 * Stands for the best model of a shell that Spark's writer saves: that class is final, and knows of
 * no record of a search. What it wrote before the best model is replaced by the whole folder; a
 * shell without candidates has nothing to be written after it.
 */
private class WritesAll(override val uid: String, writeTo: (String, Boolean) => Unit)
    extends Model[WritesAll]
    with MLWritable {

  override def write: MLWriter = new MLWriter {
    override protected def saveImpl(path: String): Unit = {
      val folder = new Path(path).getParent
      val withSubModels = persistsSubModels(sparkSession, folder)
      val files = folder.getFileSystem(sparkSession.sparkContext.hadoopConfiguration)
      files.delete(folder, true)
      writeTo(folder.toString, withSubModels)
    }
  }

  /** What the writer's option of that name came to. */
  private def persistsSubModels(spark: SparkSession, folder: Path): Boolean = {
    val metadata = spark.read.text(new Path(folder, "metadata").toString).head().getString(0)
    parse(metadata) \ "persistSubModels" == JBool(true)
  }

  override def copy(extra: ParamMap): WritesAll = this

  override def transform(dataset: Dataset[_]): DataFrame = dataset.toDF()

  override def transformSchema(schema: StructType): StructType = schema
}

/** What Spark's own tuners know of stages. */
object Stages {

  /** uid -> stage, of this one and of all inside it. */
  def inside(stage: Params): Map[String, Params] = MetaAlgorithmReadWrite.getUidMap(stage)
}
