"""Columns of which the history says nothing: no part of the label's level is theirs.

The right values are hand-made: what the label is without the column. Stock Prophet comes near them
because its optimiser starts at zero and ends early.
"""

import numpy as np
import pandas as pd
import pytest

from sparkprophet.series import FastProphet
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.fold_solver import FoldSolver
from sparkprophet.series.forecast import components, forecast
from sparkprophet.series.seasonality import long_enough, of_config

ROWS, AHEAD = 200, 14
DAYS = np.datetime64("2023-01-01", "us") + np.arange(ROWS + AHEAD) * np.timedelta64(1, "D")
NOISE = np.random.default_rng(0).normal(size=ROWS + AHEAD)
Y = 50 + 5 * np.sin(2 * np.pi * np.arange(ROWS + AHEAD) / 7) + NOISE
QUIET = {"yearlySeasonality": "false", "dailySeasonality": "false", "uncertaintySamples": 0}


def split(y=Y, **columns):
    """History and future."""
    series = Series(DAYS, y, {name: np.asarray(v, dtype=float) for name, v in columns.items()})
    past = np.arange(ROWS + AHEAD) < ROWS
    return series.take(past), series.take(~past)


def ahead(config, y=Y, **columns):
    """yhat of the future, and of the same fit in a backtest."""
    past, future = split(y, **columns)
    state = fit(past, config).state
    yhat = forecast(state, config, future, 0).yhat
    seasonalities = of_config(config, long_enough(past.ds))
    trial = FoldSolver(past, future, config, {}).forecast(config, seasonalities)
    np.testing.assert_allclose(trial, yhat, rtol=1e-3)
    return yhat, state


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize(
    ("before", "after"), [(2.0, 2.2), (2.0, 5.0), (1.0, 0.0), (100.0, 101.0), (0.0, 1.0), (-3, 9)]
)
def test_a_regressor_that_never_changed(before, after, mode):
    x = np.where(np.arange(ROWS + AHEAD) < ROWS, before, after)
    config = Config(**QUIET, regressors=["x"], seasonalityMode=mode)
    yhat, state = ahead(config, x=x)
    without, _ = ahead(Config(**QUIET, seasonalityMode=mode))
    np.testing.assert_allclose(yhat, without, rtol=1e-6)
    assert abs(yhat.mean() - 50) < 1
    assert state.parameters.beta[-1] == 0


def test_fast_prophet_knows_nothing_of_it_either():
    x = np.where(np.arange(ROWS + AHEAD) < ROWS, 2.0, 5.0)
    frame = pd.DataFrame({"ds": DAYS.astype("datetime64[ns]"), "y": Y, "x": x})
    model = FastProphet(yearly_seasonality=False, daily_seasonality=False, uncertainty_samples=0)
    model.add_regressor("x").fit(frame[:ROWS].copy())
    assert abs(model.predict(frame[ROWS:].drop(columns="y")).yhat.mean() - 50) < 1


@pytest.mark.parametrize("spread", [1e-9, 1e-6, 1e-4])
def test_a_regressor_that_hardly_changed(spread):
    """As it stands, not standardised: the rows say less of it than its prior does."""
    noise = np.random.default_rng(1).normal(size=ROWS + AHEAD)
    x = np.where(np.arange(ROWS + AHEAD) < ROWS, 2.0 + spread * noise, 5.0)
    config = Config(**QUIET, regressors=[{"name": "x", "standardize": False}])
    assert abs(ahead(config, x=x)[0].mean() - 50) < 1


@pytest.mark.parametrize("effect", [4.0, -9.0])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.98])
def test_what_the_data_decides_is_found(effect, share):
    """A regressor of zeros and ones, mostly one of the two, with an effect."""
    x = (np.random.default_rng(2).random(ROWS + AHEAD) < share).astype(float)
    x[ROWS:] = 1 - round(share)
    config = Config(**QUIET, regressors=["x"])
    yhat, _ = ahead(config, Y + effect * x, x=x)
    expected = 50 + effect * x[ROWS:]
    assert abs(np.mean(yhat - expected)) < 1


def test_a_condition_that_always_held():
    """The week is that of the seasonality without a condition, and stays when the other ends."""
    on = np.arange(ROWS + AHEAD) < ROWS
    season = {"name": "on", "period": 7, "fourierOrder": 3, "conditionCol": "open"}
    config = Config(**QUIET, seasonalities=[season])
    yhat, state = ahead(config, open=on)
    without, _ = ahead(Config(**QUIET))
    np.testing.assert_allclose(yhat, without, rtol=1e-6)
    _, future = split(open=on)
    assert not components(state, config, future)["on"].any()


def test_a_condition_that_always_held_alone_has_the_week():
    on = np.ones(ROWS + AHEAD)
    season = {"name": "on", "period": 7, "fourierOrder": 3, "conditionCol": "open"}
    config = Config(**QUIET, weeklySeasonality="false", seasonalities=[season])
    yhat, _ = ahead(config, open=on)
    np.testing.assert_allclose(yhat, ahead(Config(**QUIET))[0], rtol=1e-6)
