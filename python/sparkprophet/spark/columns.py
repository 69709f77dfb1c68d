"""Driver-side checks of an input DataFrame, and the columns that workers get of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.messages import clip
from sparkprophet.series.config import Config
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.holidays import check_country
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.schema import RESERVED

TIMES = (T.DateType, T.TimestampType, T.TimestampNTZType)
_NUMBERS = (T.NumericType,)
_NUMBERS_OR_FLAGS = (T.NumericType, T.BooleanType)


def quoted(name: str) -> Column:
    """The column of exactly this name, whatever characters it has."""
    return F.col("`" + name.replace("`", "``") + "`")


def key_names(count: int) -> list[str]:
    """Internal names of the key columns; one constant key where there is none."""
    return [f"key_{i}" for i in range(max(1, count))]


def keys(params: GroupedProphetParams) -> list[Column]:
    """The key columns under their internal names."""
    names = params.getOrDefault("groupCols")
    if not names:
        return [F.lit(True).alias("key_0")]
    return [
        quoted(name).alias(alias) for name, alias in zip(names, key_names(len(names)), strict=True)
    ]


def seed(params: GroupedProphetParams, frame: DataFrame) -> Column:
    """Each group's own seed: a hash of the stage's seed and the key's bytes, as a long."""
    hashed = [n for n in params.getOrDefault("groupCols") if hashes_as_it_compares(frame, n)]
    return F.xxhash64(F.lit(params.getOrDefault("seed")).cast("long"), *map(quoted, hashed))


def hashes_as_it_compares(frame: DataFrame, name: str) -> bool:
    """Whether equal values of a column have one hash, as they do but under most collations."""
    return getattr(frame.schema[name].dataType, "collation", "UTF8_BINARY") == "UTF8_BINARY"


def inputs(params: GroupedProphetParams, config: Config) -> list[Column]:
    """Timestamp and value columns under internal names: ds, cap, floor, x_0, x_1, ...

    Timestamps become the wall clock of the session's time zone, so that days, weeks and holidays
    are those of people; numbers become doubles.
    """
    columns = [quoted(params.getOrDefault("timestampCol")).cast("timestamp_ntz").alias("ds")]
    for name in ("cap", "floor"):
        source = params._optional(f"{name}Col")
        if source is not None:
            columns.append(quoted(source).cast("double").alias(name))
    for i, name in enumerate(config.column_names):
        columns.append(quoted(name).cast("double").alias(f"x_{i}"))
    return columns


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


def check_input(
    dataset: DataFrame, params: GroupedProphetParams, config: Config, fitting: bool
) -> None:
    """Raise for every mistake that can be seen without a job.

    Parameters
    ----------
    fitting : bool
        True for the input of fit, which needs the label too.

    Raises
    ------
    ValueError
        A column that is missing, ambiguous, in two roles, or would be overwritten.
    TypeError
        A column of the wrong type. Each names the param, the column, what was found and the remedy.
    """
    _check_frame(dataset)
    groups = params.getOrDefault("groupCols")
    for name in groups:
        kind = _type_of(dataset, "groupCols", name)
        if not isinstance(kind, T.AtomicType):
            raise _wrong_type("groupCols", name, kind, "an atomic type; cast or leave it out")
    wanted = [("timestampCol", TIMES, "DateType, TimestampType or TimestampNTZType; use to_date")]
    if fitting:
        wanted.append(("labelCol", _NUMBERS, "a number; cast it"))
        wanted.append(("countryHolidaysCol", (T.StringType,), "a string"))
        wanted.append(("overridesCol", (T.StringType,), "a JSON string; use to_json"))
    wanted += [("capCol", _NUMBERS, "a number; cast it"), ("floorCol", _NUMBERS, "a number")]
    for param, kinds, remedy in wanted:
        name = params._optional(param)
        if name is not None:
            check_type(dataset, param, name, kinds, remedy)
    for name in config.column_names:
        check_type(
            dataset, "regressors or seasonalities", name, _NUMBERS_OR_FLAGS, "a number or boolean"
        )
    _check_roles(dataset, params, groups)
    if fitting:
        check_settings(params, config)
    else:
        check_growth(params, config)


