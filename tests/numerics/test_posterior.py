"""The reference log posterior and its gradient: against Stan's own, and finite differences."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prophet.models import CmdStanPyBackend, TrendIndicator

from problems import CASES, GROWTHS, MODES, make, pack, random_point, unpack
from sparkprophet.numerics import posterior


@pytest.fixture(scope="module")
def stan():
    logging.getLogger("cmdstanpy").setLevel(logging.CRITICAL)
    return CmdStanPyBackend().model


def stan_density(model, problem, point):
    """Stan's log density of an optimisation, and its gradient [k, m, delta, log s, beta]."""
    p = problem
    T, K = p.X.shape
    # Prophet's own stand-ins for nothing: a changepoint at 0, a column of zeros, a cap of zeros.
    changepoints, delta = (p.changepoints, point.delta) if len(p.changepoints) else ([0.0], [0.0])
    X, sigmas, beta = (p.X, p.sigmas, point.beta) if K else (np.zeros((T, 1)), [1.0], [0.0])
    modes = p.multiplicative if K else np.zeros(1)
    data = {
        "T": T, "S": len(changepoints), "K": X.shape[1], "tau": p.tau,
        "trend_indicator": TrendIndicator[p.growth.upper()].value,
        "y": list(p.y), "t": list(p.t), "X": X.tolist(), "sigmas": list(sigmas),
        "cap": list(np.zeros(T) if p.cap is None else p.cap), "t_change": list(changepoints),
        "s_m": [int(mode) for mode in modes], "s_a": [int(not mode) for mode in modes],
    }  # fmt: skip
    params = {"k": point.k, "m": point.m, "sigma_obs": point.s, "delta": list(delta)}
    params["beta"] = list(beta)
    found = model.log_prob(params, data, jacobian=False, sig_figs=17).iloc[0]
    size = len(point.delta)
    deltas = [found[f"g_delta.{j + 1}"] for j in range(size)]
    betas = [found[f"g_beta.{j + 1}"] for j in range(K)]
    by = [found["g_k"], found["g_m"], found["g_sigma_obs"] / point.s, *deltas, *betas]
    return found["lp__"], np.array(by)


STAN_CASES = [name for name in CASES if "plain" in name or "repeated" in name or "cap" in name] + [
    "linear, additive, no columns",
    "linear, mixed, dummy changepoint",
    "logistic, mixed, changepoint at the end",
    "flat, additive, no columns",
    "logistic, mixed, collinear columns",
    "linear, multiplicative, tiny prior scales",
]


@pytest.mark.parametrize("name", STAN_CASES)
def test_density_and_gradient_are_stans(stan, name):
    problem = CASES[name]
    for seed in range(2):
        point = random_point(problem, seed)
        value, by = stan_density(stan, problem, point)
        assert posterior.log_posterior(problem, point) == pytest.approx(value, rel=1e-10)
        ours = pack(posterior.gradient(problem, point))
        if problem.growth == "flat":
            by[0] = -point.k / posterior.TREND_VARIANCE  # where it plays no part
        np.testing.assert_allclose(ours, by, rtol=1e-9, atol=1e-9 * np.abs(by).max())


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_finite_differences(name):
    problem = CASES[name]
    at = pack(random_point(problem, 3))
    ours = pack(posterior.gradient(problem, unpack(at, problem)))
    for i in range(len(at)):
        step = np.zeros(len(at))
        step[i] = 1e-6 * max(abs(at[i]), 0.01)
        ahead, behind = (
            posterior.log_posterior(problem, unpack(at + sign * step, problem)) for sign in (1, -1)
        )
        assert ours[i] == pytest.approx((ahead - behind) / (2 * step[i]), rel=1e-4, abs=0.02)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    growth=st.sampled_from(GROWTHS),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 2**16),
    T=st.integers(12, 120),
    S=st.integers(1, 12),
    noise=st.floats(1e-3, 1),
    tau=st.floats(1e-3, 10),
)
def test_gradient_of_any_problem_in_any_direction(growth, mode, seed, T, S, noise, tau):
    problem = make(growth, mode, seed=seed, T=T, S=S, noise=noise, tau=tau)
    at = pack(random_point(problem, seed))
    direction = np.random.default_rng(seed).normal(size=len(at)) * np.maximum(np.abs(at), 0.01)
    slope = pack(posterior.gradient(problem, unpack(at, problem))) @ direction
    near, far = (
        sum(
            sign * posterior.log_posterior(problem, unpack(at + sign * h * direction, problem))
            for sign in (1, -1)
        )
        / (2 * h)
        for h in (1e-6, 2e-6)
    )
    # Two steps tell how far a difference can be from a slope.
    assert slope == pytest.approx(near, rel=1e-5, abs=max(0.02, 10 * abs(near - far)))


@pytest.mark.parametrize("squares", [1e-3, 0.5, 40.0, 1e6])
def test_best_noise_is_the_maximum(squares):
    T = 50

    def value(s):
        return -T * np.log(s) - squares / (2 * s**2) - 2 * s**2

    s = posterior.best_noise(squares, T)
    assert value(s) > max(value(s * 1.001), value(s * 0.999))


def test_least_noise_is_a_share_of_the_spread():
    y = np.array([3.0, 5.0])
    assert posterior.least_noise(y) == pytest.approx(1e-5)
    assert posterior.least_noise(np.ones(4)) == 1e-8
