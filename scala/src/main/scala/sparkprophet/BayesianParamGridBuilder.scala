package sparkprophet

import scala.collection.mutable

import org.apache.spark.ml.param._
import org.json4s._

import sparkprophet.bayesian.SearchDimensions
import sparkprophet.bayesian.SearchDimensions.IntRange
import sparkprophet.params.{ParamValues, PlainJson}
import sparkprophet.params.Messages.refuse
import sparkprophet.workers.SearchProcess

/**
 * Builds a [[SearchSpace]] from the params of a Spark ML stage, or of a Pipeline's stages.
 *
 * Used as Spark's `ParamGridBuilder` is: every method returns the builder, and a param that is
 * added again takes its new values in its old place. All bounds and values have to pass the param's
 * own check. Each method throws IllegalArgumentException, with the param as `Stage.param`, the
 * value found and the remedy, for values that the param or the search does not take.
 *
 * `when` makes a param conditional: it is searched only in trials where all of the params in it
 * have one of the values given, and keeps the stage's own value in the others. The params named in
 * it have been added before, with `addChoice`, `addGrid` or `addInt`.
 *
 * `space` is what the Bayesian tuners take. For any other tuner, Spark's own ones too, `build` and
 * `tell` give the search in rounds.
 *
 * {{{
 * new BayesianParamGridBuilder().addUniform(lr.regParam, 1e-4, 1.0, log = true).space
 * }}}
 *
 * @param seed of the points that `build` proposes
 */
class BayesianParamGridBuilder(seed: Long) {

  import BayesianParamGridBuilder._
  import ParamValues.{label, written}

  /** A builder of seed 0. */
  def this() = this(0L)

  private val entries = mutable.LinkedHashMap.empty[Owner, JObject]
  private val params = mutable.Map.empty[Owner, Param[_]]
  private val history = mutable.ArrayBuffer.empty[Tried]

  /** Searches a real number in [low, high], evenly in its logarithm with `log`. */
  def addUniform(
      param: Param[_],
      low: Double,
      high: Double,
      log: Boolean = false,
      when: Map[Param[_], Seq[Any]] = Map.empty
  ): this.type = {
    checkStage(param)
    val typed: Double => Any = param match {
      case _: DoubleParam => identity
      case _: FloatParam => _.toFloat
      case _ =>
        refuse(
          s"${label(param)}: found the ${param.getClass.getSimpleName}, must be a param of real " +
            "numbers; use addInt or addChoice"
        )
    }
    val named = s"${label(param)}: uniform"
    val made = SearchDimensions
      .uniform(named, param.name, param.parent, low, high, log, conditions(param, when))
    written(param, "low", typed(low))
    written(param, "high", typed(high))
    put(param, made)
  }

  /** Searches low, low + step, ... up to high, inclusive; `log` goes with a step of 1 only. */
  def addInt(
      param: Param[_],
      low: Long,
      high: Long,
      step: Long = 1,
      log: Boolean = false,
      when: Map[Param[_], Seq[Any]] = Map.empty
  ): this.type = {
    checkStage(param)
    for ((what, bound) <- Seq("low" -> low, "high" -> high))
      written(param, what, ParamValues.read(param, what, JInt(bound)).value)
    val range = IntRange(low, high, step, log)
    val named = s"${label(param)}: int"
    put(
      param,
      SearchDimensions.int(named, param.name, param.parent, range, conditions(param, when))
    )
  }

  /** Searches one of `values`: numbers, strings, booleans or arrays of these. */
  def addChoice[T](
      param: Param[T],
      values: Iterable[T],
      when: Map[Param[_], Seq[Any]] = Map.empty
  ): this.type = {
    checkStage(param)
    val choices = values.toSeq.zipWithIndex.map { case (value, i) =>
      written(param, s"values($i)", value)
    }
    val named = s"${label(param)}: choice"
    put(
      param,
      SearchDimensions.choice(named, param.name, param.parent, choices, conditions(param, when))
    )
  }

