"""An estimator and an evaluator in plain Python, whose results are easy to work out by hand."""

import math

import numpy as np
import optuna
import pandas as pd
from pyspark import keyword_only
from pyspark.ml import Estimator, Model, Transformer
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import functions as F

from sparkprophet import (
    BayesianCrossValidator,
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
)
from stage_checks import frame

ROWS = 48


class _Saved(DefaultParamsReadable, DefaultParamsWritable):
    """Saved as Python-only stages are."""


class _LevelParams(Params):
    shrink = Param(Params._dummy(), "shrink", "part of the mean taken off", TypeConverters.toFloat)
    mode = Param(Params._dummy(), "mode", "mean, zero, nan or broken", TypeConverters.toString)

    def __init__(self, **values):
        super().__init__()
        self._setDefault(shrink=0.0, mode="mean")
        self._set(**values)


class Level(_LevelParams, Estimator, _Saved):
    """Forecasts (1 - shrink) * mean(y), or 0, or NaN; or its fit fails."""

    @keyword_only
    def __init__(self, *, shrink=None, mode=None):
        super().__init__(**self._input_kwargs)

    def _fit(self, dataset):
        mode = self.getOrDefault("mode")
        if mode == "broken":
            raise ArithmeticError("broken on purpose")
        mean = float(np.mean(sorted(row.y for row in dataset.select("y").collect())))
        level = {"zero": 0.0, "nan": math.nan}.get(mode, (1 - self.getOrDefault("shrink")) * mean)
        return self._copyValues(LevelModel(level))


class LevelModel(_LevelParams, Model, _Saved):
    """Forecasts its level."""

    level = Param(Params._dummy(), "level", "what is forecast", TypeConverters.toFloat)

    def __init__(self, level=None):
        super().__init__(**({} if level is None else {"level": level}))

    def _transform(self, dataset):
        return dataset.withColumn("prediction", F.lit(self.getOrDefault("level")))


class Shift(Transformer, _Saved):
    """Adds `shift` to y."""

    shift = Param(Params._dummy(), "shift", "what is added", TypeConverters.toFloat)

    def __init__(self):
        super().__init__()
        self._setDefault(shift=0.0)

    def _transform(self, dataset):
        return dataset.withColumn("y", F.col("y") + self.getOrDefault("shift"))


class AbsoluteError(Evaluator, _Saved):
    """Mean of |y - prediction|, or with `larger` the negative of it."""

    larger = Param(Params._dummy(), "larger", "larger is better", TypeConverters.toBoolean)

    def __init__(self, larger=False):
        super().__init__()
        self._setDefault(larger=False)
        self._set(larger=larger)

    def isLargerBetter(self):
        return self.getOrDefault("larger")

    def _evaluate(self, dataset):
        found = dataset.select(F.abs(F.col("y") - F.col("prediction")).alias("error")).collect()
        error = float(np.mean(sorted(row.error for row in found)))
        return -error if self.isLargerBetter() else error


def rows(folds=2):
    """Rows as pandas: id, y, x (of which y is a noisy line) and the fold that validates each."""
    x = np.linspace(-1, 1, ROWS)
    noise = np.random.default_rng(3).normal(0, 0.5, ROWS)
    number = np.arange(ROWS)
    return pd.DataFrame(
        {"id": number, "y": 10 + 2 * x + noise, "x": x, "fold": number * 7 % ROWS % folds}
    )


def score(train, held, shrink=0.0, mode="mean"):
    """AbsoluteError of Level, by hand."""
    level = 0.0 if mode == "zero" else (1 - shrink) * train.y.mean()
    return float(np.abs(held.y - level).mean())


def fold_scores(table, **params):
    """The scores on each fold of the column, by hand."""
    return [
        score(table[table.fold != fold], table[table.fold == fold], **params)
        for fold in sorted(set(table.fold))
    ]


def levels(models):
    """The levels of lists of models, of any depth; None where there is none."""
    if isinstance(models, (list, tuple)):
        return [levels(model) for model in models]
    return models and models.getOrDefault("level")


def trials_of(model):
    """A model's trials without their seconds, as comparable records."""
    table = model.trials.drop(columns="seconds")
    return [
        {name: None if value != value else value for name, value in record.items()}
        for record in table.to_dict("records")
    ]


def persisted(spark):
    """Ids of what is kept in the cluster."""
    return set(spark.sparkContext._jsc.getPersistentRDDs().keySet())


def cached(spark):
    """The rows with x as a vector too, in one partition, so that no sum depends on an order."""
    assembler = VectorAssembler(inputCols=["x"], outputCol="features")
    kept = assembler.transform(frame(spark, rows())).coalesce(1).cache()
    kept.count()
    return kept


def shrink_space(stage, high=0.9):
    return BayesianParamGridBuilder().addUniform(stage.shrink, 0.0, high).space()


def validator(stage=None, **params):
    """A search for Level's shrink over the two folds of the column."""
    stage = Level() if stage is None else stage
    given = {
        "estimator": stage,
        "evaluator": AbsoluteError(),
        "numFolds": 2,
        "foldCol": "fold",
        "numTrials": 3,
        "sampler": "random",
    }
    if not {"searchSpace", "estimatorParamMaps"} & params.keys():
        given["searchSpace"] = shrink_space(stage)
    return BayesianCrossValidator(**given | params)


def split(stage=None, **params):
    """A search for Level's shrink that validates the last twelve rows by id."""
    stage = Level() if stage is None else stage
    given = {
        "estimator": stage,
        "evaluator": AbsoluteError(),
        "timestampCol": "id",
        "horizon": 12,
        "numTrials": 3,
        "sampler": "random",
    }
    if not {"searchSpace", "estimatorParamMaps"} & params.keys():
        given["searchSpace"] = shrink_space(stage)
    return BayesianTrainValidationSplit(**given | params)


def states(folder, name):
    """Those of the trials of a study that is stored in `folder`."""
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{folder}/search.db")
    return [trial.state.name for trial in study.trials]
