"""The columns of the models table, stated once: one row per key, whatever happened to it.

Key columns come first in the table and are the input's own. The DDL that Spark gets, the Arrow
types that workers answer with, the names that a key column may not have, and the Scala side's
`ModelColumns.scala` (`scripts/scala_params.py`) are all made from the rows here. No pyspark, as
workers read it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa


class ModelColumn(NamedTuple):
    """A column of the models table."""

    name: str
    type: pa.DataType
    doc: str


_STATE = pa.struct(
    [
        ("facts", pa.string()),
        ("parameters", pa.list_(pa.float64())),
        ("ds", pa.list_(pa.int64())),
        ("y", pa.list_(pa.float64())),
        ("columns", pa.list_(pa.list_(pa.float64()))),
    ]
)
_TRIAL = pa.struct(
    [
        ("trial", pa.int64()),
        ("value", pa.float64()),
        ("state", pa.string()),
        ("params", pa.string()),
        ("seconds", pa.float64()),
        ("cpu_seconds", pa.float64()),
        ("error", pa.string()),
    ]
)
_MEMBER = pa.struct(
    [
        ("settings", pa.string()),
        ("method", pa.string()),
        ("weight", pa.float64()),
        ("error", pa.string()),
    ]
)

FIT = (
    ModelColumn("status", pa.string(), "ok, fallback or failed"),
    ModelColumn("solver", pa.string(), "native or stan; of a fallback the naive method"),
    ModelColumn("error_code", pa.string(), "of the failure, kept by a fallback too"),
    ModelColumn("error_message", pa.string(), "the group, the column, the value and the remedy"),
    ModelColumn("n_obs", pa.int64(), "rows with a label"),
    ModelColumn("start", pa.timestamp("us"), "first timestamp of those rows, in the input's type"),
    ModelColumn("end", pa.timestamp("us"), "last timestamp of those rows, in the input's type"),
    ModelColumn("log_posterior", pa.float64(), "of the solution, as its solver gives it"),
    ModelColumn("fit_seconds", pa.float64(), "wall clock of the group's work"),
    ModelColumn("cpu_seconds", pa.float64(), "CPU time of the group's work, children included"),
    ModelColumn("host", pa.string(), "where it was done"),
    ModelColumn("pid", pa.int64(), "the process that did it"),
    ModelColumn("started_at", pa.timestamp("us", tz="UTC"), "when it began"),
    ModelColumn("config", pa.string(), "the settings of the fit, as JSON"),
    ModelColumn("members", pa.list_(_MEMBER), "of a combination: its forecasts and their weights"),
    ModelColumn("state", _STATE, "all that a forecast needs, see `series.state`"),
)
"""What every fit gives; shape and types of a row of `series.record.Fit`."""

SEARCH = (
    ModelColumn("best_value", pa.float64(), "the metric of the values that were fitted"),
    ModelColumn("n_trials", pa.int64(), "trials that were made"),
    ModelColumn("stopped_by", pa.string(), "what ended the search"),
    ModelColumn("untuned_value", pa.float64(), "the metric of the estimator's own values"),
    ModelColumn("naive_value", pa.float64(), "the metric of seasonal naive"),
    ModelColumn("holdout_value", pa.float64(), "the metric on an older holdout that nothing saw"),
    ModelColumn("holdout_untuned_value", pa.float64(), "that of the estimator's own values"),
    ModelColumn("holdout_naive_value", pa.float64(), "that of seasonal naive"),
    ModelColumn("trials", pa.list_(_TRIAL), "every trial, or none"),
)
"""What a search adds: the keys of `Fit.search`."""

SINCE_2 = ("members", "holdout_value", "holdout_untuned_value", "holdout_naive_value")
"""Columns that tables of format 1 do not have; they are NULL there."""

COMPARISON = {
    "tuned": "holdout_value",
    "untuned": "holdout_untuned_value",
    "seasonal_naive": "holdout_naive_value",
}
"""Names of the columns of a comparison, and what they are called in the table."""

STATE_FIELDS = tuple(field.name for field in _STATE)
CHECKSUMS = ("checksum", "trials_checksum")
"""Columns of a saved table besides its own."""
RESERVED = frozenset([*(column.name for column in FIT + SEARCH), *CHECKSUMS])
"""Names, in lower case, that no key column may have."""
RESERVED_BY_SEARCHES = frozenset([*(field.name for field in _TRIAL), *COMPARISON])
"""Further ones, of groups that are searched: `trials` and `comparison` have columns of these."""

_SPARK_TYPES = {
    pa.string(): "string",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.timestamp("us"): "timestamp_ntz",
    pa.timestamp("us", tz="UTC"): "timestamp_ltz",  # the other word is what the session says
}


def arrow_types(columns: Iterable[ModelColumn]) -> dict[str, pa.DataType]:
    """Arrow type by name, in the order of the columns."""
    return {column.name: column.type for column in columns}


def ddl(columns: Iterable[ModelColumn]) -> str:
    """The columns as Spark's DDL, such as `status string, n_obs bigint`."""
    return ", ".join(f"{column.name} {_spark_type(column.type)}" for column in columns)


def _spark_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"array<{_spark_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        fields = ",".join(f"{field.name}:{_spark_type(field.type)}" for field in kind)
        return f"struct<{fields}>"
    return _SPARK_TYPES[kind]
