"""Forecasts that take too much: an error of their own model, and every other model's as ever."""

import numpy as np
import pandas as pd
import pytest

from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.spark.schema import STATE_FIELDS
from sparkprophet.spark.worker.forecasts import decomposing, going_ahead, predicting

DAYS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
LONG = 2_000_000_000
"""Simulated futures: 16 GB for a single step, and minutes."""


def model(**settings):
    """config, seed and state of a series, as Spark hands them to a worker."""
    config = Config(**({"uncertaintySamples": 10} | settings))
    state = fit(Series(DAYS, np.sin(np.arange(60.0)) + 5), config).state.to_record()
    return (config.to_json(), 7, *(state[name] for name in STATE_FIELDS))


GOOD = model()
TOO_MUCH = {
    "OUT_OF_MEMORY": model(uncertaintySamples=LONG, groupMemoryInMB=100),
    "TIMEOUT": model(uncertaintySamples=20_000_000, groupTimeout=0.1),
}


def columns(models):
    return [pd.Series(list(values)) for values in zip(*models, strict=True)]


@pytest.mark.parametrize("code", TOO_MUCH)
def test_steps_ahead(code):
    found = going_ahead(3, None, False, None, {})(*columns([GOOD, TOO_MUCH[code], GOOD]))
    alone = going_ahead(3, None, False, None, {})(*columns([GOOD]))
    assert found.error.str.partition(":")[0].tolist() == [None, code, None]
    for i in (0, 2):
        for name in ("ds", "yhat", "lower", "upper"):
            assert found[name][i].tolist() == alone[name][0].tolist()
    assert found.loc[1, ["ds", "yhat"]].isna().all()


@pytest.mark.parametrize("code", TOO_MUCH)
def test_rows(code):
    found, alone = (
        pd.concat(predicting(("ds",), {})(iter([rows_of(models)])))
        for models in ([GOOD, TOO_MUCH[code], GOOD], [GOOD])
    )
    errors = found.error.str.partition(":")[0]
    assert errors.isna().tolist() == [True] * 4 + [False] * 4 + [True] * 4
    assert errors[4:8].tolist() == [code] * 4
    for rows in (found[:4], found[8:]):
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), alone, check_dtype=False)
    assert found.yhat[4:8].isna().all()


def rows_of(models):
    """A batch: for each model its row, then three of a group's days (the first has no model's)."""
    batch = []
    empty = ("", 0, *([] for _ in STATE_FIELDS))
    for values in models:
        for i in range(4):
            ds = (DAYS[-1] + i * np.timedelta64(1, "D")).astype(np.int64)
            batch.append((i == 0, *(values if i == 0 else empty), ds))
    return columns(batch)


def test_components_and_forecasts_take_turns_in_one_process():
    batch = rows_of([GOOD])
    for _ in range(2):
        parts = pd.concat(decomposing(("ds",), {})(iter([batch])))
        forecast = pd.concat(predicting(("ds",), {})(iter([batch])))
        seasonal = [values["additive_terms"] for values in parts.components]
        np.testing.assert_allclose(parts.trend + seasonal, forecast.yhat, rtol=1e-12)


def test_a_horizon_beyond_the_calendar_is_an_error_that_names_it():
    for freq, steps in ((None, 90_000), ("D", 90_000), ("YS", 240), ("YS", 1_000_000)):
        found = going_ahead(steps, freq, False, None, {})(*columns([GOOD]))
        assert found.error[0].startswith(
            f"DS_OUT_OF_RANGE: horizon: {steps:,} steps after 2024-02-29"
        )
    assert len(going_ahead(86_000, None, False, None, {})(*columns([GOOD])).ds[0]) == 86_000
