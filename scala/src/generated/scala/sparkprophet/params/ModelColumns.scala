// Made by scripts/scala_params.py from Python's tables: not to be edited.
// format: off
package sparkprophet.params

import org.apache.spark.sql.types.StructType

/** The columns of the models table besides its keys. */
private[sparkprophet] object ModelColumns {

  /**
   * What every fit gives.
   *
   *   - `status`: ok, fallback or failed
   *   - `solver`: native or stan; of a fallback the naive method
   *   - `error_code`: of the failure, kept by a fallback too
   *   - `error_message`: the group, the column, the value and the remedy
   *   - `n_obs`: rows with a label
   *   - `start`: first timestamp of those rows, in the input's type
   *   - `end`: last timestamp of those rows, in the input's type
   *   - `log_posterior`: of the solution, as its solver gives it
   *   - `fit_seconds`: wall clock of the group's work
   *   - `cpu_seconds`: CPU time of the group's work, children included
   *   - `host`: where it was done
   *   - `pid`: the process that did it
   *   - `started_at`: when it began
   *   - `config`: the settings of the fit, as JSON
   *   - `members`: of a combination: its forecasts and their weights
   *   - `state`: all that a forecast needs, see `series.state`
   */
  val Fit: StructType = StructType.fromDDL(
    "status string, solver string, error_code string, error_message string, n_obs bigint, " +
      "start timestamp_ntz, end timestamp_ntz, log_posterior double, fit_seconds double, " +
      "cpu_seconds double, host string, pid bigint, started_at timestamp_ltz, config string, " +
      "members array<struct<settings:string,method:string,weight:double,error:string>>, state " +
      "struct<facts:string,parameters:array<double>,ds:array<bigint>,y:array<double>," +
      "columns:array<array<double>>>"
  )

  /**
   * What a search adds.
   *
   *   - `best_value`: the metric of the values that were fitted
   *   - `n_trials`: trials that were made
   *   - `stopped_by`: what ended the search
   *   - `untuned_value`: the metric of the estimator's own values
   *   - `naive_value`: the metric of seasonal naive
   *   - `holdout_value`: the metric on an older holdout that nothing saw
   *   - `holdout_untuned_value`: that of the estimator's own values
   *   - `holdout_naive_value`: that of seasonal naive
   *   - `trials`: every trial, or none
   */
  val Search: StructType = StructType.fromDDL(
    "best_value double, n_trials bigint, stopped_by string, untuned_value double, " +
      "naive_value double, holdout_value double, holdout_untuned_value double, " +
      "holdout_naive_value double, trials array<struct<trial:bigint,value:double,state:string," +
      "params:string,seconds:double,cpu_seconds:double,error:string>>"
  )

  /** Fields of the column `state`. */
  val StateFields: Seq[String] = Seq(
    "facts", "parameters", "ds", "y", "columns"
  )

  /** The params that are settings of each series. */
  val Settings: Seq[String] = Seq(
    "growth", "nChangepoints", "changepointRange", "changepointPriorScale", "changepoints",
    "trendForecast", "trendDamping", "seasonalityMode", "yearlySeasonality", "weeklySeasonality",
    "dailySeasonality", "yearlyFourierOrder", "monthlyFourierOrder", "weeklyFourierOrder",
    "dailyFourierOrder", "yearlyPriorScale", "monthlyPriorScale", "weeklyPriorScale",
    "dailyPriorScale", "seasonalityPriorScale", "holidaysPriorScale", "seasonalities",
    "countryHolidays", "holidaysMode", "holidays", "regressors", "scaling", "combination",
    "horizon", "numFolds", "period", "initial", "intervalWidth", "uncertaintySamples", "solver",
    "minObservations", "fallback", "groupTimeout", "groupMemoryInMB"
  )

  /** Those of them that fitted models can be asked to change. */
  val ForecastSettings: Seq[String] = Seq(
    "intervalWidth", "uncertaintySamples", "groupTimeout", "groupMemoryInMB"
  )

  /** Columns of a saved table besides its own: hashes of rows and of trials. */
  val Checksums: Seq[String] = Seq(
    "checksum", "trials_checksum"
  )

  /** Columns that tables of format 1 do not have. */
  val Since2: Set[String] = Set(
    "members", "holdout_value", "holdout_untuned_value", "holdout_naive_value"
  )

  /** Names, in lower case, that no key column may have. */
  val Reserved: Set[String] = Set(
    "best_value", "checksum", "config", "cpu_seconds", "end", "error_code", "error_message",
    "fit_seconds", "holdout_naive_value", "holdout_untuned_value", "holdout_value", "host",
    "log_posterior", "members", "n_obs", "n_trials", "naive_value", "pid", "solver", "start",
    "started_at", "state", "status", "stopped_by", "trials", "trials_checksum", "untuned_value"
  )
}
