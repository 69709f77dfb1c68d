package sparkprophet

import org.apache.spark.ml.{Pipeline, PipelineModel, PipelineStage, Transformer}
import org.apache.spark.ml.param.Params
import org.apache.spark.ml.sparkprophet.Pipelines
import org.apache.spark.ml.util.{MLReader, MLWritable}
import org.apache.spark.sql.SparkSession
import org.json4s._

import sparkprophet.params.Messages.refuse
import sparkprophet.saving.{Manifest, Metadata}

/**
 * Loads a stage that this language or Python saved, whatever its class.
 *
 * Python names its own classes in what it saves, which Spark's loaders in the JVM do not find: a
 * Pipeline with a stage of sparkprophet in it, for one. Classes of Spark and of sparkprophet, and
 * others that are [[org.apache.spark.ml.param.Params]] on the class path, are loaded; nothing else
 * that a file names is.
 */
object StageLoader {

  /**
   * The stage at `path`: a GroupedProphet, a Pipeline, a model, a tuner.
   *
   * Throws IllegalArgumentException for a folder without a stage, and one of a class that is not
   * there.
   */
  def load(path: String): Params = load(SparkSession.active, path)

  private[sparkprophet] def load(spark: SparkSession, path: String): Params =
    Manifest.readWhole(spark, path)(loaded(spark, _))

  private def loaded(spark: SparkSession, path: String): Params = {
    val metadata = Metadata.read(spark, path)
    jvmName(metadata.className) match {
      case "org.apache.spark.ml.Pipeline" =>
        new Pipeline(metadata.uid).setStages(stages(spark, metadata).toArray)
      case "org.apache.spark.ml.PipelineModel" =>
        val fitted = stages(spark, metadata).map(_.asInstanceOf[Transformer])
        Pipelines.model(metadata.uid, fitted.toArray): PipelineModel
      case name => reader(name, path).session(spark).load(path)
    }
  }

  /** Saves a stage that belongs to another one. */
  private[sparkprophet] def save(spark: SparkSession, stage: Params, path: String): Unit =
    stage match {
      case writable: MLWritable => writable.write.session(spark).save(path)
      case other =>
        refuse(s"${other.uid}: cannot be saved; ${other.getClass.getName} has no write")
    }

  private def jvmName(name: String): String =
    name
      .replaceFirst("^pyspark\\.ml\\.pipeline\\.", "org.apache.spark.ml.")
      .replaceFirst("^pyspark\\.", "org.apache.spark.")

  private def stages(spark: SparkSession, metadata: Metadata): Seq[PipelineStage] = {
    val uids = metadata.params.get("stageUids") match {
      case Some(JArray(names)) => names.collect { case JString(uid) => uid }
      case _ => refuse(s"${metadata.path}/metadata: has no stageUids, so it is no Pipeline")
    }
    val digits = uids.length.toString.length
    uids.zipWithIndex.map { case (uid, i) =>
      load(spark, s"${metadata.path}/stages/%0${digits}d_%s".format(i, uid))
        .asInstanceOf[PipelineStage]
    }
  }

  /** Only of a class of stages: a file does not say which other code runs. */
  private def reader(name: String, path: String): MLReader[Params] = {
    def refused(why: String): Nothing = refuse(
      s"$path: holds a '$name', $why; put the jar that has it on the class path, or load the " +
        "folder in the language that saved it"
    )
    val loader = Thread.currentThread().getContextClassLoader
    val stageClass =
      try Class.forName(name, false, if (loader == null) getClass.getClassLoader else loader)
      catch { case _: ClassNotFoundException => refused("which is not on the class path") }
    if (!classOf[Params].isAssignableFrom(stageClass)) refused("which is no stage")
    try stageClass.getMethod("read").invoke(null).asInstanceOf[MLReader[Params]]
    catch { case _: NoSuchMethodException => refused("which cannot be loaded by itself") }
  }
}
