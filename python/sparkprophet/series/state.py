"""What is kept of a fit: all that forecasting needs, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkprophet.series.data import Series
from sparkprophet.series.seasonality import Seasonality


@dataclass(frozen=True)
class Parameters:
    """Prophet's parameters at the mode of the posterior, in its scaled units.

    `k` growth rate, `m` offset, `sigma_obs` noise; `delta` shape (S,) changes of the rate at the
    S changepoints (one dummy where there is none); `beta` shape (K,) coefficients of the design's
    K columns.
    """

    k: float
    m: float
    sigma_obs: float
    delta: np.ndarray
    beta: np.ndarray


@dataclass(frozen=True)
class Scales:
    """How a series was scaled before its fit (`Prophet.initialize_scales`).

    `start` datetime64[us] and `span` in microseconds map time onto 0..1; `y_min` and `y_scale` map
    the label; `own_floor` says that the floor is a column; `regressors` gives the mean and
    deviation taken off each.
    """

    start: np.datetime64
    span: int
    y_min: float
    y_scale: float
    own_floor: bool
    regressors: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class State:
    """The fitted model of one series, as arrays.

    Attributes
    ----------
    method : str
        "prophet", or one of `sparkprophet.series.config.FALLBACKS`; then only `history` counts.
    history : Series
        The usable rows that were fitted, sorted.
    parameters, scales, seasonalities, changepoints, holiday_names, holiday_columns
        Of method "prophet": the modes, the scaling, the seasonalities in the design's order,
        datetime64[us] of the changepoints, and the holidays seen in the fit with their columns.
    """

    method: str
    history: Series
    parameters: Parameters | None = None
    scales: Scales | None = None
    seasonalities: tuple[Seasonality, ...] = ()
    changepoints: np.ndarray | None = None
    holiday_names: tuple[str, ...] = ()
    holiday_columns: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """The state as one record of a JSON text and typed arrays.

        facts : str
            JSON of everything that is a name or a single value.
        parameters : float64 array
            k, m, sigma_obs, delta..., beta...
        ds : int64 array
            The history's timestamps, microseconds since 1970 of the wall clock.
        y : float64 array
        columns : list of float64 arrays
            Further columns of the history, in the order of `facts["columns"]`.
        """
        facts: dict[str, Any] = {"method": self.method, "columns": list(self.history.columns)}
        parameters = np.empty(0)
        if self.parameters is not None:
            p = self.parameters
            facts |= self._prophet_facts()
            parameters = np.concatenate(([p.k, p.m, p.sigma_obs], p.delta, p.beta))
        return {
            "facts": json.dumps(facts, separators=(",", ":"), ensure_ascii=False),
            "parameters": parameters,
            "ds": self.history.ds.astype(np.int64),
            "y": self.history.y,
            "columns": list(self.history.columns.values()),
        }

    def _prophet_facts(self) -> dict[str, Any]:
        s, changepoints = self.scales, self.changepoints
        return {
            "start": int(s.start.astype(np.int64)),
            "span": s.span,
            "yMin": s.y_min,
            "yScale": s.y_scale,
            "ownFloor": s.own_floor,
            "regressors": {name: list(pair) for name, pair in s.regressors.items()},
            "seasonalities": [list(vars(season).values()) for season in self.seasonalities],
            "changepoints": changepoints.astype(np.int64).tolist(),
            "deltas": len(self.parameters.delta),
            "holidayNames": list(self.holiday_names),
            "holidayColumns": list(self.holiday_columns),
        }

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
        if facts["method"] != "prophet":
            return State(facts["method"], history)
        values = np.asarray(record["parameters"], dtype=np.float64)
        split = 3 + facts["deltas"]
        return State(
            "prophet",
            history,
            Parameters(*map(float, values[:3]), delta=values[3:split], beta=values[split:]),
            Scales(
                np.datetime64(facts["start"], "us"),
                facts["span"],
                facts["yMin"],
                facts["yScale"],
                facts["ownFloor"],
                {name: tuple(pair) for name, pair in facts["regressors"].items()},
            ),
            tuple(Seasonality(*fields) for fields in facts["seasonalities"]),
            np.array(facts["changepoints"], dtype=np.int64).astype("datetime64[us]"),
            tuple(facts["holidayNames"]),
            tuple(facts["holidayColumns"]),
        )
