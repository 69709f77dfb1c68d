"""What runs in Spark's Python workers: between Arrow tables and series.

No function here raises for a bad group: one raising group would end the whole job, after four
attempts.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from sparkprophet.series import fit as fitting
from sparkprophet.series import record
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError, as_series_error, clip
from sparkprophet.series.record import Clock, Fit
from sparkprophet.spark.worker.limits import limit
from sparkprophet.spark.worker.process import GroupProcess, ProcessEnded

STATE_DDL = (
    "struct<facts:string,parameters:array<double>,ds:array<bigint>,y:array<double>,"
    "columns:array<array<double>>>"
)
RECORD_DDL = (
    "status string, solver string, error_code string, error_message string, n_obs bigint, "
    "start timestamp_ntz, end timestamp_ntz, log_posterior double, fit_seconds double, "
    "cpu_seconds double, host string, pid bigint, started_at timestamp, config string, "
    f"state {STATE_DDL}"
)
_NTZ = pa.timestamp("us")
_NO_ROWS = Series(np.empty(0, "datetime64[us]"), np.empty(0))
_STATE = pa.struct(
    [
        ("facts", pa.string()),
        ("parameters", pa.list_(pa.float64())),
        ("ds", pa.list_(pa.int64())),
        ("y", pa.list_(pa.float64())),
        ("columns", pa.list_(pa.list_(pa.float64()))),
    ]
)
RECORD_TYPES: dict[str, pa.DataType] = {
    "status": pa.string(),
    "solver": pa.string(),
    "error_code": pa.string(),
    "error_message": pa.string(),
    "n_obs": pa.int64(),
    "start": _NTZ,
    "end": _NTZ,
    "log_posterior": pa.float64(),
    "fit_seconds": pa.float64(),
    "cpu_seconds": pa.float64(),
    "host": pa.string(),
    "pid": pa.int64(),
    "started_at": pa.timestamp("us", tz="UTC"),
    "config": pa.string(),
    "state": _STATE,
}


@dataclass(frozen=True)
class GroupLayout:
    """Which internal column of a group's table is what.

    `key_names`: the users' names of key_0, key_1, ...; `column_names`: those of x_0, x_1, ....
    """

    key_names: tuple[str, ...]
    column_names: tuple[str, ...]

    def series(self, table: pa.Table) -> Series:
        """The group's rows as arrays; NULL and NaN numbers are both NaN."""
        ds = table.column("ds").combine_chunks().cast(pa.int64())
        y = _doubles(table, "y") if "y" in table.column_names else np.full(len(table), np.nan)
        names = {f"x_{i}": name for i, name in enumerate(self.column_names)}
        names |= {name: name for name in ("cap", "floor") if name in table.column_names}
        columns = {name: _doubles(table, internal) for internal, name in names.items()}
        times = ds.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)
        return Series(times.astype("datetime64[us]"), y, columns)

    def label(self, values: list[Any]) -> str:
        """The group as messages name it: store=2, province=NULL."""
        shown = ["NULL" if value is None else str(value) for value in values]
        pairs = [f"{n}={v}" for n, v in zip(self.key_names, shown, strict=False)]
        return clip(", ".join(pairs), 150) or "all rows"

    def config(self, table: pa.Table, base: Config) -> Config:
        """The group's own config: the base, the country of its column, its overrides.

        Raises
        ------
        SeriesError
            NOT_CONSTANT or OVERRIDES_INVALID.
        """
        values: dict[str, Any] = {}
        country = _single(table, "country")
        if country is not None:
            values["countryHolidays"] = country
        overrides = _single(table, "overrides")
        if overrides is not None:
            values |= _overrides(overrides)
        try:
            own = base.replace(values) if values else base
        except (TypeError, ValueError) as error:
            raise SeriesError("OVERRIDES_INVALID", f"{error}") from error
        missing = set(own.column_names) - set(self.column_names)
        if missing:
            raise SeriesError(
                "OVERRIDES_INVALID",
                f"column {sorted(missing)[0]!r} is not among those the stage reads; name it in "
                "the stage's own regressors or seasonalities",
            )
        return own


@dataclass
class Outcome:
    """A group's fit and, where a search came before it, further values of its row."""

    fit: Fit
    extra: dict[str, Any] = field(default_factory=dict)


def group_function(
    layout: GroupLayout,
    base_json: str,
    work: Callable[[Series, Config, int], Outcome],
    extra_types: Mapping[str, pa.DataType],
    warm_up: Callable[[], None],
    group_timeout: float | None = None,
) -> Callable[[tuple[Any, ...], pa.Table], pa.Table]:
    """The function for applyInArrow: one group in, exactly one row out.

    Groups are worked on in a child of the worker, see `group_process`. One that ends it is tried
    once more, since the cause may lie elsewhere, and then is a row with the code WORKER_LOST.

    Parameters
    ----------
    layout : GroupLayout
    base_json : str
        The config of groups without values of their own, as JSON.
    work : callable
        (series, config, seed) -> Outcome; what it raises becomes a failed row.
    extra_types : mapping
        Arrow types of the further columns in the outcome's `extra`, in their order.
    warm_up : callable
        Called before a group's time begins: what a worker process has to do once.
    group_timeout : float, optional
        Seconds, 0 for no limit; by default what the group's config says.
    """
    row = GroupRow(layout, base_json, work, extra_types, warm_up, group_timeout)

    def one_row(key: tuple[Any, ...], table: pa.Table) -> pa.Table:
        # Without fork, on Windows, the worker itself does the work, and nothing bounds a group.
        return _row_by_child(row, table) if hasattr(os, "fork") else row("", table)

    return one_row


