package sparkprophet.saving

import java.io.{FileNotFoundException, IOException}
import java.nio.file.{Files => LocalFiles, Paths}
import java.util.UUID

import scala.collection.immutable.SortedMap
import scala.collection.mutable.ArrayBuffer
import scala.util.Using

import org.apache.commons.codec.digest.DigestUtils
import org.apache.hadoop.fs.{FileStatus, FileSystem, Path}
import org.apache.spark.sql.SparkSession
import org.slf4j.LoggerFactory

import sparkprophet.params.Messages.{clip, refuse}

/** A folder is not all of a save: it is damaged, or another writer is at work. */
private[sparkprophet] class NotWholeException(message: String, cause: Throwable = null)
    extends IllegalArgumentException(message, cause)

/** Folders on whatever file system a path is of: local, HDFS, object stores. */
private[sparkprophet] object Files {

  /** Bytes: larger files are not read into memory. */
  val ReadLimit: Int = 64 << 20

  private val log = LoggerFactory.getLogger("sparkprophet")
  private val Moves = 20
  private val PauseMillis = 20L
  private val StaleMillis = 24L * 3600 * 1000

  def exists(spark: SparkSession, path: String): Boolean =
    system(spark, path).exists(new Path(path))

  /** What is in a folder. */
  def entries(spark: SparkSession, path: String): Seq[FileStatus] =
    system(spark, path).listStatus(new Path(path)).toSeq

  /** Makes a folder where there is none. */
  def make(spark: SparkSession, path: String, what: String): Unit = {
    val made =
      try system(spark, path).mkdirs(new Path(path))
      catch {
        case error: IOException => throw unmade(path, what, s" (${error.getMessage})", error)
      }
    if (!made) throw unmade(path, what, "", null)
  }

  /** Bytes of every file below `path` by its relative path, but for hidden ones. */
  def lengths(spark: SparkSession, path: String): SortedMap[String, Long] = {
    val files = system(spark, path)
    def below(folder: Path, prefix: String): Seq[(String, Long)] = {
      // Not listFiles: on a local disk it asks for each file's permissions, by a process.
      val entries = files.listStatus(folder).toSeq.map(entry => entry.getPath.getName -> entry)
      entries.filterNot { case (name, _) => name.startsWith(".") || name.startsWith("_") }.flatMap {
        case (name, entry) if entry.isFile => Seq(s"$prefix$name" -> entry.getLen)
        case (name, _) => below(new Path(folder, name), s"$prefix$name/")
      }
    }
    readable(path)(SortedMap.from(below(new Path(path), "")))
  }

  /** A file of at most `ReadLimit` bytes; refuses a larger one. */
  def read(spark: SparkSession, path: String): Array[Byte] = readable(path) {
    val content =
      Using.resource(system(spark, path).open(new Path(path)))(_.readNBytes(ReadLimit + 1))
    if (content.length > ReadLimit)
      refuse(
        s"$path: has more than the $ReadLimit bytes that are read, so it is no saved stage or it " +
          s"is damaged; ${Manifest.Remedy}"
      )
    content
  }

  def sha256(spark: SparkSession, path: String): String = readable(path) {
    Using.resource(system(spark, path).open(new Path(path)))(DigestUtils.sha256Hex(_))
  }

  /** `path` for what reads patterns, as Spark's readers do: it names itself and nothing else. */
  def exact(path: String): String = path.replaceAll("([\\\\*?\\[\\]{}])", "\\\\$1")

  /** Refuses links below `path`, of a local disk, that lead out of it. */
  def checkLinks(spark: SparkSession, path: String): Unit = {
    val files = system(spark, path)
    val local = Paths.get(files.makeQualified(new Path(path)).toUri.getPath)
    if (files.getUri.getScheme == "file" && LocalFiles.exists(local)) {
      val top = local.toRealPath()
      Using.resource(LocalFiles.walk(top)) { places =>
        places.filter(LocalFiles.isSymbolicLink(_)).forEach { place =>
          val end = if (LocalFiles.exists(place)) place.toRealPath() else place.resolveSibling("/")
          if (end == top || !end.startsWith(top))
            refuse(
              s"$place: is a link to ${LocalFiles.readSymbolicLink(place)}, outside of what was " +
                "saved; put a copy in its place if you trust it"
            )
        }
      }
    }
  }

  /** Folders that writers of `path` have made beside it, the one that changed last first. */
  def leftBeside(spark: SparkSession, path: String, why: String): Seq[(String, Long)] = {
    val target = new Path(path)
    val start = s".${target.getName}.$why-"
    val parent = parentOf(target)
    val entries =
      try system(spark, path).listStatus(parent.getOrElse(new Path("."))).toSeq
      catch { case _: FileNotFoundException => Nil }
    entries
      .map(entry => entry.getPath.getName -> entry.getModificationTime)
      .collect {
        case (name, changed) if name.startsWith(start) && name.length == start.length + 32 =>
          parent.fold(name)(new Path(_, name).toString) -> changed
      }
      .sortBy(-_._2)
  }

  /**
   * Writes beside `path`, then renames, so that a failed write leaves what was there.
   *
   * Of several writers at one time the last one wins, and all of them end without an error.
   */
  def replace(spark: SparkSession, path: String)(write: String => Unit): Unit = {
    val files = system(spark, path)
    val target = new Path(path)
    val fresh = beside(target, "new")
    val old = ArrayBuffer.empty[Path]
    parentOf(target).foreach(parent => make(spark, parent.toString, "path"))
    try {
      write(fresh.toString)
      try takePlace(files, fresh, target, old)
      catch {
        case error: Throwable =>
          if (!files.exists(target)) old.lastOption.foreach(move(files, _, target))
          throw error
      }
      old.foreach(files.delete(_, true))
    } finally files.delete(fresh, true)
    val now = System.currentTimeMillis()
    for (why <- Seq("new", "old"); (place, changed) <- leftBeside(spark, path, why))
      if (changed < now - StaleMillis) files.delete(new Path(place), true)
  }

  /** Moves `fresh` to `target`; `old` gets the names of what was moved away. */
  private def takePlace(
      files: FileSystem,
      fresh: Path,
      target: Path,
      old: ArrayBuffer[Path]
  ): Unit = {
    val done = (0 until Moves).exists { turn =>
      Thread.sleep(PauseMillis * turn)
      if (files.exists(target)) {
        val place = beside(target, "old")
        // Another writer may have moved it just now.
        try if (move(files, target, place)) old += place
        catch { case _: FileNotFoundException => () }
      }
      !files.exists(target) && {
        try move(files, fresh, target)
        // It got into another save, which a later one has replaced since.
        catch { case _: FileNotFoundException => true }
      }
    }
    if (!done)
      throw new IOException(
        s"cannot rename $fresh to $target; check the folder's permissions, or save again when no " +
          "other job saves there"
      )
  }

  /**
   * Renames a folder; false where that did not work, because of another writer for one. Throws
   * FileNotFoundException where another writer has taken `from`.
   */
  private def move(files: FileSystem, from: Path, to: Path): Boolean = {
    def renamed(from: Path, to: Path): Boolean =
      try files.rename(from, to)
      catch {
        case error: IOException =>
          log.info(s"$from: ${error.getMessage}")
          false
      }
    val moved = renamed(from, to)
    // Hadoop moves into a folder that is there already, or copies.
    val inside = new Path(to, from.getName)
    val nested = files.exists(inside)
    if (nested && files.exists(from)) files.delete(inside, true)
    else if (nested) renamed(inside, from)
    val done = moved && !nested
    if (!done && !files.exists(from)) throw new FileNotFoundException(from.toString)
    done
  }

  private def system(spark: SparkSession, path: String): FileSystem = {
    val configuration =
      new org.apache.hadoop.conf.Configuration(spark.sparkContext.hadoopConfiguration)
    new Path(path).getFileSystem(configuration)
  }

  private def beside(target: Path, why: String): Path = {
    val name = s".${target.getName}.$why-${UUID.randomUUID().toString.replace("-", "")}"
    parentOf(target).fold(new Path(name))(new Path(_, name))
  }

  /** None for a name alone: Hadoop's path of no folder can neither be made nor written as text. */
  private def parentOf(path: Path): Option[Path] =
    Option(path.getParent).filter(_.toString.nonEmpty)

  private def readable[T](path: String)(block: => T): T =
    try block
    catch {
      case error: FileNotFoundException =>
        throw new NotWholeException(s"$path: is not there; check the path", error)
      case error: IOException =>
        val name = error.getClass.getSimpleName
        throw new IllegalArgumentException(
          clip(s"$path: cannot be read ($name: ${error.getMessage}); ${Manifest.Remedy}"),
          error
        )
    }

  private def unmade(path: String, what: String, why: String, cause: Throwable): IOException =
    new IOException(s"$what: $path cannot be made$why; choose a folder you can write to", cause)
}
