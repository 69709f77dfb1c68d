"""The trend and the terms of one fit at any timestamps."""

from __future__ import annotations

import numpy as np

from sparkprophet.numerics.arrays import Floats
from sparkprophet.numerics.smoothing import damped_steps
from sparkprophet.numerics.trend import trend
from sparkprophet.series import changepoints, design, frequency, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.state import FittedState
from sparkprophet.series.terms import MODES

CORRECTION = "smoothed_season"
"""Component of what smoothing adds to Prophet's seasonalities (`trendForecast` holtWinters)."""


class Decomposition:
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
    correction : ndarray of float64, shape (n,), or None
        What the season of a smoothed trend adds, in scaled units; None where it has none.

    After the history the trend is Prophet's along damped time, or the smoothed one that the state
    has; within it, Prophet's. Between floor and cap, where there is a cap.
    """

    def __init__(self, state: FittedState, config: Config, rows: Series) -> None:
        self.layout = design.layout_of(state, config)
        self.multiplicative, _ = design.modes_and_priors(self.layout, config, state.seasonalities)
        self.scale = state.scales.y_scale
        self.floor = scaling.floor(rows, state.scales)
        self.t = scaling.time(rows.ds, state.scales)
        self.cap = scaling.cap(rows, state.scales) if config.growth == "logistic" else None
        # Prophet has a coefficient of a column of zeros where there is no other.
        beta = state.parameters.beta[: len(self.layout.names)]
        self.effects = design.matrix(self.layout, config, rows, state.scales) * beta
        self.correction: Floats | None = None
        self.trend = self._trend(state, config, rows)

    def _trend(self, state: FittedState, config: Config, rows: Series) -> Floats:
        end, smoothed = state.history.ds[-1], state.smoothed
        ahead, t = rows.ds > end, self.t
        carried = (smoothed is not None or config.trendDamping < 1.0) and bool(ahead.any())
        steps = frequency.infer(state.history.ds).distance(rows.ds[ahead], end) if carried else t
        if carried and smoothed is None:
            t = t.copy()
            t[ahead] = damped_time(t[ahead], steps, config.trendDamping)
        changes = changepoints.times(state.changepoints, state.scales)
        values = trend(config.growth, state.parameters, changes, t, self.cap)
        if carried and smoothed is not None:
            values[ahead] = (smoothed.trend(steps) - self.floor[ahead]) / self.scale
            if self.cap is not None:
                values[ahead] = np.clip(values[ahead], 0.0, self.cap[ahead])
            if len(smoothed.season):
                self.correction = np.zeros(len(t))
                self.correction[ahead] = smoothed.seasonal(steps) / self.scale
                self.correction *= 1.0 + self.total("multiplicative")
        return values

    def total(self, mode: str) -> Floats:
        """Sum of the effects of a mode; float64, shape (n,)."""
        total: Floats = self.effects @ (self.multiplicative == (mode == "multiplicative"))
        if self.correction is not None and mode == "additive":
            total = total + self.correction
        return total

    def components(self) -> dict[str, Floats]:
        """As `Prophet.predict` names them and in its units."""
        parts = {"trend": self.trend * self.scale + self.floor}
        for mode in MODES:
            parts[f"{mode}_terms"] = self._in_unit(self.total(mode), mode)
        if self.correction is not None:
            parts[CORRECTION] = self.correction * self.scale
        for term, block in self.layout.blocks():
            mode = MODES[int(self.multiplicative[block.start])]
            values = self._in_unit(self.effects[:, block].sum(axis=1), mode)
            group = {"holiday": "holidays", "regressor": f"extra_regressors_{mode}"}
            for name in filter(None, (term.name, group.get(term.kind))):
                parts[name] = parts[name] + values if name in parts else values
        return parts

    def _in_unit(self, values: Floats, mode: str) -> Floats:
        return values * self.scale if mode == "additive" else values


def damped_time(t: Floats, steps: Floats, damping: float) -> Floats:
    """The time at which an undamped trend is where the damped one is; float64, shape (n,).

    Parameters
    ----------
    t : ndarray of float64, shape (n,)
        Scaled times after the history, which ends at 1.
    steps : ndarray of float64, shape (n,)
        How many steps after it.
    damping : float
        As `Config.trendDamping`.
    """
    share = damped_steps(steps, damping) / np.where(steps > 0, steps, 1.0)
    damped: Floats = 1.0 + (t - 1.0) * share
    return damped
