"""Forecasts of a table of models: by rows that are given, or ahead of each key's own end.

The input's rows never leave the JVM: a group's rows are collected into one array, workers see only
timestamps and numbers and give arrays back, and the two are zipped again. So any column type goes
through untouched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.types import StructType

from sparkprophet.series import fit as fitting
from sparkprophet.series import forecast as series_forecast
from sparkprophet.series import frequency
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import as_series_error
from sparkprophet.series.state import State
from sparkprophet.spark import columns, run
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.worker import group_seed

_log = logging.getLogger("sparkprophet")

Answer = Callable[[State, Config, int, Series], Mapping[str, Any]]
"""(state, config, seed, rows) -> arrays by output name."""
Batch = Callable[..., pd.DataFrame]
"""What a pandas UDF calls with the columns of a batch of groups."""

_NUMBERS = T.ArrayType(T.DoubleType())
_FORECAST = StructType([T.StructField(name, _NUMBERS) for name in ("yhat", "lower", "upper")])
_AHEAD = StructType([T.StructField("ds", T.ArrayType(T.LongType())), *_FORECAST.fields])
_COMPONENTS = StructType(
    [
        T.StructField("trend", _NUMBERS),
        T.StructField("components", T.ArrayType(T.MapType(T.StringType(), T.DoubleType()))),
    ]
)
_NO_TIME = np.iinfo(np.int64).min


def transform(
    dataset: DataFrame, params: GroupedProphetParams, models: DataFrame, config: Config
) -> DataFrame:
    """The rows of `dataset` with forecast columns, by handleInvalid."""
    outputs = [params.getOrDefault(p) for p in ("predictionCol", "lowerCol", "upperCol")]
    rows = _by_group(dataset, params, models, config, predicting, _FORECAST)
    values = [_finite(F.col(f"values.{name}")) for name in _FORECAST.names]
    handle = params.getOrDefault("handleInvalid")
    if handle == "error":
        refuse = F.raise_error(_complaint(params)).cast("double")
        values[0] = F.coalesce(values[0], refuse)
    result = rows.select("row.*", *[v.alias(o) for v, o in zip(values, outputs, strict=True)])
    return result.filter(columns.quoted(outputs[0]).isNotNull()) if handle == "skip" else result


def components(
    dataset: DataFrame, params: GroupedProphetParams, models: DataFrame, config: Config
) -> DataFrame:
    """The rows of `dataset` with trend and the map of components."""
    for name in _COMPONENTS.names:
        if name in dataset.columns:
            raise ValueError(f"components: column {name!r} is in the input already; drop it")
    rows = _by_group(dataset, params, models, config, decomposing, _COMPONENTS)
    return rows.select("row.*", _finite(F.col("values.trend")).alias("trend"), "values.components")


def ahead(
    params: GroupedProphetParams,
    models: DataFrame,
    config: Config,
    horizon: int,
    freq: str | None,
    history: bool,
    regressors: DataFrame | None,
) -> DataFrame:
    """Forecasts from the step after each key's end; see GroupedProphetModel.forecast."""
    if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
        raise ValueError(f"horizon: found {horizon!r}, must be a whole number of steps >= 1")
    if regressors is not None:
        if freq is not None:
            raise ValueError("freq: the timestamps come from `regressors`; give one of the two")
        return _ahead_of_rows(params, models, config, horizon, history, regressors)
    if config.column_names:
        raise ValueError(
            f"regressors: the models use {', '.join(config.column_names)}; give a DataFrame with "
            "their future values"
        )
    if freq is not None:
        check_freq(freq)
    usable = models.filter(F.col("state").isNotNull())
    rows = usable.select(*columns.keys(params), *_state_fields(params, models))
    rows = rows.repartition(run.tasks(models.sparkSession, params), *_internal_keys(params))
    worker = F.pandas_udf(going_ahead(horizon, freq, history), _AHEAD)
    found = rows.select(*_internal_keys(params), worker(*_STATE_COLUMNS).alias("found"))
    zipped = F.arrays_zip(*[F.col(f"found.{n}").alias(n) for n in _AHEAD.names])
    flat = found.select(*_internal_keys(params), F.explode(zipped).alias("v"))
    ds = columns.wall_clock(F.col("v.ds")).cast(models.schema["end"].dataType)
    groups = params.getOrDefault("groupCols")
    outputs = [params.getOrDefault(p) for p in ("predictionCol", "lowerCol", "upperCol")]
    return flat.select(
        *[F.col(k).alias(g) for k, g in zip(_internal_keys(params), groups, strict=False)],
        ds.alias(params.getOrDefault("timestampCol")),
        *[_finite(F.col(f"v.{n}")).alias(o) for n, o in zip(_FORECAST.names, outputs, strict=True)],
    )


