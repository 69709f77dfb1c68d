"""Fits that are singular, unbounded, far off scale or badly posed, of every kind."""

import numpy as np

from problems import GROWTHS, MODES, change, make, with_columns


def rows(problem, T):
    """T of the problem's rows, at even distances."""
    at = np.linspace(0, len(problem.t) - 1, T).astype(int)
    return change(
        problem,
        t=np.linspace(0, 1, T),
        y=problem.y[at],
        X=problem.X[at],
        cap=None if problem.cap is None else problem.cap[at],
    )


def _labels(base):
    t, n = base.t, len(base.t)
    rng = np.random.default_rng(0)
    yield "constant", np.ones(n)
    yield "zeros", np.zeros(n)
    yield "perfect line", 0.2 + 0.8 * t
    yield "step", (t > 0.5) * 1.0
    yield "alternating", np.where(np.arange(n) % 2, 1.0, -1.0)
    yield "variation of 1e-9", 1 - 1e-9 * rng.random(n)
    yield "variation of 1e-6", 1 - 1e-6 * rng.random(n)
    yield "negative", -base.y
    yield "large", base.y * 1e6
    yield "small", base.y * 1e-9
    yield "outlier", np.where(np.arange(n) == 50, 1e6, base.y)
    yield "scaled outlier", np.where(np.arange(n) == 50, 1.0, base.y / 1e6)
    if base.growth == "logistic":
        yield "above the cap", 2 * base.y
        yield "all at the cap", base.cap


def _shapes(base):
    t, X, n = base.t, base.X, len(base.t)
    rng = np.random.default_rng(1)
    yield "two rows", rows(base, 2)
    yield "two equal rows", change(rows(base, 2), y=np.ones(2))
    yield "three rows", rows(base, 3)
    yield "fewer rows than parameters", rows(base, 12)
    yield "columns four times", with_columns(base, np.column_stack([X] * 4))
    yield (
        "nearly collinear",
        with_columns(base, np.column_stack([X, X + 1e-7 * rng.normal(size=X.shape)])),
    )
    yield "huge columns", with_columns(base, 1e8 * X)
    yield "tiny columns", with_columns(base, 1e-8 * X)
    yield "a constant column", with_columns(base, np.column_stack([X, np.ones(n)]))
    yield "a gap", change(base, t=np.where(t < 0.5, 0.2 * t, 0.8 + 0.2 * t))
    yield "one time but for one row", change(base, t=np.append(np.zeros(n - 1), 1.0))
    if base.growth != "flat":
        few = np.linspace(0, 0.8, 41)[1:]
        yield "more changepoints than rows", change(rows(base, 20), changepoints=few)
        yield "one changepoint 25 times", change(base, changepoints=np.full(25, 0.5))
        many = np.linspace(0, 0.95, 201)[1:]
        yield "200 changepoints", change(base, changepoints=many, tau=10.0)
    if base.growth == "logistic":
        yield "a tiny cap", change(base, cap=np.full(n, 1e-6))
        yield "a huge cap", change(base, cap=np.full(n, 1e6))
        yield "a cap of 1e-3 to 1e3", change(base, cap=np.geomspace(1e-3, 1e3, n))


def _all():
    for growth in GROWTHS:
        for mode in MODES:
            base = make(growth, mode, seed=4, T=200, S=25)
            for name, y in _labels(base):
                yield f"{growth}, {mode}, {name}", change(base, y=y)
            for name, problem in _shapes(base):
                yield f"{growth}, {mode}, {name}", problem


HARD = dict(_all())
