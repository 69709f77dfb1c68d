package sparkprophet.saving

import org.apache.spark.ml.{Estimator, Model, Pipeline, PipelineStage}
import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param.{Param, ParamMap, Params}
import org.apache.spark.ml.tuning.sparkprophet.Stages
import org.apache.spark.ml.util.MLWritable
import org.apache.spark.sql.SparkSession
import org.json4s._

import sparkprophet.{ScoredTrial, SearchRecord, SearchedModel, StageLoader}
import sparkprophet.params.{BayesianTunerParams, ParamValues, PlainJson, StorageUrl}
import sparkprophet.params.Messages.refuse

/**
 * The folder of a saved tuner, or of a tuner's model: that of Spark's own, in both languages.
 *
 * Candidates that failed have no place among the saved metrics and param maps, only in the record.
 */
private[sparkprophet] object TunerFolder {

  /** Params that are no plain values: they are not among those of the metadata. */
  val Apart: Set[String] = Set("estimator", "evaluator", "estimatorParamMaps")

  /** Writes the estimator and the evaluator of a tuner; the param maps are for the metadata. */
  def write(tuner: BayesianTunerParams, path: String): Written = {
    val spark = SparkSession.active
    writeStages(spark, tuner, path)
    val maps = mapsOf(spark, tuner, path)
    // Spark's reader wants some where there is something to try.
    val saved =
      if (maps.isEmpty && tuner.isSet(tuner.searchSpace)) List(JArray(Nil)) else maps
    Written(params(tuner, saved))
  }

  /**
   * Writes all of a model but its metadata.
   *
   * @param metrics name -> one per trial
   * @param folders the sub-models, one per trial, by the folder of their fold
   */
  def write(
      model: Params with SearchedModel,
      path: String,
      best: Model[_],
      metrics: Seq[(String, Array[Double])],
      folders: Option[Seq[(String, Array[Model[_]])]]
  ): Written = {
    val spark = SparkSession.active
    val record = model.record
    val complete = record.trials.indices.filter(record.trials(_).value.isDefined)
    folders.foreach(checkWhole(_, complete))
    writeStages(spark, model, path)
    StageLoader.save(spark, best, s"$path/bestModel")
    for ((folder, models) <- folders.toSeq.flatten; (position, place) <- complete.zipWithIndex)
      StageLoader.save(spark, models(position), s"$path/subModels/$folder$place")
    val maps = mapsOf(spark, model, path)
    val numbers = metrics.toList.map { case (name, values) =>
      name -> (JArray(complete.map(i => JDouble(values(i))).toList): JValue)
    }
    val failed = maps.indices.filterNot(complete.contains).map(maps)
    val extra = numbers ++ List[JField](
      "persistSubModels" -> JBool(folders.isDefined),
      "failedParamMaps" -> JArray(failed.toList),
      "stoppedBy" -> JString(record.stoppedBy),
      "searchSpace" -> record.searchSpace.fold[JValue](JNull)(JString(_)),
      "maximise" -> JBool(record.maximise),
      "trials" -> JArray(record.trials.map(_.toJson).toList)
    )
    Written(params(model, complete.map(maps).toList), JObject(extra))
  }

  private def checkWhole(folders: Seq[(String, Array[Model[_]])], complete: Seq[Int]): Unit =
    for ((_, models) <- folders; position <- complete if models(position) == null)
      refuse(
        s"persistSubModels: trial $position was fitted before a restart and has no sub-models; " +
          "use option(\"persistSubModels\", \"false\")"
      )

  private def params(tuner: Params, maps: List[JValue]): Map[String, JValue] =
    Map("estimator" -> JNothing, "evaluator" -> JNothing, "estimatorParamMaps" -> JArray(maps)) ++
      Option
        .when(tuner.hasParam("storage"))(tuner.getParam("storage").asInstanceOf[Param[String]])
        .flatMap(tuner.get)
        .map(url => "storage" -> JString(StorageUrl.masked(url)))

  private def writeStages(spark: SparkSession, tuner: Params, path: String): Unit =
    for (name <- Seq("estimator", "evaluator")) {
      val param = tuner.getParam(name).asInstanceOf[Param[Params]]
      if (!tuner.isDefined(param))
        refuse(s"$name: is not set; a tuner can be saved once it has one")
      StageLoader.save(spark, tuner.getOrDefault(param), s"$path/$name")
    }

  /** The param maps as Spark writes them; values that are stages get their own folders. */
  private def mapsOf(spark: SparkSession, tuner: Params, path: String): List[JValue] = {
    val maps = tuner.get(tuner.getParam("estimatorParamMaps").asInstanceOf[Param[Array[ParamMap]]])
    val stage = tuner.getOrDefault(tuner.getParam("estimator")).asInstanceOf[Params]
    val known = Stages.inside(stage).keySet
    val numbers = Iterator.from(0)
    maps.toList.flatten.map { map =>
      val inValues = map.toSeq.flatMap(pair => asStage(pair.value)).flatMap(Stages.inside(_).keys)
      JArray(map.toSeq.toList.map { pair =>
        val param = pair.param.asInstanceOf[Param[Any]]
        if (!known(param.parent) && !inValues.contains(param.parent))
          refuse(
            s"estimatorParamMaps: ${param.parent}.${param.name} is no param of the estimator or " +
              "of a stage inside it"
          )
        val (value, isJson) = asStage(pair.value).fold((param.jsonEncode(pair.value), true)) {
          inner =>
            val folder = s"epm_${param.name}${numbers.next()}"
            StageLoader.save(spark, inner, s"$path/$folder")
            (s"\"$folder\"", false)
        }
        JObject(
          "parent" -> JString(param.parent),
          "name" -> JString(param.name),
          "value" -> JString(value),
          "isJson" -> JString(isJson.toString)
        )
      })
    }
  }

  /** What is saved of a value that is a stage, or the stages of a Pipeline. */
  private def asStage(value: Any): Option[Params] = value match {
    case inner: Params with MLWritable => Some(inner)
    case several: Array[_] if several.nonEmpty && several.forall(_.isInstanceOf[PipelineStage]) =>
      Some(new Pipeline().setStages(several.map(_.asInstanceOf[PipelineStage])))
    case _ => None
  }

  /** Sets what is not among the plain params: the estimator, the evaluator and the param maps. */
  def readInto(tuner: Params, metadata: Metadata): Unit = {
    val spark = SparkSession.active
    val estimator = StageLoader.load(spark, s"${metadata.path}/estimator")
    val evaluator = StageLoader.load(spark, s"${metadata.path}/evaluator")
    tuner.set(tuner.getParam("estimator").asInstanceOf[Param[Estimator[_]]], cast(estimator))
    tuner.set(tuner.getParam("evaluator").asInstanceOf[Param[Evaluator]], cast(evaluator))
    val stages = Stages.inside(estimator)
    val maps = savedMaps(metadata).map(readMap(spark, metadata, stages, _))
    val param = tuner.getParam("estimatorParamMaps").asInstanceOf[Param[Array[ParamMap]]]
    // The empty map beside a search space stands for none.
    val none = maps.forall(_.size == 0) && metadata.params.contains("searchSpace")
    if (maps.nonEmpty && !none) tuner.set(param, maps.toArray)
  }

  /** A saved param map. Its params may be those of stages among its values. */
  private def readMap(
      spark: SparkSession,
      metadata: Metadata,
      stages: Map[String, Params],
      entries: List[JValue]
  ): ParamMap = {
    val values = entries.map(entry =>
      SavedStage.value(entry).map(folder => StageLoader.load(spark, s"${metadata.path}/$folder"))
    )
    val known = stages ++ values.flatMap(_.toOption).flatMap(Stages.inside)
    ParamMap(entries.zip(values).map { case (entry, value) =>
      def ofNoStage = refuse(s"${metadata.path}: holds a param map of no stage")
      val owner = known.getOrElse(Metadata.text(entry, "parent"), ofNoStage)
      val param = owner.getParam(Metadata.text(entry, "name"))
      (value, owner) match {
        case (Left(json), _) => ParamValues.read(param, "estimatorParamMaps", json)
        case (Right(several: Pipeline), pipeline: Pipeline) if param == pipeline.stages =>
          pipeline.stages.w(several.getStages)
        case (Right(inner), _) => param.asInstanceOf[Param[Any]].w(inner)
      }
    }: _*)
  }

  private def cast[T](stage: Params): T = stage.asInstanceOf[T]

  private def savedMaps(metadata: Metadata): Seq[List[JValue]] = {
    val saved = metadata.params("estimatorParamMaps").children.map(_.children)
    metadata("trials") match {
      case JNothing => saved
      case _ =>
        val failed = metadata("failedParamMaps").children.map(_.children).iterator
        spread(metadata, saved).map(_.getOrElse(failed.next()))
    }
  }

  /** The record of a model's search. */
  def record(metadata: Metadata): SearchRecord = SearchRecord(
    metadata("trials").children.map(ScoredTrial.fromJson),
    PlainJson.read(metadata("stoppedBy")).toString,
    metadata("maximise") == JBool(true),
    PlainJson.optional(metadata("searchSpace")).map(PlainJson.read(_).toString)
  )

  def bestModel(metadata: Metadata): Model[_] =
    cast(StageLoader.load(SparkSession.active, s"${metadata.path}/bestModel"))

  /** One number per trial, NaN where it failed. */
  def metrics(metadata: Metadata, name: String): Array[Double] =
    spread(metadata, metadata(name).children)
      .map(_.fold(Double.NaN)(PlainJson.number))
      .toArray

  /** One sub-model per trial, null where it failed, of the fold with this folder. */
  def subModels(metadata: Metadata, folder: String): Option[Array[Model[_]]] =
    Option.when(metadata("persistSubModels") == JBool(true)) {
      val count = metadata.params("estimatorParamMaps").children.length
      val places = Seq.tabulate(count)(place => s"${metadata.path}/subModels/$folder$place")
      spread(metadata, places).map { place =>
        place.map(path => cast[Model[_]](StageLoader.load(SparkSession.active, path))).orNull
      }.toArray
    }

  /** One value per trial from one per successful trial. */
  private def spread[T](metadata: Metadata, values: Seq[T]): Seq[Option[T]] = {
    val next = values.iterator
    metadata("trials").children.map { trial =>
      PlainJson.optional(trial \ "value").map(_ => next.next())
    }
  }
}
