"""The settings: what the driver can see is wrong, and what no history tells (7 cases)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.ml.regression import LinearRegression
from pyspark.sql import functions as F

from card import Case, broken_unless
from groups import GOOD, ROWS, days, deviation, fitted, frame, good, labels, refused, series
from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from systems import HORIZON, SYSTEMS, Settings


def mistaken(name: str, settings: Settings, *words: str) -> Case:
    """A setting that no data can make right."""
    return Case(
        "params",
        name,
        "P7",
        lambda system, place: told(lambda: fitted(system, frame(good()), settings), *words),
    )


def told(call: Callable[[], Any], *words: str) -> str:
    error = refused(call, *words)
    broken_unless(error is not None, "nobody says so: it is fitted with something else")
    return str(error)


def of_another_stage(system: Any, place: Path) -> str:
    """LinearRegression's regParam, given to a Prophet: as a setting, and as what to search."""
    data = frame(good())
    if system is SYSTEMS["plain"]:

        def fit(rows: pd.DataFrame) -> pd.DataFrame:
            from prophet import Prophet

            Prophet(regParam=0.5).fit(rows)
            return rows[["g"]].head(1)

        return told(lambda: data.groupBy("g").applyInPandas(fit, "g string").count(), "regParam")
    told(lambda: GroupedProphet(groupCols=["g"], regParam=0.5).fit(data), "regParam")
    space = BayesianParamGridBuilder().addUniform(LinearRegression().regParam, 0.0, 1.0).space()
    tuner = GroupedProphetTuner(estimator=GroupedProphet(groupCols=["g"]), searchSpace=space)
    return told(lambda: tuner.setHorizon(3).fit(data), "searchSpace", "'regParam'")


def forecast_of(horizon: int, freq: str, *words: str) -> Callable[[Any, Path], str]:
    """A forecast that is asked for with a step or a number of steps that cannot be."""

    def run(system: Any, place: Path) -> str:
        model = system.fit(frame(good()), Settings())

        def ahead(rows: pd.DataFrame) -> pd.DataFrame:
            from prophet.serialize import model_from_json

            own = model_from_json(rows["model"].iloc[0])
            future = own.make_future_dataframe(horizon, freq=freq, include_history=False)
            return own.predict(future)[["yhat"]]

        def call() -> None:
            if system is SYSTEMS["plain"]:
                model.groupBy("g").applyInPandas(ahead, "yhat double").count()
            else:
                model.forecast(horizon, freq=freq)

        try:
            return told(call, *words)
        finally:
            model.unpersist()

    return run


def unknown_country(system: Any, place: Path) -> str:
    """Holidays of a country that no package knows."""
    data = frame(good())

    def fit(rows: pd.DataFrame) -> pd.DataFrame:
        from prophet import Prophet

        model = Prophet()
        model.add_country_holidays("XX")
        model.fit(rows)
        return rows[["g"]].head(1)

    def call() -> None:
        if system is SYSTEMS["plain"]:
            data.groupBy("g").applyInPandas(fit, "g string").count()
        else:
            GroupedProphet(groupCols=["g"], countryHolidays="XX").fit(data)

    return told(call, "countryHolidays", "XX")


def constant_regressor(system: Any, place: Path) -> str:
    """A price that is 2 in the whole history and 5 afterwards: its effect is not known."""
    # The other groups have rows too: a cogroup gives its function those that have none.
    known = frame({"changed": series(9)} | good()).withColumn("price", F.lit(2.0))
    model = system.fit(known, Settings(regressors=("price",)))
    later = days(HORIZON, series(9)[-1][0] + timedelta(days=1))
    future = frame({key: [(ds, 0.0) for ds in later] for key in ("changed", *GOOD)})
    asked = future.drop("y").withColumn("price", F.lit(5.0))
    found = [row.yhat for row in system.transform(model, asked).filter("g = 'changed'").collect()]
    model.unpersist()
    level, unit = sum(labels(9)) / ROWS, deviation(series(9))
    broken_unless(len(found) == HORIZON, f"{len(found)} rows of {HORIZON}")
    worst = max(found, key=lambda yhat: abs(yhat - level))
    broken_unless(abs(worst - level) < 4 * unit, f"the forecast is {worst:g}, near {level:g} right")
    return "forecast near the level"


CASES = [
    mistaken("bad prior scale", Settings(prior_scale=-1.0), "changepointPriorScale", "-1"),
    Case("params", "a param of another stage", "P7", of_another_stage),
    mistaken(
        "a regressor that is missing",
        Settings(regressors=("price",)),
        "regressors",
        "'price'",
        "columns: ",
    ),
    Case(
        "params",
        "freq that is no freq",
        "P7 P9",
        forecast_of(3, "fortnights", "freq", "fortnights"),
        slow=True,
    ),
    Case(
        "params",
        "horizon beyond the calendar",
        "P7 P8 P9",
        forecast_of(10_000_000, "D", "horizon", "10000000"),
        slow=True,
    ),
    Case("params", "country that does not exist", "P7 P9", unknown_country, slow=True),
    Case("params", "constant regressor that changes", "P1", constant_regressor, slow=True),
]
