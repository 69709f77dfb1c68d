"""Simulated futures: their distribution against Prophet's own, and what they must not depend on."""

from statistics import NormalDist

import numpy as np
import pytest

import stock
from percentiles import assert_percentile
from sparkprophet.series import changepoints, design, intervals, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.forecast import forecast
from sparkprophet.series.genuine_prophet import prophet_of
from sparkprophet.series.seasonality import resolve
from sparkprophet.series.state import FittedState, Parameters

DAY = np.timedelta64(1, "D")
START = np.datetime64("2022-01-01", "us")
DRAWS = 20_000


def series(days):
    days = np.asarray(days)
    ds = START + np.rint(days * 86_400_000_000).astype("timedelta64[us]")
    columns = {"cap": 30 + 0.02 * days, "x": np.cos(days)}
    return Series(ds, 20 + np.sin(days), columns)


def state_of(config, history, sigma=0.02, spread=0.3):
    """A state with parameters that nobody fitted: what a forecast makes of them is the question."""
    rng = np.random.default_rng(1)
    dates = changepoints.place(history.ds, config)
    seasonalities = resolve(config, history.ds)
    layout = design.layout(config, seasonalities, history.ds)
    delta = rng.laplace(0, spread, len(dates)) if len(dates) else np.zeros(1)
    beta = rng.normal(0, 0.1, max(1, len(layout.names)))
    return FittedState(
        history,
        Parameters(0.4, 0.5, sigma, delta, beta),
        scaling.scales_of(history, config),
        seasonalities,
        dates,
        layout.holiday_names,
        layout.holiday_columns,
    )


