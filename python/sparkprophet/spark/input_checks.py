"""Mistakes in an input that are seen without a job: missing columns, wrong types, double roles."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from sparkprophet.messages import nearest
from sparkprophet.series.config import Config
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.holidays import check_country
from sparkprophet.spark import columns
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.schema import RESERVED

TIMES = (T.DateType, T.TimestampType, T.TimestampNTZType)
# Others Spark cannot group, hash or hand to Python: intervals of months, variants, times of day.
_KEYS = (
    *(T.StringType, T.CharType, T.VarcharType, T.BinaryType, T.BooleanType, T.NumericType),
    *(*TIMES, T.DayTimeIntervalType),
)
_TEXTS = (T.StringType, T.CharType, T.VarcharType)
_NUMBERS = (T.NumericType,)
_NUMBERS_OR_FLAGS = (T.NumericType, T.BooleanType)


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
        kind = type_of(dataset, "groupCols", name)
        if not isinstance(kind, _KEYS):
            raise _wrong_type(
                "groupCols",
                name,
                kind,
                "text, binary, a boolean, a number, a time or an interval of days; cast it",
            )
    wanted: list[tuple[str, tuple[type, ...], str]] = [
        ("timestampCol", TIMES, "DateType, TimestampType or TimestampNTZType; use to_date")
    ]
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


def check_keys(dataset: DataFrame, models: DataFrame, groups: list[str]) -> None:
    """Raise TypeError where values of a key column are compared with those of another type.

    Spark would cast one to the other: '00' is 0 then, and 0.1 as a float is not 0.1 as a double.
    Whole numbers of any width are one type.
    """
    for name in groups:
        kind, of_fit = dataset.schema[name].dataType, models.schema[name].dataType
        if _family(kind) is not _family(of_fit):
            raise TypeError(
                f"groupCols: column {name!r} is {kind.simpleString()}, and was "
                f"{of_fit.simpleString()} in the fit; cast it to that"
            )


def _family(kind: T.DataType) -> type:
    """The type, or one that stands for all whose equal values are equal."""
    if isinstance(kind, _TEXTS):
        return T.StringType
    if isinstance(kind, T.DecimalType):
        return T.DecimalType if kind.scale else T.IntegralType
    return T.IntegralType if isinstance(kind, T.IntegralType) else type(kind)


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
    outputs = columns.outputs(params)
    if len(set(outputs)) < len(outputs):
        raise ValueError(
            f"{', '.join(columns.OUTPUTS)}: found {outputs}, must be three names; rename one"
        )
    for param, name in zip(columns.OUTPUTS, outputs, strict=True):
        if any(name == c or _equal_to_spark(dataset, name, c) for c in dataset.columns):
            raise ValueError(
                f"{param}: column {name!r} is in the input already; set {param} to another name "
                "or drop the column"
            )


def check_type(
    dataset: DataFrame, param: str, name: str, kinds: tuple[type, ...], remedy: str
) -> None:
    """Raise ValueError where column `name` of `param` is missing, TypeError for another type."""
    kind = type_of(dataset, param, name)
    if not isinstance(kind, kinds):
        raise _wrong_type(param, name, kind, remedy)


def _wrong_type(param: str, name: str, kind: T.DataType, remedy: str) -> TypeError:
    return TypeError(f"{param}: column {name!r} is {kind.simpleString()}, must be {remedy}")


def type_of(dataset: DataFrame, param: str, name: str) -> T.DataType:
    """The type of column `name` of `param`; ValueError where there is none, or several."""
    if name in dataset.columns:
        same = [c for c in dataset.columns if c == name or _equal_to_spark(dataset, c, name)]
        if len(same) == 1:
            return dataset.schema[name].dataType
        raise ValueError(
            f"{param}: {len(same)} columns are called {name!r} ({', '.join(same[:5])}); rename all "
            "but one"
        )
    remedy = nearest(name, dataset.columns, "columns")
    raise ValueError(f"{param}: there is no column {name!r}; {remedy}")


def _equal_to_spark(dataset: DataFrame, one: str, other: str) -> bool:
    """Whether Spark takes two names for one; it looks at their case only if told to."""
    sensitive = dataset.sparkSession.conf.get("spark.sql.caseSensitive", "false") == "true"
    return not sensitive and one.lower() == other.lower()
