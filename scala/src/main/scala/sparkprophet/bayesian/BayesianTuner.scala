package sparkprophet.bayesian

import scala.util.Try

import org.apache.spark.ml.{Estimator, Model}
import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param._
import org.apache.spark.ml.tuning.sparkprophet.Stages
import org.apache.spark.sql.DataFrame
import org.apache.spark.storage.StorageLevel
import org.json4s._
import org.json4s.jackson.JsonMethods.parse

import sparkprophet.{ScoredTrial, SearchSpace}
import sparkprophet.params.{BayesianTunerParams, ParamValues, PlainJson, StorageUrl}
import sparkprophet.params.Messages.refuse
import sparkprophet.workers.SearchProcess

/** What both Bayesian tuners share: the search, whatever its folds are. */
private[sparkprophet] trait BayesianTuner extends BayesianTunerParams {

  import BayesianTuner._

  def estimator: Param[Estimator[_]]

  def evaluator: Param[Evaluator]

  def estimatorParamMaps: Param[Array[ParamMap]]

  def seed: LongParam

  def parallelism: IntParam

  def collectSubModels: BooleanParam

  /** Runs a block with the folds of the data, which is kept for that time. */
  private[sparkprophet] def withFolds[T](data: DataFrame, level: StorageLevel)(
      block: Seq[Fold] => T
  ): T

  private[sparkprophet] def search(data: DataFrame): SearchResult = {
    val stage = needed(estimator)
    val measure = needed(evaluator)
    if (searches) {
      val process = SearchProcess(data.sparkSession)
      try {
        val space = getSearchSpace
        val params = paramsOf(stage, space)
        open(process, space, stage, measure, data)
        val study = new ProcessStudy(process, measure.isLargerBetter)
        searched(data, study)(mapOf(params, _)) { trial =>
          mapOf(
            params,
            JObject(trial.params.toList.map { case (k, v) => k -> PlainJson.written(v) })
          )
        }
      } finally process.close()
    } else {
      val grid = $(estimatorParamMaps).toSeq
      val study = new GridStudy(grid, measure.isLargerBetter, rules(grid.length))
      searched(data, study)(identity)(trial => grid(trial.number))
    }
  }

  private def searched[T](data: DataFrame, study: BatchedTrials[T])(mapOf: T => ParamMap)(
      mapAgain: ScoredTrial => ParamMap
  ): SearchResult =
    withFolds(data, Folds.StorageLevels($(foldStorageLevel))) { folds =>
      val context = data.sparkSession.sparkContext
      val fits = new CandidateFits(
        context,
        $(estimator),
        $(evaluator),
        folds,
        $(parallelism),
        $(collectSubModels)
      )
      try BayesianSearch.run(study, fits, get(maxFailedTrials))(mapOf)(mapAgain)
      finally fits.close()
    }

  /** The estimator, fitted on all data with the best candidate's params. */
  private[sparkprophet] def fittedBest(data: DataFrame, result: SearchResult): Model[_] =
    $(estimator).fit(data, result.bestMap).asInstanceOf[Model[_]]

  /** The model with this tuner's params, and the param map of each of its trials. */
  private[sparkprophet] def withParams[M <: Model[M]](model: M, result: SearchResult): M = {
    copyValues(model)
    // Explicit where it is a default too: Spark's readers look for it among the set ones.
    for (name <- Seq("numFolds", "trainRatio") if hasParam(name)) {
      val value = getOrDefault(getParam(name))
      model.set(model.getParam(name).asInstanceOf[Param[Any]], value)
    }
    val maps = model.getParam("estimatorParamMaps").asInstanceOf[Param[Array[ParamMap]]]
    model.set(maps, result.maps.toArray)
  }

  /** Whether there is a search space; else there is a grid. */
  private[sparkprophet] def searches: Boolean = {
    val grid = get(estimatorParamMaps).getOrElse(Array.empty[ParamMap])
    val spaced = isDefined(searchSpace)
    if (!spaced && grid.isEmpty)
      refuse("searchSpace: is not set; give one, or estimatorParamMaps")
    // A saved tuner has an empty map there, which Spark's reader wants.
    if (spaced && grid.exists(_.size > 0))
      refuse("searchSpace and estimatorParamMaps are both set; clear one of them")
    if (!spaced && isDefined(storage))
      refuse("storage: is set for a fixed grid, which has no study; clear it")
    spaced
  }

  /** Whether the folds are those of a rolling origin. */
  private[sparkprophet] def isRolling: Boolean = {
    def check(one: Param[_], other: Param[_]): Unit =
      if (isDefined(one) && !isDefined(other))
        refuse(s"${one.name}: is set without ${other.name}; set both or neither")
    check(timestampCol, horizon)
    check(horizon, timestampCol)
    isDefined(timestampCol)
  }

  private def rules(trials: Int): Rules = Rules(
    trials,
    $(batchSize),
    $(earlyStoppingRounds),
    $(timeout),
    get(maxFailedTrials)
  )

  private def open(
      process: SearchProcess,
      space: SearchSpace,
      stage: Estimator[_],
      measure: Evaluator,
      data: DataFrame
  ): Unit = {
    val names = Seq(
      searchSpace,
      seed,
      sampler,
      numStartupTrials,
      storage,
      studyName,
      trustStorage,
      numTrials,
      batchSize,
      earlyStoppingRounds,
      timeout,
      maxFailedTrials
    )
    val fields = names.map(param => param.name -> jsonOf(param)).toMap - "searchSpace"
    process.call(
      "open",
      Seq(
        "space" -> JString(space.toJson),
        "maximise" -> JBool(measure.isLargerBetter),
        "facts" -> facts(stage, measure, data)
      ) ++ fields: _*
    )
    ()
  }

  /** What a stored study must share with a search that goes on with it. */
  private def facts(stage: Estimator[_], measure: Evaluator, data: DataFrame): JObject = {
    val settings = measure.extractParamMap().toSeq.map { pair =>
      val param = pair.param.asInstanceOf[Param[Any]]
      param.name -> parse(param.jsonEncode(pair.value))
    }
    JObject(
      "estimator" -> JString(stage.getClass.getSimpleName),
      "evaluator" -> JString(measure.getClass.getSimpleName),
      "settings" -> JObject(settings: _*),
      "others" -> JObject(FactNames.filter(hasParam).map(n => n -> jsonOf(getParam(n))): _*),
      "stages" -> JArray(Stages.inside(stage).values.toList.map { inner =>
        JArray(List(JString(inner.getClass.getSimpleName), setParams(inner)))
      }),
      // A pass over the data, only for those who keep the study.
      "data" -> (if (isDefined(storage)) Folds.fingerprint(data) else JNull)
    )
  }

  /** A stage's explicit params by name; stages among them, and vectors, are not. */
  private def setParams(stage: Params): JObject = {
    def isPlain(value: JValue): Boolean = value match {
      case JArray(entries) => entries.forall(e => isPlain(e) || e.isInstanceOf[JObject])
      case _: JObject => false
      case _ => true
    }
    val values = stage.params.toList.filter(stage.isSet(_)).flatMap { param =>
      val typed = param.asInstanceOf[Param[Any]]
      // A param of stages has no JSON.
      Try(parse(typed.jsonEncode(stage.getOrDefault(typed)))).toOption.map(typed.name -> _)
    }
    JObject(values.filter { case (_, value) => isPlain(value) })
  }

  private def jsonOf(param: Param[_]): JValue = {
    val typed = param.asInstanceOf[Param[Any]]
    if (isDefined(typed)) parse(typed.jsonEncode($(typed))) else JNull
  }

  /** Of a storage without its password. */
  override def explainParam(param: Param[_]): String =
    get(storage).fold(super.explainParam(param)) { url =>
      super.explainParam(param).replace(url, StorageUrl.masked(url))
    }

  private def needed[T](param: Param[T]): T =
    if (isDefined(param)) $(param)
    else refuse(s"${param.name}: is not set; ${getClass.getSimpleName} needs it")
}

