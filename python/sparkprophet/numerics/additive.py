"""Additive seasonality on a linear or flat trend, which needs the Gram matrix only.

For a given noise s the mode solves one convex ridge and lasso problem; for given residuals s has
a closed form. Alternating the two, with Aitken's acceleration on log s^2, takes 3 to 6 rounds
whatever the number of rows. Residuals grow with s, so a start above finds the mode of the largest
noise, and a start below that of the smallest; mostly there is only one.
"""

from __future__ import annotations

import math

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints
from sparkprophet.numerics.compiled import compiled
from sparkprophet.numerics.ridge_lasso import ridge_lasso

CONVERGED, OUT_OF_ITERATIONS, NO_BETTER_STEP = 0, 1, 2

_MOST_ROUNDS = 200
# Contraction above which Aitken's extrapolation would be a guess.
_LARGEST_CONTRACTION = 0.8


@compiled
def noise_variance(squares: float, rows: int, least: float) -> float:
    """The best s^2 for a sum of squared residuals (`posterior.best_noise`), `least` at least."""
    s2 = 2.0 * squares / (rows + math.sqrt(rows * rows + 16.0 * squares))
    return max(s2, least)


@compiled
def solve_additive(
    gram: Floats,
    products: Floats,
    squares: float,
    centre: float,
    rows: int,
    chosen: Ints,
    ridge: Floats,
    tau: float,
    variance: float,
    least: float,
    start: Floats,
    tolerance: float,
) -> tuple[Floats, float, float, int, int]:
    """The mode's coefficients, its noise variance, log posterior, rounds and status.

    Parameters
    ----------
    gram : ndarray of float64, shape (n, n)
        B'B of `Basis`.
    products, squares, centre : ndarray of float64, shape (n,); float; float
        B'u and u'u of u = y - centre: squares of a label far from zero would drown its variation.
    rows : int
        T.
    chosen : ndarray of int64, shape (p + S,)
        Columns of B in the model: k, m, betas, then the S hinges.
    ridge : ndarray of float64, shape (p,)
        Inverse prior variances of k, m and the betas.
    tau : float
        Prior scale of the hinges' coefficients.
    variance, least : float
        First guess of s^2, and its floor.
    start : ndarray of float64, shape (S,)
        First guess of the hinges' coefficients.
    tolerance : float
        On the change of log s^2 in a round.
    """
    n, p = len(chosen), len(ridge)
    G = np.empty((n, n))
    b = np.empty(n)
    for i in range(n):
        b[i] = products[chosen[i]]
        for j in range(n):
            G[i, j] = gram[chosen[i], chosen[j]]
    H, pull = G.copy(), b.copy()
    x = np.zeros(n)
    x[p:] = start
    level, before, step, step_before, left = math.log(variance), 0.0, 0.0, 0.0, squares
    rounds = 0
    while rounds < _MOST_ROUNDS:
        rounds += 1
        s2 = math.exp(level)
        for i in range(p):
            H[i, i] = G[i, i] + s2 * ridge[i]
        # m's prior is around zero, and x[1] is m - centre.
        pull[1] = b[1] - s2 * ridge[1] * centre
        x = ridge_lasso(H, pull, p, s2 / tau, x[p:].copy())
        left = squares
        for i in range(n):
            left += x[i] * (np.sum(G[i] * x) - 2.0 * b[i])
        left = max(left, 0.0)  # of a perfect fit rounding is all that is left
        before, level = level, math.log(noise_variance(left, rows, least))
        step = level - before
        if abs(step) < tolerance:
            break
        if step_before != 0.0:
            contraction = step / step_before
            if 0.0 < contraction < _LARGEST_CONTRACTION:
                level += step * contraction / (1.0 - contraction)
                level = max(level, math.log(least))
                step_before = 0.0
                continue
        step_before = step
    s2 = math.exp(level)
    x[1] += centre
    value = _log_posterior(x, left, s2, rows, ridge, tau)
    return x, s2, value, rounds, CONVERGED if abs(step) < tolerance else OUT_OF_ITERATIONS


@compiled
def _log_posterior(
    x: Floats, squares: float, s2: float, rows: int, ridge: Floats, tau: float
) -> float:
    p = len(ridge)
    penalty: float = 0.5 * np.sum(ridge * x[:p] * x[:p]) + np.sum(np.abs(x[p:])) / tau
    return -0.5 * rows * math.log(s2) - 0.5 * squares / s2 - 2.0 * s2 - penalty
