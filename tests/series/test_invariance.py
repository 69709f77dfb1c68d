"""The order of rows changes no bit; the scale of labels almost nothing; and Stan's own number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stock
from sparkprophet.clock import Clock, cpu_seconds
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import forecast
from sparkprophet.series.record import where


def series(n=45, repeated=True):
    """Repeated timestamps and labels, so that only the regressor tells some rows apart."""
    rng = np.random.default_rng(4)
    i = np.sort(rng.integers(0, n, n)) if repeated else np.arange(n)
    ds = np.datetime64("2024-01-01", "us") + i * np.timedelta64(1, "D")
    y = np.round(10 + 0.3 * i + rng.normal(0, 1, n))
    return Series(ds, y, {"x": rng.normal(size=n), "unused": np.full(n, np.nan)})


CONFIG = Config(regressors=["x"], uncertaintySamples=0, changepointPriorScale=0.01)


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_rows_changes_no_bit(random):
    given_ = series()
    order = list(range(len(given_)))
    random.shuffle(order)
    mixed = given_.take(np.array(order))
    one, other = (fit(s, CONFIG).state.to_record() for s in (given_, mixed))
    assert one["facts"] == other["facts"]
    for name in ("parameters", "ds", "y"):
        np.testing.assert_array_equal(one[name], other[name])
    np.testing.assert_array_equal(one["columns"], other["columns"])


def test_ordered_sorts_by_time_then_by_values():
    ds = np.array(["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-02"], "datetime64[us]")
    columns = {"b": np.array([1.0, 2, 3, 4]), "a": -ds.astype(float)}
    found = Series(ds, np.array([2.0, 9, 1, 2]), columns).ordered()
    assert found.y.tolist() == [9, 1, 2, 2]
    assert found.columns["b"].tolist() == [2, 3, 1, 4]


def test_order_of_forecast_rows():
    given_ = series()
    state = fit(given_, CONFIG).state
    order = np.random.default_rng(0).permutation(len(given_))
    straight = forecast(state, CONFIG, given_, 0).yhat
    mixed = forecast(state, CONFIG, given_.take(order), 0).yhat
    np.testing.assert_array_equal(mixed, straight[order])


@pytest.mark.parametrize("factor", [1e-6, 3.0, 1e9, 2.0**20])
def test_scale_of_labels(factor):
    given_ = series(repeated=False)
    scaled = Series(given_.ds, given_.y * factor, given_.columns)
    yhat, other = (forecast(fit(s, CONFIG).state, CONFIG, s, 0).yhat for s in (given_, scaled))
    # Prophet divides by the largest label; Stan stops a little earlier or later.
    np.testing.assert_allclose(other / factor, yhat, rtol=1e-2)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), power=st.integers(-60, 60), times=st.floats(0.1, 10))
def test_scale_of_any_labels(seed, power, times):
    """By a power of two nothing is rounded: the fit has equal bits. By others it is as good."""
    given_ = series(repeated=False)
    rng = np.random.default_rng(seed)
    given_ = Series(given_.ds, given_.y + rng.normal(0, 3, len(given_)), given_.columns)
    states = [
        fit(Series(given_.ds, given_.y * factor, given_.columns), CONFIG).state
        for factor in (1.0, 2.0**power, times)
    ]
    records = [state.to_record() for state in states]
    np.testing.assert_array_equal(records[0]["parameters"], records[1]["parameters"])
    yhat, _, other = (forecast(s, CONFIG, given_, 0).yhat for s in states)
    np.testing.assert_allclose(other / times, yhat, rtol=1e-6, atol=1e-6 * np.abs(yhat).max())


def log_posterior(model):
    """Prophet's log posterior at a fitted model's parameters, from its formula."""
    p, history = model.params, model.history
    t, y = history["t"].to_numpy(), history["y_scaled"].to_numpy()
    k, m, s = (float(p[name].item()) for name in ("k", "m", "sigma_obs"))
    delta, beta, changes = p["delta"].ravel(), p["beta"].ravel(), model.changepoints_t
    X, priors, _, _ = model.make_all_seasonality_features(history)
    bends = np.maximum(t[:, None] - changes, 0) @ delta
    if model.growth == "logistic":
        trend = history["cap_scaled"].to_numpy() / (1 + np.exp(-(k * (t - m) + bends)))
    else:
        trend = k * t + m + bends if model.growth == "linear" else np.full(len(t), m)
    effect = X.to_numpy() @ beta
    yhat = trend * (1 + effect) if model.seasonality_mode == "multiplicative" else trend + effect
    sse = np.sum((y - yhat) ** 2)
    likelihood = -len(t) * np.log(s) - sse / (2 * s**2)
    ridge = 2 * s**2 + (k**2 + m**2) / 50 + np.sum(beta**2 / (2 * np.square(priors)))
    return likelihood - ridge - np.abs(delta).sum() / model.changepoint_prior_scale


@pytest.mark.parametrize("growth", ["linear", "flat", "logistic"])
@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_log_posterior_is_prophets_formula(daily, growth, mode):
    given_ = daily(150)
    given_.columns["cap"] = np.full(150, 40.0)
    config = Config(growth=growth, seasonalityMode=mode, uncertaintySamples=0, solver="stan")
    outcome = fit(given_, config)
    model = stock.fitted(given_, growth=growth, seasonality_mode=mode, uncertainty_samples=0)
    # Stan writes eight digits.
    assert outcome.log_posterior == pytest.approx(log_posterior(model), rel=1e-4, abs=0.02)


def test_constant_labels_have_no_log_posterior(daily):
    given_ = daily(30)
    outcome = fit(Series(given_.ds, np.full(30, 4.0)), Config())
    assert (outcome.status, outcome.log_posterior) == ("ok", None)


def test_clock_measures_a_block_that_fails():
    before = cpu_seconds()
    with pytest.raises(KeyError), Clock.measure() as clock:
        sum(range(3_000_000))
        raise KeyError
    assert 0 < clock.seconds
    assert 0 < clock.cpu_seconds <= cpu_seconds() - before
    assert clock.started_at.utcoffset().total_seconds() == 0


def test_where_names_this_process():
    import os
    import platform

    assert where() == (platform.node(), os.getpid())
