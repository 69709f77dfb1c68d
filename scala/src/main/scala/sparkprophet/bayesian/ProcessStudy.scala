package sparkprophet.bayesian

import org.json4s._

import sparkprophet.ScoredTrial
import sparkprophet.params.PlainJson
import sparkprophet.workers.SearchProcess

/** A Bayesian search, in Python. */
private[sparkprophet] class ProcessStudy(process: SearchProcess, val maximise: Boolean)
    extends BatchedTrials[JValue] {

  override def next(): Either[String, Seq[Asked[JValue]]] = {
    val answer = process.call("next")
    answer \ "stoppedBy" match {
      case JString(stoppedBy) => Left(stoppedBy)
      case _ =>
        Right((answer \ "points").children.map { point =>
          Asked(PlainJson.number(point \ "number").toInt, point \ "params")
        })
    }
  }

  override def tell(number: Int, scores: Seq[Double], seconds: Double): Unit = {
    process.call(
      "tell",
      "number" -> JInt(number),
      "scores" -> JArray(scores.map(PlainJson.sent).toList),
      "seconds" -> JDouble(seconds)
    )
    ()
  }

  override def fail(number: Int, error: String, seconds: Double, interrupted: Boolean): Unit = {
    process.call(
      "fail",
      "number" -> JInt(number),
      "error" -> JString(error),
      "seconds" -> JDouble(seconds),
      "interrupted" -> JBool(interrupted)
    )
    ()
  }

  override def trials(): Seq[ScoredTrial] =
    process.call("trials").children.map(ScoredTrial.fromJson)
}
