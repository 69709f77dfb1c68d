"""Modes: optimality by the reference gradient, and independence of all that must not matter."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from optimality import nearby, shortfalls
from problems import CASES, change, make, pack, prior_of, response_of, solution_of, unpack
from sparkprophet.numerics import posterior
from sparkprophet.numerics.basis import Basis
from sparkprophet.numerics.solver import Response, linearise_at, solve


@pytest.mark.parametrize("name", CASES)
def test_solutions_are_modes(name):
    problem = CASES[name]
    solution = solution_of(problem)
    assert solution.converged
    assert shortfalls(problem, solution.point).max() < 1e-6
    closer = solution_of(problem, tolerance=1e-12)
    assert shortfalls(problem, closer.point).max() < 1e-9
    assert closer.log_posterior - solution.log_posterior < 1e-6


@pytest.mark.parametrize("name", CASES)
def test_log_posterior_is_the_references(name):
    problem = CASES[name]
    solution = solution_of(problem)
    value = posterior.log_posterior(problem, solution.point)
    assert solution.log_posterior == pytest.approx(value, rel=1e-10)
    if problem.growth == "flat":
        assert solution.point.k == 0.0
    assert solution.point.beta.shape == (problem.X.shape[1],)
    assert solution.point.delta.shape == problem.changepoints.shape


@pytest.mark.parametrize("name", [name for name in CASES if ", plain" in name])
def test_noise_is_the_best_for_its_residuals(name):
    problem, point = CASES[name], solution_of(CASES[name]).point
    squares = np.sum((problem.y - posterior.mean(problem, point)) ** 2)
    assert point.s == pytest.approx(posterior.best_noise(squares, len(problem.y)), rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_tiny_change_of_any_parameter_brings_nothing(name):
    problem = CASES[name]
    solution = solution_of(problem, tolerance=1e-12)
    at = pack(solution.point)
    for i in range(len(at)):
        for size in (1e-4, -1e-4, 1e-2, -1e-2):
            moved = at.copy()
            moved[i] += size * max(abs(at[i]), 1e-2 if i != 2 else 0.0)
            value = posterior.log_posterior(problem, unpack(moved, problem))
            assert value <= solution.log_posterior + 1e-9 * abs(solution.log_posterior)


PLAIN = [name for name in CASES if name.split(", ")[2] in ("plain", "varying cap", "short")]


@pytest.mark.parametrize("name", PLAIN)
def test_columns_that_are_not_chosen_do_not_matter(name):
    problem = CASES[name]
    rng = np.random.default_rng(0)
    own = np.array([1, 2, 5, 6, 9, 10, 12, 13, 14])
    X = rng.normal(size=(len(problem.t), 16))
    X[:, own] = problem.X
    X[:, 3] = problem.X[:, 0]
    modes = rng.random(16) < 0.5
    modes[own] = problem.multiplicative
    larger = change(problem, X=X, multiplicative=modes, sigmas=np.ones(16))
    alone = solution_of(problem, tolerance=1e-12)
    prior = dataclasses.replace(prior_of(larger, own), sigmas=problem.sigmas)
    among = solve(response_of(larger), prior, 1e-12)
    assert among.log_posterior == pytest.approx(alone.log_posterior, rel=1e-10)
    np.testing.assert_allclose(among.point.beta[own], alone.point.beta, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(np.delete(among.point.beta, own), 0.0)
    means = [posterior.mean(p, s.point) for p, s in ((problem, alone), (larger, among))]
    np.testing.assert_allclose(means[1], means[0], atol=1e-7)


@pytest.mark.parametrize("name", PLAIN)
def test_a_model_of_some_columns_is_one_with_only_these(name):
    problem, some = CASES[name], np.array([0, 3, 4, 8])
    only = change(
        problem,
        X=np.ascontiguousarray(problem.X[:, some]),
        multiplicative=problem.multiplicative[some],
        sigmas=problem.sigmas[some],
    )
    part = solve(response_of(problem), prior_of(problem, some), 1e-12)
    alone = solution_of(only, tolerance=1e-12)
    assert part.log_posterior == pytest.approx(alone.log_posterior, rel=1e-10)
    np.testing.assert_allclose(part.point.beta[some], alone.point.beta, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", PLAIN)
def test_the_same_fit_gives_the_same_bits_whatever_came_before(name):
    problem = CASES[name]
    first = solution_of(problem)
    response = response_of(problem)
    for other in (np.array([0, 8]), np.arange(9)[::2]):
        solve(response, prior_of(problem, other))
        solve(response, dataclasses.replace(prior_of(problem, other), tau=3.0))
    again = solve(response, prior_of(problem))
    np.testing.assert_array_equal(pack(first.point), pack(again.point))
    assert first.log_posterior == again.log_posterior


@pytest.mark.parametrize("name", PLAIN)
def test_arguments_are_left_as_they_were(name):
    problem = CASES[name]
    arrays = [problem.t, problem.y, problem.X, problem.changepoints, problem.sigmas]
    kept = [array.copy() for array in arrays]
    start = nearby(solution_of(problem).point, 0)
    before = pack(start)
    solution_of(problem, start=start)
    np.testing.assert_array_equal(pack(start), before)
    for array, copy in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("name", PLAIN)
def test_a_warm_start_finds_the_same_mode(name):
    problem = CASES[name]
    cold = solution_of(problem, tolerance=1e-10)
    starts = [cold.point, nearby(cold.point, 1), nearby(cold.point, 2, share=0.3)]
    for start in starts:
        warm = solution_of(problem, tolerance=1e-10, start=start)
        assert warm.log_posterior == pytest.approx(cold.log_posterior, rel=1e-9)
        means = [posterior.mean(problem, solution.point) for solution in (cold, warm)]
        np.testing.assert_allclose(means[1], means[0], atol=1e-4)
    # Where rows are few another start may be the best by the last digits.
    assert solution_of(problem, start=cold.point).iterations <= max(cold.iterations, 3)


@pytest.mark.parametrize("some", [np.arange(9), np.array([0, 3, 4, 8])], ids=["all", "some"])
@pytest.mark.parametrize("name", PLAIN)
def test_a_linearised_start_finds_a_mode_with_any_columns(name, some):
    problem = CASES[name]
    response, near = response_of(problem), nearby(solution_of(problem).point, 1)
    start = linearise_at(response, prior_of(problem), near)
    prior = dataclasses.replace(prior_of(problem, some), tau=2 * problem.tau)
    found = solve(response, prior, 1e-10, start)
    only = change(
        problem,
        X=problem.X[:, some],
        multiplicative=problem.multiplicative[some],
        sigmas=problem.sigmas[some],
        tau=2 * problem.tau,
    )
    assert found.converged
    assert shortfalls(only, change(found.point, beta=found.point.beta[some])).max() < 1e-6
    again = solve(response, prior, 1e-10, start)
    np.testing.assert_array_equal(pack(found.point), pack(again.point))


def test_series_on_one_basis_are_as_on_their_own():
    first, second = make(seed=1), make(seed=2)
    basis = Basis(first.t, first.X, first.changepoints, "linear")
    prior = prior_of(first)
    shared = [solve(Response(basis, p.y), prior) for p in (first, second)]
    fresh = Basis(first.t, first.X, first.changepoints, "linear")
    alone = solve(Response(fresh, second.y), prior)
    np.testing.assert_array_equal(pack(shared[1].point), pack(alone.point))
    assert shared[0].log_posterior != shared[1].log_posterior


def test_the_order_of_columns_does_not_matter():
    for name in PLAIN:
        problem, order = CASES[name], np.random.default_rng(0).permutation(9)
        shuffled = change(
            problem,
            X=problem.X[:, order],
            multiplicative=problem.multiplicative[order],
            sigmas=problem.sigmas[order],
        )
        ours, other = (solution_of(p, tolerance=1e-12) for p in (problem, shuffled))
        assert other.log_posterior == pytest.approx(ours.log_posterior, rel=1e-10)
        np.testing.assert_allclose(other.point.beta, ours.point.beta[order], atol=1e-6)


def test_a_smaller_tolerance_is_never_worse():
    for name in PLAIN:
        values = [solution_of(CASES[name], 10.0**-e).log_posterior for e in (2, 4, 7, 10)]
        assert all(late >= early - 1e-9 * abs(early) for early, late in pairwise(values))
