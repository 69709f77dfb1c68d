package sparkprophet

import org.apache.spark.ml.Estimator
import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param._

/**
 * The params of both Bayesian tuners, under the names and defaults that the Python classes give them;
 * those that Spark's own tuners have are theirs.
 */
private[sparkprophet] trait BayesianTunerParams extends Params {

  import BayesianTunerParams._

  def estimator: Param[Estimator[_]]

  def evaluator: Param[Evaluator]

  def estimatorParamMaps: Param[Array[ParamMap]]

  def seed: LongParam

  def parallelism: IntParam

  def collectSubModels: BooleanParam

  /** SearchSpace of params of the estimator or of stages inside it, as its JSON (unset). */
  final val searchSpace: Param[String] = new Param(
    this,
    "searchSpace",
    "SearchSpace of params of the estimator or of stages inside it, or its JSON; " +
      "BayesianParamGridBuilder makes it.",
    (json: String) => isSpace(json)
  )

  /** Candidates to try (default 32). */
  final val numTrials: IntParam = whole("numTrials", "Candidates to try.", 1)

  /** Candidates asked for together, before any of them is known (default 4). */
  final val batchSize: IntParam = whole(
    "batchSize",
    "Candidates asked for together, before any of them is known. Results depend on it, and " +
      "not on parallelism.",
    1
  )

  /** What proposes the candidates: tpe, random, qmc, gp or cmaes (default tpe). */
  final val sampler: Param[String] = choice(
    "sampler",
    "Proposes the candidates. tpe: our compiled TPE, with the numerics of Optuna's; the " +
      "others: Optuna's own.",
    Samplers
  )

  /** Random trials before tpe, gp or cmaes learn (default 10). */
  final val numStartupTrials: IntParam =
    whole("numStartupTrials", "Random trials before tpe, gp or cmaes learn.", 0)

  /** Trials without a better value after which the search ends; 0 for never (default 0). */
  final val earlyStoppingRounds: IntParam = whole(
    "earlyStoppingRounds",
    "Stop once so many trials have brought no better value; looked at between batches; 0: " +
      "never.",
    0
  )

  /** Seconds after which no batch starts; 0 for no limit (default 0). */
  final val timeout: DoubleParam = new DoubleParam(
    this,
    "timeout",
    "Seconds after which no batch starts; 0: no limit.",
    (seconds: Double) =>
      seconds >= 0 && !seconds.isInfinite ||
        refuse(s"timeout is $seconds: give a number of seconds >= 0, or 0 for no limit")
  )

  /** Failed candidates that a search may have; unset: it fails only where all do. */
  final val maxFailedTrials: IntParam = whole(
    "maxFailedTrials",
    "Raise once more candidates than this have failed. Unset: only if all fail.",
    0
  )

  /** URL of an Optuna storage, where a killed search goes on (unset). */
  final val storage: Param[String] = text(
    "storage",
    "URL of an Optuna storage, such as sqlite:///search.db. A killed search that is started " +
      "again with the same arguments goes on where it was; one driver at a time."
  )

  /** Name of the study in the storage (unset). */
  final val studyName: Param[String] =
    text("studyName", "Name of the study in the storage; goes with storage.")

  /** Column of time, for folds of a rolling origin instead of random ones (unset). */
  final val timestampCol: Param[String] = text(
    "timestampCol",
    "Column of time: train on the past and validate the steps after it, instead of a random " +
      "split. Goes with horizon."
  )

  /** Steps, distinct values of timestampCol, that a fold validates (unset). */
  final val horizon: IntParam = whole(
    "horizon",
    "Steps (distinct values of timestampCol) that a fold validates; goes with timestampCol.",
    1
  )

  /** Where the data is kept during the search (default MEMORY_AND_DISK). */
  final val foldStorageLevel: Param[String] =
    choice("foldStorageLevel", "Where the data is kept during the search.", StorageLevels)

  setDefault(
    numTrials -> 32,
    batchSize -> 4,
    sampler -> "tpe",
    numStartupTrials -> 10,
    earlyStoppingRounds -> 0,
    timeout -> 0.0,
    foldStorageLevel -> "MEMORY_AND_DISK"
  )

  /** Sets [[searchSpace]]. */
  def setSearchSpace(value: SearchSpace): this.type = set(searchSpace, value.toJson)

  /** Sets [[searchSpace]] from its JSON. */
  def setSearchSpace(value: String): this.type = set(searchSpace, value)

  /** Sets [[numTrials]]. */
  def setNumTrials(value: Int): this.type = set(numTrials, value)

  /** Sets [[batchSize]]. */
  def setBatchSize(value: Int): this.type = set(batchSize, value)

  /** Sets [[sampler]]. */
  def setSampler(value: String): this.type = set(sampler, value)

  /** Sets [[numStartupTrials]]. */
  def setNumStartupTrials(value: Int): this.type = set(numStartupTrials, value)

  /** Sets [[earlyStoppingRounds]]. */
  def setEarlyStoppingRounds(value: Int): this.type = set(earlyStoppingRounds, value)

  /** Sets [[timeout]]. */
  def setTimeout(value: Double): this.type = set(timeout, value)

  /** Sets [[maxFailedTrials]]. */
  def setMaxFailedTrials(value: Int): this.type = set(maxFailedTrials, value)

  /** Sets [[storage]]. */
  def setStorage(value: String): this.type = set(storage, value)

  /** Sets [[studyName]]. */
  def setStudyName(value: String): this.type = set(studyName, value)

  /** Sets [[timestampCol]]. */
  def setTimestampCol(value: String): this.type = set(timestampCol, value)

  /** Sets [[horizon]]. */
  def setHorizon(value: Int): this.type = set(horizon, value)

  /** Sets [[foldStorageLevel]]. */
  def setFoldStorageLevel(value: String): this.type = set(foldStorageLevel, value)

  /** The search space. */
  def getSearchSpace: SearchSpace = SearchSpace.fromJson($(searchSpace))

  /** The value of [[numTrials]]. */
  def getNumTrials: Int = $(numTrials)

  /** The value of [[batchSize]]. */
  def getBatchSize: Int = $(batchSize)

  /** The value of [[sampler]]. */
  def getSampler: String = $(sampler)

  /** The value of [[numStartupTrials]]. */
  def getNumStartupTrials: Int = $(numStartupTrials)

  /** The value of [[earlyStoppingRounds]]. */
  def getEarlyStoppingRounds: Int = $(earlyStoppingRounds)

  /** The value of [[timeout]]. */
  def getTimeout: Double = $(timeout)

  /** The value of [[maxFailedTrials]]; fails where it is unset. */
  def getMaxFailedTrials: Int = $(maxFailedTrials)

  /** The value of [[storage]]; fails where it is unset. */
  def getStorage: String = $(storage)

  /** The value of [[studyName]]; fails where it is unset. */
  def getStudyName: String = $(studyName)

  /** The value of [[timestampCol]]; fails where it is unset. */
  def getTimestampCol: String = $(timestampCol)

  /** The value of [[horizon]]; fails where it is unset. */
  def getHorizon: Int = $(horizon)

  /** The value of [[foldStorageLevel]]. */
  def getFoldStorageLevel: String = $(foldStorageLevel)

  private def whole(name: String, doc: String, low: Int): IntParam = new IntParam(
    this,
    name,
    doc,
    (value: Int) => value >= low || refuse(s"$name is $value: give a whole number >= $low")
  )

  private def choice(name: String, doc: String, values: Seq[String]): Param[String] = new Param(
    this,
    name,
    doc,
    (value: String) =>
      values.contains(value) || refuse(s"$name is '$value': choose one of ${values.mkString(", ")}")
  )

  private def text(name: String, doc: String): Param[String] = new Param(
    this,
    name,
    doc,
    (value: String) =>
      value != null && value.nonEmpty || refuse(s"$name is empty: give a text, or clear it")
  )
}

private[sparkprophet] object BayesianTunerParams {

  val Samplers: Seq[String] = Seq("tpe", "random", "qmc", "gp", "cmaes")

  val StorageLevels: Seq[String] = Seq(
    "NONE",
    "DISK_ONLY",
    "MEMORY_ONLY",
    "MEMORY_AND_DISK",
    "MEMORY_AND_DISK_DESER",
    "OFF_HEAP"
  )

  private def isSpace(json: String): Boolean = {
    if (json == null) refuse("searchSpace is null: give a SearchSpace or its JSON")
    SearchSpace.fromJson(json)
    true
  }

  private def refuse(message: String): Nothing = throw new IllegalArgumentException(message)
}
