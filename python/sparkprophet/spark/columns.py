"""Names and expressions of the columns that workers get of an input, and of those they give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.series.config import Config
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.schema import ModelColumn, ddl

OUTPUTS = ("predictionCol", "lowerCol", "upperCol")
"""Params that name the columns of a forecast: its value, and the ends of its interval."""


def quoted(name: str) -> Column:
    """The column of exactly this name, whatever characters it has."""
    return F.col("`" + name.replace("`", "``") + "`")


def struct_type(model_columns: Iterable[ModelColumn]) -> T.StructType:
    """Columns of the models table as Spark's type."""
    return cast(T.StructType, T.StructType.fromDDL(ddl(model_columns)))


def key_names(params: GroupedProphetParams) -> list[str]:
    """Internal names of the key columns; one constant key where there is none."""
    return [f"key_{i}" for i in range(max(1, len(params.getOrDefault("groupCols"))))]


def keys(params: GroupedProphetParams) -> list[Column]:
    """The key columns under their internal names."""
    sources = [quoted(name) for name in params.getOrDefault("groupCols")] or [F.lit(True)]
    return [key.alias(name) for key, name in zip(sources, key_names(params), strict=True)]


def outputs(params: GroupedProphetParams) -> list[str]:
    """Names of the columns of a forecast, in the order of `OUTPUTS`."""
    return [params.getOrDefault(name) for name in OUTPUTS]


def seed(params: GroupedProphetParams, frame: DataFrame) -> Column:
    """Each group's own seed: a hash of the stage's seed and the key's bytes, as a long."""
    hashed = [n for n in params.getOrDefault("groupCols") if hashes_as_it_compares(frame, n)]
    return F.xxhash64(F.lit(params.getOrDefault("seed")).cast("long"), *map(quoted, hashed))


def hashes_as_it_compares(frame: DataFrame, name: str) -> bool:
    """Whether equal values of a column have one hash, as they do but under most collations."""
    return getattr(frame.schema[name].dataType, "collation", "UTF8_BINARY") == "UTF8_BINARY"


def inputs(params: GroupedProphetParams, config: Config, zone: str | None = None) -> list[Column]:
    """Timestamp and value columns under internal names: ds, cap, floor, x_0, x_1, ...

    Instants become the wall clock of a time zone, by default the session's, so that days, weeks
    and holidays are those of people; numbers become doubles.
    """
    time = quoted(params.getOrDefault("timestampCol"))
    # Spark's name is odd: it moves the instant so that UTC shows what the zone's clock did.
    clock = time if zone is None else wall_clock(F.unix_micros(F.from_utc_timestamp(time, zone)))
    columns = [clock.cast("timestamp_ntz").alias("ds")]
    for name in ("cap", "floor"):
        source = params._optional(f"{name}Col")
        if source is not None:
            columns.append(quoted(source).cast("double").alias(name))
    for i, name in enumerate(config.column_names):
        columns.append(quoted(name).cast("double").alias(f"x_{i}"))
    return columns


def session_zone(frame: DataFrame) -> str:
    """The time zone of a frame's session, as Spark names it."""
    return cast(str, frame.sparkSession.conf.get("spark.sql.session.timeZone"))


def microseconds(wall_clock: Column) -> Column:
    """A timestamp without a zone as microseconds since 1970, as a long."""
    # Through an interval: the functions that count microseconds take instants, and would pass
    # through the session's time zone, where an hour a year does not exist.
    since = (wall_clock - _epoch()).cast("interval second").cast("decimal(20,6)")
    return (since * 1_000_000).cast("long")


def wall_clock(microseconds: Column) -> Column:
    """The inverse of `microseconds`."""
    seconds = (microseconds.cast("decimal(20,0)") / 1_000_000).cast("decimal(18,6)")
    return _epoch() + F.make_dt_interval(F.lit(0), F.lit(0), F.lit(0), seconds)


def _epoch() -> Column:
    return F.lit("1970-01-01 00:00:00").cast("timestamp_ntz")
