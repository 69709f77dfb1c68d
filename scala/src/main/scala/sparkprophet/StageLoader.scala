package sparkprophet

import org.apache.spark.ml.param.Params
import org.apache.spark.ml.util.MLWritable
import org.apache.spark.sql.SparkSession

import sparkprophet.params.Messages.refuse
import sparkprophet.saving.{Manifest, SavedStage, SparkStages}

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
   * Throws IllegalArgumentException for a folder without a stage, one of a class that is not there,
   * a name that could be a path, a link that leads out of the folder, and a stage inside of it that
   * no metadata tells of.
   */
  def load(path: String): Params = load(SparkSession.active, path)

  private[sparkprophet] def load(spark: SparkSession, path: String): Params =
    Manifest.readWhole(spark, path)(place =>
      SparkStages.build(spark, SavedStage.look(spark, place))
    )

  /** Saves a stage that belongs to another one. */
  private[sparkprophet] def save(spark: SparkSession, stage: Params, path: String): Unit =
    stage match {
      case writable: MLWritable => writable.write.session(spark).save(path)
      case other =>
        refuse(s"${other.uid}: cannot be saved; ${other.getClass.getName} has no write")
    }
}
