"""The settings: what the driver can see is wrong (3 cases)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.ml.regression import LinearRegression

from card import Case, broken_unless
from groups import fitted, frame, good, refused
from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from systems import SYSTEMS, Settings


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
]
