// Made by scripts/scala_params.py from Python's tables: not to be edited.
// format: off
package sparkprophet.params

import org.apache.spark.ml.param.{BooleanParam, DoubleParam, IntParam, LongParam, Param}

import sparkprophet.SearchSpace

/**
 * The params of `GroupedProphetTuner` but for its estimator, under the names that Python gives
 * them.
 */
private[sparkprophet] trait GroupedProphetTunerParams extends TableParams {

  /** SearchSpace of series params, or its JSON. Default: unset. */
  final val searchSpace: Param[String] = searchSpaceJson(
    "searchSpace",
    "SearchSpace of series params, or its JSON."
  )

  /** The value of [[searchSpace]]; fails where it is unset. */
  def getSearchSpace: SearchSpace = SearchSpace.fromJson($(searchSpace))

  /** Sets [[searchSpace]]. */
  def setSearchSpace(value: String): this.type = set(searchSpace, value)

  /** Sets [[searchSpace]]. */
  def setSearchSpace(value: SearchSpace): this.type = set(searchSpace, value.toJson)

  /** Trials per group. Default: 50. */
  final val numTrials: IntParam = whole(1)(
    "numTrials",
    "Trials per group."
  )

  /** The value of [[numTrials]]. */
  def getNumTrials: Int = $(numTrials)

  /** Sets [[numTrials]]. */
  def setNumTrials(value: Int): this.type = set(numTrials, value)

  /**
   * What is minimised on the holdout: the mean over the folds. coverage: its distance from
   * intervalWidth. Default: "mae".
   */
  final val metric: Param[String] = oneOf(
    "rmse", "mae", "mape", "smape", "mase", "wape", "mdape", "pinball", "coverage"
  )(
    "metric",
    "What is minimised on the holdout: the mean over the folds. coverage: its distance from " +
      "intervalWidth."
  )

  /** The value of [[metric]]. */
  def getMetric: String = $(metric)

  /** Sets [[metric]]. */
  def setMetric(value: String): this.type = set(metric, value)

  /** Steps of each holdout; must be set. Default: unset. */
  final val horizon: IntParam = whole(1)(
    "horizon",
    "Steps of each holdout; must be set."
  )

  /** The value of [[horizon]]; fails where it is unset. */
  def getHorizon: Int = $(horizon)

  /** Sets [[horizon]]. */
  def setHorizon(value: Int): this.type = set(horizon, value)

  /** Rolling-origin folds; the last ones that fit are used. Default: 3. */
  final val numFolds: IntParam = whole(1)(
    "numFolds",
    "Rolling-origin folds; the last ones that fit are used."
  )

  /** The value of [[numFolds]]. */
  def getNumFolds: Int = $(numFolds)

  /** Sets [[numFolds]]. */
  def setNumFolds(value: Int): this.type = set(numFolds, value)

  /** Steps between two cutoffs; unset: horizon. Default: unset. */
  final val period: IntParam = whole(1)(
    "period",
    "Steps between two cutoffs; unset: horizon."
  )

  /** The value of [[period]]; fails where it is unset. */
  def getPeriod: Int = $(period)

  /** Sets [[period]]. */
  def setPeriod(value: Int): this.type = set(period, value)

  /** Steps of history before the first cutoff; unset: horizon. Default: unset. */
  final val initial: IntParam = whole(1)(
    "initial",
    "Steps of history before the first cutoff; unset: horizon."
  )

  /** The value of [[initial]]; fails where it is unset. */
  def getInitial: Int = $(initial)

  /** Sets [[initial]]. */
  def setInitial(value: Int): this.type = set(initial, value)

  /**
   * none: the forecast of the best trial. folds: the weighted mean of the estimator's own values,
   * these with seasonalities that are held down, and the best trials, each with its trend carried
   * on in every way of trendForecast, and of two seasonal naive forecasts; weights by errors on the
   * folds. Default: "folds".
   */
  final val combination: Param[String] = oneOf("none", "folds")(
    "combination",
    "none: the forecast of the best trial. folds: the weighted mean of the estimator's own " +
      "values, these with seasonalities that are held down, and the best trials, each with its " +
      "trend carried on in every way of trendForecast, and of two seasonal naive forecasts; " +
      "weights by errors on the folds."
  )

  /** The value of [[combination]]. */
  def getCombination: String = $(combination)

  /** Sets [[combination]]. */
  def setCombination(value: String): this.type = set(combination, value)

  /**
   * none: every trial is judged on all folds. halving: a race over the folds, the newest first;
   * after each, a trial goes on if it is in the better half so far, else its state is PRUNED.
   * Default: "halving".
   */
  final val pruner: Param[String] = oneOf("none", "halving")(
    "pruner",
    "none: every trial is judged on all folds. halving: a race over the folds, the newest " +
      "first; after each, a trial goes on if it is in the better half so far, else its state is" +
      " PRUNED."
  )

  /** The value of [[pruner]]. */
  def getPruner: String = $(pruner)

  /** Sets [[pruner]]. */
  def setPruner(value: String): this.type = set(pruner, value)

  /** Most trials in a combination. Default: 3. */
  final val numMembers: IntParam = whole(1)(
    "numMembers",
    "Most trials in a combination."
  )

  /** The value of [[numMembers]]. */
  def getNumMembers: Int = $(numMembers)

  /** Sets [[numMembers]]. */
  def setNumMembers(value: Int): this.type = set(numMembers, value)

  /** Stop a group's search after so many trials without a better value; 0: never. Default: 0. */
  final val earlyStoppingRounds: IntParam = whole(0)(
    "earlyStoppingRounds",
    "Stop a group's search after so many trials without a better value; 0: never."
  )

  /** The value of [[earlyStoppingRounds]]. */
  def getEarlyStoppingRounds: Int = $(earlyStoppingRounds)

  /** Sets [[earlyStoppingRounds]]. */
  def setEarlyStoppingRounds(value: Int): this.type = set(earlyStoppingRounds, value)

  /** By how much a value must be better to count as better. Default: 0.0. */
  final val minDelta: DoubleParam = number(0.0, Double.PositiveInfinity, false)(
    "minDelta",
    "By how much a value must be better to count as better."
  )

  /** The value of [[minDelta]]. */
  def getMinDelta: Double = $(minDelta)

  /** Sets [[minDelta]]. */
  def setMinDelta(value: Double): this.type = set(minDelta, value)

  /**
   * Seconds after which no trial starts in any group, counted from fit; 0: no limit. Default: 0.0.
   */
  final val timeout: DoubleParam = number(0.0, Double.PositiveInfinity, false)(
    "timeout",
    "Seconds after which no trial starts in any group, counted from fit; 0: no limit."
  )

  /** The value of [[timeout]]. */
  def getTimeout: Double = $(timeout)

  /** Sets [[timeout]]. */
  def setTimeout(value: Double): this.type = set(timeout, value)

  /**
   * Seconds that one group's search and fit may take; 0: no limit. No trial starts after 90 % of
   * them; a group that is still at work a second after all of them is ended, and has the code
   * TIMEOUT. Default: 0.0.
   */
  final val groupTimeout: DoubleParam = number(0.0, 100000000.0, false)(
    "groupTimeout",
    "Seconds that one group's search and fit may take; 0: no limit. No trial starts after 90 " +
      "% of them; a group that is still at work a second after all of them is ended, and has " +
      "the code TIMEOUT."
  )

  /** The value of [[groupTimeout]]. */
  def getGroupTimeout: Double = $(groupTimeout)

  /** Sets [[groupTimeout]]. */
  def setGroupTimeout(value: Double): this.type = set(groupTimeout, value)

  /**
   * Proposes the trials. tpe: our compiled TPE, with the numerics of Optuna's; the others: Optuna's
   * own. Default: "tpe".
   */
  final val sampler: Param[String] = oneOf("tpe", "random", "qmc", "gp", "cmaes")(
    "sampler",
    "Proposes the trials. tpe: our compiled TPE, with the numerics of Optuna's; the others: " +
      "Optuna's own."
  )

  /** The value of [[sampler]]. */
  def getSampler: String = $(sampler)

  /** Sets [[sampler]]. */
  def setSampler(value: String): this.type = set(sampler, value)

  /** Random trials before tpe, gp or cmaes learn. Default: 10. */
  final val numStartupTrials: IntParam = whole(0)(
    "numStartupTrials",
    "Random trials before tpe, gp or cmaes learn."
  )

  /** The value of [[numStartupTrials]]. */
  def getNumStartupTrials: Int = $(numStartupTrials)

  /** Sets [[numStartupTrials]]. */
  def setNumStartupTrials(value: Int): this.type = set(numStartupTrials, value)

  /**
   * The estimator's own values are a candidate, tried first: a search that finds nothing better
   * keeps them, even where they lie outside of the search space. Default: true.
   */
  final val warmStart: BooleanParam = flag(
    "warmStart",
    "The estimator's own values are a candidate, tried first: a search that finds nothing " +
      "better keeps them, even where they lie outside of the search space."
  )

  /** The value of [[warmStart]]. */
  def getWarmStart: Boolean = $(warmStart)

  /** Sets [[warmStart]]. */
  def setWarmStart(value: Boolean): this.type = set(warmStart, value)

  /**
   * So many groups, chosen by the hash of their keys, are tuned first, and all groups try the
   * values found for them before others. 0: no group's result depends on another group. Default: 0.
   */
  final val warmStartGroups: IntParam = whole(0)(
    "warmStartGroups",
    "So many groups, chosen by the hash of their keys, are tuned first, and all groups try " +
      "the values found for them before others. 0: no group's result depends on another group."
  )

  /** The value of [[warmStartGroups]]. */
  def getWarmStartGroups: Int = $(warmStartGroups)

  /** Sets [[warmStartGroups]]. */
  def setWarmStartGroups(value: Int): this.type = set(warmStartGroups, value)

  /**
   * Folder where finished groups are kept; a killed job run again with the same arguments on the
   * same data goes on where it was. Default: unset.
   */
  final val checkpointDir: Param[String] = text(
    "checkpointDir",
    "Folder where finished groups are kept; a killed job run again with the same arguments on" +
      " the same data goes on where it was."
  )

  /** The value of [[checkpointDir]]; fails where it is unset. */
  def getCheckpointDir: String = $(checkpointDir)

  /** Sets [[checkpointDir]]. */
  def setCheckpointDir(value: String): this.type = set(checkpointDir, value)

  /** Keep every trial in the model. Default: true. */
  final val collectTrials: BooleanParam = flag(
    "collectTrials",
    "Keep every trial in the model."
  )

  /** The value of [[collectTrials]]. */
  def getCollectTrials: Boolean = $(collectTrials)

  /** Sets [[collectTrials]]. */
  def setCollectTrials(value: Boolean): this.type = set(collectTrials, value)

  /** Most tasks at work at one time, as in SPARK-19357; 0: all that the cluster has. Default: 0. */
  final val parallelism: IntParam = whole(0)(
    "parallelism",
    "Most tasks at work at one time, as in SPARK-19357; 0: all that the cluster has."
  )

  /** The value of [[parallelism]]. */
  def getParallelism: Int = $(parallelism)

  /** Sets [[parallelism]]. */
  def setParallelism(value: Int): this.type = set(parallelism, value)

  /** Seed; every group's own seed derives from it and the key's bytes. Default: 0. */
  final val seed: LongParam = long(
    "seed",
    "Seed; every group's own seed derives from it and the key's bytes."
  )

  /** The value of [[seed]]. */
  def getSeed: Long = $(seed)

  /** Sets [[seed]]. */
  def setSeed(value: Long): this.type = set(seed, value)

  setDefault(
    numTrials -> 50,
    metric -> "mae",
    numFolds -> 3,
    combination -> "folds",
    pruner -> "halving",
    numMembers -> 3,
    earlyStoppingRounds -> 0,
    minDelta -> 0.0,
    timeout -> 0.0,
    groupTimeout -> 0.0,
    sampler -> "tpe",
    numStartupTrials -> 10,
    warmStart -> true,
    warmStartGroups -> 0,
    collectTrials -> true,
    parallelism -> 0,
    seed -> 0L
  )
}
