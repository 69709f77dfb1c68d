"""Multiplicative and mixed seasonality, and logistic growth: Gauss-Newton with damping.

Each step linearises the mean and solves the ridge and lasso problem of that, so that the
changepoints' kinks are exact at every step. Levenberg (1944) and Marquardt (1963) for the damping;
the merit is the log posterior with the noise profiled out. Logistic growth has the unknown -k m in
place of m: z is linear in it, while k m would bend every step.
"""

from __future__ import annotations

import math

import numpy as np

from sparkprophet.numerics.additive import (
    CONVERGED,
    NO_BETTER_STEP,
    OUT_OF_ITERATIONS,
    noise_variance,
)
from sparkprophet.numerics.arrays import Floats
from sparkprophet.numerics.compiled import compiled
from sparkprophet.numerics.linearisation import LOGISTIC, Mean, Model, evaluate, linearise
from sparkprophet.numerics.ridge_lasso import ridge_lasso

_MOST_ITERATIONS = 400
_MOST_TRIES = 12
_FIRST_DAMPING = 1e-4
_LEAST_DAMPING = 1e-6
_SHORT_STEP = 0.4
# Share of its predicted gain that a step has to bring.
_LEAST_SHARE = 0.25
# Ratio of two gains under which the next ones are taken to shrink as fast.
_SHRINKING = 0.1


@compiled
def solve_nonlinear(
    model: Model, start: Floats, H: Floats, pull: Floats, tolerance: float
) -> tuple[Floats, float, float, int, int]:
    """A mode's coefficients, its noise variance, log posterior, iterations and status.

    Parameters
    ----------
    model : Model
    start : ndarray of float64, shape (2 + c + S,)
        First guess of k, offset, betas, deltas, as `evaluate` takes them.
    H, pull : ndarray of float64
        As `linearise` gives them for `start` or near it; the first step is made with them.
    tolerance : float
        Of the log posterior: the last step is a full one after which no more than that is to be
        gained.
    """
    x, mean = start.copy(), evaluate(model, start)
    damping, gain_before = 0.0, 0.0
    for iteration in range(1, _MOST_ITERATIONS + 1):
        s2, merit = _merit(model, x, mean)
        if iteration > 1:
            H, pull = linearise(model, x, mean)
        share, gain, expected = 0.0, 0.0, 0.0
        for _ in range(_MOST_TRIES + 1):
            step, expected = _step(model, x, H, pull, s2, damping)
            if iteration > 1 and damping == 0.0 and expected < 0.01 * tolerance:
                return x, s2, -merit, iteration, CONVERGED
            share, gain, new_mean = _try(model, x, step, merit, expected, damping == 0.0)
            if share > 0.0:
                break
            damping = max(_FIRST_DAMPING, 8.0 * damping)
        if share == 0.0:
            if iteration > 1:
                return x, s2, -merit, iteration, NO_BETTER_STEP
            damping = 0.0  # the next linearisation is one of this very point
            continue
        x, mean = x + share * step, new_mean
        if s2 == model.least and _merit(model, x, mean)[0] == s2:
            # No mode to find: the density of a fit through all points has no bound.
            return x, s2, gain - merit, iteration, CONVERGED
        if damping == 0.0 and share == 1.0 and _remaining(gain, gain_before) < tolerance:
            s2, merit = _merit(model, x, mean)
            return x, s2, -merit, iteration, CONVERGED
        gain_before = gain
        if gain > 0.6 * expected:
            damping *= 0.1
        elif gain < 0.25 * expected:
            damping *= 3.0
        if damping < _LEAST_DAMPING:
            damping = 0.0
    s2, merit = _merit(model, x, mean)
    return x, s2, -merit, _MOST_ITERATIONS, OUT_OF_ITERATIONS


@compiled
def _remaining(gain: float, before: float) -> float:
    """What further steps can gain if gains go on shrinking at the rate of the last two."""
    if gain < _SHRINKING * before:
        return gain * gain / (before - gain)
    return gain


@compiled
def _merit(model: Model, x: Floats, mean: Mean) -> tuple[float, float]:
    """The best s^2 at x, and minus the log posterior with it."""
    residual = model.y - mean.y
    squares = np.sum(residual * residual)
    s2 = noise_variance(squares, len(model.t), model.least)
    fit = 0.5 * len(model.t) * math.log(s2) + 0.5 * squares / s2 + 2.0 * s2
    return s2, fit + _penalty(model, x, _m(model, x))


@compiled
def _penalty(model: Model, x: Floats, m: float) -> float:
    p = len(model.ridge)
    betas = np.sum(model.ridge[2:] * x[2:p] * x[2:p])
    ridge = model.ridge[0] * x[0] * x[0] + model.ridge[1] * m * m + betas
    penalty: float = 0.5 * ridge + np.sum(np.abs(x[p:])) / model.tau
    return penalty


@compiled
def _m(model: Model, x: Floats) -> float:
    if model.growth != LOGISTIC:
        m: float = x[1]
        return m
    return -x[1] / x[0] if x[0] != 0.0 else math.inf


@compiled
def _step(
    model: Model, x: Floats, H: Floats, pull: Floats, s2: float, damping: float
) -> tuple[Floats, float]:
    """The step to the linearised problem's minimum, and the gain that the linearisation expects."""
    n, p, curved = len(x), len(model.ridge), model.growth == LOGISTIC
    A, b, m = H.copy(), pull.copy(), _m(model, x)
    by_k, by_offset = 0.0, 1.0
    if curved:
        # m = -offset / k is no unknown itself: its prior is linearised too.
        weight = s2 * model.ridge[1]
        by_k, by_offset = -m / x[0], -1.0 / x[0]
        A[0, 0] += weight * by_k * by_k
        A[1, 1] += weight * by_offset * by_offset
        A[1, 0] += weight * by_k * by_offset
        A[0, 1] = A[1, 0]
        b[0] -= weight * by_k * m
        b[1] -= weight * by_offset * m
    for i in range(n):
        ridge = s2 * model.ridge[i] if i < p and not (i == 1 and curved) else 0.0
        extra = damping * (H[i, i] + ridge)
        A[i, i] += ridge + extra
        b[i] += np.sum(H[i] * x) + extra * x[i]
    new = ridge_lasso(A, b, p, s2 / model.tau, x[p:].copy())
    step = new - x
    # Of the linearised prior; the true one may bend away, which is what damping is for.
    new_m = m + by_k * step[0] + by_offset * step[1]
    expected = _penalty(model, x, m) - _penalty(model, new, new_m)
    for i in range(n):
        expected += step[i] * (pull[i] - 0.5 * np.sum(H[i] * step)) / s2
    return step, expected


@compiled
def _try(
    model: Model, x: Floats, step: Floats, merit: float, expected: float, shorten: bool
) -> tuple[float, float, Mean]:
    """Share of the step that brings enough, its gain and the mean there; share 0 for none."""
    share = 1.0
    mean = evaluate(model, x + step)
    gain = merit - _merit(model, x + step, mean)[1]
    if shorten and not gain >= _LEAST_SHARE * expected:
        share = _SHORT_STEP
        mean = evaluate(model, x + share * step)
        gain = merit - _merit(model, x + share * step, mean)[1]
    if not (gain > 0.0 and gain >= _LEAST_SHARE * share * expected):
        share = 0.0
    return share, gain, mean
