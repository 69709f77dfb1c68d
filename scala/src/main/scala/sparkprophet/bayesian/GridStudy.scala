package sparkprophet.bayesian

import scala.collection.immutable.ListMap
import scala.collection.mutable

import org.apache.spark.ml.param.{Param, ParamMap, Params}

import sparkprophet.ScoredTrial

/** Fixed points tried in order, which no process is needed for; the rules are Python's. */
private[sparkprophet] class GridStudy(
    grid: Seq[ParamMap],
    val maximise: Boolean,
    rules: Rules
) extends BatchedTrials[ParamMap] {

  private val points = GridStudy.points(grid)
  private val finished = mutable.SortedMap.empty[Int, ScoredTrial]
  private var asked = 0
  private lazy val until = rules.until()

  override def next(): Either[String, Seq[Asked[ParamMap]]] = {
    until // counts from the first batch
    rules.ended(trials(), maximise, until).toLeft {
      val numbers = asked until math.min(asked + rules.batchSize, grid.length)
      asked = numbers.end
      numbers.map(number => Asked(number, grid(number)))
    }
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

private[sparkprophet] object GridStudy {

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
