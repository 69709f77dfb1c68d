package sparkprophet.bayesian

import sparkprophet.ScoredTrial

/**
 * When a search of fixed points ends, and how it goes on: params of the Bayesian tuners, and the
 * rules of Python's module `sparkprophet.search.batched.rules`.
 *
 * @param timeout seconds after which no batch starts, 0 for none
 * @param maxFailedTrials none for any number
 */
private[sparkprophet] case class Rules(
    numTrials: Int,
    batchSize: Int,
    earlyStoppingRounds: Int,
    timeout: Double,
    maxFailedTrials: Option[Int]
) {

  /** The `System.nanoTime` after which a search that begins now starts no batch. */
  def until(): Long =
    if (timeout > 0) System.nanoTime() + (timeout * 1e9).toLong else Long.MaxValue

  /**
   * What ends the search between two batches, if anything: numTrials, earlyStopping, timeout, ...
   */
  def ended(trials: Seq[ScoredTrial], maximise: Boolean, until: Long): Option[String] = {
    val failures = trials.count(_.error.isDefined)
    if (maxFailedTrials.exists(failures > _)) Some("maxFailedTrials")
    else if (trials.size >= numTrials) Some("numTrials")
    else if (stalled(trials, maximise)) Some("earlyStopping")
    else if (trials.nonEmpty && System.nanoTime() >= until) Some("timeout")
    else None
  }

  /** Whether the last so many trials brought nothing better; the first value at all is better. */
  private def stalled(trials: Seq[ScoredTrial], maximise: Boolean): Boolean = {
    def best(some: Seq[ScoredTrial]): Double = some
      .flatMap(_.value)
      .map(value => if (maximise) -value else value)
      .minOption
      .getOrElse(Double.PositiveInfinity)
    val (before, last) = trials.splitAt(trials.size - earlyStoppingRounds)
    earlyStoppingRounds > 0 && trials.size >= earlyStoppingRounds && !(best(last) < best(before))
  }
}
