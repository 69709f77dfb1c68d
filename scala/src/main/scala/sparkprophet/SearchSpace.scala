package sparkprophet

import scala.util.control.NonFatal

import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

import sparkprophet.params.PlainJson

/**
 * Which params are searched over which values, and which are fixed: plain data, in the JSON form
 * that both languages share. [[BayesianParamGridBuilder]] makes it.
 *
 * Two spaces are equal where their JSON is, whatever its white space and the order of fields.
 */
final class SearchSpace private (private[sparkprophet] val json: JObject) extends Serializable {

  /** The whole space as one JSON object, as Python's `SearchSpace.toJson` writes it. */
  def toJson: String = compact(render(json))

  /** The dimensions, then the fixed params, in the order of addition. */
  private[sparkprophet] val entries: Seq[SearchSpace.Entry] = {
    val written = (json \ "dimensions").children ++ (json \ "fixed").children
    written.foldLeft(Vector.empty[SearchSpace.Entry]) { (before, entry) =>
      val JString(name) = (entry \ "name"): @unchecked
      val parent = PlainJson.optional(entry \ "parent").map(PlainJson.read(_).toString)
      val same = before.count(_.name == name)
      before :+ SearchSpace.Entry(if (same == 0) name else s"$name#${same + 1}", name, parent)
    }
  }

  override def equals(other: Any): Boolean = other match {
    case space: SearchSpace => space.json == json
    case _ => false
  }

  override def hashCode(): Int = json.hashCode()

  override def toString: String = s"SearchSpace($toJson)"
}

/** Reads what `toJson` wrote, in either language. */
object SearchSpace {

  private val FormatVersion = 1

  /**
   * One param of a space.
   *
   * @param key its name in trials: the param's name, with "#2", "#3", ... for later ones of the
   *   same name
   * @param parent the uid of the stage that it belongs to
   */
  private[sparkprophet] case class Entry(key: String, name: String, parent: Option[String])

  /**
   * The space that `toJson` wrote. The ranges and values are checked when a search begins.
   *
   * @throws IllegalArgumentException for text that is not the JSON of a search space, and for a
   *   formatVersion that this version does not know
   */
  def fromJson(text: String): SearchSpace = {
    val parsed =
      try parse(text)
      catch {
        case NonFatal(error) => refuse(s"found no JSON (${error.getMessage}); $Remedy")
      }
    parsed match {
      case json: JObject => checked(json)
      case _ => refuse(s"found ${text.take(80)}, must be a JSON object; $Remedy")
    }
  }

  private[sparkprophet] def of(dimensions: Seq[JObject], fixed: Seq[JObject]): SearchSpace =
    new SearchSpace(
      JObject(
        "formatVersion" -> JInt(FormatVersion),
        "dimensions" -> JArray(dimensions.toList),
        "fixed" -> JArray(fixed.toList)
      )
    )

  private val Remedy = "give the text of SearchSpace.toJson"

  private def checked(json: JObject): SearchSpace = {
    json \ "formatVersion" match {
      case JInt(version) if version == FormatVersion => ()
      case JInt(version) if version > FormatVersion =>
        refuse(
          s"formatVersion: found $version, must be at most $FormatVersion; install the newer " +
            "sparkprophet that wrote it"
        )
      case other =>
        val text = compact(render(other))
        refuse(s"formatVersion: found $text, must be $FormatVersion; $Remedy")
    }
    for (field <- Seq("dimensions", "fixed")) json \ field match {
      case JArray(entries) => entries.foreach(checkEntry(field, _))
      case _ => refuse(s"$field: found no list of that name; $Remedy")
    }
    if ((json \ "dimensions").children.isEmpty)
      refuse("dimensions: found none, must be at least one; add a param to search")
    new SearchSpace(json)
  }

  private def checkEntry(field: String, entry: JValue): Unit =
    (entry \ "kind", entry \ "name", entry \ "parent") match {
      case (_: JString, _: JString, _: JString | JNull | JNothing) => ()
      case _ =>
        val text = compact(render(entry)).take(80)
        refuse(s"$field: found $text, must be an object with a kind and a name; $Remedy")
    }

  private def refuse(message: String): Nothing =
    throw new IllegalArgumentException(s"search space: $message")
}
