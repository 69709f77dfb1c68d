"""A search's trials on shared designs, against a fit and a forecast of their own each."""

import numpy as np
import pytest

from sparkprophet.series import dated_basis
from sparkprophet.series.backtest import Backtest, make_folds
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.estimate import estimate
from sparkprophet.series.fold_solver import FoldSolver
from sparkprophet.series.forecast import forecast
from sparkprophet.series.seasonality import resolve

TRIALS = {
    "defaults": {},
    "orders": {"yearlyFourierOrder": 6, "weeklyFourierOrder": 2, "monthlyFourierOrder": 4},
    "order over the largest": {"yearlyFourierOrder": 15},
    "priors": {"changepointPriorScale": 0.5, "weeklyPriorScale": 0.01, "holidaysPriorScale": 0.1},
    "multiplicative": {"seasonalityMode": "multiplicative", "yearlyFourierOrder": 4},
    "changepoints": {"nChangepoints": 5, "changepointRange": 0.9},
    "no changepoints": {"nChangepoints": 0},
    "own changepoints": {"changepoints": ["2019-03-01", "2020-01-01"]},
    "flat": {"growth": "flat", "seasonalityMode": "multiplicative"},
    "logistic": {"growth": "logistic", "seasonalityMode": "multiplicative"},
    "minmax": {"scaling": "minmax"},
    "country": {"countryHolidays": "US"},
    "holidays": {"holidays": [{"holiday": "fair", "ds": "2019-06-01", "priorScale": 0.5}]},
    "mixed": {
        "regressors": [{"name": "price", "mode": "multiplicative", "priorScale": 2.0}],
        "seasonalities": [{"name": "pay", "period": 15.2, "fourierOrder": 2}],
    },
    "no weeks": {"weeklySeasonality": "false"},
}
LARGEST = {"yearly": 12, "weekly": 3, "monthly": 5}


def make_series(seed, days=1000):
    rng = np.random.default_rng(seed)
    i = np.arange(days)
    y = 50 + 0.02 * i + 5 * np.sin(2 * np.pi * i / 365.25) + 3 * np.sin(2 * np.pi * i / 7)
    ds = np.datetime64("2018-01-01", "us") + i * np.timedelta64(1, "D")
    columns = {"price": rng.normal(size=days), "cap": np.full(days, 120.0)}
    return Series(ds, y + columns["price"] + rng.normal(0, 1, days), columns)


@pytest.fixture(scope="module")
def halves():
    series, rows = make_series(0), np.arange(1000)
    return series.take(rows < 910), series.take(rows >= 910)


def solver_of(halves, config, largest=LARGEST):
    return FoldSolver(*halves, config, largest)


@pytest.mark.parametrize("settings", TRIALS.values(), ids=TRIALS)
def test_forecast_is_that_of_a_fit_by_itself(halves, settings):
    train, test = halves
    config = Config(uncertaintySamples=0).replace(settings)
    seasonalities = resolve(config, train.ds)
    found = solver_of(halves, Config(uncertaintySamples=0)).forecast(config, seasonalities)
    state, _ = estimate(train, config, seasonalities, "native")
    expected = forecast(state, config, test, 0).yhat
    # A trial stops when 1e-4 of the log posterior is left to gain: a hundredth of the noise, 1.
    np.testing.assert_allclose(found, expected, atol=0.02)
    # The data's own noise, and the future prices for those without the regressor.
    assert settings.get("growth") == "flat" or np.abs(found - test.y).mean() < 2.5


def test_trials_do_not_depend_on_each_other_or_on_other_series(halves, monkeypatch):
    train, test = halves
    config = Config(uncertaintySamples=0)
    configs = [config.replace(settings) for settings in TRIALS.values()]

    def nothing_kept():
        monkeypatch.setattr(dated_basis, "_kept", dated_basis._Kept())

    def forecasts(order):
        solver = solver_of(halves, config)
        found = {i: solver.forecast(configs[i], resolve(configs[i], train.ds)) for i in order}
        return [found[i].tobytes() for i in range(len(configs))]

    nothing_kept()
    alone = forecasts(range(len(configs)))
    nothing_kept()
    other = make_series(1)
    rows = np.arange(1000)
    neighbour = FoldSolver(other.take(rows < 910), other.take(rows >= 910), config, LARGEST)
    for own in configs:
        neighbour.forecast(own, resolve(own, train.ds))
    assert forecasts(reversed(range(len(configs)))) == alone


def test_conditions_and_rows_that_cannot_be_forecast(halves):
    train, test = halves
    columns = {"cap": test.columns["cap"].copy(), "price": test.columns["price"]}
    columns["cap"][3] = -1.0
    low = Series(test.ds, test.y, columns)
    config = Config(growth="logistic", uncertaintySamples=0)
    found = FoldSolver(train, low, config, {}).forecast(config, resolve(config, train.ds))
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]


def test_a_constant_history_is_forecast_by_itself(halves):
    train, test = halves
    level = Series(train.ds, np.full(len(train), 7.0))
    config = Config(uncertaintySamples=0)
    found = FoldSolver(level, test, config, {}).forecast(config, resolve(config, train.ds))
    np.testing.assert_allclose(found, 7.0, rtol=1e-12)


def test_the_solver_is_decided_on_the_whole_series():
    series = make_series(2, days=760)
    folds = make_folds(series, 60, 2, None, None)
    config = Config(uncertaintySamples=0)
    losses = {}
    for solver in ("auto", "native", "stan"):
        own = config.replace({"solver": solver})
        losses[solver] = Backtest(series, own, folds, "mae", 0, {}).loss(own)
    # The folds have less than two years, the series has more: yearly terms, natively fitted.
    assert losses["auto"] == losses["native"]
    assert losses["auto"] != losses["stan"]
