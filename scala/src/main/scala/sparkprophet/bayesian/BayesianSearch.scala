package sparkprophet.bayesian

import scala.collection.mutable
import scala.util.control.NonFatal

import org.apache.spark.ml.Model
import org.apache.spark.ml.param.ParamMap
import org.slf4j.LoggerFactory

import sparkprophet.{ScoredTrial, SearchFailedException}

/**
 * What a search has come to.
 *
 * @param trials by number
 * @param best one of them
 * @param maps the param map of each trial, in order
 * @param stoppedBy numTrials, earlyStopping, timeout, maxFailedTrials or interrupt
 */
private[sparkprophet] case class SearchResult(
    trials: Seq[ScoredTrial],
    best: ScoredTrial,
    maps: Seq[ParamMap],
    models: Map[Int, Seq[Option[Model[_]]]],
    stoppedBy: String
) {

  def bestMap: ParamMap = maps(trials.indexOf(best))

  /** A trial's model; null of a failed one, and of one from before a restart. */
  def model(trial: ScoredTrial, fold: Int): Model[_] =
    models.get(trial.number).flatMap(_(fold)).orNull
}

/** The search behind the Bayesian tuners: batches of candidates, each fitted on every fold. */
private[sparkprophet] object BayesianSearch {

  private val log = LoggerFactory.getLogger("sparkprophet")

  /**
   * Asks, fits and tells until a rule ends it.
   *
   * An interrupt of this thread ends it too once a trial has succeeded: running jobs are cancelled,
   * and the best so far is the result. A second one is not caught.
   *
   * @param mapOf the param map of a point
   * @param mapAgain the param map of a trial, from before a restart too
   * @throws SearchFailedException where every trial failed, or more than `maxFailed`
   */
  def run[T](study: BatchedTrials[T], fits: CandidateFits, maxFailed: Option[Int])(
      mapOf: T => ParamMap
  )(mapAgain: ScoredTrial => ParamMap): SearchResult = {
    val models = mutable.Map.empty[Int, Seq[Option[Model[_]]]]
    val stoppedBy =
      try batches(study, fits, models)(mapOf)
      catch {
        case error: InterruptedException =>
          if (study.best().isEmpty) throw error
          log.warn(s"interrupted: keeping the best of ${study.trials().length} trials")
          "interrupt"
      }
    val trials = study.trials()
    val failed = trials.filter(_.error.isDefined)
    val best = study.best().filterNot(_ => maxFailed.exists(failed.length > _)).getOrElse {
      val first = failed.headOption.map { trial =>
        s"; trial ${trial.number} with ${trial.params.mkString(", ")}: ${trial.error.get}"
      }
      throw new SearchFailedException(
        s"${failed.length} of ${trials.length} trials failed${first.getOrElse("")}",
        trials.toArray
      )
    }
    SearchResult(trials, best, trials.map(mapAgain), models.toMap, stoppedBy)
  }

  private def batches[T](
      study: BatchedTrials[T],
      fits: CandidateFits,
      models: mutable.Map[Int, Seq[Option[Model[_]]]]
  )(mapOf: T => ParamMap): String = {
    var next = study.next()
    while (next.isRight) {
      next.foreach(runBatch(study, fits, models, _)(mapOf))
      next = study.next()
    }
    next.swap.getOrElse("numTrials")
  }

  /** Tries one batch and tells the study of each; what cannot end is told as interrupted. */
  private def runBatch[T](
      study: BatchedTrials[T],
      fits: CandidateFits,
      models: mutable.Map[Int, Seq[Option[Model[_]]]],
      batch: Seq[Asked[T]]
  )(mapOf: T => ParamMap): Unit = {
    val untold = mutable.SortedSet.from(batch.map(_.number))
    try
      fits.run(batch.map(asked => asked.number -> mapOf(asked.point))) { candidate =>
        candidate.error match {
          case Some(error) => study.fail(candidate.number, error, candidate.seconds)
          case None => study.tell(candidate.number, candidate.scores, candidate.seconds)
        }
        untold -= candidate.number
        val succeeded = candidate.error.isEmpty && candidate.scores.forall(isFinite)
        if (succeeded) models(candidate.number) = candidate.models
        else candidate.models.flatten.foreach(CandidateFits.release)
      }
    catch {
      case error: Throwable =>
        try untold.foreach(study.fail(_, "interrupted", 0.0, interrupted = true))
        catch { case NonFatal(further) => error.addSuppressed(further) }
        fits.cancel()
        throw error
    }
  }

  private def isFinite(score: Double): Boolean = !score.isNaN && !score.isInfinite
}
