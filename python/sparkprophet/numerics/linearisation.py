"""The mean of the model at a point, and its linearisation: J'J and J'r of the Gauss-Newton step.

No row is visited K^2 times: X'diag(g^2)X is combined from the moments of `Basis`, because g is a
line on each segment (exactly for linear growth; for logistic growth g^2 is interpolated there,
which changes the path of the iteration but not where it ends).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints
from sparkprophet.numerics.compiled import compiled
from sparkprophet.numerics.trend import GROWTHS
from sparkprophet.numerics.weighted import add_columns, combine, put_products, weighted_gram

# Kernels know a growth by its place in GROWTHS.
LOGISTIC, FLAT = GROWTHS.index("logistic"), GROWTHS.index("flat")


class Model(NamedTuple):
    """One fit as the kernels take it.

    Attributes
    ----------
    t, y, cap : ndarray of float64, shape (T,)
        Scaled; `cap` counts with logistic growth only.
    XT, segments, changepoints, moments : ndarray
        As those of `Basis`.
    growth : int
        Its place in `trend.GROWTHS`.
    multiplicative : ndarray of float64, shape (K,)
        0 or 1.
    columns : ndarray of int64, shape (c,)
        Those of X in the model.
    ridge : ndarray of float64, shape (2 + c,)
        Inverse prior variances of k, m and the betas.
    tau : float
        Prior scale of the deltas.
    least : float
        Floor of s^2.
    """

    t: Floats
    y: Floats
    cap: Floats
    XT: Floats
    segments: Ints
    changepoints: Floats
    moments: Floats
    growth: int
    multiplicative: Floats
    columns: Ints
    ridge: Floats
    tau: float
    least: float


class Mean(NamedTuple):
    """The mean at a point.

    Attributes
    ----------
    y, g, slope, q : ndarray of float64, shape (T,)
        The mean itself, the trend g, dg/dz, and 1 + X_m beta_m.
    """

    y: Floats
    g: Floats
    slope: Floats
    q: Floats


@compiled
def evaluate(model: Model, x: Floats) -> Mean:
    """The mean at x = [k, offset, betas, deltas]; the offset is m, or -k m with logistic growth."""
    g = np.empty(len(model.t))
    lines = _lines(model, x)
    for s in range(len(lines)):
        lo, hi = model.segments[s], model.segments[s + 1]
        g[lo:hi] = lines[s, 0] * model.t[lo:hi] + lines[s, 1]
    slope = np.ones(len(g))
    if model.growth == LOGISTIC:
        small = np.exp(-np.abs(g))
        share = np.where(g >= 0.0, 1.0, small) / (1.0 + small)
        slope = model.cap * small / (1.0 + small) ** 2
        g = model.cap * share
    q, y = np.ones(len(g)), np.zeros(len(g))
    for mode in (1.0, 0.0):
        add_columns(q if mode else y, model.XT, model.columns, model.multiplicative == mode, x[2:])
    y += g * q
    return Mean(y, g, slope, q)


@compiled
def linearise(model: Model, x: Floats, mean: Mean) -> tuple[Floats, Floats]:
    """J'J, shape (n, n), and J'(y - mean), shape (n,), of the mean's Jacobian J at x."""
    n, c = len(x), len(model.columns)
    H, pull = np.empty((n, n)), np.empty(n)
    residual, weight = model.y - mean.y, mean.slope * mean.q
    u0, u1, begin = _trend_functions(model)
    _trend_block(model, weight, residual, u0, u1, begin, H, pull)
    tails = _tails(model, mean, weight, residual)
    for i in range(c):
        pull[2 + i] = tails[2, 0, i]
        for f in range(len(u0)):
            at = f if f < 2 else f + c
            value = u0[f] * tails[0, begin[f], i] + u1[f] * tails[1, begin[f], i]
            H[2 + i, at] = value
            H[at, 2 + i] = value
    _column_block(model, x, mean, H)
    return H, pull


