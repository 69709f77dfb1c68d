package sparkprophet

import java.io.File
import java.nio.file.{FileAlreadyExistsException, Files}

import org.apache.commons.io.FileUtils
import org.apache.spark.ml.{Model, Pipeline, PipelineModel, PipelineStage}
import org.apache.spark.ml.evaluation.RegressionEvaluator
import org.apache.spark.ml.feature.PCA
import org.apache.spark.ml.linalg.{Vector, Vectors}
import org.apache.spark.ml.param.{Param, ParamMap}
import org.apache.spark.ml.regression.{GBTRegressor, LinearRegression, LinearRegressionModel}
import org.apache.spark.ml.util.MLWriter
import org.apache.spark.sql.DataFrame
import org.json4s._
import org.json4s.jackson.JsonMethods.parse
import org.scalatest.funsuite.AnyFunSuite

import sparkprophet.saving.{Manifest, TunerFolder}

class BayesianPersistenceSuite extends AnyFunSuite with SharedSession {

  private val lr = new LinearRegression()
  private val pca = new PCA().setInputCol("features").setOutputCol("few")
  private val of = new LinearRegression().setFeaturesCol("few")
  private val rmse = new RegressionEvaluator()

  private lazy val data: DataFrame = {
    val random = new java.util.Random(3)
    val rows = (0 until 40).map { _ =>
      val x = Array.fill(3)(random.nextGaussian())
      (Vectors.dense(x), x(0) + random.nextGaussian())
    }
    spark.createDataFrame(rows).toDF("features", "label").cache()
  }

  /** A search in which some candidates fail, as Spark says: huber has no normal equations. */
  private lazy val searched: BayesianCrossValidatorModel = {
    val space = new BayesianParamGridBuilder()
      .addChoice(lr.solver, Seq("normal", "l-bfgs"))
      .addUniform(lr.regParam, 0.0, 1.0)
      .baseOn(lr.loss -> "huber")
      .space
    new BayesianCrossValidator()
      .setSearchSpace(space)
      .setNumTrials(4)
      .setNumFolds(2)
      .setEstimator(lr)
      .setEvaluator(rmse)
      .setCollectSubModels(true)
      .fit(data)
      .asInstanceOf[BayesianCrossValidatorModel]
  }

  private def inFolder[T](run: String => T): T = {
    val folder = Files.createTempDirectory("tuners")
    try run(folder.resolve("saved").toString)
    finally FileUtils.deleteDirectory(folder.toFile)
  }

  private def metadata(path: String): JValue =
    parse(spark.read.text(s"$path/metadata").head().getString(0))

  private def names(path: String): Set[String] =
    new File(path).list().toSet.filterNot(name => name.startsWith(".") || name.startsWith("_"))

  private def coefficients(model: Model[_]): Vector =
    model.asInstanceOf[LinearRegressionModel].coefficients

  private def assertSame(
      one: BayesianCrossValidatorModel,
      other: BayesianCrossValidatorModel
  ): Unit = {
    assert(one.trials.map(_.toString) sameElements other.trials.map(_.toString))
    assert(one.trials.map(_.params) sameElements other.trials.map(_.params))
    for ((x, y) <- one.avgMetrics.zip(other.avgMetrics)) assert(x == y || x.isNaN && y.isNaN)
    for ((x, y) <- one.stdMetrics.zip(other.stdMetrics)) assert(x == y || x.isNaN && y.isNaN)
    assert(one.stoppedBy == other.stoppedBy && one.uid == other.uid)
    def maps(model: BayesianCrossValidatorModel): Seq[Set[String]] =
      model.getEstimatorParamMaps.toSeq.map(_.toSeq.map(_.toString).toSet)
    assert(maps(one) == maps(other) && one.getNumFolds == other.getNumFolds)
    assert(coefficients(one.bestModel) == coefficients(other.bestModel))
  }

  test("a model with failed candidates comes back whole, sub-models too", Slow) {
    assert(searched.trials.exists(_.error.isDefined) && searched.trials.exists(_.error.isEmpty))
    inFolder { path =>
      searched.save(path)
      val loaded = BayesianCrossValidatorModel.load(path)
      assertSame(loaded, searched)
      for (fold <- 0 to 1; i <- searched.trials.indices) {
        val kept = Option(loaded.subModels(fold)(i)).map(coefficients)
        assert(kept == Option(searched.subModels(fold)(i)).map(coefficients))
      }
      val again = loaded.transform(data).select("prediction").collect()
      assert(again sameElements searched.transform(data).select("prediction").collect())
    }
  }

