package sparkprophet.bayesian

import sparkprophet.ScoredTrial

/** A point to try: its number in the search, and key -> value as JSON or as trials show it. */
private[sparkprophet] case class Asked[T](number: Int, point: T)

/**
 * What a search asks for candidates and tells their scores.
 *
 * @tparam T a candidate's params, before they are those of the estimator's stages
 */
private[sparkprophet] trait BatchedTrials[T] {

  /** Whether larger values are better. */
  def maximise: Boolean

  /**
   * The next batch, all of which has to be told or to fail before another; or what ended it all.
   */
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
