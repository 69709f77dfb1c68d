"""Forecasts of a table of models: by rows that are given, or ahead of each key's own end.

The input's rows never leave the JVM. They are sorted by group, each group's model before its rows;
workers see only the models, timestamps and numbers, and Spark puts their answers beside the rows.
So any column type goes through untouched, and no more of a group than its timestamps and numbers
has to be in memory at one time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.types import StructType

from sparkprophet.series import genuine_prophet
from sparkprophet.series.config import Config
from sparkprophet.series.state import State
from sparkprophet.spark import columns
from sparkprophet.spark.grouped import group_work
from sparkprophet.spark.input_checks import check_input, check_keys
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.schema import STATE_FIELDS
from sparkprophet.spark.worker import forecasts
from sparkprophet.spark.worker.forecasts import Stream
from sparkprophet.spark.worker.wall_clock import zone_of

_ERROR = T.StructField("error", T.StringType())
_FORECAST = StructType([*(T.StructField(n, T.DoubleType()) for n in forecasts.FORECAST), _ERROR])
_NUMBERS = T.ArrayType(T.DoubleType())
_STEPS = ("ds", *forecasts.FORECAST)
_AHEAD = StructType(
    [
        T.StructField("ds", T.ArrayType(T.LongType())),
        *(T.StructField(name, _NUMBERS) for name in forecasts.FORECAST),
        _ERROR,
    ]
)
_COMPONENTS = StructType(
    [
        T.StructField("trend", T.DoubleType()),
        T.StructField("components", T.MapType(T.StringType(), T.DoubleType())),
    ]
)
_STATE_COLUMNS = ("config", "seed", *(f"state_{name}" for name in STATE_FIELDS))
MOST_STEPS = 1_000_000
"""The longest horizon; steps of minutes for two years are fewer."""
_log = logging.getLogger("sparkprophet")
_NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Fitted:
    """Fitted models, and what their model says of how they forecast.

    Attributes
    ----------
    models : DataFrame
        The table.
    params : GroupedProphetParams
    config : Config
        Of the params.
    zone : str or None
        The time zone in which instants are wall-clock times; None for timestamps without one.
    settings : dict
        What of FORECAST_SETTINGS was changed after the fit, for all groups.
    """

    models: DataFrame
    params: GroupedProphetParams
    config: Config
    zone: str | None
    settings: dict[str, Any]


def transform(dataset: DataFrame, fitted: Fitted) -> DataFrame:
    """The rows of `dataset` with forecast columns, by handleInvalid."""
    params = fitted.params
    outputs = columns.outputs(params)
    rows = _by_group(dataset, fitted, forecasts.predicting, _FORECAST)
    values = [_finite(F.col(f"values.{name}")) for name in forecasts.FORECAST]
    handle = params.getOrDefault("handleInvalid")
    if handle == "error":
        refuse = F.raise_error(_complaint(params)).cast("double")
        values[0] = F.coalesce(values[0], refuse)
    result = rows.select("row.*", *[v.alias(o) for v, o in zip(values, outputs, strict=True)])
    return result.filter(columns.quoted(outputs[0]).isNotNull()) if handle == "skip" else result


def components(dataset: DataFrame, fitted: Fitted) -> DataFrame:
    """The rows of `dataset` with trend and the map of components."""
    for name in _COMPONENTS.names:
        if name in dataset.columns:
            raise ValueError(f"components: column {name!r} is in the input already; drop it")
    rows = _by_group(dataset, fitted, forecasts.decomposing, _COMPONENTS)
    return rows.select("row.*", _finite(F.col("values.trend")).alias("trend"), "values.components")


def ahead(
    fitted: Fitted, horizon: int, freq: str | None, history: bool, regressors: DataFrame | None
) -> DataFrame:
    """Forecasts from the step after each key's end; see GroupedProphetModel.forecast."""
    params, models, config, zone = fitted.params, fitted.models, fitted.config, fitted.zone
    if isinstance(horizon, bool) or not isinstance(horizon, int) or not 1 <= horizon <= MOST_STEPS:
        raise ValueError(
            f"horizon: found {horizon!r}, must be a whole number of steps from 1 to {MOST_STEPS:,}"
        )
    if regressors is not None:
        if freq is not None:
            raise ValueError("freq: the timestamps come from `regressors`; give one of the two")
        return _ahead_of_rows(fitted, horizon, history, regressors)
    if config.column_names:
        raise ValueError(
            f"regressors: the models use {', '.join(config.column_names)}; give a DataFrame with "
            "their future values"
        )
    if freq is not None:
        check_freq(freq)
    if zone is not None:
        zone_of(zone)
    usable = models.filter(F.col("state").isNotNull())
    keys, tasks = columns.key_names(params), group_work.tasks(models.sparkSession, params)
    rows = usable.select(*columns.keys(params), *_state_fields(params, models))
    rows = rows.repartition(tasks, *keys)
    worker = F.pandas_udf(  # type: ignore[attr-defined]
        forecasts.going_ahead(horizon, freq, history, zone, fitted.settings), _AHEAD
    )
    answers = rows.select(*keys, worker(*_STATE_COLUMNS).alias("steps"))
    answers = answers.select("*", "steps.*")
    handle = params.getOrDefault("handleInvalid")
    if handle == "error":
        refuse = F.raise_error(_no_forecast(params)).cast(_AHEAD["ds"].dataType)
        answers = answers.withColumn("ds", F.coalesce("ds", refuse))
    # A key that cannot be forecast has no steps; to keep it is a row of NULLs.
    explode = F.explode_outer if handle == "keep" else F.explode
    flat = answers.select(*keys, explode(F.arrays_zip(*_STEPS)).alias("v"))
    ds = columns.wall_clock(F.col("v.ds")) if zone is None else F.timestamp_micros("v.ds")
    ds = ds.cast(models.schema["end"].dataType)
    groups = params.getOrDefault("groupCols")
    outputs = columns.outputs(params)
    return flat.select(
        *[F.col(k).alias(g) for k, g in zip(keys, groups, strict=False)],
        ds.alias(params.getOrDefault("timestampCol")),
        *[
            _finite(F.col(f"v.{n}")).alias(o)
            for n, o in zip(forecasts.FORECAST, outputs, strict=True)
        ],
    )