def prophet(params: GroupedProphetParams, models: DataFrame, key: dict[str, Any]) -> Any:
    """One key's model as a genuine Prophet."""
    groups = params.getOrDefault("groupCols")
    if sorted(key) != sorted(groups):
        raise KeyError(f"key: found {sorted(key)}, must be {sorted(groups)}")
    matching = models
    for name, value in key.items():
        matching = matching.filter(columns.quoted(name).eqNullSafe(F.lit(value)))
    found = matching.select("status", "error_code", "error_message", "config", "state").first()
    if found is None:
        raise KeyError(f"no group {key}; `models` lists those that were fitted")
    if found.status != "ok":
        raise ValueError(f"the fit ended {found.status}: {found.error_code}: {found.error_message}")
    state = State.from_record(found.state.asDict())
    return fitting.prophet_of(state, Config.from_json(found.config))


def plot(model: Any) -> Any:
    """A matplotlib Figure of a fitted Prophet: its history and a forecast of a tenth of it."""
    ds = model.history["ds"].to_numpy().astype("datetime64[us]")
    step = frequency.infer(ds)
    future = step.shift(ds[-1], np.arange(1, max(2 * step.season, len(ds) // 10) + 1))
    rows = model.history.drop(columns=["y", "y_scaled", "t", "cap_scaled"], errors="ignore")
    if not model.extra_regressors:
        rows = rows.reindex(range(len(rows) + len(future))).ffill()
        rows.loc[len(ds) :, "ds"] = future.astype("datetime64[ns]")
    for name, props in model.extra_regressors.items():
        rows[name] = rows[name] * props["std"] + props["mu"]
    return model.plot(model.predict(rows))


def _by_group(
    dataset: DataFrame,
    params: GroupedProphetParams,
    models: DataFrame,
    config: Config,
    worker_of: Callable[[tuple[str, ...]], Batch],
    outputs: StructType,
) -> DataFrame:
    """Columns `row` (a row of `dataset`, whole) and `values` (a struct of its outputs)."""
    inputs = columns.inputs(params, config)
    packed = dataset.select(
        *columns.keys(params),
        F.struct("*").alias("row"),
        F.struct(*inputs).alias("input"),
    )
    names = packed.schema["input"].dataType.names
    keys = _internal_keys(params)
    # Spread by hand: adaptive execution would put many small groups into one task.
    spread = packed.repartition(run.tasks(dataset.sparkSession, params), *keys)
    groups = spread.groupBy(*keys).agg(F.collect_list(F.struct("row", "input")).alias("rows"))
    right = models.filter(F.col("state").isNotNull()).select(
        *[k.alias(f"model_{i}") for i, k in enumerate(columns.keys(params))],
        *_state_fields(params, models),
    )
    same = [F.col(k).eqNullSafe(F.col(f"model_{i}")) for i, k in enumerate(keys)]
    # A NULL among the seeds would make pandas floats of them all, which cannot hold 64 bits.
    seed = F.coalesce(F.col("seed"), F.lit(0).cast("long"))
    joined = groups.join(right, same, "left").withColumn("seed", seed)
    worker = F.pandas_udf(worker_of(tuple(_user_names(names, config))), outputs)
    arrays = [_input_array(name) for name in names]
    answered = joined.withColumn("answer", worker(*_STATE_COLUMNS, *arrays))
    # arrays_zip pads a short array with NULLs, but a NULL one would take the rows with it.
    answers = [
        F.coalesce(F.col(f"answer.{f.name}"), F.array().cast(f.dataType)).alias(f"value_{f.name}")
        for f in outputs.fields
    ]
    pairs = F.arrays_zip(F.col("rows.row").alias("row"), *answers)
    exploded = answered.select(F.explode(pairs).alias("pair"))
    values = F.struct(*[F.col(f"pair.value_{name}").alias(name) for name in outputs.names])
    return exploded.select(F.col("pair.row").alias("row"), values.alias("values"))


def _internal_keys(params: GroupedProphetParams) -> list[str]:
    return columns.key_names(len(params.getOrDefault("groupCols")))


def _user_names(names: list[str], config: Config) -> list[str]:
    """Series' names of the input fields ds, cap, floor, x_0, x_1, ..."""
    return [config.column_names[int(n[2:])] if n.startswith("x_") else n for n in names]


_STATE_FIELDS = ("facts", "parameters", "ds", "y", "columns")
_STATE_COLUMNS = ("config", "seed", *(f"state_{name}" for name in _STATE_FIELDS))


def _state_fields(params: GroupedProphetParams, models: DataFrame) -> list[Column]:
    """A model row as the UDFs take it."""
    parts = [F.col(f"state.{name}").alias(f"state_{name}") for name in _STATE_FIELDS]
    return [F.col("config"), columns.seed(params, models).alias("seed"), *parts]


def _input_array(name: str) -> Column:
    """One input of a group's rows as an array without NULLs, as Arrow hands it to numpy."""
    values = F.col(f"rows.input.{name}")
    if name == "ds":
        return F.transform(values, lambda v: F.coalesce(columns.microseconds(v), F.lit(_NO_TIME)))
    return F.transform(values, lambda v: F.coalesce(v, F.lit(float("nan"))))


def predicting(names: tuple[str, ...]) -> Batch:
    """The worker's function of forecasts of the rows whose arrays are `names`, "ds" first."""
    return _batch(_predict_rows, _FORECAST.names, names)


def decomposing(names: tuple[str, ...]) -> Batch:
    """The worker's function of components of the rows whose arrays are `names`, "ds" first."""
    return _batch(_component_rows, _COMPONENTS.names, names)


def going_ahead(horizon: int, freq: str | None, history: bool) -> Batch:
    """The worker's function of forecasts after a model's end; see GroupedProphetModel.forecast."""
    return _batch(_predict_ahead(horizon, freq, history), _AHEAD.names, ())


def _batch(answer: Answer, outputs: list[str], names: tuple[str, ...]) -> Batch:
    """What a pandas UDF calls with `_STATE_COLUMNS` and the arrays `names`, for arrays `outputs`.

    It answers a group at a time; a group without a model or that cannot be forecast gets NULLs.
    """

    def batch(*arguments: pd.Series) -> pd.DataFrame:
        found: dict[str, list[Any]] = {name: [] for name in outputs}
        for config, seed, *fields in zip(*arguments, strict=True):
            result: Mapping[str, Any] = {}
            if config is not None:
                record = dict(zip(_STATE_FIELDS, fields, strict=False))
                rows = _rows(names, fields[len(_STATE_FIELDS) :])
                result = _answered(answer, record, config, group_seed(int(seed)), rows)
            for name, values in found.items():
                values.append(result.get(name))
        return pd.DataFrame(found)

    return batch


def _answered(
    answer: Answer, record: Mapping[str, Any], config: str, seed: int, rows: Series
) -> Mapping[str, Any]:
    """The answer; none for a group that cannot be forecast, so that it ends no other's forecast.

    Nor does a state that is none: a row whose bytes are not those saved is refused before.
    """
    try:
        return answer(State.from_record(record), Config.from_json(config), seed, rows)
    except Exception as error:
        coded = as_series_error(error)
        _log.warning("a group cannot be forecast: %s: %s", coded.code, coded.message)
        return {}


def _rows(names: tuple[str, ...], arrays: list[Any]) -> Series:
    if not names:
        return Series(np.empty(0, dtype="datetime64[us]"), np.empty(0))
    by_name = dict(zip(names, arrays, strict=True))
    ds = np.asarray(by_name.pop("ds"), dtype=np.int64).astype("datetime64[us]")
    return Series(ds, np.full(len(ds), np.nan), by_name)


def _predict_rows(state: State, config: Config, seed: int, rows: Series) -> Mapping[str, Any]:
    found = series_forecast.forecast(state, config, rows, seed)
    return {"yhat": found.yhat, "lower": found.lower, "upper": found.upper}


def _component_rows(state: State, config: Config, seed: int, rows: Series) -> Mapping[str, Any]:
    found = series_forecast.components(state, config, rows)
    if not found:
        return {}
    maps = [
        None if np.isnan(found["trend"][i]) else {n: float(v[i]) for n, v in found.items()}
        for i in range(len(rows))
    ]
    return {"trend": found["trend"], "components": maps}


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


def _ahead_of_rows(
    params: GroupedProphetParams,
    models: DataFrame,
    config: Config,
    horizon: int,
    history: bool,
    regressors: DataFrame,
) -> DataFrame:
    """Forecasts of the rows of `regressors` that lie after their key's end."""
    columns.check_input(regressors, params, config, fitting=False)
    keys = _internal_keys(params)
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
    rows = transform(ranked.filter(kept).select("row.*"), params, models, config)
    names = [*params.getOrDefault("groupCols"), params.getOrDefault("timestampCol")]
    names += [params.getOrDefault(p) for p in ("predictionCol", "lowerCol", "upperCol")]
    return rows.select(*[columns.quoted(name) for name in names])


def check_freq(freq: str) -> None:
    """Raise ValueError for anything but a pandas frequency."""
    try:
        pd.tseries.frequencies.to_offset(freq)
    except ValueError as error:
        raise ValueError(
            f"freq: found {freq!r}, must be a pandas frequency such as 'D', 'W-THU', 'MS', 'h'"
        ) from error


def _finite(value: Column) -> Column:
    return F.when(~F.isnan(value), value)


def _complaint(params: GroupedProphetParams) -> Column:
    groups = params.getOrDefault("groupCols")
    own = F.struct(*[F.col("row").getField(n).alias(n) for n in groups])
    key = F.to_json(own, {"ignoreNullFields": "false"}) if groups else F.lit("")
    ds = F.col("row").getField(params.getOrDefault("timestampCol")).cast("string")
    return F.concat(
        F.lit("group "), key, F.lit(" cannot be forecast at "), F.coalesce(ds, F.lit("NULL")),
        F.lit(": unknown or failed key, or a missing regressor, cap or timestamp; see "
              "model.failures, or set handleInvalid to 'keep' or 'skip'"),
    )  # fmt: skip
