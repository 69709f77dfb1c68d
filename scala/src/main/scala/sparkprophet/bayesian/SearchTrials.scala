package sparkprophet.bayesian

import scala.collection.immutable.ListMap
import scala.collection.mutable

import org.apache.spark.ml.param.{Param, ParamMap, Params}
import org.json4s._

import sparkprophet.ScoredTrial
import sparkprophet.params.PlainJson
import sparkprophet.workers.SearchProcess

/** A point to try: its number in the search, and key -> value as JSON or as trials show it. */
private[sparkprophet] case class Asked[T](number: Int, point: T)

/**
 * What a search asks for candidates and tells their scores.
 *
 * @tparam T a candidate's params, before they are those of the estimator's stages
 */
private[sparkprophet] trait SearchTrials[T] {

  /** Whether larger values are better. */
  def maximise: Boolean

  /** The next batch, all of which has to be told or to fail before another; or what ended it all. */
  def next(): Either[String, Seq[Asked[T]]]

  /** Ends a trial with one score per fold; one that is not finite makes it a failed one. */
  def tell(number: Int, scores: Seq[Double], seconds: Double): Unit

  /** Ends a trial without a value; an interrupted one does not count as a trial. */
  def fail(number: Int, error: String, seconds: Double, interrupted: Boolean = false): Unit

  /** Every finished trial by number, interrupted ones left out. */
  def trials(): Seq[ScoredTrial]

  /** The COMPLETE trial of the best value, the first one of equals. */
  def best(): Option[ScoredTrial] = {
    val sign = if (maximise) -1.0 else 1.0
    trials().filter(_.value.isDefined).minByOption(trial => (sign * trial.value.get, trial.number))
  }
}

/** When a search ends, as the params of the tuners say it. */
private[sparkprophet] case class SearchRules(
    numTrials: Int,
    batchSize: Int,
    earlyStoppingRounds: Int,
    timeout: Double,
    maxFailedTrials: Option[Int]
)

/** A Bayesian search, in Python. */
private[sparkprophet] class ProcessTrials(process: SearchProcess, val maximise: Boolean)
    extends SearchTrials[JValue] {

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

/** Fixed points tried in order, which no process is needed for; the rules are Python's. */
private[sparkprophet] class GridTrials(
    grid: Seq[ParamMap],
    val maximise: Boolean,
    rules: SearchRules
) extends SearchTrials[ParamMap] {

  private val points = GridTrials.points(grid)
  private val finished = mutable.SortedMap.empty[Int, ScoredTrial]
  private var asked = 0
  private lazy val until =
    if (rules.timeout > 0) System.nanoTime() + (rules.timeout * 1e9).toLong else Long.MaxValue

  override def next(): Either[String, Seq[Asked[ParamMap]]] = {
    until // counts from the first batch
    stoppedBy() match {
      case Some(reason) => Left(reason)
      case None =>
        val numbers = asked until math.min(asked + rules.batchSize, grid.length)
        asked = numbers.end
        Right(numbers.map(number => Asked(number, grid(number))))
    }
  }

  private def stoppedBy(): Option[String] = {
    val failures = finished.values.count(_.error.isDefined)
    if (rules.maxFailedTrials.exists(failures > _)) Some("maxFailedTrials")
    else if (finished.size >= grid.length) Some("numTrials")
    else if (stalled()) Some("earlyStopping")
    else if (finished.nonEmpty && System.nanoTime() >= until) Some("timeout")
    else None
  }

  /** Whether the last so many trials brought nothing better; the first value at all is better. */
  private def stalled(): Boolean = {
    val rounds = rules.earlyStoppingRounds
    val (before, last) = finished.values.toSeq.flatMap(trial => Seq(trial.value)).splitAt(
      finished.size - rounds
    )
    def bestOf(values: Seq[Option[Double]]): Double =
      values.flatten.map(value => if (maximise) -value else value).minOption
        .getOrElse(Double.PositiveInfinity)
    rounds > 0 && finished.size >= rounds && !(bestOf(last) < bestOf(before))
  }

  override def tell(number: Int, scores: Seq[Double], seconds: Double): Unit =
    scores.indexWhere(score => score.isNaN || score.isInfinite) match {
      case -1 => finished(number) = ScoredTrial.complete(number, points(number), scores, seconds)
      case fold => fail(number, s"ValueError: the metric is ${scores(fold)} on fold $fold", seconds)
    }

  override def fail(number: Int, error: String, seconds: Double, interrupted: Boolean): Unit =
    if (!interrupted)
      finished(number) = ScoredTrial.failed(number, points(number), seconds, error)

  override def trials(): Seq[ScoredTrial] = finished.values.toSeq
}

private[sparkprophet] object GridTrials {

  /** The maps as trials show them: keys as in a search space, stages by their uids. */
  private def points(grid: Seq[ParamMap]): Seq[Map[String, Any]] = {
    // A ParamMap has no order of its own, and a trial's params should have the same everywhere.
    def ordered(map: ParamMap) = map.toSeq.sortBy(pair => (pair.param.name, pair.param.parent))
    val params = grid.flatMap(ordered(_).map(_.param: Param[_])).distinct
    val keys = params.groupBy(_.name).flatMap { case (name, same) =>
      same.zipWithIndex.map { case (param, i) =>
        param -> (if (i == 0) name else s"$name#${i + 1}")
      }
    }
    grid.map { map =>
      ListMap.from(ordered(map).map(pair => keys(pair.param) -> plain(pair.value)))
    }
  }

  private def plain(value: Any): Any = value match {
    case entries: Array[_] => entries.toSeq.map(plain)
    case stage: Params => stage.uid
    case null | _: Boolean | _: Int | _: Long | _: Float | _: Double | _: String => value
    case other => other.toString
  }
}
