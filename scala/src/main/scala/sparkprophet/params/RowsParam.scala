package sparkprophet.params

import org.apache.spark.ml.param.{Param, Params}
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

import sparkprophet.params.Messages.{refuse, shown}

/**
 * A param that holds a list of objects, such as holidays: each a map from its fields to texts,
 * numbers, booleans or null. It is saved as JSON, as Python saves it.
 */
class RowsParam private[sparkprophet] (parent: Params, name: String, doc: String)
    extends Param[Seq[Map[String, Any]]](
      parent,
      name,
      doc,
      (rows: Seq[Map[String, Any]]) => rows.map(RowsParam.toJson(name, _)).forall(_ != null)
    ) {

  /** The rows as a JSON list of objects. */
  override def jsonEncode(value: Seq[Map[String, Any]]): String =
    compact(render(JArray(value.map(RowsParam.toJson(name, _)).toList)))

  /** The rows that [[jsonEncode]], or Python, wrote. */
  override def jsonDecode(json: String): Seq[Map[String, Any]] = parse(json) match {
    case JArray(rows) if rows.forall(_.isInstanceOf[JObject]) =>
      rows.map(row => row.asInstanceOf[JObject].values)
    case _ => refuse(s"$name: found $json, must be a JSON list of objects")
  }
}

private object RowsParam {

  private def toJson(param: String, row: Map[String, Any]): JValue = JObject(row.map {
    case (field, value) => JField(field, scalar(s"$param: $field", value))
  }.toList)

  private def scalar(what: String, value: Any): JValue = value match {
    case null => JNull
    case text: String => JString(text)
    case flag: Boolean => JBool(flag)
    case number: Int => JLong(number.toLong)
    case number: Long => JLong(number)
    case number: BigInt => JInt(number)
    case number: Double => JDouble(number)
    case date @ (_: java.time.LocalDate | _: java.time.LocalDateTime) => JString(date.toString)
    case other =>
      refuse(
        s"$what: found ${shown(other)}, must be a text, a number, true, false, null or a LocalDate"
      )
  }
}
