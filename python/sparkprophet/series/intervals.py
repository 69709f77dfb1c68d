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

from sparkprophet.numerics.trend import saturate
from sparkprophet.series import changepoints, scaling
from sparkprophet.series.state import State

# Values that are simulated at a time: a megabyte, which a core's cache holds.
_CELLS = 2**17
# Prophet's, so that a trend without any change still has an interval.
_LEAST_CHANGE = 1e-8

# Deviations from the trend of the next rows: from their times and caps, shapes (c,), to (c, S).
_Futures = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def bounds(
    state: State,
    growth: str,
    t: np.ndarray,
    cap: np.ndarray | None,
    gain: np.ndarray,
    width: float,
    samples: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """How far the simulated labels lie below and above the forecast.

    Parameters
    ----------
    state : State
    growth : str
        As `Config.growth`.
    t : ndarray of float64, shape (n,)
        Scaled times, sorted; those above 1 are the future.
    cap : ndarray of float64, shape (n,), or None
        Scaled capacities, for logistic growth.
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
    noise, *own = np.random.default_rng(seed).spawn(3)
    past = int(np.searchsorted(t, 1.0, side="right"))
    futures = _futures(state, growth, t[past:], samples, *own)
    lower, upper = np.empty(len(t)), np.empty(len(t))
    # Each generator is drawn from row after row, so that the size of the chunks changes nothing.
    for rows in _chunks(len(t), samples):
        simulated = noise.standard_normal((rows.stop - rows.start, samples))
        simulated *= state.parameters.sigma_obs
        ahead = slice(max(rows.start, past), rows.stop)
        if futures is not None and ahead.start < ahead.stop:
            change = futures(t[ahead], None if cap is None else cap[ahead])
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


def _percentile(ordered: np.ndarray, share: float) -> np.ndarray:
    """Of each row of sorted values, linear between two of them, as np.percentile has it."""
    position = share * (ordered.shape[1] - 1)
    below = int(position)
    above = min(below + 1, ordered.shape[1] - 1)
    return ordered[:, below] + (position - below) * (ordered[:, above] - ordered[:, below])


def _futures(
    state: State,
    growth: str,
    t: np.ndarray,
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
    changes = changepoints.times(state.changepoints, state.scales)
    # As often as in the history, and as large as on average.
    likelihood = len(changes) * step
    scale = float(np.abs(state.parameters.delta).mean()) + _LEAST_CHANGE

    def shifts(rows: int) -> np.ndarray:
        happens = where.random((rows, samples)) < likelihood
        found = np.zeros((rows, samples))
        found[happens] = size.laplace(0, scale, np.count_nonzero(happens))
        return found

    if growth == "linear":
        return _linear(shifts, step, samples)
    return _logistic(shifts, _history_exponent(state, changes, step), samples)


def _step(state: State, t: np.ndarray) -> float:
    """Mean step of the future in scaled time; the history's where it is a single row."""
    return float(np.diff(t if len(t) > 1 else scaling.time(state.history.ds, state.scales)).mean())


def _rates(shifts: Callable[[int], np.ndarray], samples: int) -> Callable[[int], np.ndarray]:
    """Makes the change of the rate at the next rows against the history's end; shape (c, S)."""
    total = np.zeros(samples)

    def rates(rows: int) -> np.ndarray:
        nonlocal total
        found = shifts(rows)
        halves = found / 2
        total = _accumulate(found, total)
        found -= halves
        return found

    return rates


def _linear(shifts: Callable[[int], np.ndarray], step: float, samples: int) -> _Futures:
    rates, total = _rates(shifts, samples), np.zeros(samples)

    def futures(t: np.ndarray, _: np.ndarray | None) -> np.ndarray:
        nonlocal total
        found = rates(len(t))
        total = _accumulate(found, total)
        found *= step
        return found

    return futures


def _logistic(
    shifts: Callable[[int], np.ndarray], history: Callable[[np.ndarray], np.ndarray], samples: int
) -> _Futures:
    """Deviations from the mean future, which Prophet puts in the place of the trend's own."""
    rates = _rates(shifts, samples)
    total, rate, before = np.zeros(samples), np.zeros(samples), 1.0

    def futures(t: np.ndarray, cap: np.ndarray | None) -> np.ndarray:
        nonlocal total, rate, before
        found = rates(len(t))
        last = found[-1].copy()
        # A change acts from its own row on.
        found[1:] = found[:-1]
        found[0] = rate
        found *= np.diff(t, prepend=before)[:, None]
        total, rate, before = _accumulate(found, total), last, t[-1]
        found += history(t)[:, None]
        found = saturate(found, cap[:, None])
        found -= found.mean(axis=1, keepdims=True)
        return found

    return futures


def _accumulate(rows: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Running sums down the rows, in place, from `total`; a copy of the last."""
    # Several times as fast as np.cumsum along the first axis.
    for row in rows:
        row += total
        total = row
    return total.copy()


def _history_exponent(
    state: State, changes: np.ndarray, step: float
) -> Callable[[np.ndarray], np.ndarray]:
    """The logistic exponent that the futures go on from (`Prophet._make_historical_mat_time`).

    Prophet moves each changepoint to the next of times that lie `step` apart, and of several that
    meet there keeps only the last.
    """
    p = state.parameters
    slot = np.floor(changes / step)
    slot += slot * step <= changes
    kept = np.append(slot[1:] != slot[:-1], True)
    rate = p.k + p.delta[kept].sum()
    offset = p.k * p.m + p.delta[kept] @ (slot[kept] * step)
    return lambda t: rate * t - offset
