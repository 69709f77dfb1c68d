"""Simulated futures of a fit, and the interval that holds a share of them.

In distribution these are the futures of Prophet's vectorised sampling
(`Prophet.sample_model_vectorized`, `Prophet._sample_uncertainty`), its approximations included:
after the history the rate goes on changing as often and as much as within it, at the rows
instead of between them, half of a change at its row and half at the next. Rows of the history
have noise only; flat growth has no other futures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from sparkprophet.numerics.arrays import Floats
from sparkprophet.numerics.trend import saturate
from sparkprophet.series import changepoints, scaling
from sparkprophet.series.state import FittedState

# Values that are simulated at a time: a megabyte, which a core's cache holds.
_CELLS = 2**17
# Prophet's, so that a trend without any change still has an interval.
_LEAST_CHANGE = 1e-8

# Deviations from the trend of the next rows: from their times and caps, shapes (c,), to (c, S).
_Futures = Callable[[Floats, Floats], Floats]


def bounds(
    state: FittedState,
    growth: str,
    t: Floats,
    cap: Floats,
    gain: Floats,
    width: float,
    samples: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """How far the simulated labels lie below and above the forecast.

    Parameters
    ----------
    state : FittedState
    growth : str
        As `Config.growth`.
    t : ndarray of float64, shape (n,)
        Scaled times, sorted; those above 1 are the future.
    cap : ndarray of float64, shape (n,)
        Scaled capacities of logistic growth; infinite with another one.
    gain : ndarray of float64, shape (n,)
        What the trend is multiplied with: 1 + the multiplicative terms.
    width : float
        Share of the futures that the interval holds, between 0 and 1.
    samples : int
        Number S of futures; at least 1.
    seed : int
        From 0. The same one gives the same futures, whatever else is drawn in the process.

    Returns
    -------
    lower, upper : ndarray of float64, shape (n,)
        Percentiles of the futures minus the forecast, in scaled units.
    """
    noise, *of_trend = np.random.default_rng(seed).spawn(3)
    past = int(np.searchsorted(t, 1.0, side="right"))
    futures = _futures(state, growth, t[past:], samples, *of_trend)
    lower, upper = np.empty(len(t)), np.empty(len(t))
    # Each generator is drawn from row after row, so that the size of the chunks changes nothing.
    for rows in _chunks(len(t), samples):
        simulated = noise.standard_normal((rows.stop - rows.start, samples))
        simulated *= state.parameters.sigma_obs
        ahead = slice(max(rows.start, past), rows.stop)
        if futures is not None and ahead.start < ahead.stop:
            change = futures(t[ahead], cap[ahead])
            change *= gain[ahead, None]
            simulated[ahead.start - rows.start :] += change
        # Faster in numpy than the partition that would do.
        simulated.sort(axis=1)
        lower[rows] = _percentile(simulated, (1 - width) / 2)
        upper[rows] = _percentile(simulated, (1 + width) / 2)
    return lower, upper


def _chunks(n: int, samples: int) -> Iterator[slice]:
    rows = max(1, _CELLS // samples)
    for start in range(0, n, rows):
        yield slice(start, min(start + rows, n))


def _percentile(ordered: Floats, share: float) -> Floats:
    """Of each row of sorted values, linear between two of them, as np.percentile has it."""
    position = share * (ordered.shape[1] - 1)
    below = int(position)
    above = min(below + 1, ordered.shape[1] - 1)
    low, high = ordered[:, below], ordered[:, above]
    percentile: Floats = low + (position - below) * (high - low)
    return percentile


def _futures(
    state: FittedState,
    growth: str,
    t: Floats,
    samples: int,
    where: np.random.Generator,
    size: np.random.Generator,
) -> _Futures | None:
    """Makes the deviations of the trend of the future rows `t`, a chunk after the other.

    None where the trend has only one future.
    """
    if growth == "flat" or not len(t):
        return None
    step = _step(state, t)
    if step == 0:
        return None
    times = changepoints.times(state.changepoints, state.scales)
    # As often as in the history, and as large as on average.
    likelihood = len(times) * step
    scale = float(np.abs(state.parameters.delta).mean()) + _LEAST_CHANGE

    def shifts(rows: int) -> Floats:
        happens = where.random((rows, samples)) < likelihood
        changes = np.zeros((rows, samples))
        changes[happens] = size.laplace(0, scale, np.count_nonzero(happens))
        return changes

    if growth == "linear":
        return _linear(shifts, step, samples)
    return _logistic(shifts, _history_exponent(state, times, step), samples)


def _step(state: FittedState, t: Floats) -> float:
    """Mean step of the future in scaled time; the history's where it is a single row."""
    return float(np.diff(t if len(t) > 1 else scaling.time(state.history.ds, state.scales)).mean())


def _rates(shifts: Callable[[int], Floats], samples: int) -> Callable[[int], Floats]:
    """Makes the change of the rate at the next rows against the history's end; shape (c, S)."""
    total = np.zeros(samples)

    def rates(rows: int) -> Floats:
        nonlocal total
        changes = shifts(rows)
        halves = changes / 2
        total = _accumulate(changes, total)
        changes -= halves
        return changes

    return rates


def _linear(shifts: Callable[[int], Floats], step: float, samples: int) -> _Futures:
    rates, total = _rates(shifts, samples), np.zeros(samples)

    def futures(t: Floats, _: Floats) -> Floats:
        nonlocal total
        deviations = rates(len(t))
        total = _accumulate(deviations, total)
        deviations *= step
        return deviations

    return futures


def _logistic(
    shifts: Callable[[int], Floats], history: Callable[[Floats], Floats], samples: int
) -> _Futures:
    """Deviations from the mean future, which Prophet puts in the place of the trend's own."""
    rates = _rates(shifts, samples)
    total, rate, before = np.zeros(samples), np.zeros(samples), 1.0

    def futures(t: Floats, cap: Floats) -> Floats:
        nonlocal total, rate, before
        z = rates(len(t))
        last = z[-1].copy()
        # A change acts from its own row on.
        z[1:] = z[:-1]
        z[0] = rate
        z *= np.diff(t, prepend=before)[:, None]
        total, rate, before = _accumulate(z, total), last, t[-1]
        z += history(t)[:, None]
        futures = saturate(z, cap[:, None])
        futures -= futures.mean(axis=1, keepdims=True)
        return futures

    return futures


def _accumulate(rows: Floats, total: Floats) -> Floats:
    """Running sums down the rows, in place, from `total`; a copy of the last."""
    # Several times as fast as np.cumsum along the first axis.
    for row in rows:
        row += total
        total = row
    return total.copy()


def _history_exponent(state: FittedState, times: Floats, step: float) -> Callable[[Floats], Floats]:
    """The logistic exponent that the futures go on from (`Prophet._make_historical_mat_time`).

    Prophet moves each changepoint to the next of times that lie `step` apart, and of several that
    meet there keeps only the last.
    """
    p = state.parameters
    slot = np.floor(times / step)
    slot += slot * step <= times
    kept = np.append(slot[1:] != slot[:-1], True)
    rate = p.k + p.delta[kept].sum()
    offset = p.k * p.m + p.delta[kept] @ (slot[kept] * step)
    return lambda t: rate * t - offset
