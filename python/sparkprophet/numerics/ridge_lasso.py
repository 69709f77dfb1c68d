"""The inner problem: a quadratic with a ridge block and an L1 block, solved exactly.

    minimise  x'Hx/2 - b'x + weight * sum_{j >= p} |x_j|

H already carries the ridge. Eliminating the first p unknowns leaves a lasso in the few others
(25 changepoints), solved by a primal active-set method: Osborne, Presnell and Turlach (2000), A
new approach to variable selection in least squares problems.
"""

from __future__ import annotations

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints
from sparkprophet.numerics.cholesky import back_substitute, partial_factor, solve
from sparkprophet.numerics.compiled import compiled

# A zero coefficient moves only if its gradient exceeds the weight by more than this share of it.
_SLACK = 1e-9
_MOST_STEPS = 1000


@compiled
def ridge_lasso(H: Floats, b: Floats, p: int, weight: float, start: Floats) -> Floats:
    """The minimiser, shape (n,).

    Parameters
    ----------
    H : ndarray of float64, shape (n, n)
        Symmetric, positive semidefinite.
    b : ndarray of float64, shape (n,)
    p : int
        Unknowns without the L1 term.
    weight : float
    start : ndarray of float64, shape (n - p,)
        First guess of the others; a good one saves steps.
    """
    n = H.shape[0]
    F = np.empty((n + 1, n + 1))
    F[:n, :n] = H
    F[n, :n] = b
    F[n, n] = 0.0
    partial_factor(F, p)
    x = np.empty(n)
    Q = np.empty((n - p, n - p))
    for i in range(n - p):
        Q[i, : i + 1] = F[p + i, p : p + i + 1]
        Q[: i + 1, i] = Q[i, : i + 1]
    x[p:] = lasso(Q, F[n, p:n].copy(), weight, start)
    head = F[n, :p].copy()
    for j in range(p, n):
        if x[j] != 0.0:
            head -= x[j] * F[j, :p]
    back_substitute(F, p, head)
    x[:p] = head
    return x


@compiled
def lasso(Q: Floats, c: Floats, weight: float, start: Floats) -> Floats:
    """argmin of d'Qd/2 - c'd + weight * sum |d_j|, shape (S,), from `start`."""
    S = Q.shape[0]
    d = start.copy()
    sign = np.sign(d)
    newest = -1
    for _ in range(_MOST_STEPS):
        active = np.flatnonzero(sign)
        left = -1
        if len(active) > 0:
            left = _step(Q, c, weight, d, sign, active)
        if left >= 0:
            if left == newest:
                # What was admitted leaves at once: its violation was rounding.
                break
            continue
        newest = -1
        worst = weight * (1.0 + _SLACK)
        slope = c.copy()
        for j in active:
            slope -= d[j] * Q[j]
        for i in range(S):
            if sign[i] == 0.0 and abs(slope[i]) > worst:
                worst, newest = abs(slope[i]), i
        if newest < 0:
            break
        sign[newest] = 1.0 if slope[newest] > 0.0 else -1.0
    return d


@compiled
def _step(Q: Floats, c: Floats, weight: float, d: Floats, sign: Floats, active: Ints) -> int:
    """Move d to the minimum at these signs, or to the first coefficient that becomes zero.

    That one leaves the active set and is returned; -1 where none does.
    """
    count = len(active)
    A = np.empty((count, count))
    rhs = np.empty(count)
    for i in range(count):
        rhs[i] = c[active[i]] - weight * sign[active[i]]
        for j in range(i + 1):
            A[i, j] = Q[active[i], active[j]]
    goal = solve(A, rhs)
    share, left = 1.0, -1
    for i in range(count):
        j = active[i]
        if goal[i] * sign[j] <= 0.0:
            reach = d[j] / (d[j] - goal[i]) if d[j] != goal[i] else 0.0
            if reach < share:
                share, left = reach, j
    for i in range(count):
        j = active[i]
        d[j] += share * (goal[i] - d[j])
    if left >= 0:
        d[left] = 0.0
        sign[left] = 0.0
    return left
