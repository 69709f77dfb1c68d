"""No generic optimiser finds a point with a higher log posterior."""

import numpy as np
import pytest

from optimality import climb, nearby, prophets_start
from problems import CASES, MODES, make, solution_of
from sparkprophet.numerics import posterior

# Of the other kinds it is only known that the solution is a mode.
FROM_AFAR = [name for name in CASES if name.startswith(("linear, additive", "flat, additive"))]


@pytest.mark.parametrize("name", CASES)
def test_scipy_finds_nothing_better_nearby(name):
    problem = CASES[name]
    solution = solution_of(problem)
    margin = 1e-6 * abs(solution.log_posterior)
    for start in (solution.point, nearby(solution.point, 0)):
        assert climb(problem, start, 3000) <= solution.log_posterior + margin


@pytest.mark.parametrize("name", FROM_AFAR)
def test_scipy_finds_nothing_better_from_prophets_start(name):
    problem = CASES[name]
    solution = solution_of(problem)
    margin = 1e-6 * abs(solution.log_posterior)
    assert climb(problem, prophets_start(problem), 5000) <= solution.log_posterior + margin


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("growth", ["linear", "flat"])
def test_scipy_from_prophets_start_does_not_win_more_often(growth, mode):
    gains = []
    for seed in range(8):
        problem = make(growth, mode, seed=100 + seed, T=150, noise=0.03, S=25)
        ours = solution_of(problem).log_posterior
        gains.append(ours - climb(problem, prophets_start(problem), 4000))
    assert np.median(gains) > -1e-4
    assert min(gains) > -1e-6 * abs(ours) or mode != "additive"


def test_climb_itself_climbs():
    problem = CASES["linear, additive, plain"]
    start = prophets_start(problem)
    assert climb(problem, start) > posterior.log_posterior(problem, start) + 100
