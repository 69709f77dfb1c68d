"""The row of a group: from its Arrow table, by a fit or a search in a child of the worker.

No function here raises for a bad group: one raising group would end the whole job, after four
attempts.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa

from sparkprophet.clock import Clock
from sparkprophet.messages import clip
from sparkprophet.series import fit as fitting
from sparkprophet.series import record
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError, as_series_error
from sparkprophet.series.record import Fit
from sparkprophet.spark.schema import FIT, ModelColumn, arrow_types
from sparkprophet.spark.worker.group_layout import GroupLayout
from sparkprophet.spark.worker.limits import limit
from sparkprophet.spark.worker.process import GroupProcess, ProcessEnded

_log = logging.getLogger("sparkprophet")
_NO_ROWS = Series(np.empty(0, "datetime64[us]"), np.empty(0))
# What the row of a lost group is made of besides its key: what ended the work may be in the group's
# own settings, or in its rows, and would end the making of its row too.
_SETTINGS, _ROWS, _NOTHING = "settings and rows", "rows", "nothing"


def group_function(
    layout: GroupLayout,
    base_json: str,
    work: Callable[[Series, Config, int], Fit],
    extra: Sequence[ModelColumn],
    warm_up: Callable[[], None],
    group_timeout: float | None = None,
) -> Callable[[tuple[Any, ...], pa.Table], pa.Table]:
    """The function for applyInArrow: one group in, exactly one row out.

    Groups are worked on in a child of the worker, see `process`. One that ends it is tried
    once more, since the cause may lie elsewhere, and then is a row with the code WORKER_LOST.

    Parameters
    ----------
    layout : GroupLayout
    base_json : str
        The config of groups without values of their own, as JSON.
    work : callable
        (series, config, seed) -> Fit; what it raises becomes a failed row.
    extra : sequence of ModelColumn
        Further columns, whose values are in the fit's `search`: `schema.SEARCH`, or none.
    warm_up : callable
        Called before a group's time begins: what a worker process has to do once.
    group_timeout : float, optional
        Seconds, 0 for no limit; by default what the group's config says.
    """
    row = GroupRow(layout, base_json, work, extra, warm_up, group_timeout)

    def one_row(key: tuple[Any, ...], table: pa.Table) -> pa.Table:
        # Without fork, on Windows, the worker itself does the work, and nothing bounds a group.
        return _row_by_child(row, table) if hasattr(os, "fork") else row(("", table))

    return one_row


def _row_by_child(row: GroupRow, table: pa.Table) -> pa.Table:
    clock = Clock()
    ends: list[ProcessEnded] = []
    while len(ends) < 2 and not (ends and ends[0].signal == signal.SIGALRM):
        process, began = GroupProcess.ready(row), time.perf_counter()
        try:
            return _answer(process, "", table)
        except ProcessEnded as ended:
            seconds = time.perf_counter() - began
            clock.seconds += seconds
            clock.cpu_seconds += min(seconds, process.cpu_seconds)
            ends.append(ended)
    for needs in (_SETTINGS, _ROWS):
        with suppress(ProcessEnded):
            return _answer(GroupProcess.ready(row), _lost(ends[-1], clock, needs), table)
    return row((_lost(ends[-1], clock, _NOTHING), table))[1]


def _answer(process: GroupProcess, facts: str, table: pa.Table) -> pa.Table:
    _, row = process.answer((facts, table))
    return cast(pa.Table, row)


def _lost(end: ProcessEnded, clock: Clock, needs: str) -> str:
    """The facts of a group that ended its process, as GroupRow takes them."""
    error, began = lost(end), clock.started_at.timestamp()
    spent = [began, clock.seconds, clock.cpu_seconds]
    return json.dumps([error.code, error.message, needs, *spent])


def lost(end: ProcessEnded) -> SeriesError:
    """The error of a group that ended its process."""
    if end.signal == signal.SIGALRM:
        return SeriesError(
            "TIMEOUT",
            "the group used up groupTimeout and was ended; raise it, simplify the model or set a "
            "fallback",
        )
    return SeriesError(
        "WORKER_LOST",
        f"the process that worked on it ended twice, at last by {end}; where memory was short "
        "set groupMemoryInMB or give executors more; else simplify the model or leave the "
        "group out",
    )


@dataclass(frozen=True)
class GroupRow:
    """The table of a group to its row; see `group_function` for the attributes."""

    layout: GroupLayout
    base_json: str
    work: Callable[[Series, Config, int], Fit]
    extra: Sequence[ModelColumn]
    warm_up: Callable[[], None]
    group_timeout: float | None

    def __call__(self, request: tuple[str, pa.Table]) -> tuple[str, pa.Table]:
        """No facts, and the row of a table.

        The request's facts are those of a group that ended its process, "" for one to work on.
        """
        facts, table = request
        if facts:
            code, message, needs, began, *spent = json.loads(facts)
            clock = Clock(datetime.fromtimestamp(began, UTC), *spent)
            fit = self._lost(table, SeriesError(code, message), needs)
        else:
            with Clock.measure() as clock:
                fit = self._attempt(table)
        return "", self._row(table, fit, clock)

    @staticmethod
    def write(pipe: BinaryIO, message: tuple[str, pa.Table]) -> None:
        """Facts and a table as an Arrow stream."""
        facts, table = message
        schema = table.schema.with_metadata({"facts": facts})
        with pa.ipc.new_stream(pipe, schema) as stream:
            stream.write_table(table)

    @staticmethod
    def read(pipe: BinaryIO) -> tuple[str, pa.Table]:
        """What `write` wrote."""
        table = pa.ipc.open_stream(pipe).read_all()
        return table.schema.metadata[b"facts"].decode(), table

    def _row(self, table: pa.Table, fit: Fit, clock: Clock) -> pa.Table:
        row = _record(fit, clock)
        same = fit.config is self._base
        row["config"] = self.base_json if same else fit.config.to_json()
        if row["error_message"] is not None:
            names = [f"key_{i}" for i in range(len(self.layout.key_names))]
            group = self.layout.label([table.column(name)[0].as_py() for name in names])
            row["error_message"] = clip(f"group {group}: {row['error_message']}")
        row |= {column.name: fit.search.get(column.name) for column in self.extra}
        types = arrow_types([*FIT, *self.extra])
        arrays = {name: pa.array([row[name]], type=kind) for name, kind in types.items()}
        keys = {n: _key(table.column(n)) for n in table.column_names if n.startswith("key_")}
        return pa.table(keys | {"seed": table.column("seed").slice(0, 1)} | arrays)

    def _attempt(self, table: pa.Table) -> Fit:
        """What the work gives."""
        config, series = self._base, _NO_ROWS
        self._limit(config)
        try:
            series = self.layout.series(table)
            config = self.layout.config(table, config)
            self._limit(config)
            return self.work(series, config, group_seed(table.column("seed")[0].as_py()))
        except Exception as raised:
            error = as_series_error(raised)
        finally:
            limit(0, 0)
        return fitting.failed(series, config, error)

    def _lost(self, table: pa.Table, error: SeriesError, needs: str) -> Fit:
        """The fit of a group that was lost before, failed or a fallback's."""
        config, series = self._base, _NO_ROWS
        try:
            if needs != _NOTHING:
                series = self.layout.series(table)
            if needs == _SETTINGS:
                self._limit(config)
                config = self.layout.config(table, config)
        except Exception as raised:
            # What is reported is what ended it.
            _log.warning("the row of a lost group: %s", as_series_error(raised).message)
        finally:
            limit(0, 0)
        return fitting.failed(series, config, error)

    @cached_property
    def _base(self) -> Config:
        return Config.from_json(self.base_json)

    def _limit(self, config: Config) -> None:
        seconds = config.groupTimeout if self.group_timeout is None else self.group_timeout
        limit(seconds, config.groupMemoryInMB)


def fit_group(series: Series, config: Config, seed: int) -> Fit:
    """The work of GroupedProphet."""
    return fitting.fit(series, config, fitting.deadline_of(config))


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
        "members": fit.members,
        "state": None if fit.state is None else fit.state.to_record(),
    }


def _key(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The one value of a key column, as Spark takes it back."""
    value = column.slice(0, 1)
    # Spark hands instants out in the session's time zone, but takes them in UTC only.
    zoned = pa.types.is_timestamp(value.type) and value.type.tz is not None
    return value.cast(pa.timestamp("us", tz="UTC")) if zoned else value
