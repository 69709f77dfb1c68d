"""Cholesky factors of small positive definite matrices, with a floor under the pivots.

A pivot that falls under its floor belongs to a column that the earlier ones already span (a
collinear regressor, two changepoints at one time): floored, that column's share is left at about
zero instead of being the difference of two huge numbers.
"""

from __future__ import annotations

import math

import numpy as np

from sparkprophet.numerics.arrays import Floats
from sparkprophet.numerics.compiled import COMPILED, compiled

# Smallest pivot in units of the diagonal entry it comes from, and at all.
_RELATIVE_FLOOR = 1e-14
_FLOOR = 1e-300


def _factor_loops(A: Floats, columns: int) -> None:
    for i in range(A.shape[0]):
        diagonal = A[i, i]
        for j in range(min(i, columns)):
            total = A[i, j]
            for c in range(j):
                total -= A[i, c] * A[j, c]
            A[i, j] = total / A[j, j]
        start = i if i < columns else columns
        for j in range(start, i + 1):
            total = A[i, j]
            for c in range(min(columns, i)):
                total -= A[i, c] * A[j, c]
            A[i, j] = total
        if i < columns:
            A[i, i] = math.sqrt(max(A[i, i], _RELATIVE_FLOOR * diagonal, _FLOOR))


def _factor_arrays(A: Floats, columns: int) -> None:
    for j in range(columns):
        diagonal = A[j, j]
        A[j:, j] -= A[j:, :j] @ A[j, :j]
        A[j, j] = math.sqrt(max(A[j, j], _RELATIVE_FLOOR * diagonal, _FLOOR))
        A[j + 1 :, j] /= A[j, j]
    A[columns:, columns:] -= A[columns:, :columns] @ A[columns:, :columns].T


partial_factor = compiled(_factor_loops) if COMPILED else _factor_arrays
"""partial_factor(A, columns): factor the leading `columns` of A in place, lower triangle.

A, shape (n, n), has its lower triangle read and overwritten: the leading block by its factor L,
the rows below by theirs, the rest by the Schur complement of the leading block.
"""


@compiled
def back_substitute(L: Floats, columns: int, x: Floats) -> None:
    """Overwrite x, shape (columns,), by the solution of L' z = x of the leading block."""
    for i in range(columns - 1, -1, -1):
        x[i] /= L[i, i]
        x[:i] -= x[i] * L[i, :i]


@compiled
def solve(A: Floats, b: Floats) -> Floats:
    """x of A x = b, A of shape (n, n) with its lower triangle read and overwritten."""
    n = A.shape[0]
    partial_factor(A, n)
    x = b.copy()
    for i in range(n):
        x[i] = (x[i] - np.sum(A[i, :i] * x[:i])) / A[i, i]
    back_substitute(A, n, x)
    return x
