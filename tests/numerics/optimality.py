"""How far a point is from a mode, by the reference gradient, and what scipy makes of it."""

import numpy as np
import scipy.optimize

from problems import pack, unpack
from sparkprophet.numerics import posterior


def shortfalls(problem, point):
    """By parameter, the gain of the log posterior that its own slope and curvature promise.

    Of a delta at zero only the part of the likelihood's slope that exceeds the prior's counts.
    """
    p, at = problem, pack(point)
    slope = pack(posterior.gradient(problem, point))
    S = len(p.changepoints)
    kink = (at == 0.0) & (np.arange(len(at)) >= 3) & (np.arange(len(at)) < 3 + S)
    slope[kink] = np.maximum(np.abs(slope[kink]) - 1 / p.tau, 0.0)
    gains = np.zeros(len(at))
    for i in np.flatnonzero(slope):
        step = np.zeros(len(at))
        step[i] = 1e-5 * max(abs(at[i]), 1e-3 if i != 2 else 0.0)
        ahead, behind = (pack(posterior.gradient(p, unpack(at + f * step, p)))[i] for f in (1, -1))
        prior = -2 / p.tau if kink[i] else 0.0  # its own jump is no curvature
        gains[i] = 0.5 * slope[i] ** 2 / (abs(ahead - behind - prior) / (2 * step[i]))
    return gains


def climb(problem, start, iterations=20000):
    """The best log posterior that L-BFGS-B finds from a point, deltas split by sign."""
    S, K = len(problem.changepoints), problem.X.shape[1]

    def whole(z):
        delta = z[3 : 3 + S] - z[3 + S : 3 + 2 * S]
        return posterior.Point(z[0], z[1], np.exp(z[2]), delta, z[3 + 2 * S :])

    def fall(z):
        point = whole(z)
        by = posterior.gradient(problem, point)
        up = by.delta + np.sign(point.delta) / problem.tau  # of the likelihood
        slack = (z[3 : 3 + 2 * S].sum() - np.abs(point.delta).sum()) / problem.tau
        value = posterior.log_posterior(problem, point) - slack
        slopes = [
            [by.k, by.m, by.s * point.s],
            up - 1 / problem.tau,
            -up - 1 / problem.tau,
            by.beta,
        ]
        return -value, -np.concatenate(slopes)

    parts = [np.maximum(start.delta, 0), np.maximum(-start.delta, 0)]
    z = np.concatenate([[start.k, start.m, np.log(start.s)], *parts, start.beta])
    noise = (np.log(posterior.least_noise(problem.y)), None)
    bounds = [(None, None)] * 2 + [noise] + [(0, None)] * (2 * S) + [(None, None)] * K
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": 30, "ftol": 1e-14}
    found = scipy.optimize.minimize(
        fall, z, jac=True, method="L-BFGS-B", bounds=bounds, options=options | {"gtol": 1e-7}
    )
    return posterior.log_posterior(problem, whole(found.x))


def prophets_start(problem):
    """Where stock Prophet starts Stan: a line through the ends, no bends, no columns, s = 1."""
    t, y = problem.t, problem.y
    k, m = (y[-1] - y[0]) / (t[-1] - t[0]), y[0]
    if problem.growth == "flat":
        k, m = 0.0, y.mean()
    if problem.growth == "logistic":
        ratios = 1 / np.clip(y[[0, -1]] / problem.cap[[0, -1]], 0.01, 0.99)
        ratios[0] *= 1.05 if abs(ratios[0] - ratios[1]) <= 0.01 else 1.0
        first, last = np.log(ratios - 1)
        k, m = (first - last) / (t[-1] - t[0]), first * (t[-1] - t[0]) / (first - last)
    S, K = len(problem.changepoints), problem.X.shape[1]
    return posterior.Point(k, m, 1.0, np.zeros(S), np.zeros(K))


def nearby(point, seed, share=0.02):
    """The point with every parameter moved by about a share of itself, or of a typical size."""
    rng = np.random.default_rng(seed)
    at = pack(point)
    at += share * rng.normal(size=len(at)) * (np.abs(at) + 0.1 * (np.arange(len(at)) != 2))
    S = len(point.delta)
    return posterior.Point(*map(float, at[:3]), at[3 : 3 + S], at[3 + S :])