private[sparkprophet] object BayesianTuner {

  private val FactNames = List(
    "seed",
    "batchSize",
    "sampler",
    "numStartupTrials",
    "numFolds",
    "trainRatio",
    "foldCol",
    "timestampCol",
    "horizon"
  )

  /**
   * Key of the space -> the param it means, of the estimator or of a stage inside it.
   *
   * @throws IllegalArgumentException where there is no such stage or param, and for a param without
   *   a stage that several have
   */
  private def paramsOf(stage: Estimator[_], space: SearchSpace): Map[String, Param[_]] = {
    val stages = Stages.inside(stage)
    space.entries.map { entry =>
      val owners = stages.collect {
        case (uid, owner: Params) if entry.parent.forall(_ == uid) && owner.hasParam(entry.name) =>
          owner
      }
      if (owners.size != 1)
        refuse(
          s"searchSpace: '${entry.key}' of stage '${entry.parent.getOrElse("")}' is a param of " +
            s"${if (owners.isEmpty) "none" else owners.size.toString} of the estimator's stages " +
            s"(${stages.keys.mkString(", ")}); build the space from the params of the estimator " +
            "that is set"
        )
      entry.key -> owners.head.getParam(entry.name)
    }.toMap
  }

  private def mapOf(params: Map[String, Param[_]], point: JValue): ParamMap = point match {
    case JObject(fields) =>
      ParamMap(fields.map { case (key, value) =>
        ParamValues.read(params(key), "searchSpace", value)
      }: _*)
    case other => throw new IllegalStateException(s"found $other for a point of the search")
  }
}
