package sparkprophet.saving

import java.nio.file.FileAlreadyExistsException

import org.apache.spark.ml.param.Params
import org.apache.spark.ml.util.{MLReader, MLWriter}
import org.json4s._

import sparkprophet.params.TableParams

/** What a stage's metadata says besides the stage's own params. */
final private[sparkprophet] case class Written(
    params: Map[String, JValue] = Map.empty,
    extra: JObject = JObject()
)

/**
 * Writer of a stage, whole or not at all: beside its target, then renamed.
 *
 * @param parts
 *   writes what belongs to the stage besides its params below a path, before the metadata and the
 *   manifest: a folder with a manifest is a whole one
 */
private[sparkprophet] class StageWriter(stage: Params, parts: String => Written) extends MLWriter {

  /** Saves to `path`; fails where something is there and `overwrite` was not called. */
  override def save(path: String): Unit = {
    if (!shouldOverwrite && Files.exists(sparkSession, path))
      throw new FileAlreadyExistsException(
        s"path: $path exists already; use write.overwrite().save(path) to replace it"
      )
    Files.replace(sparkSession, path)(saveImpl)
  }

  override protected def saveImpl(path: String): Unit = {
    val written = parts(path)
    Metadata.write(sparkSession, path, stage, written.params, written.extra)
    Manifest.write(sparkSession, path)
  }
}

/**
 * Reader of one class.
 *
 * @param build
 *   the stage of a saved folder, without its params
 * @param apart
 *   params that `build` sets itself
 */
private[sparkprophet] class StageReader[T <: TableParams](
    stageClass: Class[T],
    build: Metadata => T,
    apart: Set[String] = Set.empty
) extends MLReader[T] {

  override def load(path: String): T = Manifest.readWhole(sparkSession, path) { whole =>
    val metadata = Metadata.read(sparkSession, whole)
    metadata.requireClass(stageClass.getName)
    metadata.ofThisFormat {
      val stage = build(metadata)
      metadata.applyTo(stage, apart)
      stage
    }
  }
}