  /** `addChoice`, under the name that it has in `ParamGridBuilder`. */
  def addGrid[T](
      param: Param[T],
      values: Iterable[T],
      when: Map[Param[_], Seq[Any]] = Map.empty
  ): this.type = addChoice(param, values, when)

  /** Searches true and false. */
  def addGrid(param: BooleanParam): this.type = addChoice(param, Seq(true, false))

  /** Fixes params for all trials. */
  def baseOn(paramMap: ParamMap): this.type = baseOn(paramMap.toSeq: _*)

  /** Fixes params for all trials. */
  def baseOn(paramPairs: ParamPair[_]*): this.type = {
    paramPairs.foreach { pair =>
      checkStage(pair.param)
      val value = written(pair.param, "value", pair.value)
      put(pair.param, SearchDimensions.fixed(pair.param.name, pair.param.parent, value))
    }
    this
  }

  /**
   * The search space so far.
   *
   * @throws IllegalArgumentException where nothing was added to be searched
   */
  def space: SearchSpace = {
    val (fixed, searched) = entries.values.toSeq.partition(isFixed)
    if (searched.isEmpty)
      refuse(
        "BayesianParamGridBuilder: found no param to search; call addUniform, addInt or " +
          "addChoice first"
      )
    SearchSpace.of(searched, fixed)
  }

  /**
   * `count` ParamMaps to try next, as `ParamGridBuilder.build` gives all of a grid.
   *
   * They fill the space evenly (a Latin hypercube) until `tell` has brought a metric; from then on
   * they are TPE's. What was built and not told yet counts as being tried. The proposals come from
   * Python, so a Spark session has to be active, which says which one.
   *
   * @throws IllegalArgumentException for a count below 1, for a builder from JSON, which knows no
   *   stage, where nothing was added to be searched, and where Python cannot run
   */
  def build(count: Int): Array[ParamMap] = {
    if (count < 1) refuse(s"count: found $count, must be at least 1")
    val searched = space
    val keyed = paramsOf(searched)
    val proposed = SearchProcess.once(
      "propose",
      "space" -> JString(searched.toJson),
      "history" -> JArray(history.map(_.sent(keyed)).toList),
      "count" -> JInt(count),
      "seed" -> JInt(seed)
    )
    val maps = proposed.children.map { point =>
      ParamMap(keyed.flatMap { case (key, param) =>
        PlainJson.optional(point \ key).map(ParamValues.read(param, "proposed", _))
      }: _*)
    }
    history ++= maps.map(new Tried(_, None))
    maps.toArray
  }

  /**
   * Learns the metrics of ParamMaps, such as a model's `avgMetrics`.
   *
   * Maps need not come from `build`. A NaN is a failure.
   *
   * @throws IllegalArgumentException for anything but one metric per map
   */
  def tell(paramMaps: Array[ParamMap], metrics: Array[Double], isLargerBetter: Boolean)
      : this.type = {
    if (paramMaps.length != metrics.length)
      refuse(
        s"metrics: found ${metrics.length} for ${paramMaps.length} paramMaps, must be one per map"
      )
    paramMaps.zip(metrics).foreach { case (paramMap, metric) =>
      val told = new Tried(paramMap, Some(if (isLargerBetter) -metric else metric))
      val open = history.indexWhere(it => it.loss.isEmpty && it.values == told.values)
      if (open >= 0) history(open) = told else history += told
    }
    this
  }

  /** The JSON text of `space`. */
  def toJson: String = space.toJson

  /** Key of the space -> param, in order. */
  private def paramsOf(searched: SearchSpace): Seq[(String, Param[_])] =
    searched.entries.map { entry =>
      val owner = Owner(entry.parent, entry.name)
      val param = params.getOrElse(
        owner,
        refuse(
          s"build: found a builder made from JSON, which has no stage for '${entry.key}'; add " +
            "the params of a stage to a new builder"
        )
      )
      entry.key -> param
    }

  private def put(param: Param[_], entry: JObject): this.type = {
    params(ownerOf(param)) = param
    entries(ownerOf(param)) = entry // one that is there keeps its place
    this
  }

  private def position(param: Param[_]): Int = {
    val place = entries.keys.toSeq.indexOf(ownerOf(param))
    if (place >= 0) place else entries.size
  }

