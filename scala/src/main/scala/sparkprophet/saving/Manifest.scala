package sparkprophet.saving

import scala.annotation.tailrec
import scala.collection.immutable.SortedMap
import scala.util.{Failure, Success, Try}
import scala.util.control.NonFatal

import org.apache.spark.sql.SparkSession
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}
import org.slf4j.LoggerFactory

import sparkprophet.params.Messages.{clip, refuse}

/**
 * The list of a save's files: written last, so that a folder with one is a whole save.
 *
 * `manifest/` holds one line of JSON, {"files": {path below the folder: [bytes, sha256]}}. Large
 * Parquet files, and those of a table of models, have null for the hash: the table has a checksum
 * in each row, which is looked at where the row is read.
 */
private[sparkprophet] object Manifest {

  val Remedy = "save it again or restore it from a backup"

  private val log = LoggerFactory.getLogger("sparkprophet")
  private val SmallParquet = 1 << 20
  // Waits for another writer's renames; the first one is none.
  private val WaitsMillis = List(0L, 50L, 100L, 200L, 400L, 800L)
  private val Versions = 30

  /** Lists all that was written at `path`; nothing may be written there after it. */
  def write(spark: SparkSession, path: String): Unit = {
    val files = Files.lengths(spark, path).toList.map { case (name, length) =>
      val hash =
        if (isHashed(name, length)) JString(Files.sha256(spark, s"$path/$name")) else JNull
      name -> (JArray(List(JInt(length), hash)): JValue)
    }
    writeText(spark, s"$path/manifest", compact(render(JObject("files" -> JObject(files)))))
  }

  /** Writes one line of text as a folder, as Spark writes metadata. */
  def writeText(spark: SparkSession, path: String, text: String): Unit =
    spark.createDataFrame(Seq(Tuple1(text))).coalesce(1).write.text(path)

  /** The JSON object in the one file of the folder `name` below `path`. */
  def readJson(
      spark: SparkSession,
      path: String,
      lengths: SortedMap[String, Long],
      name: String
  ): JObject = {
    val parts = lengths.keys.filter(_.startsWith(s"$name/")).toSeq
    if (parts.isEmpty)
      throw new NotWholeException(
        s"$path: has no $name, so it is no saved stage, or one that was not finished; check the " +
          s"path, or $Remedy"
      )
    if (parts.length > 1) refuse(s"$path/$name: has ${parts.length} files, must have one; $Remedy")
    val file = s"$path/${parts.head}"
    val content = Files.read(spark, file)
    val json =
      try parse(Utf8.read(content))
      catch {
        case error @ (NonFatal(_) | _: StackOverflowError) =>
          throw new IllegalArgumentException(
            clip(s"$file: cannot be read as JSON ($error); $Remedy"),
            error
          )
      }
    json match {
      case written: JObject => written
      case _ => refuse(s"$file: is no JSON object; $Remedy")
    }
  }

  /**
   * What `read` makes of the save at `path`, all of it of one version.
   *
   * While another writer replaces `path`, this waits for a moment. Where a killed one has left it
   * not whole, what that writer left beside it is read: the newest old version that is whole, else
   * the newest new one.
   */
  def readWhole[T](spark: SparkSession, path: String)(read: String => T): T = {
    @tailrec
    def attempt(waits: List[Long], left: Int): T =
      Try(oneVersion(spark, path, read)) match {
        case Success(stage) => stage
        case Failure(_: ReplacedException) if left > 0 => attempt(waits, left - 1)
        case Failure(error: NotWholeException) =>
          val beside = Seq("old", "new").flatMap(Files.leftBeside(spark, path, _)).map(_._1)
          // Without other writers' folders a second look is enough.
          if (waits.isEmpty || waits.head > 0 && beside.isEmpty)
            leftByKilled(spark, beside, error, read)
          else {
            Thread.sleep(waits.head)
            attempt(waits.tail, left)
          }
        case Failure(error) => throw error
      }
    attempt(WaitsMillis, Versions)
  }

  /** What `read` makes of the first of `places` that is whole; throws `problem` without one. */
  private def leftByKilled[T](
      spark: SparkSession,
      places: Seq[String],
      problem: NotWholeException,
      read: String => T
  ): T =
    places.iterator.map(place => Try(oneVersion(spark, place, read)) -> place).collectFirst {
      case (Success(stage), place) =>
        val why = problem.getMessage
        log.warn("{}; read what a killed save left at {}; save the model again", why, place: Any)
        stage
    }.getOrElse(throw problem)

  private def oneVersion[T](spark: SparkSession, path: String, read: String => T): T = {
    val before = checked(spark, path)
    val stage =
      try read(path)
      catch {
        case NonFatal(error) =>
          before.foreach(requireUnchanged(spark, path, _, error))
          throw error
      }
    before.foreach(requireUnchanged(spark, path, _, null))
    stage
  }

  /** The manifest if there is one: Spark's own writer has none. */
  private def checked(spark: SparkSession, path: String): Option[JObject] = {
    val lengths = Files.lengths(spark, path)
    val ofSpark = !lengths.keys.exists(_.startsWith("manifest/")) &&
      readJson(spark, path, lengths, "metadata") \ "format_version" == JNothing
    Option.when(!ofSpark) {
      val manifest = readJson(spark, path, lengths, "manifest")
      check(spark, path, manifest, lengths.filter(!_._1.startsWith("manifest/")))
      manifest
    }
  }

  private def check(
      spark: SparkSession,
      path: String,
      manifest: JObject,
      lengths: SortedMap[String, Long]
  ): Unit = {
    val listed = entries(path, manifest)
    for (name <- (listed.keySet -- lengths.keySet).toSeq.sorted.headOption)
      throw new NotWholeException(clip(s"$path/$name: is missing; $Remedy"))
    for (name <- (lengths.keySet -- listed.keySet).toSeq.sorted.headOption)
      throw new NotWholeException(
        clip(
          s"$path/$name: is not of this save; remove it if nothing else is wrong, or $Remedy"
        )
      )
    for ((name, (length, _)) <- listed if lengths(name) != length)
      refuse(clip(s"$path/$name: has ${lengths(name)} bytes, had $length; $Remedy"))
    for ((name, (_, Some(hash))) <- listed if Files.sha256(spark, s"$path/$name") != hash)
      refuse(clip(s"$path/$name: is not as it was saved; $Remedy"))
  }

  private def entries(path: String, manifest: JObject): Map[String, (BigInt, Option[String])] = {
    def unreadable: Nothing =
      refuse(s"$path/manifest: is no list of files with their bytes; $Remedy")
    manifest \ "files" match {
      case JObject(fields) =>
        fields.map {
          case (name, JArray(List(JInt(length), JString(hash)))) => name -> (length, Some(hash))
          case (name, JArray(List(JInt(length), JNull))) => name -> (length, None)
          case _ => unreadable
        }.toMap
      case _ => unreadable
    }
  }

  private def requireUnchanged(
      spark: SparkSession,
      path: String,
      before: JObject,
      cause: Throwable
  ): Unit =
    if (readJson(spark, path, Files.lengths(spark, path), "manifest") != before)
      throw new ReplacedException(
        s"$path: was replaced while it was read, time after time; load it when no other job " +
          "saves there",
        cause
      )

  private def isHashed(name: String, length: Long): Boolean =
    if (!name.endsWith(".parquet")) length <= Files.ReadLimit
    else length <= SmallParquet && !s"/$name".matches("(.*/)?models/[^/]*")
}

/** Another writer has replaced the save that was being read. */
private class ReplacedException(message: String, cause: Throwable)
    extends NotWholeException(message, cause)

/** Text of bytes that must be UTF-8. */
private object Utf8 {

  import java.nio.ByteBuffer
  import java.nio.charset.StandardCharsets.UTF_8

  def read(content: Array[Byte]): String =
    UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString
}
