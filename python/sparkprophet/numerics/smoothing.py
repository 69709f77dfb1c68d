"""Exponential smoothing of a series without seasons, or of what a fit leaves of one.

Damped trend: Gardner and McKenzie (1985), Forecasting trends in time series. Theta: Assimakopoulos
and Nikolopoulos (2000), as simple smoothing with drift: Hyndman and Billah (2003), Unmasking the
theta method. Seasons are added as in the additive method of Winters (1960).

The smoothing constants are those of a grid whose sum of squared one-step errors is least: all
points of the grid are smoothed at one time, side by side.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints
from sparkprophet.numerics.compiled import COMPILED, compiled

# After so many steps nothing is left of a damped slope.
_LONGEST_GAP = 500
# The first slope is that of a line from the first value to the one so many values later.
_FIRST_VALUES = 8


@dataclass(frozen=True)
class Smoothed:
    """Where smoothing stands after the last value.

    Attributes
    ----------
    level, slope : float
        In the values' unit; the slope is that of a step.
    damping : float
        What is left of the slope after a step, 0 to 1.
    season : ndarray of float64, shape (m,)
        What is added 1, 2, ... m steps after the last value, and again after a season; empty
        where there is no season.
    """

    level: float
    slope: float
    damping: float
    season: Floats

    def trend(self, steps: Floats) -> Floats:
        """Level and slope carried on, without season.

        Parameters
        ----------
        steps : ndarray of float64, shape (n,)
            After the last value; above 0, not only whole ones.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return self.level + self.slope * damped_steps(steps, self.damping)

    def seasonal(self, steps: Floats) -> Floats:
        """What the season adds so many steps after the last value; float64, shape (n,)."""
        if not len(self.season):
            return np.zeros(len(steps))
        values: Floats = self.season[(np.rint(steps).astype(np.int64) - 1) % len(self.season)]
        return values


def damped_steps(steps: Floats, damping: float) -> Floats:
    """damping + ... + damping^h for each number h of steps; between whole ones as the power goes.

    Parameters
    ----------
    steps : ndarray of float64, shape (n,)
        At least 0.
    damping : float
        0 to 1; 1 leaves the steps as they are.
    """
    if damping == 1.0:
        return steps
    total: Floats = damping * (1.0 - damping**steps) / (1.0 - damping)
    return total


def holt(values: Floats, at: Ints) -> Smoothed:
    """Damped trend.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        At least one.
    at : ndarray of int64, shape (n,)
        The step that each value is of, ascending; steps without a value are passed over.
    """
    return _best(values, at, 1, _HOLT)[0]


def theta(values: Floats, at: Ints) -> Smoothed:
    """Simple smoothing with half the slope of a straight line as its drift; as in `holt`."""
    smoothed, alpha = _best(values, at, 1, _SIMPLE)
    steps = (at - at[0]).astype(np.float64)
    centred = steps - steps.mean()
    squares = float(centred @ centred)
    drift = 0.5 * float(centred @ values) / squares if squares else 0.0
    ahead = (1.0 - (1.0 - alpha) ** len(values)) / alpha - 1.0
    return Smoothed(smoothed.level + drift * ahead, drift, 1.0, smoothed.season)


def holt_winters(values: Floats, at: Ints, season: int) -> Smoothed:
    """Level, damped slope and a season of its own; as in `holt`.

    Parameters
    ----------
    season : int
        Steps of a season; with 1 there is none.
    """
    return _best(values, at, season, _SEASONAL)[0]


def _grid(*points: tuple[tuple[float, ...], ...]) -> Floats:
    """All combinations of each; rows alpha, beta, damping, gamma; shape (4, G)."""
    combined = [point for factors in points for point in itertools.product(*factors)]
    return np.array(combined).T.copy()


_ALPHAS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
_SIMPLE = _grid(((0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9), (0.0,), (0.0,), (0.0,)))
_HOLT = _grid((_ALPHAS, (0.0, 0.02, 0.05, 0.1, 0.2, 0.4), (0.8, 0.9, 0.95, 0.98), (0.0,)))
_SEASONAL = _grid(
    ((0.02, *_ALPHAS), (0.0, 0.05, 0.2), (0.8, 0.9, 0.95, 0.98), (0.0, 0.05, 0.1, 0.2, 0.4))
)


def _best(values: Floats, at: Ints, season: int, grid: Floats) -> tuple[Smoothed, float]:
    """The state of the grid's best point, and its alpha."""
    # In units of the largest, whose square may be too large for a float.
    unit = float(np.abs(values).max()) or 1.0
    scaled, last = values / unit, int(at[-1])
    gaps = np.minimum(np.diff(at, prepend=at[0]), _LONGEST_GAP).astype(np.int64)
    phases = ((at - last - 1) % season).astype(np.int64)
    ahead = min(len(values) - 1, _FIRST_VALUES)
    first = (scaled[ahead] - scaled[0]) / max(int(at[ahead] - at[0]), 1)
    states, seasons = _smooth(scaled, gaps, phases, season, first, grid)
    best = int(np.argmin(states[2]))
    level, slope = (states[:2, best] * unit).tolist()
    cycle = seasons[:, best] * unit if season > 1 else np.empty(0)
    return Smoothed(level, slope, float(grid[2, best]), cycle), float(grid[0, best])


def _smooth_loops(
    values: Floats, gaps: Ints, phases: Ints, season: int, slope: float, grid: Floats
) -> tuple[Floats, Floats]:
    count = grid.shape[1]
    states = np.zeros((3, count))
    seasons = np.zeros((season, count))
    for j in range(count):
        states[0, j] = values[0]
        states[1, j] = slope
    for i in range(1, len(values)):
        for _ in range(gaps[i]):
            for j in range(count):
                states[1, j] *= grid[2, j]
                states[0, j] += states[1, j]
        value = values[i]
        cycle = seasons[phases[i]]
        for j in range(count):
            error = value - states[0, j] - cycle[j]
            states[2, j] += error * error
            step = grid[0, j] * error
            states[0, j] += step
            states[1, j] += grid[1, j] * step
            cycle[j] += grid[3, j] * (error - step)
    return states, seasons


def _smooth_arrays(
    values: Floats, gaps: Ints, phases: Ints, season: int, slope: float, grid: Floats
) -> tuple[Floats, Floats]:
    alpha, beta, damping, gamma = grid
    level, slopes = np.full(len(alpha), values[0]), np.full(len(alpha), slope)
    squares, seasons = np.zeros(len(alpha)), np.zeros((season, len(alpha)))
    for i in range(1, len(values)):
        for _ in range(gaps[i]):
            slopes = slopes * damping
            level = level + slopes
        error = values[i] - level - seasons[phases[i]]
        squares += error * error
        step = alpha * error
        level, slopes = level + step, slopes + beta * step
        seasons[phases[i]] += gamma * (error - step)
    return np.array([level, slopes, squares]), seasons


_smooth = compiled(_smooth_loops) if COMPILED else _smooth_arrays
"""_smooth(values, gaps, phases, season, slope, grid): level, slope and sum of squared one-step
errors of each point of the grid, shape (3, G), and its season, shape (season, G).

gaps are the steps since the value before, phases the values' places in the season.
"""
