"""Forecasts in Spark's Python workers: what pandas UDFs call with models and rows."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from sparkprophet.messages import clip
from sparkprophet.series import forecast as series_forecast
from sparkprophet.series import frequency
from sparkprophet.series.checks import CALENDAR_END
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError, as_series_error
from sparkprophet.series.state import State
from sparkprophet.spark.schema import STATE_FIELDS
from sparkprophet.spark.worker.group_row import group_seed, lost
from sparkprophet.spark.worker.limits import limit
from sparkprophet.spark.worker.process import GroupProcess, ProcessEnded
from sparkprophet.spark.worker.wall_clock import instants, shown, zone_of

_log = logging.getLogger("sparkprophet")

Answer = Callable[[State, Config, int, Series], Mapping[str, Any]]
"""(state, config, seed, rows) -> arrays by output name."""
Asked = tuple[Sequence[Any], Series]
"""A model (config, seed and the STATE_FIELDS; empty for none) and the rows to forecast."""
Batch = Callable[..., pd.DataFrame]
"""What a pandas UDF calls with the columns of a batch of models."""
Stream = Callable[[Iterator[tuple[pd.Series, ...]]], Iterator[pd.DataFrame]]
"""What a pandas UDF of iterators calls: as many rows come out as went in, in their order."""

FORECAST = ("yhat", "lower", "upper")
COMPONENTS = ("trend", "components")
# Rows that go back to Spark at a time.
_PIECE = 2**16
# Models that go to the child at a time, so that what it keeps of them stays small.
_MODELS = 64
_NO_ROWS = Series(np.empty(0, dtype="datetime64[us]"), np.empty(0))


def predicting(names: Sequence[str], settings: Mapping[str, Any]) -> Stream:
    """The worker's function of forecasts of rows with the columns `names`, "ds" first.

    `settings` are FORECAST_SETTINGS that all groups have in place of those of their fits.
    """
    return _stream(ForecastWork(_predict_rows, settings), (*FORECAST, "error"), names)


def decomposing(names: Sequence[str], settings: Mapping[str, Any]) -> Stream:
    """The worker's function of components of rows, as `predicting` of forecasts."""
    return _stream(ForecastWork(_component_rows, settings), COMPONENTS, names)


def going_ahead(
    horizon: int, freq: str | None, history: bool, zone: str | None, settings: Mapping[str, Any]
) -> Batch:
    """The worker's function of forecasts after a model's end; see GroupedProphetModel.forecast.

    It is called with config, seed and the STATE_FIELDS. A model that cannot forecast gets an error.
    With a zone, as `zone_of` takes it, timestamps are its instants; else they have none.
    """
    known = None if zone is None else zone_of(zone)
    work = ForecastWork(partial(_predict_ahead, horizon, freq, history, known), settings)

    def batch(*columns: pd.Series) -> pd.DataFrame:
        asked = [(model, _NO_ROWS) for model in zip(*columns, strict=True)]
        names = ("ds", *FORECAST, "error")
        return pd.DataFrame([{n: values.get(n) for n in names} for values in work.all(asked)])

    return batch


