"""Prophet's log posterior and its gradient, written as the formulas say.

The reference that the solvers are tested against: their kernels have the same formulas in other
forms, and take from here the kinds of values, the priors' constants and the floor of the noise.
Taylor and Letham (2018), Forecasting at Scale, with the priors of Prophet 1.5's `prophet.stan`:

    y ~ N(g(t) (1 + X_m beta_m) + X_a beta_a, s^2)
    k, m ~ N(0, 5^2), delta_j ~ Laplace(0, tau), beta_c ~ N(0, sigma_c^2), s ~ half-N(0, 0.5^2)
    linear    g = k t + m + sum_j delta_j (t - s_j)+
    logistic  g = cap / (1 + exp(-z)), z = k (t - m) + sum_j delta_j (t - s_j)+
    flat      g = m

Constants are left out and there is no Jacobian for s > 0: the value is Stan's `lp__` of an
optimisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats
from sparkprophet.numerics.trend import trend

# Variances of the priors of k and m, and of s.
TREND_VARIANCE = 25.0
NOISE_VARIANCE = 0.25


@dataclass(frozen=True)
class Problem:
    """The data of one fit, scaled as Prophet scales them.

    Attributes
    ----------
    t, y : ndarray of float64, shape (T,)
        Time in 0..1, sorted, and the label.
    X : ndarray of float64, shape (T, K)
    multiplicative : ndarray of bool, shape (K,)
    sigmas : ndarray of float64, shape (K,)
        Prior scales of beta.
    tau : float
        Prior scale of delta.
    changepoints : ndarray of float64, shape (S,)
        Sorted times of the changepoints.
    growth : str
        One of `trend.GROWTHS`.
    cap : ndarray of float64, shape (T,), or None
        Scaled capacity, for logistic growth.
    """

    t: Floats
    y: Floats
    X: Floats
    multiplicative: Flags
    sigmas: Floats
    tau: float
    changepoints: Floats
    growth: str = "linear"
    cap: Floats | None = None


@dataclass(frozen=True)
class Point:
    """Values of all parameters.

    Attributes
    ----------
    k, m, s : float
        Rate, offset and noise.
    delta : ndarray of float64, shape (S,)
        Changes of the rate.
    beta : ndarray of float64, shape (K,)
        Coefficients of the columns.
    """

    k: float
    m: float
    s: float
    delta: Floats
    beta: Floats


def mean(problem: Problem, point: Point) -> Floats:
    """Expectation of y, shape (T,)."""
    p, multiplicative = problem, problem.multiplicative
    g = trend(p.growth, point, p.changepoints, p.t, p.cap)
    scale = 1.0 + p.X[:, multiplicative] @ point.beta[multiplicative]
    return g * scale + p.X[:, ~multiplicative] @ point.beta[~multiplicative]


def log_posterior(problem: Problem, point: Point) -> float:
    """The log posterior density up to a constant."""
    squares = float(np.sum((problem.y - mean(problem, point)) ** 2))
    s = point.s
    priors = (point.k**2 + point.m**2) / (2 * TREND_VARIANCE) + s**2 / (2 * NOISE_VARIANCE)
    priors += float(np.sum((point.beta / problem.sigmas) ** 2)) / 2
    priors += float(np.sum(np.abs(point.delta))) / problem.tau
    return -len(problem.y) * float(np.log(s)) - squares / (2 * s**2) - priors


def gradient(problem: Problem, point: Point) -> Point:
    """Derivative of the log posterior by every parameter.

    That of |delta_j| is taken as sign(delta_j), 0 at 0: there the log posterior has a kink.
    """
    p, s2 = problem, point.s**2
    residual = p.y - mean(p, point)
    squares = float(residual @ residual)
    g = trend(p.growth, point, p.changepoints, p.t, p.cap)
    scale = 1.0 + p.X[:, p.multiplicative] @ point.beta[p.multiplicative]
    pull = residual * scale / s2  # of the trend
    hinges = np.maximum(p.t[:, None] - p.changepoints, 0.0)
    if p.growth == "logistic" and p.cap is not None:
        share = g / p.cap
        pull = pull * g * (1.0 - share)
        by_k, by_m = float(pull @ (p.t - point.m)), -point.k * float(pull.sum())
    elif p.growth == "linear":
        by_k, by_m = float(pull @ p.t), float(pull.sum())
    else:
        by_k, by_m, hinges = 0.0, float(pull.sum()), 0.0 * hinges
    by_beta = np.where(p.multiplicative, (residual * g) @ p.X, residual @ p.X) / s2
    return Point(
        by_k - point.k / TREND_VARIANCE,
        by_m - point.m / TREND_VARIANCE,
        -len(p.y) / point.s + squares / point.s**3 - point.s / NOISE_VARIANCE,
        pull @ hinges - np.sign(point.delta) / p.tau,
        by_beta - point.beta / p.sigmas**2,
    )


def best_noise(squares: float, rows: int) -> float:
    """The s that maximises the log posterior for a sum of squared residuals of T rows.

    The root of -T/s + SSE/s^3 - 4 s = 0.
    """
    return float(np.sqrt(2.0 * squares / (rows + np.sqrt(rows**2 + 16.0 * squares))))


def least_noise(y: Floats, saturated: bool = False) -> float:
    """The smallest s that a fit of y may have.

    A fit through all points has no mode: its density grows without bound as s goes to 0. The
    floor is far under the noise of any series that has some, and above what rounding makes. A fit
    with no fewer unknowns than rows always goes through all points, so that it is the floor that
    counts: a higher one, with which the normal equations keep their digits.
    """
    share = 1e-3 if saturated else 1e-5
    return max(share * float(np.std(y)), 1e-8)
