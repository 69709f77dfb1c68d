"""Forecast one series from its state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints, Times
from sparkprophet.series import checks, intervals, naive
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.decomposition import Decomposition
from sparkprophet.series.errors import coded
from sparkprophet.series.state import CombinedState, FittedState, State

# Rows whose terms are in memory at one time: 60 MiB of 30 columns.
_ROWS = 2**18


@dataclass(frozen=True)
class Forecast:
    """Forecast values in the label's unit.

    Attributes
    ----------
    yhat, lower, upper : ndarray of float64, shape (n,)
        NaN where there is none; the bounds also where the config asks for no samples.
    """

    yhat: Floats
    lower: Floats
    upper: Floats


def forecast(state: State, config: Config, rows: Series, seed: int) -> Forecast:
    """Forecast the timestamps and columns of `rows`; its labels are not looked at.

    Parameters
    ----------
    state : State
    config : Config
        What the series was fitted with.
    rows : Series
        In any order, past or future, shape (n,). A row whose timestamp, regressor, condition, cap
        or floor is missing or wrong gets NaN.
    seed : int
        Of the simulated futures behind the interval; from 0.

    Raises
    ------
    SeriesError
        Where a column that the config needs is missing altogether.
    """
    result = Forecast(*(np.full(len(rows), np.nan) for _ in range(3)))
    with coded():
        order = _in_order(state, config, rows)
        if not len(order):
            return result
        if isinstance(state, FittedState):
            values = _predict(state, config, rows.take(order), seed)
        elif isinstance(state, CombinedState):
            values = _combine(state, config, rows.take(order), seed)
        else:
            width = config.intervalWidth
            values = naive.forecast(state.method, state.history, rows.ds[order], width)
    for target, ordered in zip((result.yhat, result.lower, result.upper), values, strict=True):
        target[order] = ordered
    return result


def components(state: State, config: Config, rows: Series) -> dict[str, Floats]:
    """Trend and every component of the forecast; shape (n,) each, NaN as in `forecast`.

    Names and units are those of `Prophet.predict`: trend and additive components in the label's
    unit, multiplicative ones as a share of the trend. A fallback's whole forecast is its trend. A
    combination has the weighted components, all of them in the label's unit, and "naive" for what
    has none.

    Raises
    ------
    SeriesError
        Where a column that the config needs is missing altogether.
    """
    with coded():
        order = _in_order(state, config, rows)
        if not len(order):
            return {}
        if isinstance(state, FittedState):
            parts = Decomposition(state, config, rows.take(order)).components()
        elif isinstance(state, CombinedState):
            parts = _combine_components(state, config, rows.take(order))
        else:
            parts = {"trend": naive.forecast(state.method, state.history, rows.ds[order], 0.5)[0]}
    spread = {}
    for name, values in parts.items():
        spread[name] = np.full(len(rows), np.nan)
        spread[name][order] = values
    return spread


def _predict(
    state: FittedState, config: Config, rows: Series, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Forecast, lower and upper bound of sorted rows in the label's unit; float64, shape (n,)."""
    n, scale = len(rows), state.scales.y_scale
    t, gain, yhat = np.empty(n), np.empty(n), np.empty(n)
    cap = np.full(n, np.inf)
    for start in range(0, n, _ROWS):
        piece = slice(start, start + _ROWS)
        parts = Decomposition(state, config, rows.take(piece))
        t[piece], gain[piece] = parts.t, 1 + parts.total("multiplicative")
        # The floor is part of the trend, so that multiplicative terms multiply it too.
        level = parts.trend * scale + parts.floor
        yhat[piece] = level * gain[piece] + parts.total("additive") * scale
        if parts.cap is not None:
            cap[piece] = parts.cap
    if not config.uncertaintySamples:
        return yhat, np.full(n, np.nan), np.full(n, np.nan)
    lower, upper = intervals.bounds(
        state, config.growth, t, cap, gain, config.intervalWidth, config.uncertaintySamples, seed
    )
    return yhat, yhat + lower * scale, yhat + upper * scale


def _combine(
    state: CombinedState, config: Config, rows: Series, seed: int
) -> tuple[Floats, Floats, Floats]:
    """As `_predict`; the interval is as far from the forecast as that of the heaviest fit."""
    yhat = np.zeros(len(rows))
    lower, upper = yhat, yhat
    of_fits, of_simple = _shares(state, rows.ds)
    for index, member in enumerate(state.members):
        own = config.replace(member.settings)
        if index:
            own = own.replace({"uncertaintySamples": 0})
        values, below, above = _predict(member.state, own, rows, seed)
        yhat = yhat + of_fits * member.weight * values
        if not index:
            lower, upper = below - values, above - values
    for values in of_simple:
        yhat = yhat + values
    return yhat, yhat + lower, yhat + upper


def _combine_components(state: CombinedState, config: Config, rows: Series) -> dict[str, Floats]:
    total: dict[str, Floats] = {}
    of_fits, of_simple = _shares(state, rows.ds)
    for member in state.members:
        parts = Decomposition(member.state, config.replace(member.settings), rows)
        for name, values in parts.components(shares=False).items():
            weighted = of_fits * member.weight * values
            total[name] = total[name] + weighted if name in total else weighted
    total["naive"] = sum(of_simple, np.zeros(len(rows)))
    total["additive_terms"] = total["additive_terms"] + total["naive"]
    return total


def _shares(state: CombinedState, ds: Times) -> tuple[Floats, list[Floats]]:
    """What the weights of fits are multiplied with, and weighted simple forecasts.

    Simple forecasts that are not known at the start of the history leave their weight to the fits.
    """
    of_simple, missing = [], np.zeros(len(ds))
    for method, weight in state.simple:
        values = naive.forecast(method, state.history, ds, 0.5)[0]
        known = np.isfinite(values)
        of_simple.append(weight * np.where(known, values, 0.0))
        missing += weight * ~known
    fits = sum(member.weight for member in state.members)
    return (fits + missing) / fits, of_simple


def _in_order(state: State, config: Config, rows: Series) -> Ints:
    """Indices of the rows that can be forecast, sorted by time and, within it, by columns.

    So the interval of a row does not depend on the order in which rows come.
    """
    if isinstance(state, CombinedState):
        fits = [(config.replace(member.settings), member.state) for member in state.members]
    elif isinstance(state, FittedState):
        fits = [(config, state)]
    else:
        known = np.flatnonzero(~np.isnat(rows.ds))
        return known[np.argsort(rows.ds[known], kind="stable")]
    usable = [checks.forecastable(rows, own, fitted.scales) for own, fitted in fits]
    known = np.flatnonzero(np.logical_and.reduce(usable))
    keys = [rows.columns[name][known] for name in sorted(rows.columns, reverse=True)]
    return known[np.lexsort([*keys, rows.ds[known]])]
