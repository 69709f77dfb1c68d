package sparkprophet

import org.apache.spark.ml.{Pipeline, PipelineStage}
import org.apache.spark.ml.classification.{LogisticRegression, MultilayerPerceptronClassifier}
import org.apache.spark.ml.feature.{PCA, Word2Vec}
import org.apache.spark.ml.param._
import org.apache.spark.ml.regression.{AFTSurvivalRegression, LinearRegression}
import org.json4s._
import org.json4s.jackson.JsonMethods.parse
import org.scalatest.funsuite.AnyFunSuite

import sparkprophet.params.PlainJson

class BayesianParamGridBuilderSuite extends AnyFunSuite with SharedSession {

  private val lr = new LinearRegression("lr_1")
  private val pca = new PCA("pca_1")

  private def builder = new BayesianParamGridBuilder()

  private def entries(space: SearchSpace, part: String): List[JValue] =
    (parse(space.toJson) \ part).children

  test("the space is the JSON that Python's SearchSpace.toJson writes") {
    val space = builder
      .addUniform(lr.regParam, 1e-4, 1.0, log = true)
      .addInt(pca.k, 1, 3)
      .addChoice(lr.solver, Seq("l-bfgs", "normal"))
      .addUniform(lr.tol, 0.0, 0.5, when = Map(lr.solver -> Seq("l-bfgs"), pca.k -> Seq(1, 2)))
      .baseOn(lr.fitIntercept -> false)
      .space
    // What Python wrote for the same calls.
    val python = """{"formatVersion": 1, "dimensions": [
      {"kind": "uniform", "name": "regParam", "low": 0.0001, "high": 1.0, "log": true,
       "parent": "lr_1", "when": []},
      {"kind": "int", "name": "k", "low": 1, "high": 3, "step": 1, "log": false,
       "parent": "pca_1", "when": []},
      {"kind": "choice", "name": "solver", "values": ["l-bfgs", "normal"], "parent": "lr_1",
       "when": []},
      {"kind": "uniform", "name": "tol", "low": 0.0, "high": 0.5, "log": false, "parent": "lr_1",
       "when": [{"name": "solver", "values": ["l-bfgs"], "parent": "lr_1"},
                {"name": "k", "values": [1, 2], "parent": "pca_1"}]}],
      "fixed": [{"kind": "fixed", "name": "fitIntercept", "value": false, "parent": "lr_1"}]}"""
    assert(space == SearchSpace.fromJson(python))
    assert(space.hashCode == SearchSpace.fromJson(python).hashCode)
    assert(SearchSpace.fromJson(space.toJson) == space)
    assert(BayesianParamGridBuilder.fromJson(python).space == space)
    assert(BayesianParamGridBuilder.fromJson(python).toJson == space.toJson)
    assert(space != builder.addInt(pca.k, 1, 3).space)
  }

  test("values of every kind of param are written in its type") {
    val aft = new AFTSurvivalRegression("aft")
    val mlp = new MultilayerPerceptronClassifier("mlp")
    val w2v = new Word2Vec("w2v")
    val space = builder
      .addGrid(lr.fitIntercept)
      .addGrid(lr.maxIter, Array(5, 10))
      .addGrid(lr.regParam, Seq(0.0, 1.0))
      .addChoice(w2v.seed, Seq(1L << 40))
      .addChoice(mlp.layers, Seq(Array(1, 2), Array(3, 4, 5)))
      .addChoice(aft.quantileProbabilities, Seq(Array(0.1, 0.9)))
      .space
    val values = entries(space, "dimensions").map(entry => PlainJson.read(entry \ "values"))
    assert(
      values == List(
        List(true, false),
        List(5, 10),
        List(0.0, 1.0),
        List(1L << 40),
        List(List(1, 2), List(3, 4, 5)),
        List(List(0.1, 0.9))
      )
    )
  }

  test("a param that is added again takes its new values in its old place") {
    val space = builder
      .addInt(lr.maxIter, 1, 9)
      .addUniform(lr.regParam, 0.0, 1.0)
      .addChoice(lr.maxIter, Seq(3))
      .space
    assert(entries(space, "dimensions").map(_ \ "name") == List(
      "maxIter",
      "regParam"
    ).map(JString(_)))
    assert(entries(space, "dimensions").head \ "kind" == JString("choice"))
  }

