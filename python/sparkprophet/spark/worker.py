"""What runs in Spark's Python workers: between Arrow tables and series.

No function here raises for a bad group: one raising group would end the whole job, after four
attempts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from sparkprophet.series import fit as fitting
from sparkprophet.series import record
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError, clip
from sparkprophet.series.record import Clock, Fit

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
) -> Callable[[tuple[Any, ...], pa.Table], pa.Table]:
    """The function for applyInArrow: one group in, exactly one row out.

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
    """

    def one_row(key: tuple[Any, ...], table: pa.Table) -> pa.Table:
        base = Config.from_json(base_json)
        warm_up()
        with Clock.measure() as clock:
            outcome = _attempt(layout, base, work, table)
        row = _record(outcome.fit, clock)
        if row["error_message"] is not None:
            group = layout.label([scalar.as_py() for scalar in key])
            row["error_message"] = clip(f"group {group}: {row['error_message']}")
        row |= {name: outcome.extra.get(name) for name in extra_types}
        types = RECORD_TYPES | dict(extra_types)
        arrays = {name: pa.array([row[name]], type=kind) for name, kind in types.items()}
        own = {n: _key(table.column(n)) for n in table.column_names if n.startswith("key_")}
        return pa.table(own | {"seed": table.column("seed").slice(0, 1)} | arrays)

    return one_row


def _attempt(
    layout: GroupLayout,
    base: Config,
    work: Callable[[Series, Config, int], Outcome],
    table: pa.Table,
) -> Outcome:
    config, series = base, layout.series(table)
    try:
        config = layout.config(table, base)
        return work(series, config, group_seed(table.column("seed")[0].as_py()))
    except Exception as error:
        return Outcome(fitting.failed(series, config, error))


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
        "config": fit.config.to_json(),
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
