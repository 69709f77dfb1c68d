"""Naive forecasts against numbers by hand, brute force and the formulas of FPP3, section 5.5."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkprophet.series import naive
from sparkprophet.series.config import FALLBACKS
from sparkprophet.series.data import Series

NAN = float("nan")
Z80 = 1.2815515655446004  # 90 % quantile of the normal distribution, from tables
BASE = np.datetime64("2024-01-01", "us")
DAY = np.timedelta64(1, "D")


def days(positions):
    return BASE + np.asarray(positions) * DAY


def history(positions, y):
    return Series(days(positions), np.asarray(y, dtype=float))


def test_mean_by_hand():
    past = history(range(4), [1, 2, 4, 5])
    yhat, lower, upper = naive.forecast("mean", past, days([-1, 0, 10]), 0.8)
    assert yhat.tolist() == [3, 3, 3]
    # FPP3: residual sum of squares 10 over T - K = 3, times 1 + 1/T.
    half = Z80 * np.sqrt(10 / 3) * np.sqrt(1 + 1 / 4)
    np.testing.assert_allclose(upper - yhat, half)
    np.testing.assert_allclose(yhat - lower, half)


def test_naive_by_hand():
    past = history(range(5), [1, 3, 2, 2, 5])
    yhat, lower, upper = naive.forecast("naive", past, days([0, 1, 4, 5, 6, 8]), 0.8)
    np.testing.assert_array_equal(yhat, [NAN, 1, 2, 5, 5, 5])
    sigma = np.sqrt((4 + 1 + 0 + 9) / 4)  # of the 4 one-step residuals
    steps = np.sqrt([1, 1, 1, 1, 2, 4])
    np.testing.assert_allclose((upper - lower)[1:] / 2, (Z80 * sigma * steps)[1:])
    assert np.isnan([lower[0], upper[0]]).all()


def test_seasonal_naive_by_hand():
    y = [1, 2, 3, 4, 5, 6, 7, 2, 2, 5, 4, 5, 6, 9]  # two weeks
    past = history(range(14), y)
    at = [0, 3, 7, 13, 14, 20, 21, 27, 28]
    yhat, lower, upper = naive.forecast("seasonalNaive", past, days(at), 0.8)
    # The first week has nothing a week before: the last value before it, if any.
    np.testing.assert_array_equal(yhat, [NAN, 3, 1, 7, 2, 9, 2, 9, 2])
    # Residuals: 5 or 6 steps of 1 in the first week, then the second week against the first.
    residuals = [1] * 6 + [1, 0, 2, 0, 0, 0, 2]
    sigma = np.sqrt(np.mean(np.square(residuals)))
    seasons = np.sqrt([1, 1, 1, 1, 1, 1, 2, 2, 3])  # ceil(h / 7)
    np.testing.assert_allclose((upper - lower)[1:] / 2, (Z80 * sigma * seasons)[1:])


def brute_force(positions, y, at, season):
    """The value at least a season ago, by walking back one season at a time."""
    values = dict(zip(positions, y, strict=True))  # of duplicates the last
    last = max(positions)
    back = at - season
    while back > last:
        back -= season
    for _ in range(10):
        if back in values:
            return values[back]
        back -= season
    before = [p for p in positions if p < at]
    return values[max(before)] if before else NAN


@settings(max_examples=150, deadline=None)
@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 5, 30]), min_size=20, max_size=60),
    at=st.lists(st.integers(-5, 400), min_size=1, max_size=20),
    seed=st.integers(0, 99),
)
def test_gaps_against_brute_force(gaps, at, seed):
    positions = np.cumsum([0, *gaps])
    while np.bincount(np.diff(positions)).argmax() != 1:
        positions = np.append(positions, positions[-1] + 1)
    y = np.random.default_rng(seed).normal(size=len(positions))
    for method, season in (("seasonalNaive", 7), ("naive", 1)):
        yhat, _, _ = naive.forecast(method, history(positions, y), days(at), 0.8)
        expected = [brute_force(positions.tolist(), y, a, season) for a in at]
        np.testing.assert_array_equal(yhat, expected)


def test_months_repeat_last_year():
    ds = np.arange("2020-01", "2022-07", dtype="datetime64[M]").astype("datetime64[us]")
    y = np.arange(30.0)
    future = np.array(["2022-07-01", "2023-06-01", "2023-07-01"], dtype="datetime64[us]")
    yhat, _, _ = naive.forecast("seasonalNaive", Series(ds, y), future, 0.8)
    assert yhat.tolist() == [18, 29, 18]


def test_hours_repeat_yesterday():
    ds = BASE + np.arange(60) * np.timedelta64(1, "h")
    future = ds[-1] + np.array([1, 24, 25]) * np.timedelta64(1, "h")
    yhat, _, _ = naive.forecast("seasonalNaive", Series(ds, np.arange(60.0)), future, 0.8)
    assert yhat.tolist() == [36, 59, 36]


def test_repeated_timestamps_give_their_last_value():
    past = Series(days([0, 1, 1, 2]), np.array([1.0, 2.0, 9.0, 4.0]))
    yhat, _, _ = naive.forecast("naive", past, days([2, 3]), 0.8)
    assert yhat.tolist() == [9, 4]


@pytest.mark.parametrize("method", FALLBACKS)
def test_one_value(method):
    yhat, lower, upper = naive.forecast(method, history([0], [5]), days([1, 30]), 0.8)
    assert yhat.tolist() == [5, 5]
    assert np.isnan(lower).all() and np.isnan(upper).all()


@pytest.mark.parametrize("method", FALLBACKS)
def test_constant_values_have_an_interval_of_no_width(method):
    past = history(range(10), np.full(10, 3.0))
    yhat, lower, upper = naive.forecast(method, past, days([12]), 0.8)
    assert (yhat[0], lower[0], upper[0]) == (3, 3, 3)


@pytest.mark.parametrize("method", FALLBACKS)
def test_huge_values_have_a_finite_interval(method):
    past = history(range(10), np.array([1.0, -1.0] * 5) * 1e300)
    _, lower, upper = naive.forecast(method, past, days([12]), 0.8)
    assert np.isfinite([lower[0], upper[0]]).all() and upper[0] > lower[0]


def test_width_is_that_of_the_normal_distribution():
    past = history(range(30), np.random.default_rng(0).normal(size=30))
    halves = {}
    for width in (0.5, 0.95):
        yhat, _, upper = naive.forecast("naive", past, days([30]), width)
        halves[width] = upper[0] - yhat[0]
    # FPP3's table of multipliers: 0.67 for 50 %, 1.96 for 95 %.
    np.testing.assert_allclose(halves[0.95] / halves[0.5], 1.959964 / 0.674490, rtol=1e-5)


def test_days_of_december_in_python_dates():
    start = BASE.astype(object) + timedelta(days=14)
    past = history(range(14), range(14))
    yhat, _, _ = naive.forecast("seasonalNaive", past, np.array([start], "datetime64[us]"), 0.8)
    assert yhat.tolist() == [7]