  test("the folder is the one that Python writes and reads") {
    inFolder { path =>
      searched.save(path)
      assert(names(path) == Set(
        "metadata",
        "manifest",
        "estimator",
        "evaluator",
        "bestModel",
        "subModels"
      ))
      assert(names(s"$path/subModels") == Set("fold0", "fold1"))
      val complete = searched.trials.filter(_.error.isEmpty)
      assert(names(s"$path/subModels/fold1") == complete.indices.map(_.toString).toSet)
      val saved = metadata(path)
      assert(saved \ "class" == JString("sparkprophet.BayesianCrossValidatorModel"))
      assert((saved \ "avgMetrics").children == complete.map(t => JDouble(t.value.get)).toList)
      assert((saved \ "stdMetrics").children.length == complete.length)
      assert((saved \ "paramMap" \ "estimatorParamMaps").children.length == complete.length)
      assert((saved \ "failedParamMaps").children.length == 4 - complete.length)
      assert(saved \ "persistSubModels" == JBool(true) && saved \ "maximise" == JBool(false))
      assert(saved \ "stoppedBy" == JString("numTrials") && saved \ "format_version" == JInt(2))
      assert(SearchSpace.fromJson((saved \ "searchSpace").values.toString).entries.length == 3)
      val fields = Set("number", "params", "state", "value", "scores", "seconds", "error")
      for (trial <- (saved \ "trials").children)
        assert(trial.asInstanceOf[JObject].values.keySet == fields)
      // Python's model has these params and no others.
      val params = (saved \ "paramMap").asInstanceOf[JObject].values.keySet
      assert(params == Set("estimatorParamMaps", "numFolds"))
      val defaults = (saved \ "defaultParamMap").asInstanceOf[JObject].values.keySet
      assert(defaults == Set("numFolds", "foldCol", "seed"))
    }
  }

  test("write gives Spark's own writer, with its options, and the same folder", Slow) {
    inFolder { path =>
      def writer: MLWriter = searched.write
      writer.save(path)
      assertSame(BayesianCrossValidatorModel.load(path), searched)
      assert(BayesianCrossValidatorModel.load(path).hasSubModels)
      intercept[java.io.IOException](writer.save(path))
      writer.option("persistSubModels", "false").overwrite().save(path)
      assertSame(BayesianCrossValidatorModel.load(path), searched)
      assert(!BayesianCrossValidatorModel.load(path).hasSubModels)
      assert(names(path) == Set("metadata", "manifest", "estimator", "evaluator", "bestModel"))
      val bare = BayesianCrossValidatorModel.load(path)
      intercept[IllegalArgumentException](
        bare.write.option("persistSubModels", "true").overwrite().save(path)
      )
    }
  }

  test("save refuses what is there, and a failed save leaves what was there") {
    inFolder { path =>
      searched.save(path)
      val before = metadata(path)
      intercept[FileAlreadyExistsException](searched.save(path))
      val unsaved = new BayesianCrossValidator().setEvaluator(rmse)
      assert(messageOf(unsaved.write.overwrite().save(path)).startsWith("estimator: is not set"))
      assert(metadata(path) == before)
      assert(new File(path).getParentFile.list().toSet == Set("saved"))
    }
  }

