"""FastProphet beside stock Prophet: the same class to its users, and a mode at least as good."""

import json
import pickle
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from prophet import Prophet
from prophet.diagnostics import cross_validation, performance_metrics
from prophet.models import CmdStanPyBackend
from prophet.serialize import model_from_json, model_to_json
from prophet.utilities import regressor_coefficients, warm_start_params

from sparkprophet.series import FastProphet

matplotlib.use("Agg")


def sales(n=800, seed=0, start="2020-01-01"):
    """Daily sales with a bent trend, two seasons, a promotion and a cap."""
    i, rng = np.arange(n), np.random.default_rng(seed)
    promo = (i % 11 == 0).astype(float)
    level = 50 + 0.03 * i + 0.05 * np.maximum(i - n // 2, 0)
    week, year = np.sin(2 * np.pi * i / 7), np.cos(2 * np.pi * i / 365.25)
    y = level * (1 + 0.1 * week + 0.2 * year + 0.15 * promo) + rng.normal(0, 2, n)
    ds = pd.date_range(start, periods=n, freq="D")
    return pd.DataFrame({"ds": ds, "y": y, "promo": promo, "cap": 1.5 * y.max()})


HOLIDAYS = pd.DataFrame(
    {
        "holiday": "fair",
        "ds": pd.to_datetime(["2020-05-01", "2021-05-01"]),
        "lower_window": 0,
        "upper_window": 1,
    }
)
SETTINGS = {
    "defaults": {},
    "multiplicative": {"seasonality_mode": "multiplicative"},
    "logistic": {"growth": "logistic"},
    "logistic, multiplicative": {"growth": "logistic", "seasonality_mode": "multiplicative"},
    "flat": {"growth": "flat"},
    "no changepoints": {"n_changepoints": 0},
    "holidays": {"holidays": HOLIDAYS, "holidays_mode": "multiplicative"},
    "minmax": {"scaling": "minmax"},
    "stiff": {"changepoint_prior_scale": 0.001, "seasonality_prior_scale": 0.01},
    "loose": {"changepoint_prior_scale": 0.5, "n_changepoints": 60, "changepoint_range": 0.95},
    "no seasons": {"weekly_seasonality": False, "yearly_seasonality": False},
}


def fit(kind, df, prepare=lambda model: None, **settings):
    model = kind(**settings)
    prepare(model)
    return model.fit(df)


def stan_log_posterior(model):
    return float(model.stan_backend.stan_fit.optimized_params_dict["lp__"])


def regress(model):
    model.add_regressor("promo", mode="multiplicative")
    model.add_country_holidays("US")


@pytest.mark.parametrize("prepare", [lambda model: None, regress], ids=["plain", "regressors"])
@pytest.mark.parametrize("name", SETTINGS)
def test_mode_is_at_least_stans_and_the_forecast_like_its(name, prepare):
    df = sales(seed=len(name))
    stock, ours = (fit(kind, df, prepare, **SETTINGS[name]) for kind in (Prophet, FastProphet))
    stans, found = stan_log_posterior(stock), ours.params["lp__"].item()
    assert found >= stans - 1e-6 * abs(stans)
    assert ours.stan_fit.log_posterior == found and ours.stan_fit.converged
    future = pd.concat([df, sales(830).tail(30)]).drop(columns="y")
    ahead = [model.predict(future) for model in (stock, ours)]
    assert list(ahead[0].columns) == list(ahead[1].columns)
    # Stan stops early; both must agree where there is data to say so.
    error = np.abs(ahead[1]["yhat"] - ahead[0]["yhat"])[: len(df)]
    assert error.mean() < 0.02 * df["y"].mean()


@pytest.mark.parametrize("name", SETTINGS)
def test_params_have_the_shapes_of_stocks(name):
    df = sales(seed=1)
    stock, ours = (fit(kind, df, **SETTINGS[name]).params for kind in (Prophet, FastProphet))
    assert set(ours) - {"lp__"} <= set(stock)
    for part in ("k", "m", "delta", "beta", "sigma_obs", "trend"):
        assert ours[part].shape == stock[part].shape, part


def test_log_posterior_is_stans_own_at_the_same_point():
    df = sales(seed=2)
    ours, stock = fit(FastProphet, df), Prophet()
    # Started there, Stan finds next to nothing to improve.
    stock.fit(df, init=warm_start_params(ours))
    assert ours.params["lp__"].item() == pytest.approx(stan_log_posterior(stock), abs=0.01)


def test_is_a_prophet():
    model = FastProphet(growth="flat", changepoint_prior_scale=0.3)
    assert isinstance(model, Prophet)
    assert (model.growth, model.changepoint_prior_scale) == ("flat", 0.3)
    with pytest.raises(ValueError, match="growth"):
        FastProphet(growth="cubic")


def test_twice_the_same_fit_is_the_same():
    first, second = (fit(FastProphet, sales()).params for _ in range(2))
    for part in first:
        np.testing.assert_array_equal(first[part], second[part])


def test_json_round_trip():
    df = sales()
    model = fit(FastProphet, df, regress, seasonality_mode="multiplicative")
    back = model_from_json(model_to_json(model))
    assert json.loads(model_to_json(back)) == json.loads(model_to_json(model))
    columns = ["trend", "yhat", "promo", "holidays"]
    pd.testing.assert_frame_equal(back.predict(df)[columns], model.predict(df)[columns])


def test_pickle_round_trip():
    df = sales()
    model = fit(FastProphet, df)
    back = pickle.loads(pickle.dumps(model))
    assert isinstance(back, FastProphet)
    np.testing.assert_array_equal(back.predict(df)["yhat"], model.predict(df)["yhat"])


FOLDS = {"horizon": "30 days", "initial": "730 days", "period": "20 days", "disable_tqdm": True}


@pytest.fixture(scope="module")
def stock_validated():
    return cross_validation(fit(Prophet, sales(), regress), **FOLDS)


@pytest.mark.parametrize("parallel", [None, "threads", "processes"])
def test_cross_validation(parallel, stock_validated):
    model, stock = fit(FastProphet, sales(), regress), stock_validated
    found = cross_validation(model, parallel=parallel, **FOLDS)
    pd.testing.assert_frame_equal(found[["ds", "y", "cutoff"]], stock[["ds", "y", "cutoff"]])
    errors = [performance_metrics(table)["rmse"].mean() for table in (found, stock)]
    assert errors[0] == pytest.approx(errors[1], rel=0.1)


def test_plots():
    model = fit(FastProphet, sales(), regress)
    forecast = model.predict(model.history)
    assert len(model.plot(forecast).axes) == 1
    assert len(model.plot_components(forecast).axes) >= 4
    matplotlib.pyplot.close("all")


def test_regressor_coefficients():
    stock, ours = (
        regressor_coefficients(fit(kind, sales(), regress)) for kind in (Prophet, FastProphet)
    )
    assert ours["coef"].item() == pytest.approx(stock["coef"].item(), rel=0.05)


def test_a_constant_series_is_prophets_own_answer():
    df = sales(100).assign(y=7.0)
    for growth in ("linear", "flat"):
        stock, ours = (fit(kind, df, growth=growth) for kind in (Prophet, FastProphet))
        np.testing.assert_array_equal(ours.predict(df)["yhat"], stock.predict(df)["yhat"])
        assert ours.params["sigma_obs"] == 1e-9
    logistic = fit(FastProphet, df.assign(cap=10.0), growth="logistic").predict(df.assign(cap=10.0))
    np.testing.assert_allclose(logistic["yhat"], 7.0, rtol=1e-3)


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_a_warm_start_finds_the_same_mode(mode):
    first = fit(FastProphet, sales(700), seasonality_mode=mode)
    cold = fit(FastProphet, sales(), seasonality_mode=mode)
    warm = FastProphet(seasonality_mode=mode).fit(sales(), init=warm_start_params(first))
    lowest = cold.params["lp__"].item() - 1e-6 * abs(cold.params["lp__"].item())
    assert warm.params["lp__"].item() >= lowest


def test_arguments_of_stans_optimiser_are_taken():
    model = FastProphet().fit(sales(), seed=1, algorithm="Newton", iter=5)
    np.testing.assert_array_equal(model.params["beta"], fit(FastProphet, sales()).params["beta"])


def test_an_unsorted_series_with_gaps_in_y():
    df = sales()
    df.loc[[3, 50, 51], "y"] = np.nan
    shuffled = df.sample(frac=1, random_state=0)
    first, second = fit(FastProphet, df), fit(FastProphet, shuffled)
    np.testing.assert_array_equal(first.params["beta"], second.params["beta"])


def test_two_rows():
    df = sales(2)
    found = fit(FastProphet, df).predict(df)
    assert np.isfinite(found["yhat"]).all()
    np.testing.assert_allclose(found["yhat"], df["y"], rtol=0.05)


def test_mcmc_is_stans(monkeypatch):
    asked = {}
    sampling = CmdStanPyBackend.sampling

    def recorded(self, stan_init, stan_data, samples, **kwargs):
        asked.update(samples=samples, **kwargs)
        return sampling(self, stan_init, stan_data, samples, **kwargs)

    monkeypatch.setattr(CmdStanPyBackend, "sampling", recorded)
    model = FastProphet(mcmc_samples=20, n_changepoints=2)
    model.fit(sales(60), chains=1, seed=1, show_progress=False)
    assert asked == {"samples": 20, "chains": 1, "seed": 1, "show_progress": False}
    assert model.params["k"].shape == (10,) and model.params["delta"].shape == (10, 2)
    assert np.isfinite(model.predict(sales(60))["yhat"]).all()


def test_prophet_is_loaded_with_the_first_use():
    code = (
        "import sys, sparkprophet.series as s; early = 'prophet' in sys.modules;"
        "s.FastProphet; print(early, 'prophet' in sys.modules, hasattr(s, 'SlowProphet'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]
