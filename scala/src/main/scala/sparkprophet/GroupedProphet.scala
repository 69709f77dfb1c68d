package sparkprophet

import org.apache.spark.ml.Estimator
import org.apache.spark.ml.param.{Param, ParamMap, Params}
import org.apache.spark.ml.util.{Identifiable, MLReadable, MLReader, MLWritable, MLWriter}
import org.apache.spark.sql.{Dataset, SparkSession}
import org.apache.spark.sql.types._
import org.json4s._
import org.json4s.JsonDSL._
import org.json4s.jackson.JsonMethods.parse

import sparkprophet.grouped.{GroupWork, Job}
import sparkprophet.params.{Columns, GroupedProphetParams, InputChecks, InputColumns}
import sparkprophet.saving.{StageReader, StageWriter, Written}
import sparkprophet.workers.PythonWorkers

/**
 * Fits one Prophet per group of a DataFrame, in Spark's own Python workers.
 *
 * {{{
 * val model = new GroupedProphet().setGroupCols(Array("store", "item")).fit(sales)
 * model.forecast(14).show()
 * }}}
 *
 * The class and its params have the same names in Python, and both run the same code in the
 * workers: equal data gives equal models, and what one language saves loads in the other. The
 * workers need a Python 3.11 or newer with prophet, numba, optuna and pyspark of Spark's version
 * (`pip install sparkprophet`), named by PYSPARK_PYTHON; the jar brings sparkprophet itself.
 */
class GroupedProphet(override val uid: String)
    extends Estimator[GroupedProphetModel]
    with GroupedProphetParams
    with MLWritable {

  def this() = this(Identifiable.randomUID("GroupedProphet"))

  /** Sets [[regressors]] by their names alone. */
  def setRegressors(names: Array[String]): this.type =
    setRegressors(names.toSeq.map(name => Map[String, Any]("name" -> name)))

  /**
   * Fits every group; returns once all are fitted.
   *
   * A group that cannot be fitted is a row of `models` with its error. Throws
   * IllegalArgumentException for params and columns that cannot work, before any job;
   * [[FitFailedException]] where all groups, or more than maxFailedFraction of them, failed;
   * IllegalStateException, with the remedy, where the workers' Python cannot do the work.
   */
  override def fit(dataset: Dataset[_]): GroupedProphetModel = {
    val began = System.currentTimeMillis()
    val spark = dataset.sparkSession
    InputChecks.check(this, dataset, fitting = true)
    val answer = PythonWorkers.check(spark, GroupedProphet.request(this))
    val work = GroupWork(
      GroupWork.keyed(dataset, this),
      this,
      dataset.schema(getTimestampCol).dataType,
      "fit",
      _ => GroupWork.layout(this, answer \ "config"),
      GroupedProphet.recordOf(answer)
    )
    val (models, summary) = Job.materialise(work, began)
    GroupedProphetModel.finished(uid, this, models, summary).setParent(this)
  }

  /** The input's schema with the forecast's columns; refuses what `fit` would refuse. */
  override def transformSchema(schema: StructType): StructType =
    GroupedProphet.outputSchema(this, schema, fitting = true)

  override def copy(extra: ParamMap): GroupedProphet = defaultCopy(extra)

  /** A writer: `write.overwrite().save(path)`. */
  override def write: MLWriter = new StageWriter(this, _ => Written())
}

/** Loads what `save` wrote, in this language or in Python. */
object GroupedProphet extends MLReadable[GroupedProphet] {

  override def read: MLReader[GroupedProphet] =
    new StageReader(classOf[GroupedProphet], saved => new GroupedProphet(saved.uid))

  override def load(path: String): GroupedProphet = super.load(path)

  /** What a worker is asked of a stage, see `check` there. */
  private[sparkprophet] def request(stage: GroupedProphetParams): JObject =
    ("stage" -> valuesOf(stage)) ~ ("uid" -> stage.uid)

  /** Set params by name, as JSON, but for those that hold stages. */
  private[sparkprophet] def valuesOf(stage: Params): JObject = JObject(
    stage.params.toList
      .filter(param => stage.isSet(param) && param.name != "estimator")
      .map { param =>
        val value = stage.getOrDefault(param.asInstanceOf[Param[Any]])
        JField(param.name, parse(param.asInstanceOf[Param[Any]].jsonEncode(value)))
      }
  )

  private[sparkprophet] def recordOf(answer: JObject): StructType = answer \ "schema" match {
    case JString(ddl) => StructType.fromDDL(ddl)
    case other => throw new IllegalStateException(s"the worker's answer has no schema: $other")
  }

  private[sparkprophet] def outputSchema(
      params: GroupedProphetParams,
      schema: StructType,
      fitting: Boolean
  ): StructType = {
    val session = SparkSession.getActiveSession
    val sensitive = session.exists(_.conf.get("spark.sql.caseSensitive", "false") == "true")
    InputChecks.check(params, new InputColumns(schema, sensitive), fitting)
    StructType(schema.fields ++ Columns.outputs(params).map(StructField(_, DoubleType)))
  }
}

/**
 * Too many groups failed.
 *
 * @param model
 *   what was fitted all the same; its `failures` say what went wrong with each group
 */
class FitFailedException(message: String, val model: GroupedProphetModel)
    extends RuntimeException(message)
