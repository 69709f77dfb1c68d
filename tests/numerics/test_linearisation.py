"""The mean and its linearisation, against the reference mean and finite differences."""

import numpy as np
import pytest

from problems import CASES, pack, prior_of, random_point, response_of, unpack
from sparkprophet.numerics import posterior, solver
from sparkprophet.numerics.basis import Basis
from sparkprophet.numerics.linearisation import evaluate, linearise, restrict


def model_of(problem, moments=True, columns=None):
    prior = prior_of(problem, columns)
    model = solver._model(response_of(problem), prior, np.ones(2 + len(prior.columns)))
    return model if moments else model._replace(moments=np.empty((3, 0, 0)))


def vector(problem, point, columns):
    """[k, offset, betas, deltas] with the offset that the kernels have for m."""
    offset = -point.k * point.m if problem.growth == "logistic" else point.m
    return np.concatenate([[point.k, offset], point.beta[columns], point.delta])


def jacobian(problem, point, columns):
    """By central differences of the reference mean, [k, offset, betas, deltas]."""
    at, S = pack(point), len(problem.changepoints)
    order = np.r_[0, 1, 3 + S + np.asarray(columns, dtype=int), 3 : 3 + S]
    J = np.empty((len(problem.y), len(order)))
    for i, parameter in enumerate(order):
        step = np.zeros(len(at))
        step[parameter] = 1e-5
        ahead, behind = (
            posterior.mean(problem, unpack(at + sign * step, problem)) for sign in (1, -1)
        )
        J[:, i] = (ahead - behind) / 2e-5
    if problem.growth == "logistic":  # m = -offset / k
        J[:, 0] -= J[:, 1] * point.m / point.k
        J[:, 1] /= -point.k
    return J


@pytest.mark.parametrize("name", CASES)
def test_mean_is_the_references(name):
    problem = CASES[name]
    point = random_point(problem)
    found = evaluate(model_of(problem), vector(problem, point, np.arange(problem.X.shape[1])))
    np.testing.assert_allclose(found.y, posterior.mean(problem, point), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("moments", [True, False], ids=["moments", "rows"])
@pytest.mark.parametrize("name", CASES)
def test_linearisation_is_that_of_finite_differences(name, moments):
    problem = CASES[name]
    model, point = model_of(problem, moments), random_point(problem)
    columns = np.arange(problem.X.shape[1])
    x = vector(problem, point, columns)
    J = jacobian(problem, point, columns)
    H, pull = linearise(model, x, evaluate(model, x))
    residual = problem.y - posterior.mean(problem, point)
    np.testing.assert_allclose(pull, J.T @ residual, rtol=1e-6, atol=1e-6)
    expected = J.T @ J
    inexact = problem.growth == "logistic" and model.moments.shape[1] > 0
    block = slice(2, 2 + len(columns))
    if inexact and len(columns):
        # The trend's square is interpolated on each segment.
        scale = np.abs(expected[block, block]).max()
        np.testing.assert_allclose(H[block, block], expected[block, block], atol=0.02 * scale)
        expected[block, block] = H[block, block]
    np.testing.assert_allclose(H, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_array_equal(H, H.T)


@pytest.mark.parametrize("name", ["linear, mixed, plain", "logistic, multiplicative, plain"])
def test_a_model_of_some_columns_is_the_part_of_the_whole(name):
    problem, columns = CASES[name], np.array([0, 3, 5, 8])
    model, point = model_of(problem, columns=columns), random_point(problem)
    whole = np.zeros_like(point.beta)
    whole[columns] = point.beta[columns]
    part = posterior.Point(point.k, point.m, point.s, point.delta, whole)
    x = vector(problem, part, columns)
    mean = evaluate(model, x)
    np.testing.assert_allclose(mean.y, posterior.mean(problem, part), rtol=1e-10)
    H, _ = linearise(model._replace(moments=np.empty((3, 0, 0))), x, mean)
    J = jacobian(problem, part, columns)
    np.testing.assert_allclose(H, J.T @ J, rtol=1e-6, atol=1e-6 * np.abs(H).max())


@pytest.mark.parametrize("name", ["linear, additive, plain", "logistic, mixed, plain"])
def test_columns_are_left_out_of_a_linearisation(name):
    problem, columns = CASES[name], np.array([0, 3, 5, 8])
    point, K = random_point(problem), problem.X.shape[1]
    J = jacobian(problem, point, np.arange(K))
    residual = problem.y - posterior.mean(problem, point)
    x = vector(problem, point, np.arange(K))
    H, pull, remaining = restrict(J.T @ J, J.T @ residual, x, K, columns)
    dropped = np.setdiff1d(np.arange(K), columns)
    kept = np.delete(np.arange(len(x)), 2 + dropped)
    # Without those columns the mean of the linear model is less by their share.
    residual = residual + J[:, 2 + dropped] @ point.beta[dropped]
    np.testing.assert_allclose(H, J[:, kept].T @ J[:, kept], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(pull, J[:, kept].T @ residual, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(remaining, x[kept])


def test_steep_logistic_trends_stay_finite():
    problem = CASES["logistic, mixed, plain"]
    model = model_of(problem)
    for k in (-1e5, -800.0, 800.0, 1e5):
        x = np.zeros(2 + 9 + 10)
        x[0], x[1] = k, -0.5 * k
        mean = evaluate(model, x)
        H, pull = linearise(model, x, mean)
        assert np.isfinite(mean.y).all() and np.isfinite(H).all() and np.isfinite(pull).all()
        assert mean.g.min() >= 0 and mean.g.max() <= problem.cap.max()


def test_a_varying_cap_does_without_moments():
    problem = CASES["logistic, mixed, varying cap"]
    assert model_of(problem).moments.shape == (3, 0, 0)
    constant = CASES["logistic, mixed, plain"]
    assert model_of(constant).moments.shape[1] == len(constant.changepoints) + 1
    assert isinstance(response_of(constant).basis, Basis)
