"""How the trend goes on after the history: `trendForecast` and `trendDamping`."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sparkprophet.numerics import smoothing
from sparkprophet.series.config import TREND_FORECASTS, Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.fold_solver import FoldSolver
from sparkprophet.series.forecast import components, forecast
from sparkprophet.series.seasonality import long_enough, of_config
from sparkprophet.series.state import State

SMOOTHED = [name for name in TREND_FORECASTS if name != "prophet"]


def daily(rows=300, seed=2):
    random = np.random.default_rng(seed)
    ds = pd.date_range("2022-01-03", periods=rows).to_numpy("datetime64[us]")
    steps = np.arange(rows)
    y = 40 + 0.05 * steps + 4 * np.sin(steps * 2 * np.pi / 7) + random.normal(size=rows)
    return Series(ds, y, {"cap": np.full(rows, 56.0), "floor": np.full(rows, 1.0)})


def split(series, ahead=21):
    return series.take(slice(0, -ahead)), series.take(slice(-ahead, None))


def fitted(past, **settings):
    config = Config(uncertaintySamples=0, **settings)
    outcome = fit(past, config)
    assert outcome.status == "ok", outcome.error_message
    return outcome.state, config


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("method", SMOOTHED)
def test_what_prophets_terms_leave_is_smoothed(method, mode):
    past, future = split(daily())
    state, config = fitted(past, trendForecast=method, seasonalityMode=mode)
    plain, own = fitted(past, seasonalityMode=mode)
    before, after = components(plain, own, past), components(plain, own, future)
    left = (past.y - before["additive_terms"]) / (1 + before["multiplicative_terms"])
    at = np.arange(len(past)) - len(past) + 1
    smooth = {"holt": smoothing.holt, "theta": smoothing.theta}.get(method)
    carried = smooth(left, at) if smooth else smoothing.holt_winters(left, at, 7)
    steps = np.arange(1.0, len(future) + 1)
    gain = 1 + after["multiplicative_terms"]
    by_hand = (carried.trend(steps) + carried.seasonal(steps)) * gain + after["additive_terms"]
    np.testing.assert_allclose(forecast(state, config, future, 0).yhat, by_hand, rtol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"seasonalityMode": "multiplicative"}])
@pytest.mark.parametrize("method", TREND_FORECASTS)
def test_components_add_up(method, settings):
    past, future = split(daily())
    state, config = fitted(past, trendForecast=method, trendDamping=0.9, **settings)
    for rows in (past, future):
        parts = components(state, config, rows)
        total = parts["trend"] * (1 + parts["multiplicative_terms"]) + parts["additive_terms"]
        np.testing.assert_allclose(total, forecast(state, config, rows, 0).yhat, rtol=1e-12)
        named = sum(parts.get(n, 0.0) for n in ("weekly", "smoothed_season"))
        if not settings:
            np.testing.assert_allclose(named, parts["additive_terms"], atol=1e-9)


@pytest.mark.parametrize("method", SMOOTHED)
def test_the_history_keeps_prophets_trend(method):
    past, _ = split(daily())
    state, config = fitted(past, trendForecast=method)
    plain, own = fitted(past)
    np.testing.assert_array_equal(
        components(state, config, past)["trend"], components(plain, own, past)["trend"]
    )


@pytest.mark.parametrize("method", TREND_FORECASTS)
def test_a_trial_forecasts_what_a_fit_does(method):
    past, future = split(daily())
    state, config = fitted(past, trendForecast=method, trendDamping=0.8)
    seasonalities = of_config(config, long_enough(past.ds))
    solver = FoldSolver(past, future, Config(), {})
    expected = forecast(state, config, future, 0).yhat
    np.testing.assert_allclose(solver.forecast(config, seasonalities), expected, rtol=1e-4)
    every = solver.forecasts(config, seasonalities, TREND_FORECASTS)
    np.testing.assert_allclose(every[TREND_FORECASTS.index(method)], expected, rtol=1e-4)


@pytest.mark.parametrize("damping", [0.0, 0.5, 0.97, 1.0])
def test_the_slope_dies_away_step_by_step(damping):
    past, future = split(daily())
    state, config = fitted(past, trendDamping=damping)
    rows = past.take(slice(-2, None))
    before, last = components(state, config, rows)["trend"]
    trend = components(state, config, future)["trend"]
    powers = damping ** np.arange(1, len(future) + 1)
    np.testing.assert_allclose(trend, last + (last - before) * np.cumsum(powers), rtol=1e-9)


def test_a_damped_trend_of_months_counts_months():
    ds = pd.date_range("2015-01-01", periods=72, freq="MS").to_numpy("datetime64[us]")
    series = Series(ds, 10 + 0.5 * np.arange(72) + np.cos(np.arange(72)))
    past, future = split(series, 12)
    state, config = fitted(past, trendDamping=0.9, yearlySeasonality="false")
    plain, own = fitted(past, yearlySeasonality="false")
    days = (future.ds - past.ds[-1]) / np.timedelta64(1, "D")
    straight = components(plain, own, future)["trend"]
    last = components(plain, own, past)["trend"][-1]
    slope = (straight - last) / days
    share = np.cumsum(0.9 ** np.arange(1, 13)) / np.arange(1, 13)
    np.testing.assert_allclose(
        components(state, config, future)["trend"], last + slope * days * share, rtol=1e-9
    )


@pytest.mark.parametrize("method", SMOOTHED)
def test_a_smoothed_trend_stays_below_the_cap(method):
    past, future = split(daily())
    future = replace(future, columns=dict(future.columns) | {"cap": np.full(len(future), 45.0)})
    state, config = fitted(past, trendForecast=method, growth="logistic")
    trend = components(state, config, future)["trend"]
    assert (trend <= 45.0).all() and (trend >= 1.0).all()
    yhat = forecast(state, config, future, 0).yhat
    trial = FoldSolver(past, future, config, {}).forecast(
        config, of_config(config, long_enough(past.ds))
    )
    np.testing.assert_allclose(trial, yhat, rtol=1e-3)


def test_gaps_are_steps_without_a_value():
    series = daily()
    kept = np.ones(len(series), bool)
    kept[150:160] = kept[200:201] = False
    past, future = split(series.take(kept))
    state, config = fitted(past, trendForecast="holt", weeklySeasonality="false")
    at = (past.ds - past.ds[-1]) // np.timedelta64(1, "D")
    by_hand = smoothing.holt(past.y, at.astype(np.int64)).trend(np.arange(1.0, 22.0))
    np.testing.assert_allclose(forecast(state, config, future, 0).yhat, by_hand, rtol=1e-9)


@pytest.mark.parametrize("method", SMOOTHED)
def test_a_state_comes_back_to_the_last_bit(method):
    past, future = split(daily())
    state, config = fitted(past, trendForecast=method)
    again = State.from_record(state.to_record())
    found, expected = (forecast(s, config, future, 0).yhat for s in (again, state))
    assert found.tobytes() == expected.tobytes()


def test_an_older_state_has_prophets_trend():
    past, _ = split(daily())
    state, _ = fitted(past)
    assert "trends" not in state.to_record()["facts"]
    assert State.from_record(state.to_record()).trends == ((1.0, None),)


@pytest.mark.parametrize("rows", [2, 3, 9])
@pytest.mark.parametrize("method", SMOOTHED)
def test_few_rows_and_equal_ones(method, rows):
    series = daily(rows + 5)
    past, future = split(series, 5)
    for y in (past.y, np.full(rows, 7.0), np.zeros(rows)):
        state, config = fitted(replace(past, y=y), trendForecast=method)
        assert np.isfinite(forecast(state, config, future, 0).yhat).all()
