"""Sums over the rows of a design matrix, in loops for Numba and in array operations for numpy."""

from __future__ import annotations

import numpy as np

from sparkprophet.numerics.compiled import COMPILED, compiled


def _times_loops(X: np.ndarray, b: np.ndarray) -> np.ndarray:
    result = np.empty(X.shape[0])
    for i in range(X.shape[0]):
        total = 0.0
        for j in range(X.shape[1]):
            total += X[i, j] * b[j]
        result[i] = total
    return result


def _times_arrays(X: np.ndarray, b: np.ndarray) -> np.ndarray:
    return X @ b


def _segment_products_loops(X: np.ndarray, segments: np.ndarray, V: np.ndarray) -> np.ndarray:
    count, K = len(segments) - 1, X.shape[1]
    result = np.zeros((3, count, K))
    for s in range(count):
        first, second, third = result[0, s], result[1, s], result[2, s]
        for i in range(segments[s], segments[s + 1]):
            v0, v1, v2 = V[0, i], V[1, i], V[2, i]
            for j in range(K):
                x = X[i, j]
                first[j] += v0 * x
                second[j] += v1 * x
                third[j] += v2 * x
    return result


def _segment_products_arrays(X: np.ndarray, segments: np.ndarray, V: np.ndarray) -> np.ndarray:
    count = len(segments) - 1
    result = np.zeros((3, count, X.shape[1]))
    for s in range(count):
        rows = slice(segments[s], segments[s + 1])
        result[:, s] = V[:, rows] @ X[rows]
    return result


def _combine_loops(moments: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = np.zeros(moments.shape[2])
    for p in range(weights.shape[0]):
        for s in range(moments.shape[1]):
            weight = weights[p, s]
            if weight != 0.0:
                part = moments[p, s]
                for j in range(len(total)):
                    total[j] += weight * part[j]
    return total


def _combine_arrays(moments: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.tensordot(weights, moments[: len(weights)], axes=2)


def _weighted_gram_loops(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    K = X.shape[1]
    total = np.zeros(K * (K + 1) // 2)
    for i in range(X.shape[0]):
        at = 0
        for j in range(K):
            v = w[i] * X[i, j]
            if v != 0.0:
                for c in range(j + 1):
                    total[at + c] += v * X[i, c]
            at += j + 1
    return total


def _weighted_gram_arrays(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    return ((X * w[:, None]).T @ X)[np.tril_indices(X.shape[1])]


times = compiled(_times_loops) if COMPILED else _times_arrays
"""times(X, b): X b for X of shape (T, K)."""

segment_products = compiled(_segment_products_loops) if COMPILED else _segment_products_arrays
"""segment_products(X, segments, V): sums of V[c, i] X[i] over each segment, (3, S + 1, K)."""

combine = compiled(_combine_loops) if COMPILED else _combine_arrays
"""combine(moments, weights): sum over powers p and segments of weights[p, s] moments[p, s]."""

weighted_gram = compiled(_weighted_gram_loops) if COMPILED else _weighted_gram_arrays
"""weighted_gram(X, w): X' diag(w) X, its lower triangle packed row by row."""