  test("keys are the names, numbered where several stages have one") {
    val other = new LinearRegression("lr_2")
    val space = builder
      .baseOn(new ParamMap().put(lr.tol -> 0.1))
      .addInt(lr.maxIter, 1, 9)
      .addInt(other.maxIter, 1, 9)
      .addUniform(other.tol, 0.0, 1.0)
      .space
    assert(space.entries.map(_.key) == Seq("maxIter", "maxIter#2", "tol", "tol#2"))
    assert(space.entries.map(_.parent.get) == Seq("lr_1", "lr_2", "lr_2", "lr_1"))
  }

  test("values that the param or the search does not take are refused by the param's name") {
    def refused(run: BayesianParamGridBuilder => Any): String = messageOf(run(builder))
    val named = new LinearRegression()
    assert(
      refused(_.addUniform(named.regParam, -1.0, 1.0))
        .startsWith(
          "linReg.regParam: low: found -1.0 (Double), must be a value that the param takes"
        )
    )
    assert(
      refused(_.addUniform(lr.regParam, 1.0, 0.5)) ==
        "lr_1.regParam: uniform: found low = 1.0, high = 0.5, must be low < high; use addChoice " +
        "with one value for a param that does not vary"
    )
    assert(refused(_.addUniform(lr.regParam, 0.0, 1.0, log = true)).contains("must be low > 0 or"))
    assert(refused(_.addUniform(lr.regParam, 0.0, Double.NaN)).contains("must be a finite number"))
    assert(refused(_.addUniform(lr.maxIter, 1, 5)) == "lr_1.maxIter: found the IntParam, must be " +
      "a param of real numbers; use addInt or addChoice")
    assert(refused(_.addInt(
      lr.maxIter,
      1,
      9,
      step = 9
    )).contains("must be from 1 to high - low = 8"))
    assert(refused(_.addInt(lr.maxIter, 1, 9, step = 2, log = true)).contains("must be step = 1"))
    assert(refused(_.addInt(lr.maxIter, 0, 9, log = true)).contains("must be low >= 1"))
    assert(refused(_.addInt(
      lr.maxIter,
      -1,
      9
    )).contains("low: found -1 (Integer), must be a value that the param"))
    assert(refused(_.addInt(lr.maxIter, 1, 1L << 40)).startsWith("lr_1.maxIter: high: found"))
    assert(refused(_.addInt(lr.solver, 1, 2)).startsWith("lr_1.solver: low: found"))
    assert(refused(_.addChoice(
      lr.solver,
      Seq("l-bfgs", "best")
    )).startsWith("lr_1.solver: values(1)"))
    assert(refused(_.addChoice(lr.maxIter, Nil)).contains("found none, must be at least one value"))
    assert(refused(_.addChoice(lr.maxIter, Seq(3, 3))).contains("found 3 twice"))
    assert(refused(_.addChoice(
      lr.regParam,
      Seq(Double.PositiveInfinity)
    )).contains("finite number"))
    val stages = Seq(Array[PipelineStage](lr))
    assert(refused(_.addChoice(new Pipeline("p").stages, stages)).startsWith("p.stages: values(0)"))
    assert(refused(_.addInt(null, 1, 2)).contains("found null, must be a param of a stage"))
    assert(refused(_.space).contains("found no param to search"))
  }

  test("a condition names a param that was added before, and values that it has") {
    val logistic = new LogisticRegression("log")
    def refused(when: Map[Param[_], Seq[Any]]): String = messageOf(
      builder
        .addInt(logistic.maxIter, 1, 9, step = 4)
        .addUniform(logistic.tol, 0.0, 1.0)
        .addUniform(logistic.regParam, 0.0, 1.0, when = when)
    )
    assert(
      refused(Map(logistic.family -> Seq("auto"))) ==
        "log.regParam: when: log.family: is not added before it; add it first, with addChoice or " +
        "addInt"
    )
    assert(refused(Map(logistic.regParam -> Seq(0.1))).contains("is not added before it"))
    assert(
      refused(Map(logistic.tol -> Seq(0.1))).contains("must be a param of choices or whole numbers")
    )
    assert(refused(Map(logistic.maxIter -> Seq(4))).contains("found 4, must be one of the values"))
    assert(refused(Map(logistic.maxIter -> Nil)).contains("must be at least one value"))
    assert(refused(Map(logistic.maxIter -> Seq(5, 5))).contains("found 5 twice"))
  }

  test("text that is no search space is refused, and one of a newer version with the remedy") {
    for (
      text <- Seq("{", "[]", "3", "{}", """{"formatVersion": 1, "dimensions": [1], "fixed": []}""")
    )
      assert(messageOf(SearchSpace.fromJson(text)).startsWith("search space: "))
    val newer = """{"formatVersion": 2, "dimensions": [], "fixed": []}"""
    assert(messageOf(SearchSpace.fromJson(newer)).contains("install the newer sparkprophet"))
    val empty = """{"formatVersion": 1, "dimensions": [], "fixed": []}"""
    assert(messageOf(SearchSpace.fromJson(empty)).contains("add a param to search"))
  }

