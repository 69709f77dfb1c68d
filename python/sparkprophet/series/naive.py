"""The simple forecasts of FPP3, section 5.2: benchmarks, and what a fallback forecasts with."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints, Times
from sparkprophet.series import frequency
from sparkprophet.series.data import Series

_SEASONS_BACK = 10
# Whose values a mean of seasons is of.
_SEASONS_MEANT = 3


def forecast(
    method: str, history: Series, ds: Times, width: float
) -> tuple[Floats, Floats, Floats]:
    """Forecast and interval at any timestamps, those of the history included.

    Parameters
    ----------
    method : str
        seasonalNaive: the value one season ago (the nearest earlier season that has one, else
        the last value); naive: the value before; mean: the history's mean; seasonalMean: the mean
        of the values of the last three seasons, as far as there are any, else as seasonalNaive.
    history : Series
        Sorted by time, without NaN, at least one row.
    ds : ndarray of datetime64[us], shape (n,)
    width : float
        Nominal width of the interval; its formulas are those of FPP3, section 5.5.

    Returns
    -------
    yhat, lower, upper : ndarray of float64, shape (n,)
        NaN where nothing is known yet (before the first value), and as bounds where the history
        has no residual to measure.
    """
    step = frequency.infer(history.ds)
    origin = history.ds[0]
    at, known = step.position(ds, origin), step.position(history.ds, origin)
    if method == "mean":
        yhat = np.full(len(ds), history.y.mean())
        residuals, spread = history.y - history.y.mean(), np.sqrt(1 + 1 / len(history))
        estimated = 1
    else:
        season = 1 if method == "naive" else step.season
        look = _mean_back if method == "seasonalMean" else _look_back
        yhat, seasons = look(at, known, history.y, season)
        fitted, _ = look(known, known, history.y, season)
        residuals, spread = history.y - fitted, np.sqrt(seasons)
        estimated = 0
    half = NormalDist().inv_cdf((1 + width) / 2) * _deviation(residuals, estimated) * spread
    return yhat, yhat - half, yhat + half


def _deviation(residuals: Floats, estimated: int) -> float:
    """Standard deviation of the residuals that there are, after `estimated` parameters."""
    known = residuals[np.isfinite(residuals)]
    freedom = len(known) - estimated
    largest = np.abs(known).max(initial=0.0)
    if freedom < 1:
        return float("nan")
    if largest == 0:
        return 0.0
    # In units of the largest, whose square may be too large for a float.
    return float(largest * np.sqrt(np.sum((known / largest) ** 2) / freedom))


def _look_back(at: Ints, known: Ints, y: Floats, season: int) -> tuple[Floats, Ints]:
    """Value a whole number of seasons (at least one) before each position, and that number."""
    last = known[-1]
    seasons = np.maximum(1, -((last - at) // season))
    values = np.full(len(at), np.nan)
    rows = np.arange(len(at))  # without a value so far
    for further in range(_SEASONS_BACK):
        wanted = at[rows] - (seasons[rows] + further) * season
        source = np.searchsorted(known, wanted, side="right") - 1
        hit = (source >= 0) & (known[np.maximum(source, 0)] == wanted)
        values[rows[hit]] = y[source[hit]]
        rows = rows[~hit]
    before = np.searchsorted(known, at, side="left") - 1
    open_ = np.isnan(values) & (before >= 0)
    values[open_] = y[before[open_]]
    return values, seasons


def _mean_back(at: Ints, known: Ints, y: Floats, season: int) -> tuple[Floats, Ints]:
    """As `_look_back`, the mean of the last three seasons before each position."""
    nearest, seasons = _look_back(at, known, y, season)
    totals, counts = np.zeros(len(at)), np.zeros(len(at))
    for further in range(_SEASONS_MEANT):
        wanted = at - (seasons + further) * season
        source = np.maximum(np.searchsorted(known, wanted, side="right") - 1, 0)
        hit = known[source] == wanted
        totals[hit] += y[source[hit]]
        counts[hit] += 1
    mean = np.divide(totals, counts, out=nearest.copy(), where=counts > 0)
    return mean, seasons