def check_settings(params: GroupedProphetParams, config: Config) -> None:
    """Raise ValueError for settings of a fit that cannot work, whatever its input."""
    check_growth(params, config)
    if config.countryHolidays is not None:
        try:
            check_country(config, config.countryHolidays)
        except SeriesError as error:
            raise ValueError(f"countryHolidays: {error.message}") from error


def _check_frame(dataset: DataFrame) -> None:
    if not isinstance(dataset, DataFrame):
        raise TypeError(
            f"dataset: found {type(dataset).__module__}.{type(dataset).__name__}, must be a Spark "
            "DataFrame; make one with spark.createDataFrame"
        )
    if dataset.isStreaming:
        raise ValueError(
            "dataset: is a stream, and a group's rows must be there together; use "
            "writeStream.foreachBatch and transform each batch"
        )


def check_growth(params: GroupedProphetParams, config: Config) -> None:
    """Raise ValueError for logistic growth without a column of caps."""
    if config.growth == "logistic" and params._optional("capCol") is None:
        raise ValueError("growth: found 'logistic' without capCol; set capCol to a numeric column")


def _check_roles(dataset: DataFrame, params: GroupedProphetParams, groups: list[str]) -> None:
    for param in ("timestampCol", "labelCol"):
        name = params.getOrDefault(param)
        if name in groups:
            raise ValueError(f"groupCols: {name!r} is {param} too; take it out of one of them")
    for name in groups:
        if name.lower() in RESERVED:
            raise ValueError(
                f"groupCols: {name!r} is a column of the models table; rename it, as in "
                f"withColumnRenamed({name!r}, {'group_' + name!r})"
            )
    outputs = [params.getOrDefault(p) for p in ("predictionCol", "lowerCol", "upperCol")]
    if len(set(outputs)) < len(outputs):
        raise ValueError(f"predictionCol, lowerCol, upperCol: found {outputs}; they must differ")
    for param, name in zip(("predictionCol", "lowerCol", "upperCol"), outputs, strict=True):
        if any(name == c or _equal_to_spark(dataset, name, c) for c in dataset.columns):
            raise ValueError(
                f"{param}: column {name!r} is in the input already; set {param} to another name "
                "or drop the column"
            )


def check_type(
    dataset: DataFrame, param: str, name: str, kinds: tuple[type, ...], remedy: str
) -> None:
    """Raise ValueError where column `name` of `param` is missing, TypeError for another type."""
    kind = _type_of(dataset, param, name)
    if not isinstance(kind, kinds):
        raise _wrong_type(param, name, kind, remedy)


def _wrong_type(param: str, name: str, kind: T.DataType, remedy: str) -> TypeError:
    return TypeError(f"{param}: column {name!r} is {kind.simpleString()}, must be {remedy}")


def _type_of(dataset: DataFrame, param: str, name: str) -> T.DataType:
    if name in dataset.columns:
        same = [c for c in dataset.columns if c == name or _equal_to_spark(dataset, c, name)]
        if len(same) == 1:
            return dataset.schema[name].dataType
        raise ValueError(
            f"{param}: {len(same)} columns are called {name!r} ({', '.join(same[:5])}); rename all "
            "but one"
        )
    raise ValueError(f"{param}: there is no column {name!r}; {_nearest(name, dataset.columns)}")


def _equal_to_spark(dataset: DataFrame, one: str, other: str) -> bool:
    """Whether Spark takes two names for one; it looks at their case only if told to."""
    sensitive = dataset.sparkSession.conf.get("spark.sql.caseSensitive", "false") == "true"
    return not sensitive and one.lower() == other.lower()


def _nearest(name: str, columns: Iterable[str]) -> str:
    columns = list(columns)
    folded = [c for c in columns if c.lower() == name.lower()]
    near = folded or difflib.get_close_matches(name, columns, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    return f"columns are {clip(shown, 300) or 'none'}"
