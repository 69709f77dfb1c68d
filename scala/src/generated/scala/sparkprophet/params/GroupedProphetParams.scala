// Made by scripts/scala_params.py from Python's tables: not to be edited.
// format: off
package sparkprophet.params

import org.apache.spark.ml.param.{DoubleParam, IntParam, LongParam, Param, StringArrayParam}

/** The params of `GroupedProphet` and its model, under the names that Python gives them. */
private[sparkprophet] trait GroupedProphetParams extends TableParams {

  /** Key columns of any atomic type; []: the frame is one series. Default: []. */
  final val groupCols: StringArrayParam = texts(
    "groupCols",
    "Key columns of any atomic type; []: the frame is one series."
  )

  /** The value of [[groupCols]]. */
  def getGroupCols: Array[String] = $(groupCols)

  /** Sets [[groupCols]]. */
  def setGroupCols(value: Array[String]): this.type = set(groupCols, value)

  /**
   * Column of DateType, TimestampType or TimestampNTZType; instants are taken as the wall clock of
   * the session's time zone. Default: "ds".
   */
  final val timestampCol: Param[String] = text(
    "timestampCol",
    "Column of DateType, TimestampType or TimestampNTZType; instants are taken as the wall " +
      "clock of the session's time zone."
  )

  /** The value of [[timestampCol]]. */
  def getTimestampCol: String = $(timestampCol)

  /** Sets [[timestampCol]]. */
  def setTimestampCol(value: String): this.type = set(timestampCol, value)

  /** Numeric column to forecast. Default: "y". */
  final val labelCol: Param[String] = text(
    "labelCol",
    "Numeric column to forecast."
  )

  /** The value of [[labelCol]]. */
  def getLabelCol: String = $(labelCol)

  /** Sets [[labelCol]]. */
  def setLabelCol(value: String): this.type = set(labelCol, value)

  /** Column added by transform: the forecast. Default: "yhat". */
  final val predictionCol: Param[String] = text(
    "predictionCol",
    "Column added by transform: the forecast."
  )

  /** The value of [[predictionCol]]. */
  def getPredictionCol: String = $(predictionCol)

  /** Sets [[predictionCol]]. */
  def setPredictionCol(value: String): this.type = set(predictionCol, value)

  /** Column added by transform: the interval's lower end. Default: "yhat_lower". */
  final val lowerCol: Param[String] = text(
    "lowerCol",
    "Column added by transform: the interval's lower end."
  )

  /** The value of [[lowerCol]]. */
  def getLowerCol: String = $(lowerCol)

  /** Sets [[lowerCol]]. */
  def setLowerCol(value: String): this.type = set(lowerCol, value)

  /** Column added by transform: the interval's upper end. Default: "yhat_upper". */
  final val upperCol: Param[String] = text(
    "upperCol",
    "Column added by transform: the interval's upper end."
  )

  /** The value of [[upperCol]]. */
  def getUpperCol: String = $(upperCol)

  /** Sets [[upperCol]]. */
  def setUpperCol(value: String): this.type = set(upperCol, value)

  /** Numeric column with the capacity of logistic growth. Default: unset. */
  final val capCol: Param[String] = text(
    "capCol",
    "Numeric column with the capacity of logistic growth."
  )

  /** The value of [[capCol]]; fails where it is unset. */
  def getCapCol: String = $(capCol)

  /** Sets [[capCol]]. */
  def setCapCol(value: String): this.type = set(capCol, value)

  /** Numeric column with the floor of logistic growth. Default: unset. */
  final val floorCol: Param[String] = text(
    "floorCol",
    "Numeric column with the floor of logistic growth."
  )

  /** The value of [[floorCol]]; fails where it is unset. */
  def getFloorCol: String = $(floorCol)

  /** Sets [[floorCol]]. */
  def setFloorCol(value: String): this.type = set(floorCol, value)

  /**
   * String column with each group's country of holidays; wins over countryHolidays. Default: unset.
   */
  final val countryHolidaysCol: Param[String] = text(
    "countryHolidaysCol",
    "String column with each group's country of holidays; wins over countryHolidays."
  )

  /** The value of [[countryHolidaysCol]]; fails where it is unset. */
  def getCountryHolidaysCol: String = $(countryHolidaysCol)

  /** Sets [[countryHolidaysCol]]. */
  def setCountryHolidaysCol(value: String): this.type = set(countryHolidaysCol, value)

  /**
   * String column, constant in a group: a JSON object of that group's own values for any series
   * param. groupTimeout, groupMemoryInMB and uncertaintySamples can only be lowered; the Fourier
   * orders together can be up to 100 and changepoints up to 500, or as many as the stage's own.
   * Default: unset.
   */
  final val overridesCol: Param[String] = text(
    "overridesCol",
    "String column, constant in a group: a JSON object of that group's own values for any " +
      "series param. groupTimeout, groupMemoryInMB and uncertaintySamples can only be lowered; " +
      "the Fourier orders together can be up to 100 and changepoints up to 500, or as many as " +
      "the stage's own."
  )

  /** The value of [[overridesCol]]; fails where it is unset. */
  def getOverridesCol: String = $(overridesCol)

  /** Sets [[overridesCol]]. */
  def setOverridesCol(value: String): this.type = set(overridesCol, value)

  /** Trend: linear, logistic (needs capCol) or flat. Default: "linear". */
  final val growth: Param[String] = oneOf("linear", "logistic", "flat")(
    "growth",
    "Trend: linear, logistic (needs capCol) or flat."
  )

  /** The value of [[growth]]. */
  def getGrowth: String = $(growth)

  /** Sets [[growth]]. */
  def setGrowth(value: String): this.type = set(growth, value)

  /** Number of potential changepoints. Not used where changepoints is set. Default: 25. */
  final val nChangepoints: IntParam = whole(0)(
    "nChangepoints",
    "Number of potential changepoints. Not used where changepoints is set."
  )

  /** The value of [[nChangepoints]]. */
  def getNChangepoints: Int = $(nChangepoints)

  /** Sets [[nChangepoints]]. */
  def setNChangepoints(value: Int): this.type = set(nChangepoints, value)

  /**
   * Share of the history, from its start, in which changepoints are placed; 0 to 1. Default: 0.8.
   */
  final val changepointRange: DoubleParam = number(0.0, 1.0, false)(
    "changepointRange",
    "Share of the history, from its start, in which changepoints are placed; 0 to 1."
  )

  /** The value of [[changepointRange]]. */
  def getChangepointRange: Double = $(changepointRange)

  /** Sets [[changepointRange]]. */
  def setChangepointRange(value: Double): this.type = set(changepointRange, value)

  /** Prior scale of the changepoints; larger is more flexible; > 0. Default: 0.05. */
  final val changepointPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "changepointPriorScale",
    "Prior scale of the changepoints; larger is more flexible; > 0."
  )

  /** The value of [[changepointPriorScale]]. */
  def getChangepointPriorScale: Double = $(changepointPriorScale)

  /** Sets [[changepointPriorScale]]. */
  def setChangepointPriorScale(value: Double): this.type = set(changepointPriorScale, value)

  /** Dates of the changepoints (ISO text). Unset: placed evenly. Default: unset. */
  final val changepoints: StringArrayParam = texts(
    "changepoints",
    "Dates of the changepoints (ISO text). Unset: placed evenly."
  )

  /** The value of [[changepoints]]; fails where it is unset. */
  def getChangepoints: Array[String] = $(changepoints)

  /** Sets [[changepoints]]. */
  def setChangepoints(value: Array[String]): this.type = set(changepoints, value)

  /**
   * How the trend goes on after the history: prophet, or by exponential smoothing of what is left
   * without the seasonal, holiday and regressor parts: holt (damped), theta, holtWinters (damped,
   * with a season of its own). Default: "prophet".
   */
  final val trendForecast: Param[String] = oneOf("prophet", "holt", "theta", "holtWinters")(
    "trendForecast",
    "How the trend goes on after the history: prophet, or by exponential smoothing of what is" +
      " left without the seasonal, holiday and regressor parts: holt (damped), theta, " +
      "holtWinters (damped, with a season of its own)."
  )

  /** The value of [[trendForecast]]. */
  def getTrendForecast: String = $(trendForecast)

  /** Sets [[trendForecast]]. */
  def setTrendForecast(value: String): this.type = set(trendForecast, value)

  /**
   * What is left of Prophet's slope after each step past the end of the history, 0 to 1; 1: all of
   * it, as in Prophet; 0: the trend stays level. Not used by a smoothed trend. Default: 1.0.
   */
  final val trendDamping: DoubleParam = number(0.0, 1.0, false)(
    "trendDamping",
    "What is left of Prophet's slope after each step past the end of the history, 0 to 1; 1: " +
      "all of it, as in Prophet; 0: the trend stays level. Not used by a smoothed trend."
  )

  /** The value of [[trendDamping]]. */
  def getTrendDamping: Double = $(trendDamping)

  /** Sets [[trendDamping]]. */
  def setTrendDamping(value: Double): this.type = set(trendDamping, value)

  /** additive or multiplicative seasonality. Default: "additive". */
  final val seasonalityMode: Param[String] = oneOf("additive", "multiplicative")(
    "seasonalityMode",
    "additive or multiplicative seasonality."
  )

  /** The value of [[seasonalityMode]]. */
  def getSeasonalityMode: String = $(seasonalityMode)

  /** Sets [[seasonalityMode]]. */
  def setSeasonalityMode(value: String): this.type = set(seasonalityMode, value)

  /**
   * Yearly seasonality: auto, true, false or a Fourier order. auto: on for two years of history
   * (Prophet's rule). Default: "auto".
   */
  final val yearlySeasonality: Param[String] = seasonality(
    "yearlySeasonality",
    "Yearly seasonality: auto, true, false or a Fourier order. auto: on for two years of " +
      "history (Prophet's rule)."
  )

  /** The value of [[yearlySeasonality]]. */
  def getYearlySeasonality: String = $(yearlySeasonality)

  /** Sets [[yearlySeasonality]]. */
  def setYearlySeasonality(value: String): this.type = set(yearlySeasonality, value)

  /**
   * Weekly seasonality: auto, true, false or a Fourier order. auto: on for two weeks of history in
   * steps under a week (Prophet's rule). Default: "auto".
   */
  final val weeklySeasonality: Param[String] = seasonality(
    "weeklySeasonality",
    "Weekly seasonality: auto, true, false or a Fourier order. auto: on for two weeks of " +
      "history in steps under a week (Prophet's rule)."
  )

  /** The value of [[weeklySeasonality]]. */
  def getWeeklySeasonality: String = $(weeklySeasonality)

  /** Sets [[weeklySeasonality]]. */
  def setWeeklySeasonality(value: String): this.type = set(weeklySeasonality, value)

  /**
   * Daily seasonality: auto, true, false or a Fourier order. auto: on for two days of history in
   * steps under a day (Prophet's rule). Default: "auto".
   */
  final val dailySeasonality: Param[String] = seasonality(
    "dailySeasonality",
    "Daily seasonality: auto, true, false or a Fourier order. auto: on for two days of " +
      "history in steps under a day (Prophet's rule)."
  )

  /** The value of [[dailySeasonality]]. */
  def getDailySeasonality: String = $(dailySeasonality)

  /** Sets [[dailySeasonality]]. */
  def setDailySeasonality(value: String): this.type = set(dailySeasonality, value)

  /**
   * Fourier order of the yearly seasonality (period 365.25 days); a value switches it on. Default:
   * unset.
   */
  final val yearlyFourierOrder: IntParam = whole(1)(
    "yearlyFourierOrder",
    "Fourier order of the yearly seasonality (period 365.25 days); a value switches it on."
  )

  /** The value of [[yearlyFourierOrder]]; fails where it is unset. */
  def getYearlyFourierOrder: Int = $(yearlyFourierOrder)

  /** Sets [[yearlyFourierOrder]]. */
  def setYearlyFourierOrder(value: Int): this.type = set(yearlyFourierOrder, value)

  /**
   * Fourier order of the monthly seasonality (period 30.5 days); a value switches it on. Default:
   * unset.
   */
  final val monthlyFourierOrder: IntParam = whole(1)(
    "monthlyFourierOrder",
    "Fourier order of the monthly seasonality (period 30.5 days); a value switches it on."
  )

  /** The value of [[monthlyFourierOrder]]; fails where it is unset. */
  def getMonthlyFourierOrder: Int = $(monthlyFourierOrder)

  /** Sets [[monthlyFourierOrder]]. */
  def setMonthlyFourierOrder(value: Int): this.type = set(monthlyFourierOrder, value)

  /**
   * Fourier order of the weekly seasonality (period 7 days); a value switches it on. Default:
   * unset.
   */
  final val weeklyFourierOrder: IntParam = whole(1)(
    "weeklyFourierOrder",
    "Fourier order of the weekly seasonality (period 7 days); a value switches it on."
  )

  /** The value of [[weeklyFourierOrder]]; fails where it is unset. */
  def getWeeklyFourierOrder: Int = $(weeklyFourierOrder)

  /** Sets [[weeklyFourierOrder]]. */
  def setWeeklyFourierOrder(value: Int): this.type = set(weeklyFourierOrder, value)

  /**
   * Fourier order of the daily seasonality (period 1 days); a value switches it on. Default: unset.
   */
  final val dailyFourierOrder: IntParam = whole(1)(
    "dailyFourierOrder",
    "Fourier order of the daily seasonality (period 1 days); a value switches it on."
  )

  /** The value of [[dailyFourierOrder]]; fails where it is unset. */
  def getDailyFourierOrder: Int = $(dailyFourierOrder)

  /** Sets [[dailyFourierOrder]]. */
  def setDailyFourierOrder(value: Int): this.type = set(dailyFourierOrder, value)

  /** Prior scale of the yearly seasonality. Unset: seasonalityPriorScale. Default: unset. */
  final val yearlyPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "yearlyPriorScale",
    "Prior scale of the yearly seasonality. Unset: seasonalityPriorScale."
  )

  /** The value of [[yearlyPriorScale]]; fails where it is unset. */
  def getYearlyPriorScale: Double = $(yearlyPriorScale)

  /** Sets [[yearlyPriorScale]]. */
  def setYearlyPriorScale(value: Double): this.type = set(yearlyPriorScale, value)

  /** Prior scale of the monthly seasonality. Unset: seasonalityPriorScale. Default: unset. */
  final val monthlyPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "monthlyPriorScale",
    "Prior scale of the monthly seasonality. Unset: seasonalityPriorScale."
  )

  /** The value of [[monthlyPriorScale]]; fails where it is unset. */
  def getMonthlyPriorScale: Double = $(monthlyPriorScale)

  /** Sets [[monthlyPriorScale]]. */
  def setMonthlyPriorScale(value: Double): this.type = set(monthlyPriorScale, value)

  /** Prior scale of the weekly seasonality. Unset: seasonalityPriorScale. Default: unset. */
  final val weeklyPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "weeklyPriorScale",
    "Prior scale of the weekly seasonality. Unset: seasonalityPriorScale."
  )

  /** The value of [[weeklyPriorScale]]; fails where it is unset. */
  def getWeeklyPriorScale: Double = $(weeklyPriorScale)

  /** Sets [[weeklyPriorScale]]. */
  def setWeeklyPriorScale(value: Double): this.type = set(weeklyPriorScale, value)

  /** Prior scale of the daily seasonality. Unset: seasonalityPriorScale. Default: unset. */
  final val dailyPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "dailyPriorScale",
    "Prior scale of the daily seasonality. Unset: seasonalityPriorScale."
  )

  /** The value of [[dailyPriorScale]]; fails where it is unset. */
  def getDailyPriorScale: Double = $(dailyPriorScale)

  /** Sets [[dailyPriorScale]]. */
  def setDailyPriorScale(value: Double): this.type = set(dailyPriorScale, value)

  /** Prior scale of every seasonality without one of its own; > 0. Default: 10.0. */
  final val seasonalityPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "seasonalityPriorScale",
    "Prior scale of every seasonality without one of its own; > 0."
  )

  /** The value of [[seasonalityPriorScale]]. */
  def getSeasonalityPriorScale: Double = $(seasonalityPriorScale)

  /** Sets [[seasonalityPriorScale]]. */
  def setSeasonalityPriorScale(value: Double): this.type = set(seasonalityPriorScale, value)

  /** Prior scale of every holiday and regressor without one of its own; > 0. Default: 10.0. */
  final val holidaysPriorScale: DoubleParam = number(0.0, Double.PositiveInfinity, true)(
    "holidaysPriorScale",
    "Prior scale of every holiday and regressor without one of its own; > 0."
  )

  /** The value of [[holidaysPriorScale]]. */
  def getHolidaysPriorScale: Double = $(holidaysPriorScale)

  /** Sets [[holidaysPriorScale]]. */
  def setHolidaysPriorScale(value: Double): this.type = set(holidaysPriorScale, value)

  /**
   * Further seasonalities: a list of objects with name, period (days), fourierOrder, priorScale,
   * mode, conditionCol (a boolean column). Default: [].
   */
  final val seasonalities: RowsParam = rows(
    "seasonalities",
    "Further seasonalities: a list of objects with name, period (days), fourierOrder, " +
      "priorScale, mode, conditionCol (a boolean column)."
  )

  /** The value of [[seasonalities]]. */
  def getSeasonalities: Seq[Map[String, Any]] = $(seasonalities)

  /** Sets [[seasonalities]]. */
  def setSeasonalities(value: Seq[Map[String, Any]]): this.type = set(seasonalities, value)

  /**
   * Country whose holidays are used for every group, such as 'US', or one of its states or regions
   * by the code of the `holidays` package, such as 'US-CA'. Default: unset.
   */
  final val countryHolidays: Param[String] = text(
    "countryHolidays",
    "Country whose holidays are used for every group, such as 'US', or one of its states or " +
      "regions by the code of the `holidays` package, such as 'US-CA'."
  )

  /** The value of [[countryHolidays]]; fails where it is unset. */
  def getCountryHolidays: String = $(countryHolidays)

  /** Sets [[countryHolidays]]. */
  def setCountryHolidays(value: String): this.type = set(countryHolidays, value)

  /** additive or multiplicative holidays. Unset: seasonalityMode. Default: unset. */
  final val holidaysMode: Param[String] = oneOf("additive", "multiplicative")(
    "holidaysMode",
    "additive or multiplicative holidays. Unset: seasonalityMode."
  )

  /** The value of [[holidaysMode]]; fails where it is unset. */
  def getHolidaysMode: String = $(holidaysMode)

  /** Sets [[holidaysMode]]. */
  def setHolidaysMode(value: String): this.type = set(holidaysMode, value)

  /**
   * Holidays: a list of objects with holiday, ds, lowerWindow (<= 0), upperWindow (>= 0),
   * priorScale; or Prophet's holidays frame. Default: [].
   */
  final val holidays: RowsParam = rows(
    "holidays",
    "Holidays: a list of objects with holiday, ds, lowerWindow (<= 0), upperWindow (>= 0), " +
      "priorScale; or Prophet's holidays frame."
  )

  /** The value of [[holidays]]. */
  def getHolidays: Seq[Map[String, Any]] = $(holidays)

  /** Sets [[holidays]]. */
  def setHolidays(value: Seq[Map[String, Any]]): this.type = set(holidays, value)

  /**
   * Extra regressors: column names, or objects with name, priorScale, standardize ('auto', true,
   * false), mode. Default: [].
   */
  final val regressors: RowsParam = rows(
    "regressors",
    "Extra regressors: column names, or objects with name, priorScale, standardize ('auto', " +
      "true, false), mode."
  )

  /** The value of [[regressors]]. */
  def getRegressors: Seq[Map[String, Any]] = $(regressors)

  /** Sets [[regressors]]. */
  def setRegressors(value: Seq[Map[String, Any]]): this.type = set(regressors, value)

  /** Scaling of the label before the fit. Default: "absmax". */
  final val scaling: Param[String] = oneOf("absmax", "minmax")(
    "scaling",
    "Scaling of the label before the fit."
  )

  /** The value of [[scaling]]. */
  def getScaling: String = $(scaling)

  /** Sets [[scaling]]. */
  def setScaling(value: String): this.type = set(scaling, value)

  /**
   * none: Prophet's forecast. folds: the weighted mean of two fits, as configured and with
   * seasonalities that are held down, each with its trend carried on in every way of trendForecast,
   * and of two seasonal naive forecasts; weights by errors on rolling-origin folds. Default:
   * "none".
   */
  final val combination: Param[String] = oneOf("none", "folds")(
    "combination",
    "none: Prophet's forecast. folds: the weighted mean of two fits, as configured and with " +
      "seasonalities that are held down, each with its trend carried on in every way of " +
      "trendForecast, and of two seasonal naive forecasts; weights by errors on rolling-origin " +
      "folds."
  )

  /** The value of [[combination]]. */
  def getCombination: String = $(combination)

  /** Sets [[combination]]. */
  def setCombination(value: String): this.type = set(combination, value)

  /**
   * Steps of each fold of a combination. Unset: one season, at most a tenth of the rows. Default:
   * unset.
   */
  final val horizon: IntParam = whole(1)(
    "horizon",
    "Steps of each fold of a combination. Unset: one season, at most a tenth of the rows."
  )

  /** The value of [[horizon]]; fails where it is unset. */
  def getHorizon: Int = $(horizon)

  /** Sets [[horizon]]. */
  def setHorizon(value: Int): this.type = set(horizon, value)

  /** Most folds of a combination; the last ones that fit. Default: 3. */
  final val numFolds: IntParam = whole(1)(
    "numFolds",
    "Most folds of a combination; the last ones that fit."
  )

  /** The value of [[numFolds]]. */
  def getNumFolds: Int = $(numFolds)

  /** Sets [[numFolds]]. */
  def setNumFolds(value: Int): this.type = set(numFolds, value)

  /** Steps between two cutoffs of folds. Unset: horizon. Default: unset. */
  final val period: IntParam = whole(1)(
    "period",
    "Steps between two cutoffs of folds. Unset: horizon."
  )

  /** The value of [[period]]; fails where it is unset. */
  def getPeriod: Int = $(period)

  /** Sets [[period]]. */
  def setPeriod(value: Int): this.type = set(period, value)

  /** Steps of history before the first cutoff. Unset: horizon. Default: unset. */
  final val initial: IntParam = whole(1)(
    "initial",
    "Steps of history before the first cutoff. Unset: horizon."
  )

  /** The value of [[initial]]; fails where it is unset. */
  def getInitial: Int = $(initial)

  /** Sets [[initial]]. */
  def setInitial(value: Int): this.type = set(initial, value)

  /** Width of the uncertainty interval; between 0 and 1. Default: 0.8. */
  final val intervalWidth: DoubleParam = number(0.0, 1.0, true)(
    "intervalWidth",
    "Width of the uncertainty interval; between 0 and 1."
  )

  /** The value of [[intervalWidth]]. */
  def getIntervalWidth: Double = $(intervalWidth)

  /** Sets [[intervalWidth]]. */
  def setIntervalWidth(value: Double): this.type = set(intervalWidth, value)

  /** Simulated futures behind the interval; 0: no interval, fastest. Default: 1000. */
  final val uncertaintySamples: IntParam = whole(0)(
    "uncertaintySamples",
    "Simulated futures behind the interval; 0: no interval, fastest."
  )

  /** The value of [[uncertaintySamples]]. */
  def getUncertaintySamples: Int = $(uncertaintySamples)

  /** Sets [[uncertaintySamples]]. */
  def setUncertaintySamples(value: Int): this.type = set(uncertaintySamples, value)

  /**
   * native: the exact mode, in this process; stan: stock Prophet's, which stops early; auto:
   * native, but stan for a seasonality with less than two periods of history. Default: "auto".
   */
  final val solver: Param[String] = oneOf("auto", "native", "stan")(
    "solver",
    "native: the exact mode, in this process; stan: stock Prophet's, which stops early; auto:" +
      " native, but stan for a seasonality with less than two periods of history."
  )

  /** The value of [[solver]]. */
  def getSolver: String = $(solver)

  /** Sets [[solver]]. */
  def setSolver(value: String): this.type = set(solver, value)

  /** A group with fewer usable rows fails with code TOO_SHORT; >= 2. Default: 2. */
  final val minObservations: IntParam = whole(2)(
    "minObservations",
    "A group with fewer usable rows fails with code TOO_SHORT; >= 2."
  )

  /** The value of [[minObservations]]. */
  def getMinObservations: Int = $(minObservations)

  /** Sets [[minObservations]]. */
  def setMinObservations(value: Int): this.type = set(minObservations, value)

  /**
   * What forecasts a group whose fit failed; its row says status=fallback and keeps the error.
   * Default: "none".
   */
  final val fallback: Param[String] = oneOf("none", "seasonalNaive", "naive", "mean")(
    "fallback",
    "What forecasts a group whose fit failed; its row says status=fallback and keeps the " +
      "error."
  )

  /** The value of [[fallback]]. */
  def getFallback: String = $(fallback)

  /** Sets [[fallback]]. */
  def setFallback(value: String): this.type = set(fallback, value)

  /**
   * Seconds that one group's work may take; 0: no limit. A group that is still at work a second
   * later is ended, whatever it does, and has the code TIMEOUT. Default: 0.0.
   */
  final val groupTimeout: DoubleParam = number(0.0, 100000000.0, false)(
    "groupTimeout",
    "Seconds that one group's work may take; 0: no limit. A group that is still at work a " +
      "second later is ended, whatever it does, and has the code TIMEOUT."
  )

  /** The value of [[groupTimeout]]. */
  def getGroupTimeout: Double = $(groupTimeout)

  /** Sets [[groupTimeout]]. */
  def setGroupTimeout(value: Double): this.type = set(groupTimeout, value)

  /**
   * MiB that one group's work may take besides its rows; 0: no limit. A group that needs more has
   * the code OUT_OF_MEMORY. On Linux only. Default: 0.
   */
  final val groupMemoryInMB: IntParam = whole(0)(
    "groupMemoryInMB",
    "MiB that one group's work may take besides its rows; 0: no limit. A group that needs " +
      "more has the code OUT_OF_MEMORY. On Linux only."
  )

  /** The value of [[groupMemoryInMB]]. */
  def getGroupMemoryInMB: Int = $(groupMemoryInMB)

  /** Sets [[groupMemoryInMB]]. */
  def setGroupMemoryInMB(value: Int): this.type = set(groupMemoryInMB, value)

  /**
   * Raise after the job if more than this fraction of the groups failed; all failed always raises.
   * Default: 1.0.
   */
  final val maxFailedFraction: DoubleParam = number(0.0, 1.0, false)(
    "maxFailedFraction",
    "Raise after the job if more than this fraction of the groups failed; all failed always " +
      "raises."
  )

  /** The value of [[maxFailedFraction]]. */
  def getMaxFailedFraction: Double = $(maxFailedFraction)

  /** Sets [[maxFailedFraction]]. */
  def setMaxFailedFraction(value: Double): this.type = set(maxFailedFraction, value)

  /**
   * Rows that cannot be forecast (unknown or failed key, missing regressor): keep (nulls), skip,
   * error. Default: "keep".
   */
  final val handleInvalid: Param[String] = oneOf("keep", "skip", "error")(
    "handleInvalid",
    "Rows that cannot be forecast (unknown or failed key, missing regressor): keep (nulls), " +
      "skip, error."
  )

  /** The value of [[handleInvalid]]. */
  def getHandleInvalid: String = $(handleInvalid)

  /** Sets [[handleInvalid]]. */
  def setHandleInvalid(value: String): this.type = set(handleInvalid, value)

  /** Most tasks at work at one time, as in SPARK-19357; 0: all that the cluster has. Default: 0. */
  final val parallelism: IntParam = whole(0)(
    "parallelism",
    "Most tasks at work at one time, as in SPARK-19357; 0: all that the cluster has."
  )

  /** The value of [[parallelism]]. */
  def getParallelism: Int = $(parallelism)

  /** Sets [[parallelism]]. */
  def setParallelism(value: Int): this.type = set(parallelism, value)

  /** Seed; every group's own seed derives from it and the key's bytes. Default: 0. */
  final val seed: LongParam = long(
    "seed",
    "Seed; every group's own seed derives from it and the key's bytes."
  )

  /** The value of [[seed]]. */
  def getSeed: Long = $(seed)

  /** Sets [[seed]]. */
  def setSeed(value: Long): this.type = set(seed, value)

  setDefault(
    groupCols -> Array.empty[String],
    timestampCol -> "ds",
    labelCol -> "y",
    predictionCol -> "yhat",
    lowerCol -> "yhat_lower",
    upperCol -> "yhat_upper",
    growth -> "linear",
    nChangepoints -> 25,
    changepointRange -> 0.8,
    changepointPriorScale -> 0.05,
    trendForecast -> "prophet",
    trendDamping -> 1.0,
    seasonalityMode -> "additive",
    yearlySeasonality -> "auto",
    weeklySeasonality -> "auto",
    dailySeasonality -> "auto",
    seasonalityPriorScale -> 10.0,
    holidaysPriorScale -> 10.0,
    seasonalities -> Seq.empty[Map[String, Any]],
    holidays -> Seq.empty[Map[String, Any]],
    regressors -> Seq.empty[Map[String, Any]],
    scaling -> "absmax",
    combination -> "none",
    numFolds -> 3,
    intervalWidth -> 0.8,
    uncertaintySamples -> 1000,
    solver -> "auto",
    minObservations -> 2,
    fallback -> "none",
    groupTimeout -> 0.0,
    groupMemoryInMB -> 0,
    maxFailedFraction -> 1.0,
    handleInvalid -> "keep",
    parallelism -> 0,
    seed -> 0L
  )
}