@dataclass(frozen=True)
class ForecastWork:
    """Forecasts of models in a child of the worker, under the limits of their fits.

    One that does not end, or needs too much, has no answer but an error; all others have theirs.
    """

    answer: Answer
    settings: Mapping[str, Any]

    def all(self, asked: Sequence[Asked]) -> list[Mapping[str, Any]]:
        """Mappings of arrays by name, or of the one name "error"; empty for no model."""
        pieces = [asked[at : at + _MODELS] for at in range(0, len(asked), _MODELS)]
        return [answer for piece in pieces for answer in self._piece(piece)]

    def _piece(self, asked: Sequence[Asked]) -> list[Mapping[str, Any]]:
        try:
            return self._by_child(asked)
        except ProcessEnded:
            return [self._alone(one) for one in asked]

    def _alone(self, one: Asked) -> Mapping[str, Any]:
        try:
            return self._by_child([one])[0]
        except ProcessEnded as ended:
            return _failed(lost(ended))

    def _by_child(self, asked: Sequence[Asked]) -> list[Mapping[str, Any]]:
        if not hasattr(os, "fork"):  # Windows, where nothing bounds a forecast
            return self(asked)
        answers: list[Mapping[str, Any]] = GroupProcess.ready(self).answer(asked)
        return answers

    @property
    def warm_up(self) -> Callable[[], None]:
        """Nothing: forecasts compile nothing."""
        return _nothing

    def __call__(self, request: Sequence[Asked]) -> list[Mapping[str, Any]]:
        """The answers, made in this process."""
        return [self._one(model, rows) for model, rows in request]

    def _one(self, model: Sequence[Any], rows: Series) -> Mapping[str, Any]:
        """The answer; an error ends no other's forecast.

        A state that is none has no answer: a row whose bytes are not those saved is refused before.
        """
        if not model or not model[0]:
            return {}
        try:
            config, seed, *fields = model
            settings = Config.from_json(config).replace(self.settings)
            limit(settings.groupTimeout, settings.groupMemoryInMB)
            state = State.from_record(dict(zip(STATE_FIELDS, fields, strict=True)))
            return self.answer(state, settings, group_seed(int(seed)), rows)
        except Exception as error:
            return _failed(as_series_error(error))
        finally:
            limit(0, 0)

    @staticmethod
    def write(pipe: BinaryIO, message: Any) -> None:
        """A pickle, which is read by the process at the pipe's other end alone."""
        pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def read(pipe: BinaryIO) -> Any:
        """What `write` wrote."""
        return pickle.load(pipe)


def _nothing() -> None:
    pass


def _failed(error: SeriesError) -> Mapping[str, Any]:
    text = clip(f"{error.code}: {error.message}")
    _log.warning("a group cannot be forecast: %s", text)
    return {"error": text}


