"""The two systems that the card compares: sparkprophet, and Prophet in applyInPandas.

Both have the same methods. A fit is materialised: it raises where the work fails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from sparkprophet import (
    BayesianParamGridBuilder,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
)

HORIZON = 3


@dataclass(frozen=True)
class Settings:
    """What a user asks of a fit.

    keys: key columns. trials: of a search of changepoint_prior_scale, on the last HORIZON rows;
    0: none. group_timeout: seconds, group_memory: MiB, checkpoint: a folder; plain has none of
    these three.
    """

    keys: tuple[str, ...] = ("g",)
    regressors: tuple[str, ...] = ()
    prior_scale: Any = 0.05
    trials: int = 0
    group_timeout: float = 0
    group_memory: int = 0
    checkpoint: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one group. forecast: yhat of the HORIZON days after its end, if it has one."""

    status: str
    code: str | None
    message: str | None
    forecast: tuple[float, ...]


class Ours:
    """sparkprophet."""

    name = "sparkprophet"

    def fit(self, data: DataFrame, settings: Settings) -> GroupedProphetModel:
        """A fitted, or tuned, model."""
        stage = GroupedProphet(
            groupCols=list(settings.keys),
            regressors=list(settings.regressors),
            uncertaintySamples=0,
            changepointPriorScale=settings.prior_scale,
            groupTimeout=settings.group_timeout,
            groupMemoryInMB=settings.group_memory,
        )
        if not settings.trials:
            return stage.fit(data)
        space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.5)
        tuner = GroupedProphetTuner(
            estimator=stage,
            searchSpace=space.space(),
            horizon=HORIZON,
            sampler="random",
            numTrials=settings.trials,
            groupTimeout=settings.group_timeout,
        )
        if settings.checkpoint:
            tuner.setCheckpointDir(settings.checkpoint)
        return tuner.fit(data)

    def outcomes(self, model: GroupedProphetModel) -> dict[tuple, Outcome]:
        """By key. Raises where a key has two rows."""
        keys = model.getOrDefault("groupCols")
        ahead = model.forecast(HORIZON).orderBy(model.getOrDefault("timestampCol")).collect()
        forecasts: dict[tuple, list[float]] = {}
        for row in ahead:
            forecasts.setdefault(_key(row, keys), []).append(row["yhat"])
        return _unique(
            (
                _key(row, keys),
                Outcome(
                    row["status"],
                    row["error_code"],
                    row["error_message"],
                    tuple(forecasts.get(_key(row, keys), ())),
                ),
            )
            for row in model.models.drop("state").collect()
        )

    def transform(self, model: GroupedProphetModel, data: DataFrame) -> DataFrame:
        """`data` with the column yhat."""
        return model.transform(data)

    def save(self, model: GroupedProphetModel, path: str) -> None:
        """Save over what is there."""
        model.write().overwrite().save(path)

    def load(self, spark: SparkSession, path: str) -> GroupedProphetModel:
        """A model that forecasts."""
        return GroupedProphetModel.load(path)


class Plain:
    """What users have today: stock Prophet in applyInPandas, models as JSON in a Parquet table."""

    name = "applyInPandas"

    def fit(self, data: DataFrame, settings: Settings) -> DataFrame:
        """A kept table of key columns and the model's JSON."""
        keys, function = list(settings.keys), fitting(settings)
        own = ", ".join(f"`{name}` {data.schema[name].dataType.simpleString()}" for name in keys)
        grouped = data.groupBy(*[f"`{k}`" for k in keys])
        rows = grouped.applyInPandas(function, f"{own}, model string")
        rows = rows.persist(StorageLevel.MEMORY_AND_DISK)
        rows.count()
        return rows

    def outcomes(self, model: DataFrame) -> dict[tuple, Outcome]:
        """By key. Raises where a key has two rows."""
        keys = [name for name in model.columns if name != "model"]
        own = ", ".join(f"`{name}` {model.schema[name].dataType.simpleString()}" for name in keys)
        schema = f"{own}, yhat array<double>"
        found = model.groupBy(*[f"`{k}`" for k in keys]).applyInPandas(ahead, schema)
        return _unique(
            (_key(row, keys), Outcome("ok", None, None, tuple(row["yhat"])))
            for row in found.collect()
        )

    def transform(self, model: DataFrame, data: DataFrame) -> DataFrame:
        """`data` with the column yhat: each group's rows beside its model's, by cogroup."""
        keys = [name for name in model.columns if name != "model"]
        own = ", ".join(f"`{f.name}` {f.dataType.simpleString()}" for f in data.schema)
        quoted = [f"`{k}`" for k in keys]
        pairs = data.groupBy(*quoted).cogroup(model.groupBy(*quoted))
        return pairs.applyInPandas(predicting, f"{own}, yhat double")

    def save(self, model: DataFrame, path: str) -> None:
        """Save over what is there."""
        model.write.mode("overwrite").parquet(path)

    def load(self, spark: SparkSession, path: str) -> DataFrame:
        """A model that forecasts."""
        return spark.read.parquet(path)


SYSTEMS = {"ours": Ours(), "plain": Plain()}


def fitting(settings: Settings) -> Any:
    """The function of Plain's workers."""

    def fit(rows: pd.DataFrame) -> pd.DataFrame:
        from prophet import Prophet
        from prophet.serialize import model_to_json

        def fitted(rows: pd.DataFrame, prior: Any) -> Any:
            model = Prophet(uncertainty_samples=0, changepoint_prior_scale=prior)
            for name in settings.regressors:
                model.add_regressor(name)
            return model.fit(rows)

        prior = settings.prior_scale
        if settings.trials:
            rows = rows.sort_values("ds")
            prior = best_prior(fitted, rows, settings.trials)
        own = {name: [rows[name].iloc[0]] for name in settings.keys}
        return pd.DataFrame(own | {"model": [model_to_json(fitted(rows, prior))]})

    return fit


def best_prior(fitted: Any, rows: pd.DataFrame, trials: int) -> float:
    """The best of a random search on the last HORIZON rows."""
    import optuna

    past, held_out = rows.iloc[:-HORIZON], rows.iloc[-HORIZON:]

    def error(trial: Any) -> float:
        model = fitted(past, trial.suggest_float("prior", 0.01, 0.5))
        return float(((model.predict(held_out)["yhat"].values - held_out["y"].values) ** 2).mean())

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(error, n_trials=trials)
    return study.best_params["prior"]


def ahead(rows: pd.DataFrame) -> pd.DataFrame:
    """Forecasts after a Plain model's end."""
    from prophet.serialize import model_from_json

    model = model_from_json(rows["model"].iloc[0])
    future = model.make_future_dataframe(HORIZON, include_history=False)
    own = {name: [rows[name].iloc[0]] for name in rows.columns if name != "model"}
    return pd.DataFrame(own | {"yhat": [model.predict(future)["yhat"].tolist()]})


def predicting(rows: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Rows of a Plain model's group with the column yhat."""
    from prophet.serialize import model_from_json

    model = model_from_json(models["model"].iloc[0])
    found = model.predict(rows)[["ds", "yhat"]]
    return rows.merge(found, on="ds", how="left")


def _key(row: Any, names: list[str]) -> tuple:
    """The row's key; NaN is one object, since it equals nothing but that."""
    return tuple(math.nan if row[name] != row[name] else row[name] for name in names)


def _unique(pairs: Any) -> dict[tuple, Outcome]:
    found: dict[tuple, Outcome] = {}
    for key, outcome in pairs:
        if key in found:
            raise AssertionError(f"key {key} has two rows")
        found[key] = outcome
    return found