@compiled
def restrict(
    H: Floats, pull: Floats, x: Floats, K: int, columns: Ints
) -> tuple[Floats, Floats, Floats]:
    """A linearisation in all K columns as one in `columns` alone, the other betas taken to zero.

    Parameters
    ----------
    H, pull, x : ndarray of float64, shapes (n, n), (n,) and (n,)
        Of n = 2 + K + S unknowns.
    K : int
    columns : ndarray of int64, shape (c,)

    Returns
    -------
    H, pull, x : ndarray of float64
        Of 2 + c + S unknowns. `pull` is exact but for the trend's derivatives, which stay those
        at x.
    """
    n, c = len(x), len(columns)
    kept = np.zeros(n, dtype=np.bool_)
    kept[:2], kept[2 + K :] = True, True
    for column in columns:
        kept[2 + column] = True
    at, dropped = np.flatnonzero(kept), np.flatnonzero(~kept)
    size = n - K + c
    smaller, remaining = np.empty((size, size)), np.empty(size)
    for i in range(size):
        row = H[at[i]]
        for j in range(i + 1):
            smaller[i, j] = row[at[j]]
            smaller[j, i] = row[at[j]]
        remaining[i] = pull[at[i]]
        for zeroed in dropped:
            remaining[i] += row[zeroed] * x[zeroed]
    return smaller, remaining, x[at]


@compiled
def _has(model: Model, mode: float) -> bool:
    for column in model.columns:
        if model.multiplicative[column] == mode:
            return True
    return False


@compiled
def _lines(model: Model, x: Floats) -> Floats:
    """Rate and offset of z = rate t + offset on every segment, shape (S + 1, 2)."""
    first = 2 + len(model.columns)
    lines = np.empty((len(model.segments) - 1, 2))
    rate, offset = 0.0 if model.growth == FLAT else x[0], x[1]
    for s in range(len(lines)):
        if s > 0:
            rate += x[first + s - 1]
            offset -= x[first + s - 1] * model.changepoints[s - 1]
        lines[s, 0] = rate
        lines[s, 1] = offset
    return lines


@compiled
def _trend_functions(model: Model) -> tuple[Floats, Floats, Ints]:
    """dz by k, offset and each delta as u0 + u1 t from segment `begin` on, zero before it."""
    S = len(model.changepoints)
    u0, u1, begin = np.zeros(2 + S), np.zeros(2 + S), np.zeros(2 + S, dtype=np.int64)
    u1[0] = 0.0 if model.growth == FLAT else 1.0
    u0[1] = 1.0
    for j in range(S):
        u0[2 + j], u1[2 + j], begin[2 + j] = -model.changepoints[j], 1.0, j + 1
    return u0, u1, begin


@compiled
def _trend_block(
    model: Model,
    weight: Floats,
    residual: Floats,
    u0: Floats,
    u1: Floats,
    begin: Ints,
    H: Floats,
    pull: Floats,
) -> None:
    """Fill the entries of k, m and the deltas in H and `pull`."""
    count, c = len(model.segments) - 1, len(model.columns)
    W, R = np.zeros((3, count + 1)), np.zeros((2, count + 1))
    for s in range(count - 1, -1, -1):
        lo, hi = model.segments[s], model.segments[s + 1]
        t, w = model.t[lo:hi], weight[lo:hi]
        squared, pulled = w * w, w * residual[lo:hi]
        W[0, s] = W[0, s + 1] + np.sum(squared)
        W[1, s] = W[1, s + 1] + np.sum(squared * t)
        W[2, s] = W[2, s + 1] + np.sum(squared * t * t)
        R[0, s] = R[0, s + 1] + np.sum(pulled)
        R[1, s] = R[1, s + 1] + np.sum(pulled * t)
    for f in range(len(u0)):
        i = f if f < 2 else f + c
        pull[i] = u0[f] * R[0, begin[f]] + u1[f] * R[1, begin[f]]
        for h in range(f + 1):
            j, s = h if h < 2 else h + c, max(begin[f], begin[h])
            value = u0[f] * u0[h] * W[0, s] + (u0[f] * u1[h] + u1[f] * u0[h]) * W[1, s]
            value += u1[f] * u1[h] * W[2, s]
            H[i, j] = value
            H[j, i] = value


