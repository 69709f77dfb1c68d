"""Fits by the exact solver, against Prophet's own preprocessing and prediction around it."""

import numpy as np
import pytest
from prophet.serialize import model_from_json, model_to_json

import stock
from cases import CASES, history_of, rows
from sparkprophet.series.config import Config
from sparkprophet.series.estimate import choose
from sparkprophet.series.fast_prophet import FastProphet
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import forecast
from sparkprophet.series.genuine_prophet import prophet_of
from sparkprophet.series.seasonality import resolve


@pytest.fixture(scope="module", params=CASES)
def both(request):
    """Our fit, Prophet's around the same solver, and the rows to forecast."""
    case = CASES[request.param]
    history = history_of(case)
    config = Config(solver="native", **case.ours).replace({"uncertaintySamples": 0})
    model = FastProphet(**(case.theirs | {"uncertainty_samples": 0}))
    if case.prepare is not None:
        case.prepare(model)
    model.fit(stock.frame(history))
    return config, fit(history, config), model, rows(case)


def test_the_mode_is_the_one_on_prophets_own_design(both):
    _, outcome, model, _ = both
    assert (outcome.status, outcome.solver, outcome.error_message) == ("ok", "native", None)
    found, expected = outcome.state.parameters, model.params
    # A nonlinear mode is found to 1e-7 of the log posterior, a parabola of the parameters.
    assert outcome.log_posterior == pytest.approx(expected["lp__"].item(), abs=1e-6)
    for name in ("k", "m", "sigma_obs"):
        assert getattr(found, name) == pytest.approx(expected[name].item(), rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(found.delta, expected["delta"][0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.beta, expected["beta"][0], rtol=1e-3, atol=1e-4)


def test_forecast(both):
    config, outcome, model, wanted = both
    found = forecast(outcome.state, config, wanted, 0).yhat
    expected = model.predict(stock.frame(wanted, with_y=False))["yhat"]
    order = np.argsort(wanted.ds, kind="stable")
    np.testing.assert_allclose(found[order], expected, rtol=1e-5)


def test_a_genuine_prophet_predicts_the_same(both):
    config, outcome, _, wanted = both
    model = model_from_json(model_to_json(prophet_of(outcome.state, config)))
    table = model.predict(stock.frame(wanted, with_y=False))
    order = np.argsort(wanted.ds, kind="stable")
    found = forecast(outcome.state, config, wanted, 0).yhat
    np.testing.assert_allclose(found[order], table["yhat"], rtol=1e-9)


@pytest.mark.parametrize("growth", ["linear", "flat"])
@pytest.mark.parametrize("level", [0.0, -3.5, 1e6])
@pytest.mark.parametrize("settings", [{}, {"nChangepoints": 0}, {"weeklySeasonality": "false"}])
def test_a_constant_label_is_forecast_by_itself(daily, growth, level, settings):
    series = daily(30)
    series.y[:] = level
    config = Config(growth=growth, uncertaintySamples=100, **settings)
    outcome = fit(series, config)
    model = stock.fitted(series, growth=growth)
    assert (outcome.status, outcome.solver, outcome.log_posterior) == ("ok", "native", None)
    assert outcome.state.parameters.sigma_obs == model.params["sigma_obs"].item()
    wanted = daily(60)
    found = forecast(outcome.state, config, wanted, 0)
    expected = model.predict(stock.frame(wanted, with_y=False))["yhat"]
    np.testing.assert_allclose(found.yhat, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.yhat, level, rtol=1e-12)


@pytest.mark.parametrize(
    ("days", "settings", "expected"),
    [
        (100, {}, "native"),
        (731, {"yearlySeasonality": "true"}, "native"),
        (730, {"yearlySeasonality": "true"}, "stan"),
        (730, {"yearlySeasonality": "true", "solver": "native"}, "native"),
        (900, {"solver": "stan"}, "stan"),
        (15, {"weeklySeasonality": "true"}, "native"),
        (10, {"weeklySeasonality": "true"}, "stan"),
        (50, {"monthlyFourierOrder": 2}, "stan"),
        (70, {"monthlyFourierOrder": 2}, "native"),
        (70, {"seasonalities": [{"name": "q", "period": 91.3, "fourierOrder": 1}]}, "stan"),
    ],
)
def test_auto_leaves_what_is_not_identified_to_stan(daily, days, settings, expected):
    series, config = daily(days), Config(**settings)
    # `days` rows span days - 1 days.
    assert choose(config, resolve(config, series.ds), series.ds) == expected


def test_the_row_says_which_solver_ran(daily):
    short = fit(daily(100), Config(yearlySeasonality="true"))
    assert (short.status, short.solver) == ("ok", "stan")
    failed = fit(daily(1), Config())
    assert (failed.status, failed.solver) == ("failed", None)


def test_a_regressor_out_of_range_is_named(daily):
    series = daily(60)
    series.columns["price"] = np.where(np.arange(60) % 2 == 0, 1e200, -1e200)
    outcome = fit(series, Config(regressors=[{"name": "price", "standardize": False}]))
    assert (outcome.status, outcome.error_code) == ("failed", "SOLVER_FAILED")
    assert "'price'" in outcome.error_message and "scale" in outcome.error_message


def test_order_of_rows_and_other_fits_do_not_matter(daily):
    series = daily(400)
    mixed = series.take(np.random.default_rng(2).permutation(400))
    config = Config(seasonalityMode="multiplicative")
    first = fit(series, config).state.to_record()
    fit(daily(300, seed=3), config)
    again = fit(mixed, config).state.to_record()
    assert first["facts"] == again["facts"]
    assert first["parameters"].tobytes() == again["parameters"].tobytes()