  private def conditions(param: Param[_], when: Map[Param[_], Seq[Any]]): JArray =
    JArray(when.toList.map { case (other, values) =>
      checkStage(other)
      val named = s"${label(param)}: when: ${label(other)}"
      val known = entries.get(ownerOf(other)).filter(_ => position(other) < position(param))
      val dimension = known.getOrElse(
        refuse(s"$named: is not added before it; add it first, with addChoice or addInt")
      )
      SearchDimensions.when(named, dimension, values.map(written(other, "when", _)))
    })
}

/** Builders from JSON, and the paper's own space. */
object BayesianParamGridBuilder {

  /** A builder whose `space` equals the one written; throws as `SearchSpace.fromJson`. */
  def fromJson(text: String): BayesianParamGridBuilder = {
    val builder = new BayesianParamGridBuilder()
    val json = SearchSpace.fromJson(text).json
    for (entry <- (json \ "dimensions").children ++ (json \ "fixed").children) entry match {
      case written: JObject =>
        val parent = PlainJson.optional(written \ "parent").map(PlainJson.read(_).toString)
        builder.entries(Owner(parent, PlainJson.read(written \ "name").toString)) = written
      case other => refuse(s"search space: found $other; give the text of toJson")
    }
    builder
  }

  /**
   * The search space of the Prophet-on-Spark paper, for the params of a `GroupedProphet`: the
   * seasonality mode, five prior scales (uniform, not logarithmic) and three Fourier orders, both
   * ends inclusive. It comes from Python, so a Spark session has to be active, which says which
   * one.
   *
   * @throws IllegalArgumentException where the estimator has not all of these params
   */
  def paperSearchSpace(estimator: Params): SearchSpace = {
    val text = PlainJson.read(SearchProcess.once("paperSpace")).toString
    val dimensions = (SearchSpace.fromJson(text).json \ "dimensions").children
    val names = dimensions.map(dimension => PlainJson.read(dimension \ "name").toString)
    val missing = names.filterNot(estimator.hasParam)
    if (missing.nonEmpty)
      refuse(
        s"estimator: found ${estimator.uid}, which has no param ${missing.mkString(", ")}, must " +
          "be a GroupedProphet"
      )
    val builder = new BayesianParamGridBuilder()
    for ((name, dimension) <- names.zip(dimensions)) {
      val param = estimator.getParam(name)
      def bound(field: String): Double = PlainJson.number(dimension \ field)
      PlainJson.read(dimension \ "kind") match {
        case "choice" =>
          val values = (dimension \ "values").children
          val typed = values.map(ParamValues.read(param, "values", _).value)
          builder.addChoice(param.asInstanceOf[Param[Any]], typed)
        case "int" => builder.addInt(param, bound("low").toLong, bound("high").toLong)
        case _ => builder.addUniform(param, bound("low"), bound("high"))
      }
    }
    builder.space
  }

  private case class Owner(parent: Option[String], name: String)

  private def ownerOf(param: Param[_]): Owner = Owner(Some(param.parent), param.name)

  /** A ParamMap and its loss, none as long as nobody has told it. */
  private class Tried(paramMap: ParamMap, val loss: Option[Double]) {

    /** Comparable, which a ParamMap is not. */
    val values: Map[Owner, JValue] = paramMap.toSeq.map { pair =>
      ownerOf(pair.param) -> ParamValues.written(pair.param, "tell", pair.value)
    }.toMap

    /** The point, of the params that are searched, and its loss. */
    def sent(keyed: Seq[(String, Param[_])]): JValue = {
      val point = keyed.flatMap { case (key, param) => values.get(ownerOf(param)).map(key -> _) }
      JArray(List(JObject(point: _*), loss.fold[JValue](JNull)(PlainJson.sent)))
    }
  }

  private def isFixed(entry: JObject): Boolean = entry \ "kind" == JString("fixed")

  private def checkStage(param: Param[_]): Unit =
    if (param == null)
      refuse(
        "BayesianParamGridBuilder: found null, must be a param of a stage, such as lr.regParam"
      )
}
