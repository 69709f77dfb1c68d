"""What stops other solvers: an answer each, of finite numbers, without a warning."""

import warnings

import numpy as np
import pytest

from hard_problems import HARD
from optimality import prophets_start
from problems import CASES, pack, solution_of
from sparkprophet.numerics import posterior


@pytest.mark.parametrize("name", HARD)
def test_an_answer_of_finite_numbers_without_a_warning(name):
    problem = HARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = solution_of(problem)
    assert np.isfinite(pack(solution.point)).all()
    assert solution.point.s > 0
    assert isinstance(solution.converged, bool)
    value = posterior.log_posterior(problem, solution.point)
    # Of a perfect fit the residuals are rounding, and so are the last digits of this.
    assert solution.log_posterior == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("name", HARD)
def test_no_worse_than_where_prophet_starts(name):
    problem, start = HARD[name], prophets_start(HARD[name])
    squares = float(np.sum((problem.y - posterior.mean(problem, start)) ** 2))
    unknowns = 2 + problem.X.shape[1] + len(problem.changepoints) * (problem.growth != "flat")
    least = posterior.least_noise(problem.y, saturated=len(problem.y) <= unknowns)
    noise = max(posterior.best_noise(squares, len(problem.y)), least)
    at = posterior.Point(start.k, start.m, noise, start.delta, start.beta)
    found = solution_of(problem).log_posterior
    assert found >= posterior.log_posterior(problem, at) - 1e-6 * abs(found)


CONVEX = [name for name in HARD if name.startswith(("linear, additive", "flat, additive"))]


@pytest.mark.parametrize("name", CONVEX)
def test_additive_fits_converge(name):
    assert solution_of(HARD[name]).converged


def test_a_constant_is_fitted_by_the_constant():
    for growth in ("linear", "flat"):
        problem = HARD[f"{growth}, additive, constant"]
        fitted = posterior.mean(problem, solution_of(problem).point)
        np.testing.assert_allclose(fitted, 1.0, atol=1e-6)


def test_a_line_is_fitted_by_the_line():
    problem = HARD["linear, additive, perfect line"]
    point = solution_of(problem).point
    assert point.k == pytest.approx(0.8, abs=1e-5) and point.m == pytest.approx(0.2, abs=1e-5)
    np.testing.assert_array_equal(point.delta, 0.0)


def test_collinear_columns_share_the_coefficient():
    problem = HARD["linear, additive, columns four times"]
    K = problem.X.shape[1] // 4
    beta = solution_of(problem).point.beta.reshape(4, K)
    seasons = beta[:, :6][1:]  # copies with one prior scale
    np.testing.assert_allclose(seasons, np.broadcast_to(seasons[0], seasons.shape), atol=1e-6)


def test_a_column_of_zeros_gets_nothing():
    for name in CASES:
        if "a column of zeros" in name:
            assert solution_of(CASES[name]).point.beta[-1] == pytest.approx(0.0, abs=1e-12)