AHEAD = np.arange(190, 260)
# name: (settings, days of the history, days of the rows)
FUTURES = {
    "linear": ({}, np.arange(200), AHEAD),
    "far": ({"nChangepoints": 3}, np.arange(200), np.arange(200, 800, 7)),
    "no_changepoints": ({"nChangepoints": 0}, np.arange(200), AHEAD),
    "multiplicative": (
        {"seasonalityMode": "multiplicative", "regressors": ["x"]}, np.arange(200), AHEAD,
    ),
    "minmax": ({"scaling": "minmax"}, np.arange(200), AHEAD),
    "flat": ({"growth": "flat"}, np.arange(200), AHEAD),
    "logistic": ({"growth": "logistic"}, np.arange(200), AHEAD),
    # A step of the future in which several changepoints of the history lie.
    "logistic_in_long_steps": (
        {"growth": "logistic", "nChangepoints": 12}, np.arange(200), np.arange(190, 900, 31),
    ),
    "logistic_minmax": ({"growth": "logistic", "scaling": "minmax"}, np.arange(200), AHEAD),
    "one_row": ({}, np.arange(200), [230]),
    "one_row_after_the_past": ({}, np.arange(200), [10, 50, 199, 230]),
    "one_row_logistic": ({"growth": "logistic"}, np.arange(200), [230]),
    "one_row_after_gaps": ({}, np.arange(200) ** 1.5, [2900]),
    "few_long_steps": ({}, np.arange(200), [230, 400, 560]),
    "irregular": ({}, np.arange(200), 199 + np.arange(1, 40) ** 1.3),
    "repeated": ({}, np.arange(200), np.repeat(np.arange(190, 220), 3)),
    "a_change_in_every_row": (
        {"changepoints": [str(START + i * DAY) for i in range(1, 29)]}, np.arange(30),
        np.arange(28, 50),
    ),
    "past": ({}, np.arange(200), np.arange(0, 200, 9)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUTURES)
def test_futures_are_distributed_as_prophets(name):
    settings, history, days = FUTURES[name]
    config = Config(uncertaintySamples=DRAWS, **settings)
    state = state_of(config, series(history))
    wanted = series(days)
    model = prophet_of(state, config)
    futures = stock.futures(model, wanted, 3)
    for width in (0.5, 0.9):
        found = forecast(state, config.replace({"intervalWidth": width}), wanted, 4)
        tail = (1 - width) / 2
        assert_percentile(found.lower, tail, DRAWS, futures)
        assert_percentile(found.upper, 1 - tail, DRAWS, futures)


def test_the_bound_tells_wrong_intervals_from_right_ones():
    """A fifth more or less of width, or another step of the shifts, does not pass as chance."""
    config = Config(uncertaintySamples=DRAWS)
    state = state_of(config, series(np.arange(200)))
    wanted = series(AHEAD)
    futures = stock.futures(prophet_of(state, config), wanted, 3)
    found = forecast(state, config, wanted, 4)
    for factor in (0.8, 1.2):
        wrong = found.yhat + factor * (found.lower - found.yhat)
        with pytest.raises(AssertionError):
            assert_percentile(wrong, 0.1, DRAWS, futures)


def test_the_past_has_normal_noise():
    config = Config(uncertaintySamples=DRAWS, intervalWidth=0.6)
    given = series(np.arange(200))
    state = state_of(config, given, sigma=0.05)
    found = forecast(state, config, given, 1)
    sigma = 0.05 * state.scales.y_scale
    for values, share in ((found.lower, 0.2), (found.upper, 0.8)):
        shares = [NormalDist(0, sigma).cdf(v) for v in values - found.yhat]
        bound = 6 * np.sqrt(share * (1 - share) / DRAWS) + 1 / DRAWS
        np.testing.assert_array_less(np.abs(np.array(shares) - share), bound)


GROWTHS = ["linear", "logistic", "flat"]


@pytest.mark.parametrize("growth", GROWTHS)
def test_size_of_chunks_changes_no_bit(growth, monkeypatch):
    config = Config(growth=growth, uncertaintySamples=300)
    state = state_of(config, series(np.arange(200)))
    wanted = series(np.arange(150, 400))
    found = []
    for cells in (1, 300 * 7, 300 * 51, 10**9):
        monkeypatch.setattr(intervals, "_CELLS", cells)
        found.append(forecast(state, config, wanted, 5))
    for other in found[1:]:
        np.testing.assert_array_equal(other.lower, found[0].lower)
        np.testing.assert_array_equal(other.upper, found[0].upper)


@pytest.mark.parametrize("growth", GROWTHS)
def test_seed_decides(growth):
    config = Config(growth=growth, uncertaintySamples=50)
    state = state_of(config, series(np.arange(200)))
    wanted = series(AHEAD)
    one, same, other = (forecast(state, config, wanted, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.lower, same.lower)
    np.testing.assert_array_equal(one.upper, same.upper)
    assert (one.lower != other.lower).all()
    np.testing.assert_array_equal(one.yhat, other.yhat)


def test_order_of_rows_changes_no_interval():
    """Nor that of rows with the same time, which only a regressor tells apart."""
    config = Config(uncertaintySamples=50, regressors=["x"])
    state = state_of(config, series(np.arange(200)))
    wanted = series(np.repeat(np.arange(190, 230), 2))
    wanted.columns["x"][::2] += 1
    order = np.random.default_rng(0).permutation(len(wanted))
    straight = forecast(state, config, wanted, 3)
    mixed = forecast(state, config, wanted.take(order), 3)
    for name in ("yhat", "lower", "upper"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(straight, name)[order])


def test_further_rows_do_not_narrow_the_first():
    """The interval widens with time, as the changes of the rate add up."""
    config = Config(uncertaintySamples=4000)
    state = state_of(config, series(np.arange(200)))
    found = forecast(state, config, series(np.arange(200, 500, 20)), 0)
    assert (np.diff(found.upper - found.lower) > 0).all()


@pytest.mark.parametrize("growth", GROWTHS)
def test_rows_at_one_future_time(growth):
    config = Config(growth=growth, uncertaintySamples=200)
    state = state_of(config, series(np.arange(200)))
    found = forecast(state, config, series(np.full(5, 300)), 0)
    assert (found.lower < found.yhat).all() and (found.yhat < found.upper).all()


@pytest.mark.parametrize("samples", [1, 2, 3, 11, 1000])
@pytest.mark.parametrize("width", [0.01, 0.5, 0.8, 0.999])
def test_percentiles_are_numpys(samples, width):
    values = np.random.default_rng(2).normal(size=(6, samples))
    shares = [(1 - width) / 2, (1 + width) / 2]
    ordered = np.sort(values, axis=1)
    found = [intervals._percentile(ordered, share) for share in shares]
    np.testing.assert_allclose(found, np.quantile(values, shares, axis=1), rtol=1e-12)


def test_an_exponent_beyond_floats_is_no_warning(recwarn):
    config = Config(growth="logistic", uncertaintySamples=50)
    state = state_of(config, series(np.arange(200)), spread=4000.0)
    wanted = series(np.arange(0, 2000, 10))
    wanted.columns["cap"][:] = 40.0
    found = forecast(state, config, wanted, 0)
    assert np.isfinite([found.yhat, found.lower, found.upper]).all()
    assert not recwarn.list
