package sparkprophet.bayesian

import org.json4s._

import sparkprophet.params.PlainJson
import sparkprophet.params.Messages.refuse

/**
 * The dimensions of a search space as JSON, and the checks of their values: Python's, whose rules
 * they are, come only when a search begins.
 */
private[sparkprophet] object SearchDimensions {

  /**
   * Optuna keeps every number as a double; from here on neighbouring whole numbers look the same.
   */
  private val LargestInteger = 1L << 53

  def uniform(
      label: String,
      name: String,
      parent: String,
      low: Double,
      high: Double,
      log: Boolean,
      when: JArray
  ): JObject = {
    for (bound <- Seq(low, high) if bound.isNaN || bound.isInfinite)
      refuse(s"$label: found a bound of $bound, must be a finite number")
    if (low >= high) refuse(s"$label: found low = $low, high = $high, must be $Growing")
    if (log && low <= 0)
      refuse(s"$label: found low = $low with log = true, must be low > 0 or log = false")
    JObject(
      "kind" -> JString("uniform"),
      "name" -> JString(name),
      "low" -> JDouble(low),
      "high" -> JDouble(high),
      "log" -> JBool(log),
      "parent" -> JString(parent),
      "when" -> when
    )
  }

  def int(
      label: String,
      name: String,
      parent: String,
      range: IntRange,
      when: JArray
  ): JObject = {
    import range._
    for (bound <- Seq(low, high) if math.abs(bound) > LargestInteger)
      refuse(s"$label: found a bound of $bound, must be at most $LargestInteger either way")
    if (low >= high) refuse(s"$label: found low = $low, high = $high, must be $Growing")
    if (step < 1 || step > high - low)
      refuse(s"$label: found step = $step, must be from 1 to high - low = ${high - low}")
    if (log && low < 1)
      refuse(s"$label: found low = $low with log = true, must be low >= 1 or log = false")
    if (log && step != 1)
      refuse(s"$label: found step = $step with log = true, must be step = 1 or log = false")
    JObject(
      "kind" -> JString("int"),
      "name" -> JString(name),
      "low" -> JInt(low),
      "high" -> JInt(high),
      "step" -> JInt(step),
      "log" -> JBool(log),
      "parent" -> JString(parent),
      "when" -> when
    )
  }

  /** Bounds inclusive; steps count from low. */
  case class IntRange(low: Long, high: Long, step: Long, log: Boolean)

  def choice(
      label: String,
      name: String,
      parent: String,
      values: Seq[JValue],
      when: JArray
  ): JObject = JObject(
    "kind" -> JString("choice"),
    "name" -> JString(name),
    "values" -> distinct(s"$label: values", values),
    "parent" -> JString(parent),
    "when" -> when
  )

  def fixed(name: String, parent: String, value: JValue): JObject = JObject(
    "kind" -> JString("fixed"),
    "name" -> JString(name),
    "value" -> value,
    "parent" -> JString(parent)
  )

  /**
   * The condition that the other dimension has one of the values.
   *
   * @param label names both params
   */
  def when(label: String, other: JObject, values: Seq[JValue]): JObject = {
    val possible: JValue => Boolean = other \ "kind" match {
      case JString("choice") =>
        (other \ "values").children.map(comparable).toSet.compose(comparable)
      case JString("int") => isInRange(other)
      case _ => refuse(s"$label: found real numbers, must be a param of choices or whole numbers")
    }
    values.find(!possible(_)).foreach { value =>
      refuse(
        s"$label: found ${PlainJson.read(value)}, must be one of the values that were added for it"
      )
    }
    JObject(
      "name" -> other \ "name",
      "values" -> distinct(label, values),
      "parent" -> other \ "parent"
    )
  }

  private def isInRange(other: JObject)(value: JValue): Boolean = {
    val JInt(low) = (other \ "low"): @unchecked
    val JInt(high) = (other \ "high"): @unchecked
    val JInt(step) = (other \ "step"): @unchecked
    comparable(value) match {
      case JDouble(number) if number.isWhole =>
        val whole = BigDecimal(number).toBigInt
        low <= whole && whole <= high && (whole - low) % step == 0
      case _ => false
    }
  }

  private def distinct(label: String, values: Seq[JValue]): JArray = {
    if (values.isEmpty) refuse(s"$label: found none, must be at least one value")
    val twice = values.groupBy(comparable).values.find(_.length > 1)
    twice.foreach { same =>
      refuse(s"$label: found ${PlainJson.read(same.head)} twice; give each value once")
    }
    JArray(values.toList)
  }

  /** Equal for 1 and 1.0, as the search has it. */
  private def comparable(value: JValue): JValue = value match {
    case JInt(whole) => JDouble(whole.toDouble)
    case JArray(entries) => JArray(entries.map(comparable))
    case other => other
  }

  private val Growing =
    "low < high; use addChoice with one value for a param that does not vary"
}
