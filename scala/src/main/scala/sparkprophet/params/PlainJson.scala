package sparkprophet.params

import org.json4s._

/** Numbers, strings, booleans, null and lists of these, between Scala and JSON. */
private[sparkprophet] object PlainJson {

  def read(value: JValue): Any = value match {
    case JInt(whole) if whole.isValidInt => whole.toInt
    case JInt(whole) => whole.toLong
    case JDouble(number) => number
    case JString(text) => text
    case JBool(flag) => flag
    case JNull => null
    case JArray(entries) => entries.map(read)
    case other => throw new IllegalArgumentException(s"found $other, must be a plain value")
  }

  def written(value: Any): JValue = value match {
    case whole: Int => JInt(whole)
    case whole: Long => JInt(whole)
    case number: Float => JDouble(number.toDouble)
    case number: Double => JDouble(number)
    case text: String => JString(text)
    case flag: Boolean => JBool(flag)
    case null => JNull
    case entries: Seq[_] => JArray(entries.map(written).toList)
    case other => throw new IllegalArgumentException(s"found $other, must be a plain value")
  }

  def number(value: JValue): Double = value match {
    case JInt(whole) => whole.toDouble
    case JDouble(number) => number
    case other => throw new IllegalArgumentException(s"found $other, must be a number")
  }

  /** A number as the search process takes it: JSON has no form for NaN and the infinities. */
  def sent(number: Double): JValue =
    if (number.isNaN || number.isInfinite) JString(number.toString) else JDouble(number)

  def optional(value: JValue): Option[JValue] = value match {
    case JNull | JNothing => None
    case other => Some(other)
  }
}
