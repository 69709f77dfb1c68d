"""Series that a model explains all but wholly, where the noise of the mode is tiny."""

import numpy as np
import pytest

from optimality import climb
from problems import change, make, solution_of, with_columns
from sparkprophet.numerics import posterior


def with_offset():
    """Labels that vary by a millionth of their size, 15 times what noise they have."""
    base = with_columns(make(T=200, S=5), np.empty((200, 0)))
    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * base.t[:, None] * [5.0])
    y = 1 + 1e-6 * wave[:, 0] + 1e-7 * rng.normal(size=200)
    modes, sigmas = np.zeros(1, bool), np.full(1, 10.0)
    return change(base, y=y, X=wave, multiplicative=modes, sigmas=sigmas)


def test_noise_of_a_series_far_from_zero():
    problem = with_offset()
    point = solution_of(problem).point
    assert point.s == pytest.approx(1e-7, rel=0.2)
    assert point.beta[0] == pytest.approx(1e-6, rel=0.1)


def bent_line():
    """One bend, which a stiff prior makes dear, and next to no noise."""
    base = make(T=100, S=1, tau=0.002)
    rng = np.random.default_rng(0)
    y = 0.5 + 0.8 * np.maximum(base.t - 0.5, 0) + 1e-4 * rng.normal(size=100)
    return change(with_columns(base, np.empty((100, 0))), y=y, changepoints=np.array([0.5]))


def test_the_better_of_two_modes():
    problem = bent_line()
    solution = solution_of(problem)
    truth = posterior.Point(0.0, 0.5, 1e-4, np.array([0.8]), np.empty(0))
    better = climb(problem, truth)
    assert solution.log_posterior >= better - 1e-6 * abs(better)