def prophet(params: GroupedProphetParams, models: DataFrame, key: dict[str, Any]) -> Any:
    """One key's model as a genuine Prophet."""
    groups = params.getOrDefault("groupCols")
    if sorted(key) != sorted(groups):
        raise KeyError(f"key: found {sorted(key)}, must be {sorted(groups)}")
    matching = models
    for name, value in key.items():
        matching = matching.filter(columns.quoted(name).eqNullSafe(F.lit(value)))
    row = matching.select("status", "error_code", "error_message", "config", "state").first()
    if row is None:
        raise KeyError(f"key: found {key}, must be a row of `models`, which lists all")
    if row.status != "ok":
        raise ValueError(
            f"key: the fit of {key} ended {row.status}: {row.error_code}: {row.error_message}"
        )
    state = State.from_record(row.state.asDict())
    return genuine_prophet.prophet_of(state, Config.from_json(row.config))


def _by_group(
    dataset: DataFrame,
    fitted: Fitted,
    worker_of: Callable[[tuple[str, ...], dict[str, Any]], Stream],
    outputs: StructType,
) -> DataFrame:
    """Columns `row` (a row of `dataset`, whole) and `values` (a struct of its outputs)."""
    params, models, config = fitted.params, fitted.models, fitted.config
    check_keys(dataset, models, params.getOrDefault("groupCols"))
    other = _other_zone(dataset, params, fitted.zone)
    inputs, keys = F.struct(*columns.inputs(params, config, other)), columns.keys(params)
    key_names = columns.key_names(params)
    rows = dataset.select(
        *keys,
        F.lit(True).alias("given"),
        F.struct("*").alias("row"),
        F.lit(None).alias("model"),
        inputs.alias("input"),
    )
    names = cast(StructType, rows.schema["input"].dataType).names
    model = F.struct(*_state_fields(params, models))
    ones = models.filter(F.col("state").isNotNull()).select(
        *keys,
        F.lit(False).alias("given"),
        F.lit(None).alias("row"),
        model.alias("model"),
        F.lit(None).alias("input"),
    )
    # Spread by hand: adaptive execution would put many small groups into one task.
    tasks = group_work.tasks(dataset.sparkSession, params)
    both = rows.union(ones).repartition(tasks, *key_names)
    # A group's model comes before its rows.
    order = Window.partitionBy(*key_names).orderBy("given")
    ordered = both.withColumns(
        {"begins": F.row_number().over(order) == 1, "goes_on": F.lead("given").over(order)}
    )
    # Models of keys that have no row stay here.
    ordered = ordered.filter("given OR goes_on")
    stream = worker_of(tuple(_user_names(names, config)), fitted.settings)
    worker = F.pandas_udf(stream, outputs)  # type: ignore[attr-defined]
    # An answer depends on the rows before it, so Spark has to keep filters of rows behind it: it
    # does with what it takes for random.
    values = worker.asNondeterministic()(
        "begins",
        *map(_model_field, cast(StructType, both.schema["model"].dataType).fields),
        *map(_input, names),
    )
    return ordered.select("given", "row", values.alias("values")).filter("given")


def _other_zone(dataset: DataFrame, params: GroupedProphetParams, zone: str | None) -> str | None:
    """The time zone of the fit, where the dataset's instants would be read in another one."""
    session = columns.session_zone(dataset)
    time_type = dataset.schema[params.getOrDefault("timestampCol")].dataType
    if zone in (None, session) or not isinstance(time_type, T.TimestampType):
        return None
    _log.warning(
        "the model was fitted in the time zone %s, and this session's is %s: instants are read in "
        "that of the fit",
        zone,
        session,
    )
    return zone


