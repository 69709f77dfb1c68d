package sparkprophet.saving

import scala.util.control.NonFatal

import org.apache.spark.ml.param.{Param, Params}
import org.apache.spark.sql.SparkSession
import org.json4s._
import org.json4s.JsonDSL._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

import sparkprophet.params.TableParams
import sparkprophet.params.Messages.{clip, refuse}

/** What is known of a saved stage besides its data: JSON of the same form as Spark's own. */
final private[sparkprophet] case class Metadata(path: String, json: JObject) {

  def className: String = text("class")

  def uid: String = Metadata.plainName(path, "uid", text("uid"))

  /** Saved params by name. */
  def params: Map[String, JValue] = section("paramMap")

  def defaults: Map[String, JValue] = section("defaultParamMap")

  /** A further value, JNothing where there is none. */
  def apply(name: String): JValue = json \ name

  /** Refuses another class than `name`, and a format that this version does not know. */
  def requireClass(name: String): Unit = {
    if (className != name)
      refuse(s"$path: holds a '$className', must be a '$name'; give the folder of one")
    this("format_version") match {
      // Spark's own writer has no place for a version; what it writes is version 1.
      case JNothing | JInt(_) | JLong(_) if version >= 1 && version <= Metadata.FormatVersion =>
      case other =>
        refuse(
          s"$path: format_version is ${compact(render(other))}, this version reads 1 to " +
            s"${Metadata.FormatVersion}; upgrade sparkprophet or save the model again"
        )
    }
  }

  /** Sets all saved params and defaults of `stage`, but for those in `apart`. */
  def applyTo(stage: TableParams, apart: Set[String]): Unit = {
    def decoded(param: Param[Any], value: JValue): Any = param.jsonDecode(compact(render(value)))
    def each(values: Map[String, JValue])(take: (Param[Any], Any) => Unit): Unit =
      for ((name, value) <- values if !apart(name)) {
        if (!stage.hasParam(name))
          refuse(
            s"$path: metadata has the unknown param '$name'; it was written by a newer " +
              "sparkprophet, so upgrade this one"
          )
        val param = stage.getParam(name)
        take(param, decoded(param, value))
      }
    each(params)(stage.set(_, _))
    // As Spark does: a default that changes later does not change what was saved before.
    each(defaults)(stage.restoreDefault)
  }

  /** A saved or default param that is a list of texts. */
  def texts(name: String): Seq[String] =
    params.getOrElse(name, defaults.getOrElse(name, JNothing)) match {
      case JArray(entries) if entries.forall(_.isInstanceOf[JString]) =>
        entries.collect { case JString(text) => text }
      case other => refuse(s"$name: found ${compact(render(other))}, must be a list of texts")
    }

  /** What `build` makes of this; IllegalArgumentException with the path if it cannot. */
  def ofThisFormat[T](build: => T): T =
    try build
    catch {
      case error: IllegalArgumentException if String.valueOf(error.getMessage).contains(path) =>
        throw error
      case error @ (NonFatal(_) | _: StackOverflowError) =>
        throw new IllegalArgumentException(
          clip(
            s"$path/metadata: ${error.getMessage}; this is no value that a stage has: " +
              Manifest.Remedy
          ),
          error
        )
    }

  private def version: BigInt = this("format_version") match {
    case JInt(number) => number
    case JLong(number) => number
    case _ => 1
  }

  private def text(name: String): String = this(name) match {
    case JString(value) if value.nonEmpty => value
    case _ =>
      refuse(
        s"$path/metadata: has no text for '$name'; it is no saved stage, or a damaged one"
      )
  }

  private def section(name: String): Map[String, JValue] = this(name) match {
    case JObject(fields) => fields.toMap
    case _ => refuse(s"$path/metadata: has no '$name'; it is no saved stage")
  }
}

private[sparkprophet] object Metadata {

  val FormatVersion = 2

  /** What separates steps of a path, begins a scheme or is a pattern to Hadoop. */
  private val NotInNames = "[/\\\\:*?\\[\\]{}\\x00-\\x1f\\x7f]".r.unanchored

  /** A name in the metadata at `path` that readers make paths of; refuses what is none. */
  def plainName(path: String, what: String, name: String): String =
    name match {
      case "" | "." | ".." | NotInNames() =>
        refuse(
          s"$path/metadata: $what: '$name' is no plain name, without / \\ : * ? [ ] { } and " +
            "control characters; give the stage another uid and save it again"
        )
      case plain => plain
    }

  /** A text of an entry of a saved param map. */
  def text(entry: JValue, name: String): String = entry \ name match {
    case JString(value) => value
    case _ => refuse(s"a saved param map has no '$name'")
  }

  /** The metadata of whatever stage is saved at `path`. */
  def read(spark: SparkSession, path: String): Metadata = {
    val lengths = Files.lengths(spark, s"$path/metadata").map { case (n, size) =>
      s"metadata/$n" -> size
    }
    Metadata(path, Manifest.readJson(spark, path, lengths, "metadata"))
  }

  /**
   * Writes the metadata of a stage.
   *
   * @param params
   *   in place of those params of the stage that have these names; JNothing leaves one out
   */
  def write(
      spark: SparkSession,
      path: String,
      stage: Params,
      params: Map[String, JValue],
      extra: JObject
  ): Unit = {
    def encoded(param: Param[_], value: Any): JField =
      JField(param.name, parse(param.asInstanceOf[Param[Any]].jsonEncode(value)))
    val kept = stage.params.toList
      .filter(param => stage.isSet(param) && !params.contains(param.name))
      .map(param => encoded(param, stage.getOrDefault(param.asInstanceOf[Param[Any]])))
    val replaced =
      params.toList.collect { case (name, value) if value != JNothing => name -> value }
    val defaults =
      stage.params.toList.flatMap(param => stage.getDefault(param).map(encoded(param, _)))
    val json = ("class" -> stage.getClass.getName) ~
      ("timestamp" -> System.currentTimeMillis()) ~
      ("sparkVersion" -> spark.version) ~
      ("uid" -> stage.uid) ~
      ("paramMap" -> JObject(kept ++ replaced.map { case (name, value) => JField(name, value) })) ~
      ("defaultParamMap" -> JObject(defaults)) ~
      ("format_version" -> FormatVersion) ~ extra
    Manifest.writeText(spark, s"$path/metadata", compact(render(json)))
  }
}
