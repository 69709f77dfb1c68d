"""The trend and the terms of one fit at any timestamps."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparkprophet.numerics.arrays import Floats
from sparkprophet.numerics.smoothing import Smoothed, damped_steps
from sparkprophet.numerics.trend import trend
from sparkprophet.series import changepoints, design, frequency, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.state import PROPHETS_TREND, FittedState
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

    After the history the trend is the weighted one of the state, Prophet's own along damped time;
    within the history it is Prophet's.
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
        """The trend, and `correction`."""
        end, t = state.history.ds[-1], self.t
        changes = changepoints.times(state.changepoints, state.scales)
        ahead = rows.ds > end
        as_prophet = state.trends == PROPHETS_TREND and config.trendDamping == 1.0
        if as_prophet or not ahead.any():
            return trend(config.growth, state.parameters, changes, t, self.cap)
        steps = frequency.infer(state.history.ds).distance(rows.ds[ahead], end)
        t = t.copy()
        t[ahead] = damped_time(t[ahead], steps, config.trendDamping)
        values = trend(config.growth, state.parameters, changes, t, self.cap)
        cap = None if self.cap is None else self.cap[ahead]
        levels, seasons = np.zeros(len(steps)), np.zeros(len(steps))
        for weight, smoothed in state.trends:
            if smoothed is None:
                levels += weight * values[ahead]
            else:
                level, season = smoothed_ahead(smoothed, steps, self.floor[ahead], self.scale, cap)
                levels += weight * level
                seasons += weight * season
        values[ahead] = levels
        if seasons.any():
            self.correction = np.zeros(len(t))
            self.correction[ahead] = seasons * (1.0 + self.total("multiplicative")[ahead])
        return values

    def total(self, mode: str) -> Floats:
        """Sum of the effects of a mode; float64, shape (n,)."""
        total: Floats = self.effects @ (self.multiplicative == (mode == "multiplicative"))
        if self.correction is not None and mode == "additive":
            total = total + self.correction
        return total

    def components(self, shares: bool = True) -> dict[str, Floats]:
        """As `Prophet.predict` names them and in its units.

        Parameters
        ----------
        shares : bool
            Whether multiplicative terms are shares of the trend, as in Prophet; else they are in
            the label's unit, and all terms count as additive.
        """
        level = self.trend * self.scale + self.floor
        units: dict[str, Any] = {"additive": self.scale, "multiplicative": 1.0 if shares else level}
        parts = {"trend": level} | {f"{m}_terms": self.total(m) * units[m] for m in MODES}
        if not shares:
            parts["additive_terms"] = parts["additive_terms"] + parts["multiplicative_terms"]
            parts["multiplicative_terms"] = np.zeros(len(level))
        if self.correction is not None:
            parts[CORRECTION] = self.correction * self.scale
        for term, block in self.layout.blocks():
            mode = MODES[int(self.multiplicative[block.start])]
            values = self.effects[:, block].sum(axis=1) * units[mode]
            shown = mode if shares else "additive"
            group = {"holiday": "holidays", "regressor": f"extra_regressors_{shown}"}
            for name in filter(None, (term.name, group.get(term.kind))):
                parts[name] = parts[name] + values if name in parts else values
        return parts


def smoothed_ahead(
    smoothed: Smoothed, steps: Floats, floor: Floats, scale: float, cap: Floats | None
) -> tuple[Floats, Floats]:
    """A smoothed trend, and what its season adds to it, in scaled units.

    Parameters
    ----------
    smoothed : Smoothed
        In the label's unit.
    steps : ndarray of float64, shape (n,)
        After the history.
    floor, cap : ndarray of float64, shape (n,)
        The floor in the label's unit, and the scaled capacity or None: what the trend stays
        between where there is one.
    scale : float
        Of the label.
    """
    level = (smoothed.trend(steps) - floor) / scale
    if cap is not None:
        level = np.clip(level, 0.0, cap)
    return level, smoothed.seasonal(steps) / scale


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
