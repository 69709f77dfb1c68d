"""Forecasts in Spark's Python workers: what pandas UDFs call with models and rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sparkprophet.series import forecast as series_forecast
from sparkprophet.series import frequency
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import as_series_error
from sparkprophet.series.state import State
from sparkprophet.spark.schema import STATE_FIELDS
from sparkprophet.spark.worker.group_row import group_seed

_log = logging.getLogger("sparkprophet")

Answer = Callable[[State, Config, int, Series], Mapping[str, Any]]
"""(state, config, seed, rows) -> arrays by output name."""
Batch = Callable[..., pd.DataFrame]
"""What a pandas UDF calls with the columns of a batch of models."""
Stream = Callable[[Iterator[tuple[pd.Series, ...]]], Iterator[pd.DataFrame]]
"""What a pandas UDF of iterators calls: as many rows come out as went in, in their order."""

FORECAST = ("yhat", "lower", "upper")
COMPONENTS = ("trend", "components")
# Rows that go back to Spark at a time.
_PIECE = 2**16


def predicting(names: tuple[str, ...]) -> Stream:
    """The worker's function of forecasts of rows with the columns `names`, "ds" first."""
    return _stream(_predict_rows, FORECAST, names)


def decomposing(names: tuple[str, ...]) -> Stream:
    """The worker's function of components of rows with the columns `names`, "ds" first."""
    return _stream(_component_rows, COMPONENTS, names)


def going_ahead(horizon: int, freq: str | None, history: bool) -> Batch:
    """The worker's function of forecasts after a model's end; see GroupedProphetModel.forecast.

    It is called with config, seed and the STATE_FIELDS. A model that cannot forecast gets NULLs.
    """
    answer = _predict_ahead(horizon, freq, history)

    def batch(*columns: pd.Series) -> pd.DataFrame:
        nothing = Series(np.empty(0, dtype="datetime64[us]"), np.empty(0))
        answers = [_answered(answer, model, nothing) for model in zip(*columns, strict=True)]
        return pd.DataFrame([{n: values.get(n) for n in ("ds", *FORECAST)} for values in answers])

    return batch


def _stream(answer: Answer, outputs: tuple[str, ...], names: tuple[str, ...]) -> Stream:
    """What a pandas UDF calls with batches of a flag, config, seed, STATE_FIELDS and `names`.

    The flag is true in a group's first row, which has its model if there is one. A group is
    answered when its last row is there. Rows without a model or that cannot be forecast get NULLs.
    """

    def stream(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        model: tuple[Any, ...] = ()
        waiting: list[list[np.ndarray]] = []

        def finished() -> dict[str, np.ndarray]:
            arrays = [np.concatenate(pieces) for pieces in zip(*waiting, strict=True)]
            rows = _rows(names, arrays)
            answers = _answered(answer, model, rows)
            return {name: answers.get(name, np.full(len(rows), None)) for name in outputs}

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
            yield from _pieces(done, outputs)
        if waiting:
            yield from _pieces([finished()], outputs)

    return stream


def _pieces(done: Sequence[Mapping[str, Any]], outputs: tuple[str, ...]) -> Iterator[pd.DataFrame]:
    """The answers of groups one after the other, so many rows at a time."""
    if not done:
        return
    whole = {name: np.concatenate([answers[name] for answers in done]) for name in outputs}
    for start in range(0, len(whole[outputs[0]]), _PIECE):
        yield pd.DataFrame({n: values[start : start + _PIECE] for n, values in whole.items()})


def _answered(answer: Answer, model: Sequence[Any], rows: Series) -> Mapping[str, Any]:
    """The answer; none for a group that cannot be forecast, so that it ends no other's forecast.

    Nor does a state that is none: a row whose bytes are not those saved is refused before.
    """
    if not model or not model[0]:
        return {}
    config, seed, *fields = model
    record = dict(zip(STATE_FIELDS, fields, strict=True))
    try:
        state = State.from_record(record)
        return answer(state, Config.from_json(config), group_seed(int(seed)), rows)
    except Exception as error:
        coded = as_series_error(error)
        _log.warning("a group cannot be forecast: %s: %s", coded.code, coded.message)
        return {}


def _rows(names: tuple[str, ...], arrays: Sequence[np.ndarray]) -> Series:
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


def _predict_ahead(horizon: int, freq: str | None, history: bool) -> Answer:
    def answer(state: State, config: Config, seed: int, rows: Series) -> Mapping[str, Any]:
        past = state.history
        ds = _future(past.ds, horizon, freq)
        last = {name: np.full(horizon, values[-1]) for name, values in past.columns.items()}
        if history:
            ds = np.concatenate([past.ds, ds])
            last = {n: np.concatenate([past.columns[n], values]) for n, values in last.items()}
        wanted = Series(ds, np.full(len(ds), np.nan), last)
        return {"ds": ds.astype(np.int64)} | dict(_predict_rows(state, config, seed, wanted))

    return answer


def _future(ds: np.ndarray, horizon: int, freq: str | None) -> np.ndarray:
    if freq is None:
        return frequency.infer(ds).shift(ds[-1], np.arange(1, horizon + 1))
    # As Prophet.make_future_dataframe: the first step may be the last timestamp itself.
    dates = pd.date_range(start=pd.Timestamp(ds[-1]), periods=horizon + 1, freq=freq)
    return dates[dates > pd.Timestamp(ds[-1])][:horizon].to_numpy().astype("datetime64[us]")
