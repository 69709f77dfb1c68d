"""What is kept of a fit: all that forecasting needs, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparkprophet.numerics.arrays import Floats, Times
from sparkprophet.numerics.smoothing import Smoothed
from sparkprophet.series.data import Series
from sparkprophet.series.seasonality import Seasonality


@dataclass(frozen=True)
class Parameters:
    """Prophet's parameters at the mode of the posterior, in its scaled units.

    Attributes
    ----------
    k, m, sigma_obs : float
        Growth rate, offset and noise.
    delta : ndarray of float64, shape (S,)
        Changes of the rate at the S changepoints; one dummy where there is none.
    beta : ndarray of float64, shape (K,)
        Coefficients of the design's K columns; one dummy where there is none.
    """

    k: float
    m: float
    sigma_obs: float
    delta: Floats
    beta: Floats


@dataclass(frozen=True)
class Scales:
    """How a series was scaled before its fit (`Prophet.initialize_scales`).

    Attributes
    ----------
    start : datetime64[us]
    span : int
        In microseconds; with `start` it maps the history's time onto 0..1.
    y_min, y_scale : float
        Map the label: what is taken off it, and what it is divided by then.
    own_floor : bool
        Whether the floor is a column, which takes the place of `y_min`.
    regressors : mapping of str to (float, float)
        Mean and deviation that are taken off each.
    """

    start: np.datetime64
    span: int
    y_min: float
    y_scale: float
    own_floor: bool
    regressors: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class State:
    """All that forecasting one series needs. Of a fallback it is this; of a fit, a `FittedState`.

    Attributes
    ----------
    method : str
        One of `sparkprophet.series.config.FALLBACKS`, or "prophet".
    history : Series
        The usable rows, sorted.
    """

    method: str
    history: Series

    def to_record(self) -> dict[str, Any]:
        """The state as one record of a JSON text and typed arrays.

        Returns
        -------
        dict
            facts : str
                JSON of everything that is a name or a single value.
            parameters : ndarray of float64
                k, m, sigma_obs, delta..., beta...; empty for a fallback.
            ds : ndarray of int64, shape (T,)
                The history's timestamps, microseconds since 1970 of the wall clock.
            y : ndarray of float64, shape (T,)
            columns : list of ndarray of float64, shape (T,)
                Further columns of the history, in the order of `facts["columns"]`.
        """
        facts = {"method": self.method, "columns": list(self.history.columns)} | self._facts()
        return {
            "facts": json.dumps(facts, separators=(",", ":"), ensure_ascii=False),
            "parameters": self._parameters(),
            "ds": self.history.ds.astype(np.int64),
            "y": self.history.y,
            "columns": list(self.history.columns.values()),
        }

    def _facts(self) -> dict[str, Any]:
        return {}

    def _parameters(self) -> Floats:
        return np.empty(0)

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> State:
        """The state that `to_record` wrote; arrays may be lists.

        Raises
        ------
        ValueError, KeyError
            Where the record is not one that `to_record` writes.
        """
        facts = json.loads(record["facts"])
        columns = [np.asarray(values, dtype=np.float64) for values in record["columns"]]
        history = Series(
            np.asarray(record["ds"], dtype=np.int64).astype("datetime64[us]"),
            np.asarray(record["y"], dtype=np.float64),
            dict(zip(facts["columns"], columns, strict=True)),
        )
        if facts["method"] != FittedState.method:
            return State(facts["method"], history)
        values = np.asarray(record["parameters"], dtype=np.float64)
        k, m, sigma_obs = values[:3].tolist()
        split = 3 + facts["deltas"]
        return FittedState(
            history,
            Parameters(k, m, sigma_obs, values[3:split], values[split:]),
            Scales(
                np.datetime64(facts["start"], "us"),
                facts["span"],
                facts["yMin"],
                facts["yScale"],
                facts["ownFloor"],
                {
                    name: (mean, deviation)
                    for name, (mean, deviation) in facts["regressors"].items()
                },
            ),
            tuple(Seasonality(*fields) for fields in facts["seasonalities"]),
            np.array(facts["changepoints"], dtype=np.int64).astype("datetime64[us]"),
            tuple(facts["holidayNames"]),
            tuple(facts["holidayColumns"]),
            _smoothed(facts.get("smoothed")),
        )


@dataclass(frozen=True)
class FittedState(State):
    """The fitted model of one series, of method "prophet".

    Attributes
    ----------
    parameters : Parameters
    scales : Scales
    seasonalities : tuple of Seasonality
        In the design's order.
    changepoints : ndarray of datetime64[us]
        Dates of the changepoints.
    holiday_names, holiday_columns : tuple of str
        The holidays seen in the fit, in Prophet's order, and their columns in the design's.
    smoothed : Smoothed or None
        How the trend goes on after the history, in the label's unit; None: as Prophet's.
    """

    method: str = field(default="prophet", init=False)
    parameters: Parameters
    scales: Scales
    seasonalities: tuple[Seasonality, ...]
    changepoints: Times
    holiday_names: tuple[str, ...]
    holiday_columns: tuple[str, ...]
    smoothed: Smoothed | None = None

    def _facts(self) -> dict[str, Any]:
        s = self.scales
        return {
            "start": int(s.start.astype(np.int64)),
            "span": s.span,
            "yMin": s.y_min,
            "yScale": s.y_scale,
            "ownFloor": s.own_floor,
            "regressors": {name: list(pair) for name, pair in s.regressors.items()},
            "seasonalities": [list(vars(season).values()) for season in self.seasonalities],
            "changepoints": self.changepoints.astype(np.int64).tolist(),
            "deltas": len(self.parameters.delta),
            "holidayNames": list(self.holiday_names),
            "holidayColumns": list(self.holiday_columns),
        } | ({} if self.smoothed is None else {"smoothed": _smoothed_values(self.smoothed)})

    def _parameters(self) -> Floats:
        p = self.parameters
        return np.concatenate(([p.k, p.m, p.sigma_obs], p.delta, p.beta))


def _smoothed_values(smoothed: Smoothed) -> list[float]:
    """Level, slope, damping and the season."""
    return [smoothed.level, smoothed.slope, smoothed.damping, *smoothed.season.tolist()]


def _smoothed(values: list[float] | None) -> Smoothed | None:
    """The inverse of `_smoothed_values`."""
    if values is None:
        return None
    level, slope, damping, *season = values
    return Smoothed(level, slope, damping, np.array(season, dtype=np.float64))