def _user_names(names: list[str], config: Config) -> list[str]:
    """Series' names of the input fields ds, cap, floor, x_0, x_1, ..."""
    return [config.column_names[int(n[2:])] if n.startswith("x_") else n for n in names]


def _state_fields(params: GroupedProphetParams, models: DataFrame) -> list[Column]:
    """A model row as the UDFs take it."""
    parts = [F.col(f"state.{name}").alias(f"state_{name}") for name in STATE_FIELDS]
    return [F.col("config"), columns.seed(params, models).alias("seed"), *parts]


def _model_field(field: T.StructField) -> Column:
    """A field of a group's model, empty in its rows: Spark takes long over NULLs among arrays."""
    empty = {"string": F.lit(""), "bigint": F.lit(0)}.get(field.dataType.simpleString(), F.array())
    return F.coalesce(f"model.{field.name}", empty.cast(field.dataType))


def _input(name: str) -> Column:
    """An input column without NULLs, which Arrow hands to numpy as it is."""
    value = F.col(f"input.{name}")
    if name == "ds":
        return F.coalesce(columns.microseconds(value), F.lit(_NO_TIME))
    return F.coalesce(value, F.lit(float("nan")))


def _ahead_of_rows(fitted: Fitted, horizon: int, history: bool, regressors: DataFrame) -> DataFrame:
    """Forecasts of the rows of `regressors` that lie after their key's end."""
    params, models = fitted.params, fitted.models
    check_input(regressors, params, fitted.config, fitting=False)
    check_keys(regressors, models, params.getOrDefault("groupCols"))
    keys = columns.key_names(params)
    ends = models.filter(F.col("state").isNotNull()).select(
        *[k.alias(f"model_{i}") for i, k in enumerate(columns.keys(params))],
        F.col("end").alias("model_end"),
    )
    marked = regressors.select(*columns.keys(params), F.struct("*").alias("row"))
    same = [F.col(k).eqNullSafe(F.col(f"model_{i}")) for i, k in enumerate(keys)]
    joined = marked.join(ends, same)
    ds = F.col("row").getField(params.getOrDefault("timestampCol"))
    joined = joined.withColumn("model_ahead", ds > F.col("model_end"))
    order = Window.partitionBy(*keys, "model_ahead").orderBy(ds)
    ranked = joined.withColumn("model_step", F.dense_rank().over(order))
    kept = (F.col("model_step") <= horizon) & F.col("model_ahead")
    if history:
        kept = kept | ~F.col("model_ahead")
    rows = transform(ranked.filter(kept).select("row.*"), fitted)
    names = [*params.getOrDefault("groupCols"), params.getOrDefault("timestampCol")]
    names += columns.outputs(params)
    return rows.select(*[columns.quoted(name) for name in names])


def check_freq(freq: str) -> None:
    """Raise ValueError for anything but a pandas frequency that goes forward.

    By at least a microsecond, which is what Spark's timestamps can tell apart, and by no more than
    the calendar has: it ends with the year 2261.
    """
    start = pd.Timestamp("2000-01-01")
    why = "must be a pandas frequency such as 'D', 'W-THU', 'MS', 'h'"
    try:
        step = start + pd.tseries.frequencies.to_offset(freq) - start
    except (OverflowError, ValueError) as error:
        raise ValueError(f"freq: found {freq!r}, {why}") from error
    if not pd.Timedelta(microseconds=1) <= step <= pd.Timedelta(days=95_000):
        raise ValueError(
            f"freq: found {freq!r}, a step of {step}; {why}, and go forward within the calendar"
        )


def _finite(value: Column) -> Column:
    return F.when(~F.isnan(value), value)


def _complaint(params: GroupedProphetParams) -> Column:
    """Of a row that cannot be forecast."""
    row = F.col("row")
    ds = row.getField(params.getOrDefault("timestampCol")).cast("string")
    unknown = F.lit(
        "unknown or failed key, or a missing regressor, cap or timestamp; see model.failures"
    )
    return _refusal(
        [row.getField(name).alias(name) for name in params.getOrDefault("groupCols")],
        F.concat(F.lit(" at "), F.coalesce(ds, F.lit("NULL"))),
        F.coalesce("values.error", unknown),
    )


def _no_forecast(params: GroupedProphetParams) -> Column:
    """Of a key that cannot be forecast."""
    names = zip(columns.key_names(params), params.getOrDefault("groupCols"), strict=False)
    return _refusal([F.col(key).alias(group) for key, group in names], F.lit(""), F.col("error"))


def _refusal(keys: list[Column], at: Column, why: Column) -> Column:
    key = F.to_json(F.struct(*keys), {"ignoreNullFields": "false"}) if keys else F.lit("")
    remedy = F.lit(", or set handleInvalid to 'keep' or 'skip'")
    return F.concat(
        F.lit("group "), key, F.lit(" cannot be forecast"), at, F.lit(": "), why, remedy
    )
