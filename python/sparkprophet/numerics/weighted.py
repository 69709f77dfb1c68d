"""Sums over the rows of a design matrix, in loops for Numba and in array operations for numpy."""

from __future__ import annotations

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats, Ints
from sparkprophet.numerics.compiled import COMPILED, compiled


def _add_columns_loops(total: Floats, XT: Floats, columns: Ints, wanted: Flags, b: Floats) -> None:
    # Four columns at a time: `total` is read and written a quarter as often.
    at, factors, count = np.zeros(len(columns) + 3, np.int64), np.zeros(len(columns) + 3), 0
    for i in range(len(columns)):
        if wanted[columns[i]]:
            at[count], factors[count] = columns[i], b[i]
            count += 1
    for i in range(0, count, 4):
        x0, x1, x2, x3 = XT[at[i]], XT[at[i + 1]], XT[at[i + 2]], XT[at[i + 3]]
        b0, b1, b2, b3 = factors[i : i + 4]
        for row in range(len(total)):
            total[row] += b0 * x0[row] + b1 * x1[row] + b2 * x2[row] + b3 * x3[row]


def _add_columns_arrays(total: Floats, XT: Floats, columns: Ints, wanted: Flags, b: Floats) -> None:
    factors = np.zeros(len(XT))
    factors[columns] = b[: len(columns)]
    total += (factors * wanted) @ XT


def _put_products_loops(
    sums: Floats, XT: Floats, columns: Ints, wanted: Flags, segments: Ints, V: Floats
) -> None:
    for s in range(len(segments) - 1):
        lo, hi = segments[s], segments[s + 1]
        v0, v1, v2 = V[0, lo:hi], V[1, lo:hi], V[2, lo:hi]
        for i in range(len(columns)):
            if wanted[columns[i]]:
                x = XT[columns[i], lo:hi]
                first, second, third = 0.0, 0.0, 0.0
                for row in range(hi - lo):
                    first += v0[row] * x[row]
                    second += v1[row] * x[row]
                    third += v2[row] * x[row]
                sums[0, s, i] = first
                sums[1, s, i] = second
                sums[2, s, i] = third


def _put_products_arrays(
    sums: Floats, XT: Floats, columns: Ints, wanted: Flags, segments: Ints, V: Floats
) -> None:
    at = np.flatnonzero(wanted[columns])
    XT = XT[columns[at]]
    for s in range(len(segments) - 1):
        rows = slice(segments[s], segments[s + 1])
        sums[:, s, at] = V[:, rows] @ XT[:, rows].T


def _combine_loops(moments: Floats, weights: Floats) -> Floats:
    total = np.zeros(moments.shape[2])
    for p in range(weights.shape[0]):
        for s in range(moments.shape[1]):
            weight = weights[p, s]
            if weight != 0.0:
                part = moments[p, s]
                for j in range(len(total)):
                    total[j] += weight * part[j]
    return total


def _combine_arrays(moments: Floats, weights: Floats) -> Floats:
    return np.tensordot(weights, moments[: len(weights)], axes=2)


def _weighted_gram_loops(XT: Floats, w: Floats) -> Floats:
    K, rows = XT.shape
    total = np.zeros(K * (K + 1) // 2)
    at = 0
    for i in range(K):
        scaled = XT[i] * w
        for j in range(i + 1):
            x, value = XT[j], 0.0
            for row in range(rows):
                value += scaled[row] * x[row]
            total[at + j] = value
        at += i + 1
    return total


def _weighted_gram_arrays(XT: Floats, w: Floats) -> Floats:
    return ((XT * w) @ XT.T)[np.tril_indices(len(XT))]


add_columns = compiled(_add_columns_loops) if COMPILED else _add_columns_arrays
"""add_columns(total, XT, columns, wanted, b): add X b, of the wanted columns, to `total` (T,).

XT : (K, T). columns : int64 (c,). wanted : bool (K,). b : (c or more,), by place in `columns`.
"""

put_products = compiled(_put_products_loops) if COMPILED else _put_products_arrays
"""put_products(sums, XT, columns, wanted, segments, V): sums of V[v, i] X[i] over each segment.

They are put into `sums`, (3, S + 1, c), for the wanted columns. V : (3, T).
"""

combine = compiled(_combine_loops) if COMPILED else _combine_arrays
"""combine(moments, weights): sum over powers p and segments of weights[p, s] moments[p, s]."""

weighted_gram = compiled(_weighted_gram_loops) if COMPILED else _weighted_gram_arrays
"""weighted_gram(XT, w): X' diag(w) X, its lower triangle packed row by row."""
