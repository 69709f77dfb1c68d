package sparkprophet.params

import scala.util.control.NonFatal

import org.apache.spark.ml.param._
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

import sparkprophet.params.Messages.shown

/** Values of params as plain JSON, which is what a search space and its trials hold. */
private[sparkprophet] object ParamValues {

  /** `Stage.param`: the stage by its uid, without the random end. */
  def label(param: Param[_]): String =
    s"${param.parent.replaceFirst("_[0-9a-f]{12}$", "")}.${param.name}"

  /**
   * The JSON of a value that the param takes.
   *
   * @throws IllegalArgumentException for a value that it does not take, and for one that is no
   *   number, string, boolean or array of these
   */
  def written(param: Param[_], what: String, value: Any): JValue = {
    val typed = param.asInstanceOf[Param[Any]]
    val json =
      try {
        typed.w(value) // the param's own check
        parse(typed.jsonEncode(value))
      } catch {
        case NonFatal(error) => throw notTaken(param, what, value, error)
      }
    if (!isPlain(json) || !isFinite(value)) {
      throw new IllegalArgumentException(
        s"${label(param)}: $what: found ${shown(value)}, must be a finite number, a string, a " +
          "boolean or an array of these"
      )
    }
    json
  }

  /**
   * The param with the value that a JSON holds, in the param's own type.
   *
   * @throws IllegalArgumentException for a value that the param does not take
   */
  def read(param: Param[_], what: String, value: JValue): ParamPair[_] = {
    val typed = param.asInstanceOf[Param[Any]]
    try typed.w(typed.jsonDecode(compact(render(fitted(param, value)))))
    catch {
      case NonFatal(error) => throw notTaken(param, what, PlainJson.read(value), error)
    }
  }

  /**
   * Whole numbers for params of real ones, and the other way round: Spark's decoders want theirs.
   */
  private def fitted(param: Param[_], value: JValue): JValue = param match {
    case _: DoubleParam | _: FloatParam | _: DoubleArrayParam | _: DoubleArrayArrayParam =>
      real(value)
    case _: IntParam | _: IntArrayParam => whole(value, _.isValidInt)
    case _: LongParam => whole(value, _.isValidLong)
    case _ => value
  }

  private def real(value: JValue): JValue = value match {
    case JInt(number) => JDouble(number.toDouble)
    case JArray(entries) => JArray(entries.map(real))
    case other => other
  }

  /** Spark's decoders would cut off the bits of a number that is too large. */
  private def whole(value: JValue, fits: BigInt => Boolean): JValue = value match {
    case JDouble(number) if number.isWhole => whole(JInt(BigDecimal(number).toBigInt), fits)
    case JInt(number) if !fits(number) =>
      throw new IllegalArgumentException(s"$number is outside of the param's type")
    case JArray(entries) => JArray(entries.map(whole(_, fits)))
    case other => other
  }

  private def isPlain(json: JValue): Boolean = json match {
    case _: JInt | _: JDouble | _: JString | _: JBool => true
    case JArray(entries) => entries.forall(isPlain)
    case _ => false
  }

  private def isFinite(value: Any): Boolean = value match {
    case number: Double => !number.isNaN && !number.isInfinite
    case number: Float => !number.isNaN && !number.isInfinite
    case entries: Array[_] => entries.forall(isFinite)
    case _ => true
  }

  private def notTaken(param: Param[_], what: String, value: Any, error: Throwable) =
    new IllegalArgumentException(
      s"${label(param)}: $what: found ${shown(value)}, must be a value that the param takes " +
        s"(${String.valueOf(error.getMessage).take(200)})",
      error
    )
}
