// Made by scripts/scala_params.py from Python's tables: not to be edited.
// format: off
package sparkprophet.params

import org.apache.spark.ml.param.{BooleanParam, DoubleParam, IntParam, Param}

import sparkprophet.SearchSpace

/**
 * The params of both Bayesian tuners but for those of Spark's own, under the names that Python
 * gives them.
 */
private[sparkprophet] trait BayesianTunerParams extends TableParams {

  /**
   * SearchSpace of params of the estimator or of stages inside it, or its JSON;
   * BayesianParamGridBuilder makes it. Default: unset.
   */
  final val searchSpace: Param[String] = searchSpaceJson(
    "searchSpace",
    "SearchSpace of params of the estimator or of stages inside it, or its JSON; " +
      "BayesianParamGridBuilder makes it."
  )

  /** The value of [[searchSpace]]; fails where it is unset. */
  def getSearchSpace: SearchSpace = SearchSpace.fromJson($(searchSpace))

  /** Sets [[searchSpace]]. */
  def setSearchSpace(value: String): this.type = set(searchSpace, value)

  /** Sets [[searchSpace]]. */
  def setSearchSpace(value: SearchSpace): this.type = set(searchSpace, value.toJson)

  /** Candidates to try. Default: 32. */
  final val numTrials: IntParam = whole(1)(
    "numTrials",
    "Candidates to try."
  )

  /** The value of [[numTrials]]. */
  def getNumTrials: Int = $(numTrials)

  /** Sets [[numTrials]]. */
  def setNumTrials(value: Int): this.type = set(numTrials, value)

  /**
   * Candidates asked for together, before any of them is known. Results depend on it, and not on
   * parallelism. Default: 4.
   */
  final val batchSize: IntParam = whole(1)(
    "batchSize",
    "Candidates asked for together, before any of them is known. Results depend on it, and " +
      "not on parallelism."
  )

  /** The value of [[batchSize]]. */
  def getBatchSize: Int = $(batchSize)

  /** Sets [[batchSize]]. */
  def setBatchSize(value: Int): this.type = set(batchSize, value)

  /**
   * Proposes the candidates. tpe: our compiled TPE, with the numerics of Optuna's; the others:
   * Optuna's own. Default: "tpe".
   */
  final val sampler: Param[String] = oneOf("tpe", "random", "qmc", "gp", "cmaes")(
    "sampler",
    "Proposes the candidates. tpe: our compiled TPE, with the numerics of Optuna's; the " +
      "others: Optuna's own."
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
   * Stop once so many trials have brought no better value; looked at between batches; 0: never.
   * Default: 0.
   */
  final val earlyStoppingRounds: IntParam = whole(0)(
    "earlyStoppingRounds",
    "Stop once so many trials have brought no better value; looked at between batches; 0: " +
      "never."
  )

  /** The value of [[earlyStoppingRounds]]. */
  def getEarlyStoppingRounds: Int = $(earlyStoppingRounds)

  /** Sets [[earlyStoppingRounds]]. */
  def setEarlyStoppingRounds(value: Int): this.type = set(earlyStoppingRounds, value)

  /** Seconds after which no batch starts; 0: no limit. Default: 0.0. */
  final val timeout: DoubleParam = number(0.0, Double.PositiveInfinity, false)(
    "timeout",
    "Seconds after which no batch starts; 0: no limit."
  )

  /** The value of [[timeout]]. */
  def getTimeout: Double = $(timeout)

  /** Sets [[timeout]]. */
  def setTimeout(value: Double): this.type = set(timeout, value)

  /** Raise once more candidates than this have failed. Unset: only if all fail. Default: unset. */
  final val maxFailedTrials: IntParam = whole(0)(
    "maxFailedTrials",
    "Raise once more candidates than this have failed. Unset: only if all fail."
  )

  /** The value of [[maxFailedTrials]]; fails where it is unset. */
  def getMaxFailedTrials: Int = $(maxFailedTrials)

  /** Sets [[maxFailedTrials]]. */
  def setMaxFailedTrials(value: Int): this.type = set(maxFailedTrials, value)

  /**
   * URL of an Optuna storage, such as sqlite:///search.db. A killed search that is started again
   * with the same arguments goes on where it was; one driver at a time. Default: unset.
   */
  final val storage: Param[String] = text(
    "storage",
    "URL of an Optuna storage, such as sqlite:///search.db. A killed search that is started " +
      "again with the same arguments goes on where it was; one driver at a time."
  )

  /** The value of [[storage]]; fails where it is unset. */
  def getStorage: String = $(storage)

  /** Sets [[storage]]. */
  def setStorage(value: String): this.type = set(storage, value)

  /** Name of the study in the storage; goes with storage. Default: unset. */
  final val studyName: Param[String] = text(
    "studyName",
    "Name of the study in the storage; goes with storage."
  )

  /** The value of [[studyName]]; fails where it is unset. */
  def getStudyName: String = $(studyName)

  /** Sets [[studyName]]. */
  def setStudyName(value: String): this.type = set(studyName, value)

  /**
   * Go on with a stored search of sampler cmaes, whose state Optuna keeps as a pickle: reading one
   * runs code of whoever wrote it. The other samplers keep none. Default: false.
   */
  final val trustStorage: BooleanParam = flag(
    "trustStorage",
    "Go on with a stored search of sampler cmaes, whose state Optuna keeps as a pickle: " +
      "reading one runs code of whoever wrote it. The other samplers keep none."
  )

  /** The value of [[trustStorage]]. */
  def getTrustStorage: Boolean = $(trustStorage)

  /** Sets [[trustStorage]]. */
  def setTrustStorage(value: Boolean): this.type = set(trustStorage, value)

  /**
   * Column of time: train on the past and validate the steps after it, instead of a random split.
   * Goes with horizon. Default: unset.
   */
  final val timestampCol: Param[String] = text(
    "timestampCol",
    "Column of time: train on the past and validate the steps after it, instead of a random " +
      "split. Goes with horizon."
  )

  /** The value of [[timestampCol]]; fails where it is unset. */
  def getTimestampCol: String = $(timestampCol)

  /** Sets [[timestampCol]]. */
  def setTimestampCol(value: String): this.type = set(timestampCol, value)

  /**
   * Steps (distinct values of timestampCol) that a fold validates; goes with timestampCol. Default:
   * unset.
   */
  final val horizon: IntParam = whole(1)(
    "horizon",
    "Steps (distinct values of timestampCol) that a fold validates; goes with timestampCol."
  )

  /** The value of [[horizon]]; fails where it is unset. */
  def getHorizon: Int = $(horizon)

  /** Sets [[horizon]]. */
  def setHorizon(value: Int): this.type = set(horizon, value)

  /** Where the data is kept during the search. Default: "MEMORY_AND_DISK". */
  final val foldStorageLevel: Param[String] = oneOf(
    "NONE", "DISK_ONLY", "MEMORY_ONLY", "MEMORY_AND_DISK", "MEMORY_AND_DISK_DESER", "OFF_HEAP"
  )(
    "foldStorageLevel",
    "Where the data is kept during the search."
  )

  /** The value of [[foldStorageLevel]]. */
  def getFoldStorageLevel: String = $(foldStorageLevel)

  /** Sets [[foldStorageLevel]]. */
  def setFoldStorageLevel(value: String): this.type = set(foldStorageLevel, value)

  setDefault(
    numTrials -> 32,
    batchSize -> 4,
    sampler -> "tpe",
    numStartupTrials -> 10,
    earlyStoppingRounds -> 0,
    timeout -> 0.0,
    trustStorage -> false,
    foldStorageLevel -> "MEMORY_AND_DISK"
  )
}
