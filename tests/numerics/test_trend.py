"""The trend of a fit, against its definition, beyond the history and at extremes."""

import numpy as np
import pytest

from problems import CASES, make, random_point
from sparkprophet.numerics import trend


@pytest.mark.parametrize("name", [name for name in CASES if ", mixed, " in name])
def test_trend_is_as_the_model_defines_it(name):
    problem, point = CASES[name], random_point(CASES[name])
    t, s = problem.t, problem.changepoints
    bends = sum(d * np.maximum(t - at, 0) for d, at in zip(point.delta, s, strict=True))
    expected = {
        "flat": lambda: np.full(len(t), point.m),
        "linear": lambda: point.k * t + point.m + bends,
        "logistic": lambda: problem.cap / (1 + np.exp(-(point.k * (t - point.m) + bends))),
    }[problem.growth]()
    found = trend.trend(problem.growth, point, s, t, problem.cap)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_trend_goes_on_beyond_the_history():
    point, s = random_point(make()), make().changepoints
    rate = point.k + point.delta.sum()
    end, *ahead = trend.trend("linear", point, s, np.array([1.0, 1.5, 2.0]), None)
    np.testing.assert_allclose(ahead, end + rate * np.array([0.5, 1.0]), rtol=1e-12)


def test_logistic_neither_warns_nor_loses_small_values():
    z = np.array([-1e4, -700.0, -40.0, 0.0, 40.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        found = trend.saturate(z, np.full(6, 2.0))
    expected = [0, 2 * np.exp(-700), 2 * np.exp(-40), 1, 2, 2]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
