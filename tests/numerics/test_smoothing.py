"""Exponential smoothing against its recursions written out, and cases known by hand."""

import itertools

import numpy as np
import pytest

from sparkprophet.numerics import smoothing


def recursion(values, at, season, alpha, beta, damping, gamma):
    """Level, slope, season and sum of squares of the additive damped method, one step at a time."""
    ahead = min(len(values) - 1, 8)
    level, slope = values[0], (values[ahead] - values[0]) / max(at[ahead] - at[0], 1)
    cycle, squares = {}, 0.0
    for i in range(1, len(values)):
        for _ in range(at[i] - at[i - 1]):
            slope = damping * slope
            level = level + slope
        place = at[i] % season
        error = values[i] - level - cycle.get(place, 0.0)
        squares += error**2
        level, slope = level + alpha * error, slope + alpha * beta * error
        cycle[place] = cycle.get(place, 0.0) + gamma * (1 - alpha) * error
    return squares, level, slope, damping, cycle


def brute_force(values, at, season, *factors):
    """The recursion of the least sum of squares among all combinations."""
    tried = (recursion(values, at, season, *point) for point in itertools.product(*factors))
    return min(tried, key=lambda state: state[0])


@pytest.fixture(scope="module")
def walk():
    random = np.random.default_rng(4)
    return 20 + random.normal(size=60).cumsum() + 3 * np.sin(np.arange(60) * 2 * np.pi / 7)


ALPHAS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
DAMPINGS = (0.8, 0.9, 0.95, 0.98)


@pytest.mark.parametrize("gaps", [False, True])
def test_holt_is_the_grids_best_recursion(walk, gaps):
    at = np.arange(60)
    if gaps:
        at[20:] += 3
        at[40:] += 1
    best = brute_force(walk, at, 1, ALPHAS, (0.0, 0.02, 0.05, 0.1, 0.2, 0.4), DAMPINGS, (0.0,))
    found = smoothing.holt(walk, at)
    np.testing.assert_allclose([found.level, found.slope, found.damping], best[1:4], rtol=1e-9)
    by_hand = best[1] + best[2] * np.cumsum(best[3] ** np.arange(1, 6))
    np.testing.assert_allclose(found.trend(np.arange(1.0, 6.0)), by_hand, rtol=1e-9)
    assert (found.seasonal(np.arange(1.0, 6.0)) == 0).all()


def test_holt_winters_is_the_grids_best_recursion(walk):
    at = np.arange(60) + 100
    factors = ((0.02, *ALPHAS), (0.0, 0.05, 0.2), DAMPINGS, (0.0, 0.05, 0.1, 0.2, 0.4))
    best = brute_force(walk, at, 7, *factors)
    found = smoothing.holt_winters(walk, at, 7)
    np.testing.assert_allclose([found.level, found.slope, found.damping], best[1:4], rtol=1e-9)
    ahead = np.arange(1, 16)
    cycle = [best[4].get((at[-1] + step) % 7, 0.0) for step in ahead]
    np.testing.assert_allclose(found.seasonal(ahead.astype(float)), cycle, atol=1e-9)


def test_theta_is_simple_smoothing_with_half_the_lines_slope(walk):
    at = np.arange(60)
    fits = {}
    for alpha in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9):
        level, squares = walk[0], 0.0
        for value in walk[1:]:
            squares += (value - level) ** 2
            level += alpha * (value - level)
        fits[alpha] = squares, level
    alpha = min(fits, key=lambda a: fits[a][0])
    drift = np.polyfit(at, walk, 1)[0] / 2
    steps = np.arange(1.0, 9.0)
    # Hyndman and Billah 2003, equation for h steps ahead.
    by_hand = fits[alpha][1] + drift * (steps - 1 + (1 - (1 - alpha) ** 60) / alpha)
    np.testing.assert_allclose(smoothing.theta(walk, at).trend(steps), by_hand, rtol=1e-9)


@pytest.mark.parametrize("smooth", [smoothing.holt, smoothing.theta])
def test_one_value_and_equal_ones_go_on_level(smooth):
    for values in ([3.0], [3.0, 3.0, 3.0], [0.0, 0.0]):
        found = smooth(np.array(values), np.arange(len(values)))
        np.testing.assert_allclose(found.trend(np.arange(1.0, 4.0)), values[-1], rtol=1e-12)


def test_a_season_that_is_all_there_is_goes_on():
    cycle = np.array([5.0, -1.0, -4.0])
    found = smoothing.holt_winters(np.tile(cycle, 40), np.arange(120), 3)
    ahead = found.trend(np.arange(1.0, 7.0)) + found.seasonal(np.arange(1.0, 7.0))
    np.testing.assert_allclose(ahead, np.tile(cycle, 2), atol=0.05)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_the_unit_changes_nothing(walk, unit):
    steps, at = np.arange(1.0, 9.0), np.arange(60)
    for smooth in (smoothing.holt, smoothing.theta):
        scaled = smooth(walk * unit, at).trend(steps)
        np.testing.assert_allclose(scaled / unit, smooth(walk, at).trend(steps), rtol=1e-9)


def test_arrays_give_what_loops_give(walk):
    grid = np.array([[0.1, 0.5], [0.0, 0.2], [0.9, 0.98], [0.2, 0.0]])
    arguments = walk, np.ones(60, np.int64), np.arange(60) % 7, 7, 0.3, grid
    for found, expected in zip(
        smoothing._smooth_loops(*arguments), smoothing._smooth_arrays(*arguments), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("damping", [0.0, 0.5, 0.98, 1.0])
def test_damped_steps_are_the_sum_of_powers(damping):
    steps = np.arange(6)
    by_hand = [sum(damping**k for k in range(1, h + 1)) for h in steps]
    np.testing.assert_allclose(smoothing.damped_steps(steps.astype(float), damping), by_hand)
