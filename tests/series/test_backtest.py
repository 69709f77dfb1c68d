"""Rolling-origin folds and values, against prophet.diagnostics and Prophet fitted by hand."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prophet.diagnostics import generate_cutoffs

import stock
from percentiles import share_bound
from sparkprophet.series.backtest import Backtest, backtest_naive, fold_threads, make_folds
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError

EVERY = 10**6  # folds: as many as there are
DAY = np.timedelta64(1, "D")
BASE = np.datetime64("2022-01-01", "us")


def regular(n, step=DAY):
    return Series(BASE + np.arange(n) * step, np.arange(n, dtype=float))


def backtest(series, config, folds, metric, seed, deadline=None):
    """The loss of one config, for which alone the folds are prepared."""
    return Backtest(series, config, folds, metric, seed, {}).loss(config, deadline)


def prophets_cutoffs(series, horizon, period, initial, step=DAY):
    frame = pd.DataFrame({"ds": series.ds.astype("datetime64[ns]")})
    lengths = [pd.Timedelta(n * step) for n in (horizon, initial, period)]
    try:
        return generate_cutoffs(frame, *lengths)
    except ValueError:
        return []


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(3, 300),
    horizon=st.integers(1, 60),
    period=st.integers(1, 40),
    initial=st.integers(1, 150),
    step=st.sampled_from([DAY, np.timedelta64(1, "h"), np.timedelta64(7, "D")]),
)
def test_regular_series_as_prophet(n, horizon, period, initial, step):
    series = regular(n, step)
    found = make_folds(series, horizon, EVERY, period, initial)
    expected = prophets_cutoffs(series, horizon, period, initial, step)
    assert [pd.Timestamp(fold.cutoff) for fold in found] == expected
    for fold in found:
        last = int((fold.cutoff - BASE) / step)
        np.testing.assert_array_equal(fold.train.y, np.arange(last + 1))
        np.testing.assert_array_equal(fold.test.y, last + 1 + np.arange(horizon))


@settings(max_examples=80, deadline=None)
@given(
    dropped=st.lists(st.tuples(st.integers(1, 110), st.integers(1, 45)), min_size=1, max_size=4),
    horizon=st.integers(1, 15),
    period=st.integers(1, 20),
    initial=st.integers(2, 30),
)
def test_gaps_as_prophet(dropped, horizon, period, initial):
    keep = np.ones(120, dtype=bool)
    for start, length in dropped:
        keep[start : min(119, start + length)] = False
    series = regular(120).take(keep)
    assume(np.bincount((np.diff(series.ds) / DAY).astype(int)).argmax() == 1)
    expected = prophets_cutoffs(series, horizon, period, initial)
    # Prophet goes on to a cutoff with one row before it, and then fails.
    expected = [c for c in expected if (series.ds <= np.datetime64(c)).sum() >= 2]
    found = make_folds(series, horizon, EVERY, period, initial)
    assert [pd.Timestamp(fold.cutoff) for fold in found] == expected
    for fold in found:
        assert fold.train.ds[-1] <= fold.cutoff < fold.test.ds[0]
        assert fold.test.ds[-1] <= fold.cutoff + horizon * DAY


def test_the_last_folds_are_kept_oldest_first():
    every = make_folds(regular(100), 10, EVERY, 5, 30)
    some = make_folds(regular(100), 10, 3, 5, 30)
    assert [f.cutoff for f in some] == [f.cutoff for f in every[-3:]]
    assert [int((f.cutoff - BASE) / DAY) for f in some] == [79, 84, 89]


def test_defaults_are_one_horizon():
    found = make_folds(regular(100), 10, EVERY, None, None)
    assert [pd.Timestamp(f.cutoff) for f in found] == prophets_cutoffs(regular(100), 10, 10, 10)


def test_too_short_for_any_fold():
    assert make_folds(regular(39), 10, 5, 5, 30) == ()
    assert len(make_folds(regular(41), 10, 5, 5, 30)) == 1
    assert make_folds(regular(3), 2, 5, 1, 0) == ()


def test_months_are_counted_as_months():
    ds = np.arange("2019-01", "2022-01", dtype="datetime64[M]").astype("datetime64[us]")
    found = make_folds(Series(ds, np.arange(36.0)), 6, 2, 3, 12)
    assert [str(f.cutoff)[:10] for f in found] == ["2021-03-01", "2021-06-01"]
    assert [len(f.test) for f in found] == [6, 6]


@pytest.fixture(scope="module")
def series():
    i = np.arange(130)
    promo = (i % 11 == 0).astype(float)
    y = 10 + 0.1 * i + np.sin(2 * np.pi * i / 7) + promo
    y += np.random.default_rng(3).normal(0, 0.3, 130)
    return Series(BASE + i * DAY, y, {"promo": promo})


MARKS = ["2022-01-20", "2022-03-01", "2022-04-15", "2022-05-01"]


def by_hand(fold, promo=True, marks=None, seed=0, **arguments):
    def prepare(model):
        if promo:
            model.add_regressor("promo")

    if marks is not None:
        end = pd.Timestamp(fold.train.ds[-1])
        arguments["changepoints"] = [m for m in marks if pd.Timestamp(m) < end]
    model = stock.fitted(fold.train, prepare, **arguments)
    return stock.predicted(model, fold.test, seed)


def test_value_is_that_of_prophet_by_hand(series):
    config = Config(
        solver="stan", regressors=["promo"], changepoints=MARKS, seasonalityMode="multiplicative"
    )
    folds = make_folds(series, 14, 3, 14, 40)
    expected = []
    for fold in folds:
        table = by_hand(fold, marks=MARKS, seasonality_mode="multiplicative", uncertainty_samples=0)
        expected.append(np.abs(fold.test.y - table["yhat"]).mean())
    assert backtest(series, config, folds, "mae", 0) == pytest.approx(np.mean(expected), rel=1e-9)


def test_intervals_are_those_of_prophet_by_hand(series):
    """A label is inside or outside for certain, or so near a bound that chance decides."""
    draws, width = 5000, 0.6
    config = Config(intervalWidth=width, uncertaintySamples=draws, solver="stan")
    folds = make_folds(series, 20, 1, None, None)
    model = stock.fitted(folds[0].train, interval_width=width, uncertainty_samples=draws)
    y, futures = folds[0].test.y, stock.futures(model, folds[0].test, 9)
    tail = (1 - width) / 2
    off = np.abs((futures < y[:, None]).mean(axis=1) - 0.5) - (0.5 - tail)
    bound = share_bound(tail, draws, draws)
    least, most = (off < -bound).sum(), (off < bound).sum()
    assert most - least < 5 and 0 < least < 20
    found = backtest(series, config, folds, "coverage", 9)
    assert any(abs(found - abs(n / 20 - width)) < 1e-12 for n in range(least, most + 1))


def test_mase_is_in_units_of_the_fold_s_own_changes(series):
    folds = make_folds(series, 14, 2, 14, 40)
    expected = []
    for fold in folds:
        error = np.abs(fold.test.y - by_hand(fold, promo=False)["yhat"]).mean()
        expected.append(error / np.abs(np.diff(fold.train.y)).mean())
    found = backtest(series, Config(solver="stan"), folds, "mase", 0)
    assert found == pytest.approx(np.mean(expected), rel=1e-9)


def test_seasonalities_are_those_of_the_whole_series():
    """As in Prophet's cross_validation: a fold of ten days still has the week."""
    series = regular(20)
    week = Series(series.ds, series.y + 5 * (np.arange(20) % 7 == 0))
    (fold,) = make_folds(week, 9, 1, None, 5)
    assert len(fold.train) == 11
    found = backtest(week, Config(solver="stan"), (fold,), "mae", 0)
    table = by_hand(fold, promo=False, weekly_seasonality=3)
    assert found == pytest.approx(np.abs(fold.test.y - table["yhat"]).mean(), rel=1e-9)