def _stream(work: ForecastWork, outputs: Sequence[str], names: Sequence[str]) -> Stream:
    """What a pandas UDF calls with batches of a flag, config, seed, STATE_FIELDS and `names`.

    The flag is true in a group's first row, which has its model if there is one. A group is
    answered when its last row is there. Rows without a model or that cannot be forecast get NULLs.
    """

    def stream(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        model: tuple[Any, ...] = ()
        waiting: list[list[np.ndarray]] = []

        def finished() -> Asked:
            arrays = [np.concatenate(pieces) for pieces in zip(*waiting, strict=True)]
            return model, _rows(names, arrays)

        for begins, *columns in batches:
            fields, inputs = columns[: -len(names)], [c.to_numpy() for c in columns[-len(names) :]]
            done, at = [], 0
            for first in np.flatnonzero(begins).tolist():
                waiting.append([values[at:first] for values in inputs])
                done.append(finished())
                model = tuple(column.iat[first] for column in fields)
                waiting.clear()
                at = first
            waiting.append([values[at:] for values in inputs])
            yield from _pieces(work, done, outputs)
        if waiting:
            yield from _pieces(work, [finished()], outputs)

    return stream


def _pieces(
    work: ForecastWork, done: Sequence[Asked], outputs: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """The answers of groups one after the other, so many rows at a time."""
    if not done:
        return
    pairs = [(answers, len(rows)) for answers, (_, rows) in zip(work.all(done), done, strict=True)]
    whole = {
        name: np.concatenate([_column(answers.get(name), n) for answers, n in pairs])
        for name in outputs
    }
    for start in range(0, len(whole[outputs[0]]), _PIECE):
        yield pd.DataFrame({n: values[start : start + _PIECE] for n, values in whole.items()})


def _column(values: Any, count: int) -> np.ndarray:
    """Values of the rows, or one value of their group for all of them."""
    return values if isinstance(values, np.ndarray) else np.full(count, values, dtype=object)


def _rows(names: Sequence[str], arrays: Sequence[np.ndarray]) -> Series:
    ds, *further = arrays
    ds = ds.astype(np.int64).astype("datetime64[us]")
    return Series(ds, np.full(len(ds), np.nan), dict(zip(names[1:], further, strict=True)))


def _predict_rows(state: State, config: Config, seed: int, rows: Series) -> Mapping[str, Any]:
    forecast = series_forecast.forecast(state, config, rows, seed)
    return {"yhat": forecast.yhat, "lower": forecast.lower, "upper": forecast.upper}


def _component_rows(state: State, config: Config, seed: int, rows: Series) -> Mapping[str, Any]:
    parts = series_forecast.components(state, config, rows)
    if not parts:
        return {}
    maps = np.full(len(rows), None)
    for i in np.flatnonzero(~np.isnan(parts["trend"])):
        maps[i] = {name: float(values[i]) for name, values in parts.items()}
    return {"trend": parts["trend"], "components": maps}


def _predict_ahead(
    horizon: int,
    freq: str | None,
    history: bool,
    zone: str | None,
    state: State,
    config: Config,
    seed: int,
    rows: Series,
) -> Mapping[str, Any]:
    past = state.history
    ds, moments = _future(past.ds, horizon, freq, zone)
    last = {name: np.full(horizon, values[-1]) for name, values in past.columns.items()}
    if history:
        ds = np.concatenate([past.ds, ds])
        before = past.ds if zone is None else instants(past.ds, zone)
        moments = np.concatenate([before, moments])
        last = {n: np.concatenate([past.columns[n], values]) for n, values in last.items()}
    wanted = Series(ds, np.full(len(ds), np.nan), last)
    return {"ds": moments.astype(np.int64)} | dict(_predict_rows(state, config, seed, wanted))


def _future(
    ds: np.ndarray, horizon: int, freq: str | None, zone: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """The `horizon` steps after the last of `ds`, as its wall clock and as what Spark gets.

    As in pandas' ranges, steps of hours or less count instants, and longer ones days of people.
    """
    step = frequency.infer(ds) if freq is None else to_offset(freq)
    if zone is None:
        steps = _steps(ds[-1], step, horizon)
        return steps, steps
    if _is_short(step):
        moments = _steps(instants(ds, zone)[-1], step, horizon)
        return shown(moments, zone), moments
    steps = _steps(ds[-1], step, horizon)
    return steps, instants(steps, zone)


def _is_short(step: frequency.Frequency | pd.DateOffset) -> bool:
    if isinstance(step, frequency.Frequency):
        return not step.months and step.microseconds < frequency.DAY
    return isinstance(step, pd.offsets.Tick) and pd.Timedelta(step) < pd.Timedelta(days=1)


def _steps(
    end: np.datetime64, step: frequency.Frequency | pd.DateOffset, horizon: int
) -> np.ndarray:
    """So many steps after `end`; SeriesError where the calendar has fewer."""
    if isinstance(step, frequency.Frequency):
        steps = step.shift(end, np.arange(1, horizon + 1))
        # All of them: the last one may be beyond what 64 bits hold.
        inside = bool(np.all(steps < CALENDAR_END))
    else:
        # As Prophet.make_future_dataframe: the first step may be the last timestamp itself.
        start = pd.Timestamp(end).as_unit("us")
        try:
            dates = pd.date_range(start=start, periods=horizon + 1, freq=step, unit="us")
        except (pd.errors.OutOfBoundsDatetime, OverflowError):
            inside = False
        else:
            steps = dates[dates > start][:horizon].to_numpy()
            inside = bool(steps[-1] < CALENDAR_END)
    if not inside:
        raise SeriesError(
            "DS_OUT_OF_RANGE",
            f"horizon: {horizon:,} steps after {pd.Timestamp(end)} go beyond the year 2261; ask "
            "for fewer",
        )
    return steps
