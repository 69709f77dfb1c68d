package sparkprophet

import scala.collection.immutable.ListMap

import org.json4s._

import sparkprophet.params.PlainJson

/**
 * One candidate that a search has tried.
 *
 * @param number position in the search, from 0
 * @param params key of the search space -> value, fixed params too, in the space's order; the key
 *   is the param's name, with "#2", "#3", ... for later ones of the same name
 * @param state COMPLETE, or FAIL where there is no finite metric for every fold
 * @param value mean of the scores; none unless COMPLETE
 * @param scores the metric on each fold, in order; empty unless COMPLETE
 * @param seconds wall clock of its fits, transforms and evaluations, added up
 * @param error `TypeName: message` of a FAIL trial, at most 500 characters
 */
case class ScoredTrial(
    number: Int,
    params: Map[String, Any],
    state: String,
    value: Option[Double],
    scores: Seq[Double],
    seconds: Double,
    error: Option[String]
) {

  /** Standard deviation of the scores (of the population); NaN unless COMPLETE. */
  def std: Double = {
    val mean = scores.sum / scores.length
    math.sqrt(scores.map(score => (score - mean) * (score - mean)).sum / scores.length)
  }

  /** As Python writes a trial: the fields by their names. */
  private[sparkprophet] def toJson: JObject = JObject(
    "number" -> JInt(number),
    "params" -> JObject(params.toList.map { case (key, value) => key -> PlainJson.written(value) }),
    "state" -> JString(state),
    "value" -> value.fold[JValue](JNull)(JDouble(_)),
    "scores" -> JArray(scores.map(JDouble(_)).toList),
    "seconds" -> JDouble(seconds),
    "error" -> error.fold[JValue](JNull)(JString(_))
  )
}

private[sparkprophet] object ScoredTrial {

  /** Characters of an error that are kept. */
  val ErrorLength = 500

  def complete(number: Int, params: Map[String, Any], scores: Seq[Double], seconds: Double)
      : ScoredTrial = {
    val value = Some(scores.sum / scores.length)
    ScoredTrial(number, params, "COMPLETE", value, scores, seconds, None)
  }

  def failed(number: Int, params: Map[String, Any], seconds: Double, error: String): ScoredTrial =
    ScoredTrial(number, params, "FAIL", None, Nil, seconds, Some(error.take(ErrorLength)))

  /** What `toJson` or Python wrote. */
  def fromJson(written: JValue): ScoredTrial = {
    val params = written \ "params" match {
      case JObject(fields) => fields.map { case (key, value) => key -> PlainJson.read(value) }
      case other => throw new IllegalArgumentException(s"params of a trial: found $other")
    }
    ScoredTrial(
      number = PlainJson.number(written \ "number").toInt,
      params = ListMap.from(params),
      state = PlainJson.read(written \ "state").toString,
      value = PlainJson.optional(written \ "value").map(PlainJson.number),
      scores = (written \ "scores").children.map(PlainJson.number),
      seconds = PlainJson.number(written \ "seconds"),
      error = PlainJson.optional(written \ "error").map(PlainJson.read(_).toString)
    )
  }
}
