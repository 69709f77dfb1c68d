package sparkprophet

import org.apache.spark.ml.Model
import org.apache.spark.ml.param.{Param, ParamMap}
import org.apache.spark.ml.util.{MLReadable, MLReader, MLWritable, MLWriter}
import org.apache.spark.sql.{DataFrame, Dataset, SparkSession}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.{StructType, TimestampType}
import org.json4s._
import org.json4s.JsonDSL._
import org.json4s.jackson.JsonMethods.parse

import sparkprophet.grouped.{FittedModels, Forecasting}
import sparkprophet.params.{Columns, GroupedProphetParams, InputChecks, ModelColumns, ParamValues}
import sparkprophet.params.Messages.{clip, refuse}
import sparkprophet.saving.{Metadata, ModelsTable, StageReader, StageWriter, Written}

/**
 * Fitted models, one row per key of the fitted DataFrame, whatever happened to it.
 *
 * Made by [[GroupedProphet]] and [[GroupedProphetTuner]], or loaded; has their params.
 */
class GroupedProphetModel private[sparkprophet] (
    override val uid: String,
    table: DataFrame,
    val summary: Summary,
    fitSettings: Map[String, String]
) extends Model[GroupedProphetModel]
    with GroupedProphetParams
    with MLWritable {

  /**
   * One row per key: key columns, status, solver, error_code, error_message, n_obs, start, end,
   * log_posterior, fit_seconds, cpu_seconds, host, pid, started_at, config (JSON), state; after a
   * search best_value, n_trials, stopped_by, untuned_value, naive_value too.
   */
  def models: DataFrame = table.drop("trials")

  /** Keys with an error: key columns, status, error_code, error_message, n_obs, start, end. */
  def failures: DataFrame = {
    val shown = Seq("status", "error_code", "error_message", "n_obs", "start", "end").map(col)
    table.where(col("error_code").isNotNull).select(keys ++ shown: _*)
  }

  /**
   * Every trial of every key's search: key columns, trial, value, state, params (JSON), seconds,
   * cpu_seconds, error. Throws IllegalArgumentException for a model that was not tuned.
   */
  def trials: DataFrame = {
    requireTuned("trials", "trials")
    table.select(keys :+ inline(col("trials")): _*)
  }

  /**
   * The metric of each key on a holdout that neither search nor weights saw, the one before the
   * oldest that they did see: key columns, tuned, untuned (the estimator's own values) and
   * seasonal_naive. NULL for keys without so much history. Throws IllegalArgumentException for a
   * model that was not tuned.
   */
  def comparison: DataFrame = {
    requireTuned("comparison", "best_value")
    val names = Seq(
      "holdout_value" -> "tuned",
      "holdout_untuned_value" -> "untuned",
      "holdout_naive_value" -> "seasonal_naive"
    )
    table.select(keys ++ names.map { case (name, as) => col(name).as(as) }: _*)
  }

  /**
   * The rows of `dataset` with predictionCol, lowerCol and upperCol: the forecast of the row's key
   * at its timestamp. Rows that cannot be forecast are kept with nulls, skipped or refused, by
   * handleInvalid.
   */
  override def transform(dataset: Dataset[_]): DataFrame = {
    InputChecks.check(this, dataset, fitting = false)
    Forecasting.transform(dataset, fitted)
  }

  /** The steps after each key's end, at the key's own step. */
  def forecast(horizon: Int): DataFrame = forecast(horizon, None, includeHistory = false)

  /**
   * Forecasts of every key that has a model, from the step after its own last timestamp.
   *
   * @param horizon
   *   steps ahead, at least 1
   * @param freq
   *   a pandas frequency such as "D" or "W-THU"; by default each key's own step, found from its
   *   history, gaps allowed
   * @param includeHistory
   *   also the fitted values of the history
   * @return
   *   key columns, timestamp, predictionCol, lowerCol, upperCol; a failed key has no rows. One with
   *   a model that cannot be forecast so far, or within groupTimeout and groupMemoryInMB, has by
   *   handleInvalid one row of NULLs, none, or is an error; the workers' log says why
   */
  def forecast(horizon: Int, freq: Option[String], includeHistory: Boolean): DataFrame =
    Forecasting.ahead(fitted, horizon, freq, includeHistory)

  /**
   * Forecasts where the models use regressors or conditions.
   *
   * @param regressors
   *   future rows with the key columns, the timestamp and every regressor, condition, cap and
   *   floor column. Its timestamps after a key's end are forecast, at most `horizon` of them
   */
  def forecast(horizon: Int, regressors: Dataset[_], includeHistory: Boolean): DataFrame =
    Forecasting.aheadOfRows(fitted, horizon, regressors, includeHistory)

  /**
   * The rows of `dataset` with `trend` (label's unit) and `components`, a map of every component's
   * value by name as Prophet names them: additive ones in the label's unit, multiplicative ones as
   * a share of the trend. NULL for rows that cannot be forecast.
   */
  def components(dataset: Dataset[_]): DataFrame = {
    InputChecks.check(this, dataset, fitting = false)
    Forecasting.components(dataset, fitted)
  }

  /** The input's schema with the forecast's columns. */
  override def transformSchema(schema: StructType): StructType =
    GroupedProphet.outputSchema(this, schema, fitting = false)

  /** Gives back the memory and disk of the fitted table; what is still derived is fitted again. */
  def unpersist(): this.type = {
    table.unpersist()
    this
  }

  override def copy(extra: ParamMap): GroupedProphetModel =
    copyValues(new GroupedProphetModel(uid, table, summary, fitSettings), extra).setParent(parent)

  /** A writer: `write.overwrite().save(path)`. */
  override def write: MLWriter = new StageWriter(
    this,
    path =>
      Written(extra =
        ("summary" -> summary.toJson) ~
          ("fitSettings" -> JObject(fitSettings.toList.map { case (n, v) => n -> parse(v) })) ~
          ("models" -> ModelsTable.write(table, path))
      )
  )

  /** The models as they forecast now; refuses what was set since the fit and cannot be changed. */
  private def fitted: FittedModels = {
    val zone = Option.when(table.schema("end").dataType == TimestampType)(
      // Models saved before it was kept: as the session has it.
      summary.timeZone.getOrElse(Columns.sessionZone(table))
    )
    val now = GroupedProphetModel.settingsOf(this)
    val changed = (fitSettings.keySet ++ now.keySet).toSeq.sorted
      .filter(name => fitSettings.get(name) != now.get(name))
    for (name <- changed if !ModelColumns.ForecastSettings.contains(name)) {
      def shown(settings: Map[String, String]) = settings.getOrElse(name, "unset")
      refuse(
        s"$name: found ${shown(now)}, must be ${shown(fitSettings)} as in the fit; fit again, or " +
          "set it back (what can be set of fitted models is " +
          s"${ModelColumns.ForecastSettings.mkString(", ")})"
      )
    }
    val settings = JObject(changed.toList.map(name => name -> parse(now(name))))
    FittedModels(table, this, zone, settings)
  }

  private def keys = getGroupCols.toSeq.map(Columns.quoted)

  private def requireTuned(what: String, column: String): Unit =
    if (!table.columns.contains(column))
      refuse(s"$what: this model was fitted, not tuned; use GroupedProphetTuner")
}