def test_a_changepoint_in_a_gap_before_the_cutoff_is_left_out():
    keep = np.ones(80, dtype=bool)
    keep[50:58] = False
    series = regular(80).take(keep)
    (fold,) = make_folds(series, 25, 1, 1, 10)
    mark = "2022-02-24"
    assert fold.train.ds[-1] < np.datetime64(mark) <= fold.cutoff
    config = Config(changepoints=["2022-01-15", mark], uncertaintySamples=0, solver="stan")
    noisy = Series(fold.train.ds, fold.train.y + np.sin(fold.train.y))
    fold = type(fold)(fold.cutoff, noisy, fold.test)
    found = backtest(series, config, (fold,), "mae", 0)
    table = by_hand(fold, promo=False, changepoints=["2022-01-15"], weekly_seasonality=3)
    assert found == pytest.approx(np.abs(fold.test.y - table["yhat"]).mean(), rel=1e-9)


def test_seasonal_naive_on_the_same_folds(series):
    folds = make_folds(series, 14, 2, 14, 40)
    expected = []
    for fold in folds:
        last_week = np.tile(fold.train.y[-7:], 2)
        expected.append(((fold.test.y - last_week) ** 2).mean() ** 0.5)
    assert backtest_naive(folds, "rmse", Config()) == pytest.approx(np.mean(expected))


def test_many_folds(series):
    folds = make_folds(series, 7, EVERY, 7, 90)
    short = Config(uncertaintySamples=0, nChangepoints=3)
    each = [backtest(series, short, (fold,), "rmse", 0) for fold in folds]
    assert len(each) == 5
    assert backtest(series, short, folds, "rmse", 0) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("metric", ["rmse", "coverage"])
def test_folds_in_threads_give_the_mean_of_the_folds_alone(series, metric):
    folds = make_folds(series, 7, EVERY, 7, 90)
    modes = ["additive", "multiplicative"] * 3
    configs = [
        Config(seasonalityMode=mode, changepointPriorScale=0.01 * (i + 1), uncertaintySamples=50)
        for i, mode in enumerate(modes)
    ]
    alone = [Backtest(series, configs[0], (fold,), metric, 0, {}) for fold in folds]
    with fold_threads(3) as each:
        together = Backtest(series, configs[0], folds, metric, 0, {}, each)
        for config in configs:
            values = [one.loss(config) for one in alone]
            assert together.loss(config) == float(np.mean(values))
        with pytest.raises(SeriesError, match="groupTimeout"):
            together.loss(configs[0], deadline=time.monotonic() - 1)


def test_a_passed_deadline_is_a_timeout(series):
    folds = make_folds(series, 14, 2, 14, 40)
    with pytest.raises(SeriesError, match="groupTimeout") as caught:
        backtest(series, Config(), folds, "mae", 0, deadline=time.monotonic() - 1)
    assert caught.value.code == "TIMEOUT"


def test_what_prophet_refuses_has_a_code(series):
    """A cap is checked only where the series' own config asks for one."""
    folds = make_folds(series, 14, 1, 14, 40)
    with pytest.raises(SeriesError) as caught:
        backtest(series, Config(growth="logistic", solver="stan"), folds, "mae", 0)
    assert caught.value.code == "INTERNAL"
    assert "Capacities must be supplied" in caught.value.message
