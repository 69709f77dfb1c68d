"""Fit one series: the mode of Prophet's posterior, by the solver that its shape calls for."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from sparkprophet.numerics.additive import CONVERGED, solve_additive
from sparkprophet.numerics.arrays import Flags, Floats, Ints
from sparkprophet.numerics.basis import Basis
from sparkprophet.numerics.gauss_newton import solve_nonlinear
from sparkprophet.numerics.linearisation import LOGISTIC, Model, evaluate, linearise, restrict
from sparkprophet.numerics.posterior import TREND_VARIANCE, Point, least_noise
from sparkprophet.numerics.trend import GROWTHS

# The prior scale of Prophet's changepoints, for the trend that a search of the mode starts from.
_START_TAU = 0.05
# A cap that varies by less than this share is one number to the moments.
_CONSTANT_CAP = 1e-12
_NO_MOMENTS = np.empty((3, 0, 0))
# Below it a coefficient is zero for all purposes, and the inverse square overflows.
_SMALLEST_SIGMA = 1e-100
# Of the first guess of the noise's variance, for the second start of a convex fit.
_LITTLE_NOISE = 1e-6
# Tolerance of a fit that another one starts from.
_ROUGH = 1e-2
# With fewer rows an unknown than this a posterior has several modes now and then, and which one a
# fit ends in depends on where it starts (in 1 of 100 fits of M3's series).
_FEW_ROWS = 3
# Prophet's default prior scales.
_DEFAULT_SIGMA = 10.0


@dataclass(frozen=True)
class Prior:
    """What a fit may vary on one basis: its columns, their modes and the prior scales.

    Attributes
    ----------
    columns : ndarray of int64, shape (c,)
        Columns of the basis's X in the model, ascending.
    multiplicative : ndarray of bool, shape (K,)
        Mode of every column of the basis.
    sigmas : ndarray of float64, shape (c,)
        Prior scales of the columns' coefficients.
    tau : float
        Prior scale of the changepoints.
    """

    columns: Ints
    multiplicative: Flags
    sigmas: Floats
    tau: float


@dataclass(frozen=True)
class Solution:
    """A mode.

    Attributes
    ----------
    point : Point
        Its beta, of shape (K,), is zero for columns that are not in the model.
    log_posterior : float
        Up to a constant, as `posterior.log_posterior` has it.
    iterations : int
    converged : bool
        Whether the solver reached its tolerance.
    """

    point: Point
    log_posterior: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Linearisation:
    """A point and the model around it, from which fits with any of the columns can start.

    Attributes
    ----------
    point : Point
    H, pull : ndarray of float64, shapes (n, n) and (n,)
        J'J and J'(y - mean) as `linearisation.linearise` gives them with all K columns in the
        model, n = 2 + K + S.
    """

    point: Point
    H: Floats
    pull: Floats


class Response:
    """One series on a basis: its label, its cap with logistic growth, shape (T,), and products."""

    def __init__(self, basis: Basis, y: Floats, cap: Floats | None = None) -> None:
        self.basis = basis
        self.y = np.ascontiguousarray(y)
        self.cap = np.empty(0) if cap is None else np.ascontiguousarray(cap)
        self.centre = float(self.y.mean())
        self.squares = float(np.sum((self.y - self.centre) ** 2))
        self.least = least_noise(self.y) ** 2
        self.least_saturated = least_noise(self.y, saturated=True) ** 2

    @functools.cached_property
    def products(self) -> Floats:
        """`Basis.products` of y - centre."""
        return self.basis.products(self.y - self.centre)

    @functools.cached_property
    def trend(self) -> Point:
        """The mode of a linear or flat trend without columns; beta of shape (K,) is zero."""
        S, K = len(self.basis.changepoints), len(self.basis.XT)
        ridge, products = np.full(2, 1 / TREND_VARIANCE), self.products
        gram, b = self.basis.trend_gram, np.concatenate((products[:2], products[2 + K :]))
        x, s2, _, _, _ = solve_additive(
            gram,
            b,
            self.squares,
            self.centre,
            len(self.y),
            np.arange(len(gram)),
            ridge,
            _START_TAU,
            self.variance,
            self.least,
            np.zeros(S),
            1e-3,
        )
        return Point(float(x[0]), float(x[1]), s2**0.5, x[2:], np.zeros(K))

    @property
    def ends(self) -> Point:
        """A trend through the first and the last row, where Prophet starts too.

        `Prophet.linear_growth_init`, `logistic_growth_init`; with flat growth the label's mean.
        """
        t, y = self.basis.t[[0, -1]], self.y[[0, -1]]
        span = t[1] - t[0]
        if self.basis.growth == "flat":
            return self._straight(0.0, self.centre)
        if self.basis.growth == "linear":
            k = (y[1] - y[0]) / span
            return self._straight(k, y[0] - k * t[0])
        caps = self.cap[[0, -1]]
        ratios = caps / np.clip(y, 0.01 * caps, 0.99 * caps)
        if abs(ratios[0] - ratios[1]) <= 0.01:
            ratios[0] *= 1.05
        first, last = np.log(ratios - 1.0)
        return self._straight((first - last) / span, first * span / (first - last))

    def level(self, k: float) -> Point:
        """Logistic growth of rate k through the label's mean share of the cap, to start from.

        It cannot pass through k = 0, where m has no bound: each sign of k has modes.
        """
        share = min(max(float(np.mean(self.y / self.cap)), 0.01), 0.99)
        return self._straight(k, float(np.log(1.0 / share - 1.0)) / k)

    def _straight(self, k: float, m: float) -> Point:
        S, K = len(self.basis.changepoints), len(self.basis.XT)
        return Point(float(k), float(m), 1.0, np.zeros(S), np.zeros(K))

    @property
    def variance(self) -> float:
        """A first guess of the noise variance."""
        return max(self.squares / len(self.y) / 4.0, self.least)


def solve(
    response: Response,
    prior: Prior,
    tolerance: float = 1e-7,
    start: Point | Linearisation | None = None,
) -> Solution:
    """The mode of the posterior.

    Parameters
    ----------
    response, prior
    tolerance : float
        Gain of the log posterior at which a nonlinear fit ends; a convex one is solved to the
        square root of it times 1e-2 in log s^2, where an error counts by its square.
    start : Point or Linearisation, optional
        Where to start: `usual_mode`, made once for many fits of one response. A linearisation, of
        the same columns' modes, saves the first one of this fit.

    Returns
    -------
    Solution
        The best one of several starts. Convex fits start from a large noise and, with more rows
        than unknowns, from a small one; nonlinear ones from a trend through the first and last
        row, from the best trend without columns and from the additive model's mode, or with
        logistic growth from slow curves of either sign of k. Where rows are few they start from
        `start` too, or the usual mode without it; where there are many, from `start` alone.
    """
    basis = response.basis
    ridge = _ridge(prior)
    unknowns = 2 + len(prior.columns) + len(basis.changepoints)
    few = len(response.y) < _FEW_ROWS * unknowns
    if _convex(basis, prior):
        point = start.point if isinstance(start, Linearisation) else start
        return _solve_convex(response, prior, ridge, tolerance, None if few else point)
    model = _model(response, prior, ridge)
    if start is None and few and not _is_usual(response, prior):
        start = usual_mode(response, prior.multiplicative)
    starts: list[Point | Linearisation] = [] if start is None else [start]
    if few or start is None:
        starts.append(response.ends)
        if basis.growth == "logistic":
            starts += [response.level(1.0), response.level(-1.0)]
        else:
            starts += [response.trend, _as_if_additive(response, prior, ridge)]
    return _best(_solve_from(model, point, prior, tolerance) for point in starts)


def _best(solutions: Iterable[Solution]) -> Solution:
    """The one of the highest log posterior; the first of equals, and no NaN if there is another."""
    best, *others = solutions
    for other in others:
        if not best.log_posterior >= other.log_posterior and not math.isnan(other.log_posterior):
            best = other
    return best


def usual_mode(response: Response, multiplicative: Flags) -> Point | Linearisation | None:
    """The mode with Prophet's default priors and all columns, for these modes of them.

    As other fits of the response start from it. None where no finite one is found.
    """
    prior = _usual_prior(multiplicative)
    point = solve(response, identified(response, prior), _ROUGH).point
    if not all(np.isfinite(values).all() for values in (point.k, point.m, point.delta, point.beta)):
        return None
    return linearise_at(response, prior, point)


def linearise_at(response: Response, prior: Prior, point: Point) -> Point | Linearisation:
    """What a nonlinear fit needs to start from `point`; the point itself where the fit is convex.

    `prior` has all K columns; only their modes count.
    """
    if _convex(response.basis, prior):
        return point
    model = _model(response, prior, _ridge(prior))
    x = _unknowns(model, point, prior.columns)
    return Linearisation(point, *linearise(model, x, evaluate(model, x)))


def _usual_prior(multiplicative: Flags) -> Prior:
    K = len(multiplicative)
    return Prior(np.arange(K), multiplicative, np.full(K, _DEFAULT_SIGMA), _START_TAU)


def _is_usual(response: Response, prior: Prior) -> bool:
    usual = identified(response, _usual_prior(prior.multiplicative))
    same = np.array_equal(usual.columns, prior.columns) and usual.tau == prior.tau
    return same and np.array_equal(usual.sigmas, prior.sigmas)


def identified(response: Response, prior: Prior) -> Prior:
    """The prior without the columns of whose coefficients the data say less than the prior.

    Such a column is constant, or nearly so, and not zero: the mode gives it a part of the label's
    level, as large as the priors of the two allow, and a forecast where it changes is off by as
    much. Its coefficient is zero instead. (Stan's optimiser starts there and ends early.)
    """
    at, basis = prior.columns, response.basis
    if not basis.has_levels:
        return prior
    # By how much a unit of the coefficient changes the mean: a multiplicative one, the level.
    units = np.where(prior.multiplicative[at], np.mean(response.y**2), 1.0)
    told = basis.spreads[at] * units * prior.sigmas**2
    kept = (told >= response.variance) | ~basis.level_columns[at]
    if kept.all():
        return prior
    return replace(prior, columns=at[kept], sigmas=prior.sigmas[kept])


@functools.cache
def warm_up() -> None:
    """Compile the kernels, or load them from the cache, before a fit's time is measured.

    Seconds where nothing is cached yet; nothing without Numba, or the second time in a process.
    """
    t = np.linspace(0.0, 1.0, 8)
    basis = Basis(t, np.cos(t)[:, None], t[2:3], "linear")
    for multiplicative in (False, True):
        prior = Prior(np.arange(1), np.full(1, multiplicative), np.ones(1), 1.0)
        solve(Response(basis, np.sin(t)), prior)


def _convex(basis: Basis, prior: Prior) -> bool:
    return basis.growth != "logistic" and not prior.multiplicative[prior.columns].any()


def _least(response: Response, prior: Prior) -> float:
    """Floor of the noise variance."""
    unknowns = 2 + len(prior.columns) + len(response.basis.changepoints)
    return response.least if len(response.y) > unknowns else response.least_saturated


def _ridge(prior: Prior) -> Floats:
    sigmas = np.maximum(prior.sigmas, _SMALLEST_SIGMA)
    return np.concatenate(([1 / TREND_VARIANCE] * 2, sigmas**-2.0))


def _solve_convex(
    response: Response, prior: Prior, ridge: Floats, tolerance: float, start: Point | None
) -> Solution:
    basis, K = response.basis, len(response.basis.XT)
    S = len(basis.changepoints)
    hinges = 2 + K + np.arange(S)
    chosen = np.concatenate(([0, 1], 2 + prior.columns, hinges)).astype(np.int64)
    least = _least(response, prior)
    large = max(response.variance, least)
    variances = [large]
    if least == response.least:  # else a fit through all points has the smallest noise there is
        variances.append(max(_LITTLE_NOISE * large, least))
    if start is not None:
        variances = [max(start.s**2, least)]
    delta = np.zeros(S) if start is None else start.delta
    modes = (
        solve_additive(
            basis.gram,
            response.products,
            response.squares,
            response.centre,
            len(response.y),
            chosen,
            ridge,
            prior.tau,
            variance,
            least,
            delta,
            1e-2 * tolerance**0.5,
        )
        for variance in variances
    )
    return _best(_solution(K, prior, *mode) for mode in modes)


def _as_if_additive(response: Response, prior: Prior, ridge: Floats) -> Point:
    """A start: the mode of the additive model, its multiplicative columns by the label's mean."""
    point = _solve_convex(response, prior, ridge, _ROUGH, None).point
    scale = np.where(prior.multiplicative, response.centre or 1.0, 1.0)
    return replace(point, beta=point.beta / scale)


def _model(response: Response, prior: Prior, ridge: Floats) -> Model:
    basis, cap = response.basis, response.cap
    varying = basis.growth == "logistic" and np.ptp(cap) > _CONSTANT_CAP * cap[0]
    return Model(
        basis.t,
        response.y,
        cap,
        basis.XT,
        basis.segments,
        basis.changepoints,
        _NO_MOMENTS if varying else basis.moments,
        GROWTHS.index(basis.growth),
        prior.multiplicative.astype(np.float64),
        prior.columns,
        ridge,
        prior.tau,
        _least(response, prior),
    )


def _solve_from(
    model: Model, start: Point | Linearisation, prior: Prior, tolerance: float
) -> Solution:
    if isinstance(start, Linearisation):
        x = _unknowns(model, start.point, np.arange(len(model.XT)))
        H, pull, x = restrict(start.H, start.pull, x, len(model.XT), prior.columns)
    else:
        x = _unknowns(model, start, prior.columns)
        H, pull = linearise(model, x, evaluate(model, x))
    x, s2, log_posterior, iterations, status = solve_nonlinear(model, x, H, pull, tolerance)
    if model.growth == LOGISTIC:
        x[1] = -x[1] / x[0]
    return _solution(len(model.XT), prior, x, s2, log_posterior, iterations, status)


def _unknowns(model: Model, point: Point, columns: Ints) -> Floats:
    """The point as the kernels take it, its betas those of `columns`."""
    offset = -point.k * point.m if model.growth == LOGISTIC else point.m
    return np.concatenate(([point.k, offset], point.beta[columns], point.delta))


def _solution(
    K: int, prior: Prior, x: Floats, s2: float, log_posterior: float, iterations: int, status: int
) -> Solution:
    first = 2 + len(prior.columns)
    beta = np.zeros(K)
    beta[prior.columns] = x[2:first]
    point = Point(float(x[0]), float(x[1]), float(np.sqrt(s2)), x[first:], beta)
    return Solution(point, float(log_posterior), int(iterations), status == CONVERGED)
