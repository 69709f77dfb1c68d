"""Forecast one series from its state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints
from sparkprophet.numerics.trend import trend
from sparkprophet.series import changepoints, checks, design, intervals, naive, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import coded
from sparkprophet.series.state import FittedState, State
from sparkprophet.series.terms import MODES

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
        else:
            width = config.intervalWidth
            values = naive.forecast(state.method, state.history, rows.ds[order], width)
    for target, ordered in zip((result.yhat, result.lower, result.upper), values, strict=True):
        target[order] = ordered
    return result


def components(state: State, config: Config, rows: Series) -> dict[str, Floats]:
    """Trend and every component of the forecast; shape (n,) each, NaN as in `forecast`.

    Names and units are those of `Prophet.predict`: trend and additive components in the label's
    unit, multiplicative ones as a share of the trend. A fallback's whole forecast is its trend.

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
            parts = _Parts(state, config, rows.take(order)).components()
        else:
            parts = {"trend": naive.forecast(state.method, state.history, rows.ds[order], 0.5)[0]}
    spread = {}
    for name, values in parts.items():
        spread[name] = np.full(len(rows), np.nan)
        spread[name][order] = values
    return spread


class _Parts:
    """Trend and terms at rows that are sorted by time.

    Attributes
    ----------
    t, trend : ndarray of float64, shape (n,)
        Scaled time, and the trend in scaled units above the floor.
    cap : ndarray of float64, shape (n,), or None
        Scaled, for logistic growth.
    effects : ndarray of float64, shape (n, K)
        What each column adds: in scaled units, or as a share of the trend.
    multiplicative : ndarray of bool, shape (K,)
        Which of the two.
    """

    def __init__(self, state: FittedState, config: Config, rows: Series) -> None:
        self.layout = design.layout_of(state, config)
        self.multiplicative, _ = design.modes_and_priors(self.layout, config, state.seasonalities)
        self.scale = state.scales.y_scale
        self.floor = scaling.floor(rows, state.scales)
        self.t = scaling.time(rows.ds, state.scales)
        self.cap = scaling.cap(rows, state.scales) if config.growth == "logistic" else None
        changes = changepoints.times(state.changepoints, state.scales)
        self.trend = trend(config.growth, state.parameters, changes, self.t, self.cap)
        # Prophet has a coefficient of a column of zeros where there is no other.
        beta = state.parameters.beta[: len(self.layout.names)]
        self.effects = design.matrix(self.layout, config, rows, state.scales) * beta

    def total(self, mode: str) -> Floats:
        """Sum of the effects of a mode; float64, shape (n,)."""
        total: Floats = self.effects @ (self.multiplicative == (mode == "multiplicative"))
        return total

    def components(self) -> dict[str, Floats]:
        """As `Prophet.predict` names them and in its units."""
        parts = {"trend": self.trend * self.scale + self.floor}
        for mode in MODES:
            parts[f"{mode}_terms"] = self._in_unit(self.total(mode), mode)
        for term, block in self.layout.blocks():
            mode = MODES[int(self.multiplicative[block.start])]
            values = self._in_unit(self.effects[:, block].sum(axis=1), mode)
            group = {"holiday": "holidays", "regressor": f"extra_regressors_{mode}"}
            for name in filter(None, (term.name, group.get(term.kind))):
                parts[name] = parts[name] + values if name in parts else values
        return parts

    def _in_unit(self, values: Floats, mode: str) -> Floats:
        return values * self.scale if mode == "additive" else values


def _predict(
    state: FittedState, config: Config, rows: Series, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Forecast, lower and upper bound of sorted rows in the label's unit; float64, shape (n,)."""
    n, scale = len(rows), state.scales.y_scale
    t, gain, yhat = np.empty(n), np.empty(n), np.empty(n)
    cap = np.full(n, np.inf)
    for start in range(0, n, _ROWS):
        piece = slice(start, start + _ROWS)
        parts = _Parts(state, config, rows.take(piece))
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


def _in_order(state: State, config: Config, rows: Series) -> Ints:
    """Indices of the rows that can be forecast, sorted by time and, within it, by columns.

    So the interval of a row does not depend on the order in which rows come.
    """
    if not isinstance(state, FittedState):
        known = np.flatnonzero(~np.isnat(rows.ds))
        return known[np.argsort(rows.ds[known], kind="stable")]
    known = np.flatnonzero(checks.forecastable(rows, config, state.scales))
    keys = [rows.columns[name][known] for name in sorted(rows.columns, reverse=True)]
    return known[np.lexsort([*keys, rows.ds[known]])]
