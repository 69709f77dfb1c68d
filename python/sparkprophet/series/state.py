"""What is kept of a fit: all that forecasting needs, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparkprophet.numerics.arrays import Floats, Times
from sparkprophet.numerics.smoothing import Smoothed
from sparkprophet.series.data import Series
from sparkprophet.series.seasonality import Seasonality

WeightedTrend = tuple[float, Smoothed | None]
PROPHETS_TREND: tuple[WeightedTrend, ...] = ((1.0, None),)


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
    """All that forecasting one series needs.

    Of a fallback it is this; of a fit a `FittedState`, of several a `CombinedState`.

    Attributes
    ----------
    method : str
        One of `sparkprophet.series.config.FALLBACKS`, "prophet" or "combination".
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
                k, m, sigma_obs, delta..., beta... of each fit; empty for a fallback.
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
        values = np.asarray(record["parameters"], dtype=np.float64)
        if facts["method"] == FittedState.method:
            return _fitted(facts, history, values)
        if facts["method"] == CombinedState.method:
            return CombinedState(
                history,
                tuple(_members(facts["members"], history, values)),
                tuple((method, weight) for method, weight in facts["simple"]),
            )
        return State(facts["method"], history)


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
    trends : tuple of (float, Smoothed or None)
        How the trend goes on after the history: weights, of the sum 1, and smoothed trends in the
        label's unit; None is Prophet's own.
    """

    method: str = field(default="prophet", init=False)
    parameters: Parameters
    scales: Scales
    seasonalities: tuple[Seasonality, ...]
    changepoints: Times
    holiday_names: tuple[str, ...]
    holiday_columns: tuple[str, ...]
    trends: tuple[WeightedTrend, ...] = PROPHETS_TREND

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
        } | self._trend_facts()

    def _trend_facts(self) -> dict[str, Any]:
        if self.trends == PROPHETS_TREND:
            return {}
        return {"trends": [_trend_values(trend) for trend in self.trends]}

    def _parameters(self) -> Floats:
        p = self.parameters
        return np.concatenate(([p.k, p.m, p.sigma_obs], p.delta, p.beta))


@dataclass(frozen=True)
class Member:
    """A fit in a combination.

    Attributes
    ----------
    weight : float
    settings : mapping of str to Any
        What differs from the series' config.
    state : FittedState
        On the history of the combination.
    """

    weight: float
    settings: Mapping[str, Any]
    state: FittedState


@dataclass(frozen=True)
class CombinedState(State):
    """Several weighted forecasts of one series, of method "combination".

    Attributes
    ----------
    members : tuple of Member
        At least one; the first is the heaviest.
    simple : tuple of (str, float)
        Methods of `naive` that have a weight too. All weights have the sum 1.
    """

    method: str = field(default="combination", init=False)
    members: tuple[Member, ...]
    simple: tuple[tuple[str, float], ...]

    def _facts(self) -> dict[str, Any]:
        members = [
            member.state._facts()
            | {
                "weight": member.weight,
                "settings": dict(member.settings),
                "size": len(member.state._parameters()),
            }
            for member in self.members
        ]
        return {"members": members, "simple": [list(pair) for pair in self.simple]}

    def _parameters(self) -> Floats:
        return np.concatenate([member.state._parameters() for member in self.members])


def _members(entries: list[dict[str, Any]], history: Series, values: Floats) -> Iterator[Member]:
    start = 0
    for facts in entries:
        own = values[start : start + facts["size"]]
        start += facts["size"]
        yield Member(facts["weight"], facts["settings"], _fitted(facts, history, own))


def _fitted(facts: Mapping[str, Any], history: Series, values: Floats) -> FittedState:
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
            {name: (mean, deviation) for name, (mean, deviation) in facts["regressors"].items()},
        ),
        tuple(Seasonality(*fields) for fields in facts["seasonalities"]),
        np.array(facts["changepoints"], dtype=np.int64).astype("datetime64[us]"),
        tuple(facts["holidayNames"]),
        tuple(facts["holidayColumns"]),
        tuple(map(_trend, facts["trends"])) if "trends" in facts else PROPHETS_TREND,
    )


def _trend_values(trend: WeightedTrend) -> list[float]:
    """The weight and, of a smoothed trend, level, slope, damping and the season."""
    weight, smoothed = trend
    if smoothed is None:
        return [weight]
    return [weight, smoothed.level, smoothed.slope, smoothed.damping, *smoothed.season.tolist()]


def _trend(values: list[float]) -> WeightedTrend:
    """The inverse of `_trend_values`."""
    if len(values) == 1:
        return values[0], None
    weight, level, slope, damping, *season = values
    return weight, Smoothed(level, slope, damping, np.array(season, dtype=np.float64))
