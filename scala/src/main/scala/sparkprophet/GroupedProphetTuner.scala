package sparkprophet

import org.apache.spark.ml.Estimator
import org.apache.spark.ml.param.{Param, ParamMap}
import org.apache.spark.ml.util.{Identifiable, MLReadable, MLReader, MLWritable, MLWriter}
import org.apache.spark.sql.{Dataset, SparkSession}
import org.apache.spark.sql.types.StructType
import org.json4s._
import org.json4s.JsonDSL._
import org.json4s.jackson.JsonMethods.{compact, render}

import sparkprophet.grouped.{Checkpoint, GroupWork, Job, WarmStart}
import sparkprophet.params.{GroupedProphetTunerParams, InputChecks}
import sparkprophet.params.Messages.refuse
import sparkprophet.saving.{StageReader, StageWriter, Written}
import sparkprophet.workers.{PythonSources, PythonWorkers}

/**
 * Tunes and fits one Prophet per group: an Optuna study per key, in Spark's own Python workers.
 *
 * The group's last `horizon` steps (or `numFolds` rolling cutoffs) judge a config; the best one is
 * fitted to the whole group. The model is a [[GroupedProphetModel]] with `trials` and `comparison`;
 * its config column holds the values found. A group too short for a holdout gets the estimator's
 * own values (stopped_by=noHoldout). `parallelism` and `seed` here win over the estimator's.
 *
 * {{{
 * val prophet = new GroupedProphet().setGroupCols(Array("store", "item"))
 * val space = new BayesianParamGridBuilder()
 *   .addUniform(prophet.changepointPriorScale, 0.001, 0.5, log = true)
 *   .space
 * val tuner = new GroupedProphetTuner()
 *   .setEstimator(prophet).setSearchSpace(space).setHorizon(28)
 * tuner.fit(sales).comparison.show()
 * }}}
 */
class GroupedProphetTuner(override val uid: String)
    extends Estimator[GroupedProphetModel]
    with GroupedProphetTunerParams
    with MLWritable {

  def this() = this(Identifiable.randomUID("GroupedProphetTuner"))

  /** GroupedProphet whose settings are searched. Default: unset. */
  final val estimator: Param[GroupedProphet] =
    new Param(this, "estimator", "GroupedProphet whose settings are searched.")

  /** The value of [[estimator]]; fails where it is unset. */
  def getEstimator: GroupedProphet = $(estimator)

  /** Sets [[estimator]]. */
  def setEstimator(value: GroupedProphet): this.type = set(estimator, value)

  /**
   * Searches and fits every group; returns once all are fitted. Throws as [[GroupedProphet.fit]],
   * and IllegalArgumentException for a search that cannot work, before any other job.
   */
  override def fit(dataset: Dataset[_]): GroupedProphetModel = {
    val began = System.currentTimeMillis()
    val params = settings
    InputChecks.check(params, dataset, fitting = true)
    val request = GroupedProphet.request(params) ~ ("tuner" -> GroupedProphet.valuesOf(this))
    val answer = PythonWorkers.check(dataset.sparkSession, request)
    val search = (answer \ "search").asInstanceOf[JObject]
    def workOf(search: JObject): GroupWork = GroupWork(
      GroupWork.keyed(dataset, params),
      params,
      dataset.schema(params.getTimestampCol).dataType,
      "tune",
      threads =>
        GroupWork.layout(params, answer \ "config") ~ ("search" -> search) ~ ("threads" -> threads),
      GroupedProphet.recordOf(answer)
    )
    val work = workOf(warmStarted(search, workOf))
    val checkpoint = checkpointed(answer, dataset.schema)
    val (models, summary) = Job.materialise(work, began, checkpoint)
    GroupedProphetModel.finished(uid, params, models, summary).setParent(this)
  }

  /** The search, with the points that a few groups were served well by, where those are wanted. */
  private def warmStarted(search: JObject, workOf: JObject => GroupWork): JObject =
    if (getWarmStartGroups == 0) search
    else {
      val work = workOf(replaced(search, "collect_trials", JBool.True))
      replaced(search, "starts_json", JString(WarmStart.bestPoints(work, getWarmStartGroups)))
    }

  private def checkpointed(answer: JValue, schema: StructType): Option[Checkpoint] =
    get(checkpointDir).map { folder =>
      val arguments = List[JValue](
        replaced((answer \ "search").asInstanceOf[JObject], "until", JNull),
        getWarmStartGroups,
        answer \ "config",
        settings.getGroupCols.toList,
        schema(settings.getTimestampCol).dataType.simpleString
      )
      Checkpoint(folder, PythonSources.zip.getName, compact(render(arguments)))
    }

  /** The estimator with the params that win over its own. */
  private def settings: GroupedProphet = {
    for (param <- Seq[Param[_]](estimator, searchSpace, horizon) if !isDefined(param))
      refuse(s"${param.name}: is not set; GroupedProphetTuner needs it")
    $(estimator).copy(ParamMap.empty).setSeed(getSeed).setParallelism(getParallelism)
  }

  private def replaced(json: JObject, name: String, value: JValue): JObject =
    JObject(json.obj.map {
      case (field, _) if field == name => JField(field, value)
      case other => other
    })

  /** The input's schema with the forecast's columns; refuses what `fit` would refuse. */
  override def transformSchema(schema: StructType): StructType = settings.transformSchema(schema)

  /** A copy; extra values of the estimator's params go to a copy of the estimator. */
  override def copy(extra: ParamMap): GroupedProphetTuner = {
    val copied = defaultCopy[GroupedProphetTuner](extra)
    if (copied.isDefined(copied.estimator)) copied.setEstimator(copied.getEstimator.copy(extra))
    copied
  }

  /** A writer: `write.overwrite().save(path)`; the estimator is saved below. */
  override def write: MLWriter = {
    val stage = get(estimator)
    new StageWriter(
      this,
      path => {
        stage.foreach(StageLoader.save(SparkSession.active, _, s"$path/estimator"))
        Written(Map("estimator" -> JNothing), "hasEstimator" -> stage.isDefined)
      }
    )
  }
}

/** Loads what `save` wrote, in this language or in Python. */
object GroupedProphetTuner extends MLReadable[GroupedProphetTuner] {

  override def read: MLReader[GroupedProphetTuner] = new StageReader(
    classOf[GroupedProphetTuner],
    saved => {
      val tuner = new GroupedProphetTuner(saved.uid)
      if (saved("hasEstimator") == JBool.True)
        tuner.setEstimator(GroupedProphet.load(s"${saved.path}/estimator"))
      tuner
    }
  )

  override def load(path: String): GroupedProphetTuner = super.load(path)
}
