"""Writes the golden folders of this version's format: python tests/golden/write_golden.py

Run once for a format, and never again for the same: a later version has to load what this one
wrote, so files that were released are not written anew. `expected.json` is what this version then
made of them.
"""

import json
import math
import shutil
import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import ParamGridBuilder
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkprophet import (
    BayesianCrossValidator,
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    GroupedProphet,
    GroupedProphetTuner,
)
from sparkprophet.spark.saving.stages import FORMAT_VERSION

FOLDER = Path(__file__).parent / f"v{FORMAT_VERSION}"


def rows():
    """Two key columns, one of them NULL; a series too short for a fit; one that is no series."""
    days = pd.date_range("2024-01-01", periods=40)
    found = []
    for shop, item, level in (("a", 1, 10.0), ("b", 2, 20.0), (None, 3, 30.0)):
        found += [
            (shop, item, ds.to_pydatetime(), level + 0.1 * i + math.sin(2 * math.pi * i / 7))
            for i, ds in enumerate(days)
        ]
    found += [("short", 4, ds.to_pydatetime(), 5.0 + i) for i, ds in enumerate(days[:3])]
    found += [("bad", 5, ds.to_pydatetime(), math.inf) for ds in days[:20]]
    return [(*row, '{"fallback":"mean"}' if row[0] == "short" else None) for row in found]


def prophet():
    return GroupedProphet(
        groupCols=["shop", "item"],
        overridesCol="own",
        uncertaintySamples=20,
        nChangepoints=3,
        holidays=[{"holiday": "fair", "ds": "2024-01-20"}],
        minObservations=5,
        parallelism=2,
        seed=7,
    )


def group_tuner():
    stage = prophet()
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.4).space()
    return GroupedProphetTuner(
        estimator=stage, searchSpace=space, horizon=5, numTrials=3, seed=1, parallelism=2
    )


def searches(stage):
    """A search of a space and a fixed grid, over a stage whose model is the JVM's."""
    common = {"estimator": stage, "evaluator": RegressionEvaluator(labelCol="y"), "seed": 5}
    space = BayesianParamGridBuilder().addUniform(stage.regParam, 0.0, 1.0).space()
    grid = ParamGridBuilder().addGrid(stage.regParam, [0.1, 0.5]).build()
    return {
        "cross_validator": BayesianCrossValidator(
            searchSpace=space, numTrials=2, numFolds=2, collectSubModels=True, **common
        ),
        "split": BayesianTrainValidationSplit(estimatorParamMaps=grid, trainRatio=0.7, **common),
    }


def forecasts(model):
    """Outcomes and forecasts, as JSON values."""
    columns = ["shop", "item", "status", "error_code", "n_obs", "end"]
    frames = [model.models.select(*columns), model.forecast(3)]
    return [
        sorted((_plain(row) for row in frame.collect()), key=lambda row: (str(row[0]), *row[1:3]))
        for frame in frames
    ]


def _plain(row):
    return [value.isoformat() if isinstance(value, datetime) else value for value in row]


def of_no_machine(model):
    """The model with nothing of where it was fitted."""
    model._table = model._table.withColumns({"host": F.lit("worker"), "pid": F.lit(1).cast("long")})
    return model


def line(spark):
    """Points of a plane with an error, for the linear models."""
    points = [(i, Vectors.dense(float(i), i * i % 7.0), 2.0 * i + i * i % 5) for i in range(30)]
    return spark.createDataFrame(points, ["id", "features", "y"]).coalesce(1).cache()


def linear(model, points):
    """The predictions of all points."""
    return [row.prediction for row in model.transform(points).orderBy("id").collect()]


def write(spark):
    data = spark.createDataFrame(
        rows(), "shop string, item int, ds timestamp_ntz, y double, own string"
    ).cache()
    points = line(spark)
    fitted, tuned = (of_no_machine(stage.fit(data)) for stage in (prophet(), group_tuner()))
    saved = {"prophet": prophet(), "tuner": group_tuner(), "model": fitted, "tuned_model": tuned}
    expected = {"model": forecasts(fitted), "tuned_model": forecasts(tuned)}
    for name, tuner in searches(LinearRegression(labelCol="y", solver="normal")).items():
        found = tuner.fit(points)
        saved |= {name: tuner, f"{name}_model": found}
        expected[f"{name}_model"] = linear(found, points)
    for name, stage in saved.items():
        stage.write().overwrite().save(str(FOLDER / name))
        expected.setdefault("params", {})[name] = params_of(stage)
    for checksum in FOLDER.rglob(".*.crc"):
        checksum.unlink()
    text = json.dumps(expected, indent=1, sort_keys=True, ensure_ascii=False)
    (FOLDER / "expected.json").write_text(text + "\n")


def params_of(stage):
    """Params that are plain values, set ones and defaults, and the uid."""
    plain = {
        param.name: stage.getOrDefault(param)
        for param in stage.params
        if stage.isDefined(param)
        and param.name not in ("estimator", "evaluator", "estimatorParamMaps")
    }
    return json.loads(json.dumps({"uid": stage.uid, "params": plain}))


if __name__ == "__main__":
    if FOLDER.exists() and "--replace" not in sys.argv:
        sys.exit(f"{FOLDER} is there; --replace writes it anew, unless its format was released")
    shutil.rmtree(FOLDER, ignore_errors=True)
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    write(session)
