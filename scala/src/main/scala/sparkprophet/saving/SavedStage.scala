package sparkprophet.saving

import org.apache.spark.ml.{Pipeline, PipelineModel}
import org.apache.spark.ml.classification.{OneVsRest, OneVsRestModel}
import org.apache.spark.ml.clustering.DistributedLDAModel
import org.apache.spark.ml.feature.RFormulaModel
import org.apache.spark.ml.param.Params
import org.apache.spark.ml.tuning.{CrossValidator, CrossValidatorModel, TrainValidationSplit}
import org.apache.spark.ml.tuning.TrainValidationSplitModel
import org.apache.spark.sql.SparkSession
import org.json4s._
import org.json4s.jackson.JsonMethods.parse

import sparkprophet.params.Messages.{clip, refuse}

/**
 * One stage of a folder that was looked at, before anything is built of it.
 *
 * The rules are those of Python's module `sparkprophet.spark.saving.saved_stage`.
 *
 * @param parts the stages inside it by their folders below its own
 */
final private[sparkprophet] case class SavedStage(
    metadata: Metadata,
    stageClass: Class[_],
    parts: Map[String, SavedStage]
) {
  def path: String = metadata.path
}

private[sparkprophet] object SavedStage {

  private val Most = 10000 // stages in one folder
  private val Value = "epm_\\w+".r
  private val SubModel = "subModels/(fold[0-9]+/)?[0-9]+".r
  private val OfSpark = "org\\.apache\\.spark\\.ml(lib)?(\\.\\w+)+".r
  private val Tuners =
    Seq(
      classOf[CrossValidator],
      classOf[TrainValidationSplit],
      classOf[CrossValidatorModel],
      classOf[TrainValidationSplitModel]
    )

  /**
   * The stage saved at `path`, with all stages inside it.
   *
   * Refuses a class that is no stage or not on the class path, a name that could be a path, a link
   * that leads out of the folder, a stage that no metadata tells of, and a tuner inside a tuner.
   */
  def look(spark: SparkSession, path: String): SavedStage = {
    Files.checkLinks(spark, path)
    val folders = foldersOfStages(Files.lengths(spark, path).keys)
    if (folders.size > Most)
      refuse(s"$path: holds ${folders.size} stages, more than the $Most that are read")
    val (stage, seen) = new Folder(spark, path, folders).look("", inTuner = false)
    for (name <- (folders -- seen).toSeq.sorted)
      refuse(
        s"$path/$name: is a stage that the metadata of $path does not tell of; remove it if you " +
          "trust the rest"
      )
    stage
  }

  /** Folders of a Pipeline's stages below its own, in order. */
  def stageFolders(metadata: Metadata): Seq[String] = {
    val uids = stageUids(metadata)
    val digits = uids.length.toString.length
    uids.zipWithIndex.map { case (uid, i) => s"stages/%0${digits}d_%s".format(i, uid) }
  }

  /** The value of an entry of a saved param map as JSON, or the folder of the stage that is one. */
  def value(entry: JValue): Either[JValue, String] = {
    // As JSON where the JVM wrote it, else as it is.
    val isJson = entry \ "isJson" match {
      case JString(json) => parse(json)
      case other => other
    }
    val text = Metadata.text(entry, "value")
    if (isJson == JBool(false)) {
      val name = text.stripPrefix("\"").stripSuffix("\"")
      if (!Value.matches(name))
        refuse(s"estimatorParamMaps: '$name' is no folder of a param's value")
      Right(name)
    } else Left(parse(text))
  }

  /** The entries of each saved param map of a tuner, those of failed candidates last. */
  private def entries(metadata: Metadata): Seq[JValue] =
    (metadata.params("estimatorParamMaps").children ++ metadata("failedParamMaps").children)
      .flatMap(_.children)

  private def foldersOfStages(names: Iterable[String]): Set[String] =
    names.flatMap { name =>
      val steps = name.split('/')
      steps.indices.dropRight(1).filter(steps(_) == "metadata").map(steps.take(_).mkString("/"))
    }.toSet

  private def stageUids(metadata: Metadata): Seq[String] =
    metadata.params.get("stageUids") match {
      case Some(JArray(names)) =>
        names.map {
          case JString(uid) => Metadata.plainName(metadata.path, "stageUids", uid)
          case _ => refuse(s"${metadata.path}/metadata: stageUids must be names of stages")
        }
      case _ => refuse(s"${metadata.path}/metadata: has no stageUids, so it is no Pipeline")
    }

  private class Folder(spark: SparkSession, top: String, folders: Set[String]) {

    /** The stage in the folder of this name, and the names of all that were looked at. */
    def look(name: String, inTuner: Boolean): (SavedStage, Set[String]) = {
      val path = if (name.isEmpty) top else s"$top/$name"
      val metadata = Metadata.read(spark, path)
      val stageClass = classOfStage(jvmName(metadata.className), path)
      def isA(classes: Class[_]*): Boolean = classes.exists(_.isAssignableFrom(stageClass))
      if (isA(Tuners: _*) && inTuner)
        refuse(
          s"$path: holds a '${metadata.className}' inside of another tuner, which Spark refuses"
        )
      val start = if (name.isEmpty) "" else s"$name/"
      val inside = folders.filter(f => f != name && f.startsWith(start)).map(_.stripPrefix(start))
      val ofMllib =
        if (!isA(classOf[DistributedLDAModel])) Set.empty[String]
        else inside.filter(f => s"$f/".startsWith("oldModel/"))
      ofMllib.foreach(f => checkOfSpark(s"$path/$f"))
      val parts = metadata
        .ofThisFormat(partsOf(metadata, isA _, inside).distinct)
        .map(part => part -> look(s"$start$part", inTuner || isA(Tuners: _*)))
      val seen = Set(name) ++ ofMllib.map(start + _) ++ parts.flatMap(_._2._2)
      val stages = parts.map { case (part, (stage, _)) => part -> stage }
      (SavedStage(metadata, stageClass, stages.toMap), seen)
    }

    private def checkOfSpark(path: String): Unit = {
      val named = Metadata.read(spark, path)("class")
      named match {
        case JString(name) if OfSpark.matches(name) =>
        case other => refuse(clip(s"$path: holds a '$other', which is no stage of Spark's"))
      }
    }
  }

  private def partsOf(
      metadata: Metadata,
      isA: Seq[Class[_]] => Boolean,
      inside: Set[String]
  ): Seq[String] =
    if (isA(Seq(classOf[Pipeline], classOf[PipelineModel]))) stageFolders(metadata)
    else if (isA(Seq(classOf[OneVsRest], classOf[OneVsRestModel])))
      "classifier" +: (0 until numClasses(metadata)).map(i => s"model_$i")
    else if (isA(Seq(classOf[RFormulaModel]))) Seq("pipelineModel")
    else if (isA(Tuners)) {
      val models = isA(Seq(classOf[CrossValidatorModel], classOf[TrainValidationSplitModel]))
      Seq("estimator", "evaluator") ++
        entries(metadata).flatMap(value(_).toOption) ++
        Option.when(models)("bestModel") ++
        (if (models && metadata("persistSubModels") == JBool(true))
           inside.filter(SubModel.matches(_)).toSeq.sorted
         else Nil)
    } else if (metadata("hasEstimator") == JBool(true)) Seq("estimator")
    // Of somebody whose jar is on the class path: what lies inside is of known classes too.
    else if (!jvmName(metadata.className).matches("(org\\.apache\\.spark|sparkprophet)\\..*"))
      inside.toSeq.filterNot(f => inside.exists(other => f.startsWith(s"$other/"))).sorted
    else Nil

  private def numClasses(metadata: Metadata): Int = metadata("numClasses") match {
    case JNothing => 0
    case JInt(n) if n >= 0 && n <= Most => n.toInt
    case other => refuse(s"${metadata.path}/metadata: numClasses is $other, must be 0 to $Most")
  }

  private def jvmName(name: String): String =
    name
      .replaceFirst("^pyspark\\.ml\\.pipeline\\.", "org.apache.spark.ml.")
      .replaceFirst("^pyspark\\.", "org.apache.spark.")

  /** Only a class of stages, not initialised: a file does not say which other code runs. */
  private def classOfStage(name: String, path: String): Class[_] = {
    def refused(why: String): Nothing = refuse(
      s"$path: holds a '$name', $why; put the jar that has it on the class path, or load the " +
        "folder in the language that saved it"
    )
    val loader = Thread.currentThread().getContextClassLoader
    val stageClass =
      try Class.forName(name, false, if (loader == null) getClass.getClassLoader else loader)
      catch { case _: ClassNotFoundException => refused("which is not on the class path") }
    if (!classOf[Params].isAssignableFrom(stageClass)) refused("which is no stage")
    try stageClass.getMethod("read")
    catch { case _: NoSuchMethodException => refused("which cannot be loaded by itself") }
    stageClass
  }
}
