"""Metrics against prophet.diagnostics and numbers by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prophet.diagnostics import performance_metrics

from sparkprophet.series.metrics import METRICS, NEEDS_INTERVALS, Holdout

NAN = float("nan")


def holdout(y, yhat, lower=NAN, upper=NAN, width=0.8, scale=1.0):
    y = np.asarray(y, dtype=float)
    parts = [np.broadcast_to(np.asarray(v, dtype=float), y.shape) for v in (yhat, lower, upper)]
    return Holdout(y, *parts, width, scale)


def score(name, *args, **kwargs):
    return METRICS[name](holdout(*args, **kwargs))


VALUES = st.floats(0.01, 1e6) | st.floats(-1e6, -0.01)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, st.floats(0, 100)), min_size=1, max_size=30))
def test_as_performance_metrics(rows):
    y, yhat, half = np.array(rows).T
    start = pd.Timestamp("2024-01-01")
    table = pd.DataFrame(
        {
            "ds": start + pd.Timedelta(days=1),
            "cutoff": start,
            "y": y,
            "yhat": yhat,
            "yhat_lower": yhat - half,
            "yhat_upper": yhat + half,
        }
    )
    found = performance_metrics(table, rolling_window=1).iloc[0]
    given_ = holdout(y, yhat, yhat - half, yhat + half, width=0.8)
    for name in ("rmse", "mae", "mape", "mdape", "smape"):
        np.testing.assert_allclose(METRICS[name](given_), found[name], rtol=1e-9, err_msg=name)
    miss = abs(found["coverage"] - 0.8)
    np.testing.assert_allclose(METRICS["coverage"](given_), miss, atol=1e-12)


def test_by_hand():
    y, yhat = [1, 2, 0, -4], [2, 2, 3, -2]
    assert score("mae", y, yhat) == pytest.approx(6 / 4)
    assert score("rmse", y, yhat) == pytest.approx((14 / 4) ** 0.5)
    # Rows with y = 0 have no relative error.
    assert score("mape", y, yhat) == pytest.approx((1 + 0 + 0.5) / 3)
    assert score("mdape", y, yhat) == pytest.approx(0.5)
    assert score("smape", y, yhat) == pytest.approx((1 / 1.5 + 0 + 3 / 1.5 + 2 / 3) / 4)
    assert score("wape", y, yhat) == pytest.approx(6 / 7)
    assert score("mase", y, yhat, scale=0.5) == pytest.approx(3)


def test_nothing_to_measure_against():
    zeros = [0, 0]
    assert np.isnan(score("mape", zeros, [1, 2]))
    assert np.isnan(score("mdape", zeros, [1, 2]))
    assert np.isnan(score("wape", zeros, [1, 2]))
    assert np.isnan(score("mase", [1, 2], [1, 2], scale=0.0))
    assert np.isnan(score("mase", [1, 2], [1, 2], scale=NAN))
    assert score("smape", zeros, zeros) == 0
    assert score("smape", zeros, [1, -1]) == 2


def test_pinball_by_hand():
    # Quantiles 0.1 and 0.9; y above, inside and below [2, 6].
    y, losses = [10, 4, 1], []
    for value in y:
        for bound, q in ((2, 0.1), (6, 0.9)):
            losses.append(q * (value - bound) if value >= bound else (1 - q) * (bound - value))
    assert score("pinball", y, 5, 2, 6, width=0.8) == pytest.approx(np.mean(losses))


def test_coverage_is_the_distance_from_the_width():
    y = np.arange(10)
    assert score("coverage", y, 5, 0, 9, width=0.8) == pytest.approx(0.2)
    assert score("coverage", y, 5, 0, 7, width=0.8) == pytest.approx(0)
    assert score("coverage", y, 5, 100, 101, width=0.8) == pytest.approx(0.8)


def test_a_perfect_forecast_loses_nothing():
    y = [1.0, 2.0, 3.0]
    for name in METRICS:
        if name != "coverage":
            assert score(name, y, y, y, y) == 0, name


def test_a_missing_forecast_is_no_value():
    for name in METRICS:
        assert np.isnan(score(name, [1, 2], [1, NAN], [0, NAN], [3, NAN])), name
    for name in NEEDS_INTERVALS:
        assert np.isnan(score(name, [1, 2], [1, 2])), name


def test_names():
    assert set(METRICS) == {
        "rmse",
        "mae",
        "mape",
        "smape",
        "mase",
        "wape",
        "mdape",
        "pinball",
        "coverage",
    }
    assert NEEDS_INTERVALS == {"pinball", "coverage"}