  test("build fills the space evenly at first, and is near the best once it was told") {
    val rounds = builder.addUniform(lr.regParam, 0.0, 1.0).baseOn(lr.maxIter -> 7)
    val first = rounds.build(8)
    val values = first.map(_(lr.regParam)).sorted
    // A Latin hypercube has one point in each eighth.
    for (i <- values.indices) assert(values(i) >= i / 8.0 && values(i) < (i + 1) / 8.0)
    assert(first.forall(_(lr.maxIter) == 7))
    def metric(map: ParamMap): Double = math.abs(map(lr.regParam) - 0.25)
    rounds.tell(first, first.map(metric), isLargerBetter = false)
    for (_ <- 1 to 4) {
      val more = rounds.build(4)
      rounds.tell(more, more.map(metric), isLargerBetter = false)
    }
    val last = rounds.build(8).map(metric)
    assert(last.sorted.apply(4) < 0.15, last.mkString(", ")) // chance has a median of 0.27
  }

  test("larger metrics are better where they are said to be, and NaN is a failure") {
    def told(isLargerBetter: Boolean): Double = {
      val rounds = new BayesianParamGridBuilder(3).addUniform(lr.regParam, 0.0, 1.0)
      val maps = rounds.build(12)
      val metrics = maps.map(_(lr.regParam)).map(x => if (x > 0.9) Double.NaN else x)
      val next = rounds.tell(maps, metrics, isLargerBetter).build(12).map(_(lr.regParam))
      next.sum / next.length
    }
    assert(told(isLargerBetter = true) > told(isLargerBetter = false) + 0.2)
  }

  test("a seed gives the same points again, another one others; params of whole numbers get them") {
    def points(seed: Long): Seq[Int] =
      new BayesianParamGridBuilder(seed).addInt(
        lr.maxIter,
        1,
        1000
      ).build(4).map(_(lr.maxIter)).toSeq
    assert(points(5) == points(5))
    assert(points(5) != points(6))
    val real = new BayesianParamGridBuilder().addInt(lr.regParam, 1, 9).build(3).map(_(lr.regParam))
    assert(real.forall(value => value.isWhole && value >= 1 && value <= 9))
  }

  test("a wrong call of build or tell is refused") {
    val rounds = builder.addUniform(lr.regParam, 0.0, 1.0)
    assert(messageOf(rounds.build(0)).contains("must be at least 1"))
    assert(messageOf(rounds.tell(
      Array(ParamMap.empty),
      Array(),
      true
    )).contains("found 0 for 1 paramMaps"))
    val nameless = BayesianParamGridBuilder.fromJson(rounds.toJson)
    assert(messageOf(nameless.build(1)).contains("made from JSON, which has no stage"))
  }

  test("the paper's space has nine params of an estimator that has them") {
    class Prophet(override val uid: String) extends Params {
      for (name <- Seq("yearly", "monthly", "weekly", "changepoint", "holidays"))
        scales(name) = new DoubleParam(this, s"${name}PriorScale", "")
      lazy val scales = scala.collection.mutable.Map.empty[String, DoubleParam]
      lazy val named: Array[Param[_]] = Array(
        new Param[String](this, "seasonalityMode", ""),
        new IntParam(this, "yearlyFourierOrder", ""),
        new IntParam(this, "monthlyFourierOrder", ""),
        new IntParam(this, "weeklyFourierOrder", "")
      ) ++ scales.values
      override lazy val params: Array[Param[_]] = named
      override def copy(extra: ParamMap): Params = this
    }
    val space = BayesianParamGridBuilder.paperSearchSpace(new Prophet("p"))
    // Of the paper, as in benchmarks of it: nine dimensions in its order.
    assert(
      space.entries.map(_.key) == Seq(
        "seasonalityMode",
        "yearlyPriorScale",
        "monthlyPriorScale",
        "weeklyPriorScale",
        "changepointPriorScale",
        "holidaysPriorScale",
        "yearlyFourierOrder",
        "monthlyFourierOrder",
        "weeklyFourierOrder"
      )
    )
    assert(space.entries.forall(_.parent.contains("p")))
    assert(entries(space, "dimensions")(5) \ "high" == JDouble(30.0))
    val missing = messageOf(BayesianParamGridBuilder.paperSearchSpace(lr))
    assert(missing.contains("has no param seasonalityMode, yearlyPriorScale"))
  }
}
