"""Seeded synthetic fits of every kind, and what turns one into the solver's arguments."""

import dataclasses

import numpy as np

from sparkprophet.numerics.basis import Basis
from sparkprophet.numerics.posterior import Point, Problem
from sparkprophet.numerics.solver import Prior, Response, solve

GROWTHS = ("linear", "logistic", "flat")
MODES = ("additive", "multiplicative", "mixed")


def fourier(t, period, order):
    angles = 2 * np.pi * np.outer(t, np.arange(1, order + 1)) / period
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def make(growth="linear", mode="additive", seed=0, T=400, S=10, noise=0.05, tau=0.05):
    """A series with a bent trend, a season, two holidays and a standardised regressor."""
    rng = np.random.default_rng([seed, GROWTHS.index(growth), MODES.index(mode)])
    t = np.linspace(0, 1, T)
    holidays = (rng.random((T, 2)) < 0.03).astype(float)
    regressor = rng.normal(size=T)
    regressor = (regressor - regressor.mean()) / regressor.std()
    X = np.column_stack([fourier(t, 0.2, 3), holidays, regressor])
    beta = np.concatenate([rng.normal(0, 0.08, 6), rng.normal(0, 0.1, 2), [0.03]])
    K = X.shape[1]
    multiplicative = {
        "additive": np.zeros(K, bool),
        "multiplicative": np.ones(K, bool),
        "mixed": np.arange(K) > 4,
    }[mode]
    changepoints = np.linspace(0, 0.8, S + 1)[1:]
    cap = np.full(T, 1.3) if growth == "logistic" else None
    delta = rng.laplace(0, 0.5, S) * (rng.random(S) < 0.4)
    bends = np.maximum(t[:, None] - changepoints, 0) @ delta
    g = {
        "linear": 0.4 + 0.3 * t + bends,
        "logistic": 1.3 / (1 + np.exp(-(4 * (t - 0.3) + bends))),
        "flat": np.full(T, 0.6),
    }[growth]
    mean = g * (1 + X[:, multiplicative] @ beta[multiplicative])
    y = mean + X[:, ~multiplicative] @ beta[~multiplicative] + rng.normal(0, noise, T)
    sigmas = np.concatenate([np.full(6, 10.0), np.full(3, 1.0)])
    if growth == "flat":
        changepoints = np.empty(0)
    return Problem(t, y, X, multiplicative, sigmas, tau, changepoints, growth, cap)


def change(problem, **fields):
    return dataclasses.replace(problem, **fields)


def with_columns(problem, X):
    """The problem with other columns: modes and scales repeat those of the last one."""
    K = X.shape[1]
    take = np.minimum(np.arange(K), len(problem.sigmas) - 1)
    return change(
        problem, X=X, multiplicative=problem.multiplicative[take], sigmas=problem.sigmas[take]
    )


def _variants(growth, mode):
    base = make(growth, mode, seed=1, T=300)
    t, X, n = base.t, base.X, len(base.t)
    yield "plain", base
    yield "no columns", with_columns(base, np.empty((n, 0)))
    yield "collinear columns", with_columns(base, np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2]]))
    yield "a column of zeros", with_columns(base, np.column_stack([X, np.zeros(n)]))
    yield "tiny prior scales", change(base, sigmas=np.full(9, 1e-3), tau=1e-4)
    yield "huge prior scales", change(base, sigmas=np.full(9, 1e4), tau=1e3)
    yield "repeated times", change(base, t=np.sort(np.round(t, 2)))
    yield "short", make(growth, mode, seed=2, T=60)
    if growth != "flat":
        s = base.changepoints
        yield "no changepoints", change(base, changepoints=np.empty(0))
        yield "dummy changepoint", change(base, changepoints=np.zeros(1))
        yield "repeated changepoints", change(base, changepoints=np.sort(np.repeat(s, 2)))
        yield "changepoint at the end", change(base, changepoints=np.append(s, t[-2:]))
        yield "many changepoints", make(growth, mode, seed=3, T=300, S=60, tau=0.5)
    if growth == "logistic":
        yield "varying cap", change(base, cap=base.cap + 0.5 * t + 0.1 * np.sin(9 * t))


CASES = {
    f"{growth}, {mode}, {name}": problem
    for growth in GROWTHS
    for mode in MODES
    for name, problem in _variants(growth, mode)
}


def prior_of(problem, columns=None):
    columns = np.arange(problem.X.shape[1]) if columns is None else np.asarray(columns)
    return Prior(
        columns.astype(np.int64), problem.multiplicative, problem.sigmas[columns], problem.tau
    )


def response_of(problem):
    basis = Basis(problem.t, problem.X, problem.changepoints, problem.growth)
    return Response(basis, problem.y, problem.cap)


def solution_of(problem, tolerance=1e-7, start=None):
    return solve(response_of(problem), prior_of(problem), tolerance, start)


def pack(point):
    """[k, m, s, delta, beta]."""
    return np.concatenate([[point.k, point.m, point.s], point.delta, point.beta])


def unpack(values, problem):
    S = len(problem.changepoints)
    return Point(*map(float, values[:3]), values[3 : 3 + S], values[3 + S :])


def random_point(problem, seed=0):
    """A point at which every parameter counts."""
    rng = np.random.default_rng(seed)
    S, K = len(problem.changepoints), problem.X.shape[1]
    return Point(0.7, 0.3, 0.2, rng.normal(0, 0.3, S), rng.normal(0, 0.1, K))
