"""Carry a trend on by exponential smoothing: what is left of the label without Prophet's terms.

The seasonal, holiday and regressor parts stay Prophet's. They are taken off the last rows of the
history, what is left is smoothed, and after the history the smoothed level, slope and season take
the place of Prophet's trend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sparkprophet.numerics import smoothing
from sparkprophet.numerics.arrays import Floats, Times
from sparkprophet.numerics.smoothing import Smoothed
from sparkprophet.series import frequency
from sparkprophet.series.config import Config
from sparkprophet.series.decomposition import Decomposition
from sparkprophet.series.frequency import Frequency
from sparkprophet.series.state import FittedState

# Rows at the end of the history that are smoothed: these, or so many seasons, but not more.
_ROWS, _SEASONS, _MOST_ROWS = 400, 4, 2000
# Where the multiplicative terms leave less of the trend than this, a row says nothing of it.
_LEAST_GAIN = 0.05


def tail_of(rows: int, season: int) -> slice:
    """The rows that are smoothed, of so many with so many steps a season."""
    return slice(max(rows - max(_ROWS, min(_SEASONS * season, _MOST_ROWS)), 0), rows)


def smooth(
    method: str, ds: Times, y: Floats, additive: Floats, gain: Floats, step: Frequency
) -> Smoothed | None:
    """The smoothed remainder (y - additive) / gain.

    Parameters
    ----------
    method : str
        Of `config.TREND_FORECASTS`.
    ds : ndarray of datetime64[us], shape (n,)
        Sorted. Steps without a row are passed over; rows of one step count one after another.
    y, additive, gain : ndarray of float64, shape (n,)
        The label, the additive terms in its unit, and 1 + the multiplicative ones.
    step : Frequency
        Of the whole history.

    Returns
    -------
    Smoothed or None
        None for "prophet", and where no row says anything of the trend.
    """
    if method == "prophet":
        return None
    told = np.flatnonzero(np.abs(gain) >= _LEAST_GAIN)
    if not len(told):
        return None
    values = (y[told] - additive[told]) / gain[told]
    at = step.position(ds[told], ds[-1])
    if not np.isfinite(values).all():
        return None
    if method == "holt":
        return smoothing.holt(values, at)
    if method == "theta":
        return smoothing.theta(values, at)
    season = step.season if at[-1] - at[0] >= 2 * step.season else 1
    return smoothing.holt_winters(values, at, season)


def carried(state: FittedState, config: Config, weights: Mapping[str, float]) -> FittedState:
    """A state whose trend goes on after the history by one or more methods.

    Parameters
    ----------
    state : FittedState
    config : Config
        Of its fit.
    weights : mapping of str to float
        Method of `config.TREND_FORECASTS` to weight, of the sum 1. A method that cannot be used
        gives way to Prophet's trend.
    """
    if list(weights) == ["prophet"]:
        return state
    step = frequency.infer(state.history.ds)
    rows = state.history.take(tail_of(len(state.history), step.season))
    parts = Decomposition(state, config, rows)
    additive, gain = parts.total("additive") * parts.scale, 1.0 + parts.total("multiplicative")
    trends = tuple(
        (weight, smooth(method, rows.ds, rows.y, additive, gain, step))
        for method, weight in weights.items()
    )
    return replace(state, trends=trends)