/** Loads what `save` wrote, in this language or in Python. */
object GroupedProphetModel extends MLReadable[GroupedProphetModel] {

  override def read: MLReader[GroupedProphetModel] =
    new StageReader(
      classOf[GroupedProphetModel],
      saved => {
        val keys = saved.texts("groupCols")
        val table = ModelsTable.read(SparkSession.active, saved.path, saved("models"), keys)
        val summary = Summary.fromJson(saved("summary"))
        new GroupedProphetModel(saved.uid, table, summary, savedSettings(saved))
      }
    )

  /** Settings of every series by name, as JSON; without unset ones. */
  private def settingsOf(stage: GroupedProphetParams): Map[String, String] =
    ModelColumns.Settings
      .map(name => stage.getParam(name).asInstanceOf[Param[Any]])
      .collect {
        case param if stage.isDefined(param) =>
          param.name -> param.jsonEncode(stage.getOrDefault(param))
      }
      .toMap

  /**
   * Those of the fit. Models saved before they were kept have not been set otherwise, and what was
   * no setting then had the effect that its default has now.
   */
  private def savedSettings(saved: Metadata): Map[String, String] = {
    val kept = saved("fitSettings") match {
      case JObject(fields) => fields.toMap
      case _ => saved.defaults ++ saved.params
    }
    val stage = new GroupedProphet("settings")
    val named = for (name <- ModelColumns.Settings; json <- kept.get(name)) yield {
      val param = stage.getParam(name).asInstanceOf[Param[Any]]
      name -> param.jsonEncode(ParamValues.read(param, name, json).value)
    }
    settingsOf(stage) ++ named
  }

  override def load(path: String): GroupedProphetModel = super.load(path)

  /** The model of a finished fit, with the params of `params`; throws where too much failed. */
  private[sparkprophet] def finished(
      uid: String,
      params: GroupedProphetParams,
      models: DataFrame,
      summary: Summary
  ): GroupedProphetModel = {
    val model = new GroupedProphetModel(uid, models, summary, settingsOf(params))
    params.copyTo(model)
    if (summary.groups == 0)
      refuse("dataset: has no rows, so there is nothing to fit; check its source")
    val (failed, allowed) = (summary.failedFraction, params.getMaxFailedFraction)
    if (failed == 1 || failed > allowed) {
      val top = summary.counts.filter(_.status == "failed").take(3).map { c =>
        val example = clip(c.example.getOrElse(""), exampleLimit)
        s"${c.groups} x ${c.errorCode.getOrElse("?")}, such as: $example"
      }
      throw new FitFailedException(
        s"${summary.byStatus("failed")} of ${summary.groups} groups failed (maxFailedFraction is " +
          s"$allowed): ${top.mkString("; ")}",
        model
      )
    }
    model
  }

  // Characters: three of them, with their codes and counts, stay within those of any message.
  private val exampleLimit = 90
}
