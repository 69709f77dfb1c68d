"""The inner problem: brute force over signs, direct elimination, and optimality conditions."""

import itertools

import numpy as np
import pytest
import scipy.optimize

from sparkprophet.numerics.ridge_lasso import lasso, ridge_lasso


def value(Q, c, weight, d):
    return 0.5 * d @ Q @ d - c @ d + weight * np.abs(d).sum()


def brute_force(Q, c, weight):
    """The least value over all sign patterns; exact, since some minimiser has a regular support."""
    S = len(c)
    best = 0.0
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=S):
        signs = np.array(signs)
        at = np.flatnonzero(signs)
        if not len(at) or np.linalg.matrix_rank(Q[np.ix_(at, at)], tol=1e-9) < len(at):
            continue
        d = np.zeros(S)
        d[at] = np.linalg.solve(Q[np.ix_(at, at)], c[at] - weight * signs[at])
        best = min(best, value(Q, c, weight, d))  # also where signs differ: still a point
    return best


def problem(seed):
    """Q of up to 6 unknowns, often of low rank, c in its range, and a weight."""
    rng = np.random.default_rng(seed)
    S = int(rng.integers(1, 7))
    rank = int(rng.integers(1, S + 1))
    A = rng.normal(size=(S + 4, rank)) @ rng.normal(size=(rank, S))
    if rng.random() < 0.3:
        A[:, rng.integers(S)] = A[:, 0]
    if rng.random() < 0.2:
        A[:, rng.integers(S)] = 0.0
    Q, c = A.T @ A, A.T @ rng.normal(size=S + 4)
    weight = float(10 ** rng.uniform(-3, 0.5)) * max(np.abs(c).max(), 1e-3)
    return Q, c, weight, rng


def assert_optimal(Q, c, weight, d, slack=1e-6):
    slope = c - Q @ d
    assert (np.abs(slope) <= weight * (1 + slack) + slack * np.abs(c).max()).all()
    held = d != 0
    np.testing.assert_allclose(
        slope[held], weight * np.sign(d[held]), atol=slack * max(weight, np.abs(c).max())
    )


@pytest.mark.parametrize("block", range(10))
def test_lasso_is_the_best_of_all_sign_patterns(block):
    for seed in range(40 * block, 40 * (block + 1)):
        Q, c, weight, rng = problem(seed)
        best = brute_force(Q, c, weight)
        starts = [np.zeros(len(c)), rng.normal(size=len(c)), rng.choice([-1e3, 0, 1e3], len(c))]
        for start in starts:
            d = lasso(Q, c, weight, start)
            scale = max(abs(best), 1e-3 * (c @ c) / max(np.trace(Q), 1e-300), 1e-12)
            assert value(Q, c, weight, d) <= best + 1e-7 * scale, seed


@pytest.mark.parametrize("start", ["zeros", "solution", "wrong signs"])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.9])
def test_lasso_of_changepoints_meets_its_conditions(start, share):
    t = np.linspace(0, 1, 200)
    hinges = np.maximum(t[:, None] - np.linspace(0, 0.8, 26)[1:], 0)
    y = np.sin(6 * t) + np.random.default_rng(0).normal(0, 0.1, 200)
    Q, c = hinges.T @ hinges, hinges.T @ y
    weight = share * np.abs(c).max()
    found = lasso(Q, c, weight, np.zeros(25))
    first = {"zeros": np.zeros(25), "solution": found, "wrong signs": -found - 0.1}[start]
    assert_optimal(Q, c, weight, lasso(Q, c, weight, first))


def test_lasso_leaves_all_at_zero_under_a_weight_above_every_slope():
    Q, c, _, _ = problem(1)
    np.testing.assert_array_equal(lasso(Q, c, 1.001 * np.abs(c).max(), np.ones(len(c))), 0.0)


def test_lasso_of_uncorrelated_columns_is_soft_thresholding():
    c = np.array([3.0, -0.5, 1.5, -4.0])
    expected = np.sign(c) * np.maximum(np.abs(c) - 1.0, 0) / 2.0
    np.testing.assert_allclose(lasso(2.0 * np.eye(4), c, 1.0, np.zeros(4)), expected)


def test_lasso_does_not_change_its_arguments():
    Q, c, weight, rng = problem(7)
    start = rng.normal(size=len(c))
    kept = [array.copy() for array in (Q, c, start)]
    lasso(Q, c, weight, start)
    for array, copy in zip((Q, c, start), kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_lasso_of_no_unknowns():
    assert lasso(np.empty((0, 0)), np.empty(0), 1.0, np.empty(0)).shape == (0,)


def ridge_problem(seed, p=5, S=6):
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(40, p + S))
    B[:, p + 1] = B[:, p] + 1e-3 * rng.normal(size=40)
    H, b = B.T @ B, B.T @ rng.normal(size=40)
    H[:p, :p] += np.diag(rng.uniform(0.1, 10, p))
    return H, b, p, float(rng.uniform(0.01, 5))


@pytest.mark.parametrize("seed", range(6))
def test_ridge_lasso_is_elimination_and_brute_force(seed):
    H, b, p, weight = ridge_problem(seed)
    eliminate = H[p:, :p] @ np.linalg.inv(H[:p, :p])
    Q, c = H[p:, p:] - eliminate @ H[:p, p:], b[p:] - eliminate @ b[:p]
    x = ridge_lasso(H, b, p, weight, np.zeros(len(b) - p))
    assert value(Q, c, weight, x[p:]) == pytest.approx(brute_force(Q, c, weight), rel=1e-9)
    head = np.linalg.solve(H[:p, :p], b[:p] - H[:p, p:] @ x[p:])
    np.testing.assert_allclose(x[:p], head, rtol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_ridge_lasso_is_not_beaten_by_scipy(seed):
    H, b, p, weight = ridge_problem(seed, p=4, S=12)
    n = len(b)

    def smooth(z):
        x = np.concatenate([z[:p], z[p:n] - z[n:]])
        slope = H @ x - b
        total = 0.5 * x @ H @ x - b @ x + weight * z[p:].sum()
        return total, np.concatenate([slope, -slope[p:]]) + weight * (np.arange(len(z)) >= p)

    bounds = [(None, None)] * p + [(0, None)] * (2 * (n - p))
    found = scipy.optimize.minimize(
        smooth,
        np.zeros(2 * n - p),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 20000, "maxfun": 40000, "ftol": 1e-15, "gtol": 1e-10},
    )
    x = ridge_lasso(H, b, p, weight, np.zeros(n - p))
    ours = 0.5 * x @ H @ x - b @ x + weight * np.abs(x[p:]).sum()
    assert ours <= found.fun + 1e-9 * abs(found.fun)
    assert ours == pytest.approx(found.fun, rel=1e-5)


def test_ridge_alone_and_lasso_alone():
    H, b, _, weight = ridge_problem(9)
    n = len(b)
    np.testing.assert_allclose(
        ridge_lasso(H, b, n, weight, np.empty(0)), np.linalg.solve(H, b), rtol=1e-7
    )
    np.testing.assert_allclose(
        ridge_lasso(H, b, 0, weight, np.zeros(n)), lasso(H, b, weight, np.zeros(n))
    )