  test("a tuner with a search space comes back with all of its params", Slow) {
    val space =
      new BayesianParamGridBuilder().addInt(pca.k, 1, 3).addUniform(of.regParam, 0, 1).space
    val tuner = new BayesianTrainValidationSplit()
      .setSearchSpace(space)
      .setNumTrials(2)
      .setTimeout(30)
      .setMaxFailedTrials(1)
      .setStorage("sqlite:///a.db")
      .setStudyName("s")
      .setTrainRatio(0.6)
      .setSeed(9)
      .setEvaluator(rmse.setMetricName("mae"))
      .setEstimator(new Pipeline().setStages(Array[PipelineStage](pca, of)))
      .asInstanceOf[BayesianTrainValidationSplit]
    inFolder { path =>
      tuner.save(path)
      val loaded = BayesianTrainValidationSplit.load(path)
      for (param <- tuner.params if !TunerFolder.Apart(param.name)) {
        val typed = loaded.getParam(param.name).asInstanceOf[Param[Any]]
        assert(loaded.get(typed) == tuner.get(param.asInstanceOf[Param[Any]]), param.name)
      }
      assert(loaded.uid == tuner.uid && loaded.getEvaluator.uid == rmse.uid)
      assert(!loaded.isSet(loaded.estimatorParamMaps))
      assert(metadata(path) \ "paramMap" \ "estimatorParamMaps" == JArray(List(JArray(Nil))))
      loaded.clear(loaded.storage).clear(loaded.studyName)
      tuner.clear(tuner.storage).clear(tuner.studyName)
      val (a, b) = (loaded.fit(data), tuner.fit(data))
      assert(a.trials.map(_.params) sameElements b.trials.map(_.params))
      assert(a.validationMetrics sameElements b.validationMetrics)
      a.write.overwrite().save(path)
      val again = BayesianTrainValidationSplitModel.load(path)
      assert(again.validationMetrics sameElements a.validationMetrics)
      assert(again.bestModel.isInstanceOf[PipelineModel] && again.getTrainRatio == 0.6)
    }
  }

  test("a grid comes back, stages among its values too") {
    val trees = new GBTRegressor().setMaxIter(1)
    val pipeline = new Pipeline("p")
    val grid = Array(
      ParamMap(pipeline.stages -> Array[PipelineStage](lr)),
      ParamMap(pipeline.stages -> Array[PipelineStage](trees), trees.maxDepth -> 2)
    )
    val plain = Array(ParamMap(lr.maxIter -> 3, lr.tol -> 0.1), ParamMap(lr.solver -> "normal"))
    val tuner = new BayesianCrossValidator().setEvaluator(rmse)
    inFolder { path =>
      tuner.setEstimator(lr).setEstimatorParamMaps(plain).write.save(path)
      val loaded = BayesianCrossValidator.load(path).getEstimatorParamMaps
      assert(loaded.map(_.toSeq.map(_.toString).toSet) sameElements
        plain.map(_.toSeq.map(_.toString).toSet))
      // Spark itself cannot save arrays of stages among param maps, nor params of these stages.
      tuner.setEstimator(pipeline.setStages(Array[PipelineStage](lr))).setEstimatorParamMaps(grid)
      tuner.write.overwrite().save(path)
      val maps = BayesianCrossValidator.load(path).getEstimatorParamMaps
      val (first, second) = (maps.head, maps.last)
      assert(maps.length == 2)
      assert(first(pipeline.stages).map(_.uid) sameElements Array(lr.uid))
      assert(second(pipeline.stages).map(_.uid) sameElements Array(trees.uid))
      assert(second.get(trees.maxDepth).contains(2) && second.size == 2)
    }
  }

  test("what Python saved is loaded, its numbers in the params' own types") {
    inFolder { path =>
      val tuner = new BayesianCrossValidator().setEstimator(lr).setEvaluator(rmse)
        .setEstimatorParamMaps(Array(ParamMap(lr.regParam -> 1.0)))
      tuner.write.save(path)
      val file = new File(s"$path/metadata").listFiles().find(_.getName.startsWith("part-")).get
      val text = Files.readString(file.toPath)
      // Python writes the number that a user gave; a whole one is an int there.
      val edited = text.replace("\"value\":\"1.0\"", "\"value\":\"1\"")
      assert(edited != text)
      FileUtils.deleteQuietly(new File(file.getParent, s".${file.getName}.crc"))
      Files.writeString(file.toPath, edited)
      FileUtils.deleteDirectory(new File(s"$path/manifest"))
      Manifest.write(spark, path)
      assert(BayesianCrossValidator.load(path).getEstimatorParamMaps.head(lr.regParam) == 1.0)
    }
  }

  test("the folder of another class and of a newer version is refused") {
    inFolder { path =>
      new BayesianCrossValidator().setEstimator(lr).setEvaluator(rmse)
        .setEstimatorParamMaps(Array(ParamMap.empty)).write.save(path)
      assert(
        messageOf(BayesianTrainValidationSplit.load(path)).contains("holds a 'sparkprophet.Bay")
      )
      assert(messageOf(BayesianCrossValidator.load(s"$path/no")).contains("is not there"))
      assert(StageLoader.load(path).isInstanceOf[BayesianCrossValidator])
    }
  }
}
