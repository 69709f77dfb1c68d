"""The job of a story, which the story kills: `resume_job.py tuner|search PLACE NAME`.

What it finds is in PLACE/NAME.json once it has come to its end.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession

from sparkprophet import (
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    GroupedProphet,
    GroupedProphetTuner,
)

GROUPS, ROWS, TRIALS = 48, 120, 20
MACHINE = ["fit_seconds", "cpu_seconds", "host", "pid", "started_at"]


def session():
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "1g",
        "spark.sql.catalogImplementation": "in-memory",
    }
    return SparkSession.builder.master("local[2]").config(map=options).getOrCreate()


def series():
    """Noisy weeks of every group."""
    t = np.arange(ROWS)
    random = np.random.default_rng(5)
    ds = pd.date_range("2024-01-01", periods=ROWS)
    parts = [
        pd.DataFrame(
            {
                "g": f"g{i:02}",
                "ds": ds,
                "y": 30 + i + 4 * np.sin(2 * np.pi * t / 7) + random.normal(0, 1, ROWS),
            }
        )
        for i in range(GROUPS)
    ]
    return pd.concat(parts, ignore_index=True)


def tuner(spark, place, name):
    """Groups tuned; with a checkpoint unless the name is undisturbed."""
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    space = (
        BayesianParamGridBuilder()
        .addUniform(stage.changepointPriorScale, 0.001, 0.5, log=True)
        .addUniform(stage.seasonalityPriorScale, 0.01, 10, log=True)
        .space()
    )
    job = GroupedProphetTuner(
        estimator=stage, searchSpace=space, horizon=14, numFolds=3, numTrials=40, seed=3
    )
    if name != "undisturbed":
        job.setParams(checkpointDir=str(place / "checkpoint"))
    model = job.fit(spark.createDataFrame(series()))
    trials = {}
    for trial in model.trials.drop("seconds", "cpu_seconds").orderBy("g", "trial").collect():
        trials.setdefault(trial.g, []).append(trial)
    found = {}
    for row in model.models.collect():
        fit = row.asDict(recursive=True)
        for name in MACHINE:
            del fit[name]
        assert row.g not in found, "a group is there twice"
        found[row.g] = {"fit": repr(fit), "trials": repr(trials[row.g])}
    return found


def search(spark, place, name):
    """A search of a regression's params, in a storage of its own."""
    random = np.random.default_rng(7)
    x = random.normal(0, 1, (200, 3))
    rows = pd.DataFrame(x, columns=["a", "b", "c"]).assign(
        label=x @ [3.0, -1.0, 0.0] + random.normal(0, 1, 200), time=np.arange(200)
    )
    assembler = VectorAssembler(inputCols=["a", "b", "c"], outputCol="features")
    data = assembler.transform(spark.createDataFrame(rows)).coalesce(1)
    stage = LinearRegression(maxIter=20)
    space = (
        BayesianParamGridBuilder()
        .addUniform(stage.regParam, 1e-4, 10, log=True)
        .addUniform(stage.elasticNetParam, 0, 1)
        .space()
    )
    job = BayesianTrainValidationSplit(
        estimator=stage,
        evaluator=RegressionEvaluator(),
        searchSpace=space,
        numTrials=TRIALS,
        batchSize=4,
        parallelism=2,
        numStartupTrials=6,
        seed=3,
        timestampCol="time",
        horizon=50,
        storage=f"sqlite:///{place}/{name}.db",
        studyName="story",
    )
    model = job.fit(data)
    trials = model.trials.drop(columns="seconds").to_dict("records")
    return {
        "trials": repr(trials),
        "stoppedBy": model.stoppedBy,
        "count": len(trials),
        "coefficients": repr(list(model.bestModel.coefficients)),
    }


if __name__ == "__main__":
    kind, place, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    result = {"tuner": tuner, "search": search}[kind](session(), place, name)
    (place / f"{name}.half").write_text(json.dumps(result))
    (place / f"{name}.half").rename(place / f"{name}.json")