def _row_by_child(row: GroupRow, table: pa.Table) -> pa.Table:
    clock, end = Clock(), None
    for _ in range(2):
        process, began = GroupProcess.ready(row), time.perf_counter()
        try:
            return process.answer("", table)
        except ProcessEnded as ended:
            seconds = time.perf_counter() - began
            clock.seconds += seconds
            clock.cpu_seconds += min(seconds, process.cpu_seconds)
            end = ended
        if end.signal == signal.SIGALRM:
            break
    return GroupProcess.ready(row).answer(_lost(end, clock), table)


def _lost(end: ProcessEnded, clock: Clock) -> str:
    """The facts of a group that ended its process, as GroupRow takes them."""
    if end.signal == signal.SIGALRM:
        code = "TIMEOUT"
        message = (
            "the group used up groupTimeout and was ended; raise it, simplify the model or set a "
            "fallback"
        )
    else:
        code = "WORKER_LOST"
        message = (
            f"the process that worked on it ended twice, at last by {end}; where memory was short "
            "set groupMemoryInMB or give executors more; else simplify the model or leave the "
            "group out"
        )
    began = clock.started_at.timestamp()
    return json.dumps([code, message, began, clock.seconds, clock.cpu_seconds])


@dataclass(frozen=True)
class GroupRow:
    """The table of a group to its row; see `group_function` for the attributes."""

    layout: GroupLayout
    base_json: str
    work: Callable[[Series, Config, int], Outcome]
    extra_types: Mapping[str, pa.DataType]
    warm_up: Callable[[], None]
    group_timeout: float | None

    def __call__(self, facts: str, table: pa.Table) -> pa.Table:
        """The row. `facts` are those of a group that ended its process, "" for one to work on."""
        if facts:
            code, message, began, *spent = json.loads(facts)
            clock = Clock(datetime.fromtimestamp(began, UTC), *spent)
            outcome = self._attempt(table, SeriesError(code, message))
        else:
            with Clock.measure() as clock:
                outcome = self._attempt(table)
        row = _record(outcome.fit, clock)
        own = outcome.fit.config
        row["config"] = self.base_json if own is self._base else own.to_json()
        if row["error_message"] is not None:
            names = [f"key_{i}" for i in range(len(self.layout.key_names))]
            group = self.layout.label([table.column(name)[0].as_py() for name in names])
            row["error_message"] = clip(f"group {group}: {row['error_message']}")
        row |= {name: outcome.extra.get(name) for name in self.extra_types}
        types = RECORD_TYPES | dict(self.extra_types)
        arrays = {name: pa.array([row[name]], type=kind) for name, kind in types.items()}
        keys = {n: _key(table.column(n)) for n in table.column_names if n.startswith("key_")}
        return pa.table(keys | {"seed": table.column("seed").slice(0, 1)} | arrays)

    def _attempt(self, table: pa.Table, lost: SeriesError | None = None) -> Outcome:
        """The outcome of the work, or of a group that was lost before."""
        config, series, error = self._base, _NO_ROWS, lost
        self._limit(config)
        try:
            series = self.layout.series(table)
            config = self.layout.config(table, config)
            if lost is None:
                self._limit(config)
                return self.work(series, config, group_seed(table.column("seed")[0].as_py()))
        except Exception as raised:
            error = lost or as_series_error(raised)
        finally:
            limit(0, 0)
        return Outcome(fitting.failed(series, config, error))

    @cached_property
    def _base(self) -> Config:
        return Config.from_json(self.base_json)

    def _limit(self, config: Config) -> None:
        seconds = config.groupTimeout if self.group_timeout is None else self.group_timeout
        limit(seconds, config.groupMemoryInMB)


def fit_group(series: Series, config: Config, seed: int) -> Outcome:
    """The work of GroupedProphet."""
    return Outcome(fitting.fit(series, config, fitting.deadline_of(config)))


def group_seed(hashed: int) -> int:
    """A group's hash as a seed that numpy and Optuna take: 0 to 2**32 - 1."""
    return hashed % 2**32


def _record(fit: Fit, clock: Clock) -> dict[str, Any]:
    host, pid = record.where()
    return {
        "status": fit.status,
        "solver": fit.solver,
        "error_code": fit.error_code,
        "error_message": fit.error_message,
        "n_obs": fit.n_obs,
        "start": fit.start,
        "end": fit.end,
        "log_posterior": fit.log_posterior,
        "fit_seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "host": host,
        "pid": pid,
        "started_at": clock.started_at,
        "state": None if fit.state is None else fit.state.to_record(),
    }


def _key(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The one value of a key column, as Spark takes it back."""
    value = column.slice(0, 1)
    # Spark hands instants out in the session's time zone, but takes them in UTC only.
    zoned = pa.types.is_timestamp(value.type) and value.type.tz is not None
    return value.cast(pa.timestamp("us", tz="UTC")) if zoned else value


def _doubles(table: pa.Table, name: str) -> np.ndarray:
    values = table.column(name).combine_chunks().fill_null(float("nan"))
    return values.to_numpy(zero_copy_only=False)


def _single(table: pa.Table, name: str) -> Any:
    """The one value of a column that must be constant; None where there is no such column."""
    if name not in table.column_names:
        return None
    values = table.column(name).unique().to_pylist()
    if len(values) > 1:
        raise SeriesError(
            "NOT_CONSTANT",
            f"{name}: found {len(values)} values ({str(values[:2])[1:-1]}, ...), must be one per "
            "group; make it constant",
        )
    return values[0]


def _overrides(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise SeriesError("OVERRIDES_INVALID", f"{clip(text, 80)!r} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise SeriesError("OVERRIDES_INVALID", f"{clip(text, 80)!r} is no JSON object")
    return values
