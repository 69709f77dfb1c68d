package sparkprophet.saving

import org.apache.spark.ml.{Estimator, Model, Pipeline, PipelineModel, PipelineStage, Transformer}
import org.apache.spark.ml.classification.{Classifier, OneVsRest, OneVsRestModel}
import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param.{Param, ParamMap, Params}
import org.apache.spark.ml.sparkprophet.Pipelines
import org.apache.spark.ml.tuning.{CrossValidator, CrossValidatorModel, TrainValidationSplit}
import org.apache.spark.ml.tuning.TrainValidationSplitModel
import org.apache.spark.ml.tuning.sparkprophet.{SavedParts, Stages}
import org.apache.spark.ml.util.MLReader
import org.apache.spark.sql.SparkSession
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, render}

import sparkprophet.params.{ParamValues, PlainJson}
import sparkprophet.params.Messages.refuse

/**
 * Stages built from what was looked at: Spark's Pipelines and tuners part by part, others alone.
 *
 * Spark's own readers of what holds other stages look at the folder again, so they are not used. A
 * single stage is loaded by its own class's reader.
 */
private[sparkprophet] object SparkStages {

  private type Parts = Map[String, Params]
  private val Apart = Seq("estimator", "evaluator", "estimatorParamMaps")
  private val CrossValidation = classOf[CrossValidator]
  private val CrossValidated = classOf[CrossValidatorModel]
  private val Splitting = classOf[TrainValidationSplit]
  private val Split = classOf[TrainValidationSplitModel]
  private val Staged = classOf[Pipeline]
  private val StagedModel = classOf[PipelineModel]
  private val OneByOne = classOf[OneVsRest]
  private val OneByOneModel = classOf[OneVsRestModel]

  /** The stage that was looked at. */
  def build(spark: SparkSession, saved: SavedStage): Params = {
    val uid = saved.metadata.uid
    lazy val parts = saved.parts.map { case (name, part) => name -> build(spark, part) }
    def stages: Seq[Params] = SavedStage.stageFolders(saved.metadata).map(parts)
    saved.stageClass match {
      case Staged => new Pipeline(uid).setStages(stages.map(of[PipelineStage]).toArray)
      case StagedModel => Pipelines.model(uid, stages.map(of[Transformer]).toArray)
      case OneByOne =>
        val made = new OneVsRest(uid).setClassifier(of[Classifier[_, _, _]](parts("classifier")))
        withParams(made, saved, "classifier")
      case OneByOneModel => oneVsRestModel(saved, parts)
      case CrossValidation => withTunersParams(new CrossValidator(uid), saved, parts)
      case Splitting => withTunersParams(new TrainValidationSplit(uid), saved, parts)
      case CrossValidated => crossValidatorModel(saved, parts)
      case Split => splitModel(saved, parts)
      case _ => alone(spark, saved)
    }
  }

  private def of[T](stage: Params): T = stage.asInstanceOf[T]

  private def alone(spark: SparkSession, saved: SavedStage): Params = {
    val reader = saved.stageClass.getMethod("read").invoke(null).asInstanceOf[MLReader[Params]]
    // Readers of our own take a path as it is, Spark's take it for a pattern.
    val ours = saved.stageClass.getName.startsWith("sparkprophet.")
    val stage = reader.session(spark).load(if (ours) saved.path else Files.exact(saved.path))
    if (stage.getClass != saved.stageClass || stage.uid != saved.metadata.uid)
      refuse(
        s"${saved.path}: was replaced while it was read, found '${stage.uid}' for " +
          s"'${saved.metadata.uid}'; load it when no other job saves there"
      )
    stage
  }

  private def withParams[T <: Params](stage: T, saved: SavedStage, apart: String*): T =
    saved.metadata.ofThisFormat(
      SavedParts.setParams(stage, compact(render(saved.metadata.json)), apart)
    )

  private def oneVsRestModel(saved: SavedStage, parts: Parts): Params = {
    val models = parts.keys.count(_.startsWith("model_"))
    val labels = saved.metadata("labelMetadata") match {
      case JString(text) => text
      case _ => "{}" // Python's writer has none
    }
    val made = SavedParts.oneVsRestModel(
      saved.metadata.uid,
      labels,
      (0 until models).map(i => parts(s"model_$i"))
    )
    set(made, "classifier", parts("classifier"))
    withParams(made, saved, "classifier")
  }

  private def crossValidatorModel(saved: SavedStage, parts: Parts): Params = {
    val metadata = saved.metadata
    val folds = metadata.params.get("numFolds").fold(0)(PlainJson.number(_).toInt)
    val made = SavedParts.crossValidatorModel(
      metadata.uid,
      of[Model[_]](parts("bestModel")),
      metadata("avgMetrics").children.map(PlainJson.number).toArray
    )
    val models = Option.when(metadata("persistSubModels") == JBool(true)) {
      Array.tabulate(folds)(fold => subModels(metadata, parts, s"fold$fold/"))
    }
    withTunersParams(SavedParts.withSubModels(made, models), saved, parts)
  }

  private def splitModel(saved: SavedStage, parts: Parts): Params = {
    val metadata = saved.metadata
    val made = SavedParts.splitModel(
      metadata.uid,
      of[Model[_]](parts("bestModel")),
      metadata("validationMetrics").children.map(PlainJson.number).toArray
    )
    val models =
      Option.when(metadata("persistSubModels") == JBool(true))(subModels(metadata, parts, ""))
    withTunersParams(SavedParts.withSubModels(made, models), saved, parts)
  }

  private def subModels(metadata: Metadata, parts: Parts, folder: String): Array[Model[_]] = {
    val count = metadata.params("estimatorParamMaps").children.length
    Array.tabulate(count)(i => of[Model[_]](parts(s"subModels/$folder$i")))
  }

  private def withTunersParams[T <: Params](made: T, saved: SavedStage, parts: Parts): T = {
    val estimator = parts("estimator")
    val known = Stages.inside(estimator)
    val maps = saved.metadata.ofThisFormat(
      saved.metadata.params("estimatorParamMaps").children.map { entries =>
        ParamMap(entries.children.map { entry =>
          val owner = known(Metadata.text(entry, "parent"))
          val param = owner.getParam(Metadata.text(entry, "name"))
          SavedStage.value(entry) match {
            case Left(json) => ParamValues.read(param, "estimatorParamMaps", json)
            case Right(folder) => param.asInstanceOf[Param[Any]].w(parts(folder))
          }
        }: _*)
      }
    )
    set(made, "estimator", of[Estimator[_]](estimator))
    set(made, "evaluator", of[Evaluator](parts("evaluator")))
    set(made, "estimatorParamMaps", maps.toArray)
    withParams(made, saved, Apart: _*)
  }

  private def set(stage: Params, name: String, value: Any): Unit =
    stage.set(stage.getParam(name), value)
}
