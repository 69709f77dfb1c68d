"""Short series, with as many unknowns as rows: a finite mode, and one however it is found."""

import numpy as np
import pandas as pd
import pytest

from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.fold_solver import FoldSolver
from sparkprophet.series.forecast import forecast
from sparkprophet.series.seasonality import long_enough, of_config

AHEAD = 8


def quarters(seed, rows, smooth=0.9):
    """A walk with a season, `rows` quarters and those ahead."""
    rng = np.random.default_rng(seed)
    ds = pd.date_range("1970-01-01", periods=rows + AHEAD, freq="QE").to_numpy("datetime64[us]")
    steps = rng.normal(0, 1, rows + AHEAD)
    for i in range(1, len(steps)):
        steps[i] += smooth * steps[i - 1]
    season = rng.normal(0, 3, 4)[np.arange(rows + AHEAD) % 4]
    return Series(ds, 100 + np.cumsum(steps) + season, {})


def split(series):
    past = np.arange(len(series)) < len(series) - AHEAD
    return series.take(past), series.take(~past)


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("rows", [16, 24, 30, 36])
def test_a_fit_of_quarters_is_finite(rows, mode):
    config = Config(uncertaintySamples=0, seasonalityMode=mode, solver="native")
    for seed in range(10):
        past, future = split(quarters(seed, rows))
        found = fit(past, config)
        assert found.error_message is None
        yhat = forecast(found.state, config, future, 0).yhat
        # Of the order of what the series did: a fit through all points may not explode.
        assert np.all(np.abs(yhat - past.y.mean()) < 20 * np.ptp(past.y))


def test_no_series_of_m3_fails_at_the_defaults(shared_data):
    table = pd.read_parquet(shared_data / "m3.parquet")
    config = Config(uncertaintySamples=0)
    for (_, name), rows in table.groupby(["period", "unique_id"]):
        past, future = split(Series(rows.ds.to_numpy("datetime64[us]"), rows.y.to_numpy(float), {}))
        found = fit(past, config)
        assert (found.status, found.error_code) == ("ok", None), name
        assert np.isfinite(forecast(found.state, config, future, 0).yhat).all(), name


def configs(rng, count):
    for _ in range(count):
        yield Config(
            uncertaintySamples=0,
            solver="native",
            seasonalityMode=str(rng.choice(["additive", "multiplicative"])),
            changepointPriorScale=float(np.exp(rng.uniform(np.log(0.001), np.log(0.5)))),
            seasonalityPriorScale=float(np.exp(rng.uniform(np.log(0.01), np.log(10)))),
            nChangepoints=int(rng.choice([10, 25])),
        )


def assert_one_mode(series, config):
    """That a trial of a search and a fit of the same rows forecast the same."""
    past, future = split(series)
    seasonalities = of_config(config, long_enough(past.ds))
    trial = FoldSolver(past, future, Config(), {}).forecast(config, seasonalities)
    found = fit(past, config)
    np.testing.assert_allclose(
        trial, forecast(found.state, config, future, 0).yhat, rtol=0.01, atol=1e-3 * np.ptp(past.y)
    )


@pytest.mark.parametrize(
    "rows", [20, 44, *(pytest.param(n, marks=pytest.mark.slow) for n in (30, 60, 100))]
)
def test_a_trial_and_a_fit_end_in_one_mode(rows):
    rng = np.random.default_rng(rows)
    for seed in range(12):
        series = quarters(seed, rows)
        for config in configs(rng, 3):
            assert_one_mode(series, config)


def test_a_trial_and_a_fit_of_m3_end_in_one_mode(shared_data):
    table = pd.read_parquet(shared_data / "m3.parquet")
    rng = np.random.default_rng(0)
    names = rng.choice(table.unique_id.unique(), 60, replace=False)
    for _, rows in table[table.unique_id.isin(names)].groupby("unique_id"):
        series = Series(rows.ds.to_numpy("datetime64[us]"), rows.y.to_numpy(float), {})
        for config in configs(rng, 2):
            assert_one_mode(series, config)