@compiled
def _tails(model: Model, mean: Mean, weight: Floats, residual: Floats) -> Floats:
    """Sums of weight x, weight t x and residual x from each segment on, (3, S + 1, c).

    A multiplicative column counts g times in all three.
    """
    sums = np.zeros((3, len(model.segments) - 1, len(model.columns)))
    V = np.empty((3, len(weight)))
    for mode in (1.0, 0.0):
        if _has(model, mode):
            V[0] = weight * mean.g if mode else weight
            V[1] = V[0] * model.t
            V[2] = residual * mean.g if mode else residual
            wanted = model.multiplicative == mode
            put_products(sums, model.XT, model.columns, wanted, model.segments, V)
    for s in range(sums.shape[1] - 2, -1, -1):
        sums[:, s] += sums[:, s + 1]
    return sums


@compiled
def _column_block(model: Model, x: Floats, mean: Mean, H: Floats) -> None:
    """Fill the entries of the betas in H."""
    direct = model.moments.shape[1] == 0
    scaling, adding = _has(model, 1.0), _has(model, 0.0)
    both = np.zeros(1)
    neither, squares = both, both
    if direct:
        ones = np.ones(len(mean.g))
        squares = weighted_gram(model.XT, mean.g * mean.g) if scaling else squares
        both = weighted_gram(model.XT, mean.g) if scaling and adding else both
        neither = weighted_gram(model.XT, ones) if adding else neither
    else:
        g1, g2 = _powers_of_trend(model, x)
        squares = combine(model.moments, g2) if scaling else squares
        both = combine(model.moments, g1) if scaling and adding else both
        neither = combine(model.moments[:1], np.ones((1, len(g1[0])))) if adding else neither
    for i in range(len(model.columns)):
        a = model.columns[i]
        for j in range(i + 1):
            b = model.columns[j]
            count = model.multiplicative[a] + model.multiplicative[b]
            source = neither if count == 0.0 else both if count == 1.0 else squares
            value = source[a * (a + 1) // 2 + b]
            H[2 + i, 2 + j] = value
            H[2 + j, 2 + i] = value


@compiled
def _powers_of_trend(model: Model, x: Floats) -> tuple[Floats, Floats]:
    """g and g^2 on each segment as coefficients of 1, t, t^2; shape (3, S + 1) each."""
    lines = _lines(model, x)
    g1, g2 = np.zeros((3, len(lines))), np.zeros((3, len(lines)))
    for s in range(len(lines)):
        rate, offset = lines[s, 0], lines[s, 1]
        if model.growth != LOGISTIC:
            g1[0, s], g1[1, s] = offset, rate
            g2[0, s], g2[1, s], g2[2, s] = offset * offset, 2.0 * offset * rate, rate * rate
        elif model.segments[s] < model.segments[s + 1]:
            lo, hi = model.t[model.segments[s]], model.t[model.segments[s + 1] - 1]
            values = np.empty(3)
            for i in range(3):
                z = rate * (lo + 0.5 * i * (hi - lo)) + offset
                values[i] = model.cap[0] / (1.0 + math.exp(-z)) if z > -700.0 else 0.0
            _interpolate(lo, hi, values, g1[:, s])
            _interpolate(lo, hi, values * values, g2[:, s])
    return g1, g2


@compiled
def _interpolate(lo: float, hi: float, values: Floats, result: Floats) -> None:
    """Coefficients of 1, t, t^2 of the parabola through values at lo, the middle and hi."""
    half, middle = 0.5 * (hi - lo), 0.5 * (hi + lo)
    result[0] = values[1]
    if half > 0.0:
        linear = 0.5 * (values[2] - values[0]) / half
        square = 0.5 * (values[2] + values[0] - 2.0 * values[1]) / (half * half)
        result[0] += square * middle * middle - linear * middle
        result[1] = linear - 2.0 * square * middle
        result[2] = square
