"""The stages on Spark Connect: the same pure-Python code, without a JVM in the driver."""

import json
import os
import subprocess
import sys

import pytest

from sparkprophet.spark.saving.connect_files import _below

_SCRIPT = """
import json, sys
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import PCA, VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession, functions as F
from sparkprophet import (
    BayesianCrossValidator, BayesianParamGridBuilder, BayesianTrainValidationSplit,
    ForecastEvaluator, GroupedProphet, GroupedProphetTuner,
)

builder = SparkSession.builder.remote("local[2]") if sys.argv[1] == "connect" else (
    SparkSession.builder.master("local[2]"))
spark = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
df = spark.range(160).selectExpr(
    "CASE WHEN id % 2 = 0 THEN 'a' END AS k", "date_add(DATE'2024-01-01', int(id div 2)) AS ds",
    "cast(10 + 3 * sin(id div 2 * 2 * pi() / 7) + pmod(hash(id), 100) / 50 AS double) AS y")
estimator = GroupedProphet(groupCols=["k"], uncertaintySamples=50)
space = BayesianParamGridBuilder().addUniform(
    estimator.changepointPriorScale, 0.01, 0.5, log=True).space()
tuned = GroupedProphetTuner(
    estimator=estimator, searchSpace=space, numTrials=3, horizon=7).fit(df)
model = Pipeline(stages=[estimator]).fit(df)
model.write().overwrite().save(sys.argv[2])
model.write().overwrite().save(sys.argv[2])
forecasts = PipelineModel.load(sys.argv[2]).transform(df)
columns = ["k", F.col("ds").cast("string").alias("ds"), "yhat", "yhat_lower", "yhat_upper"]
found = {
    "forecasts": sorted(map(list, forecasts.select(*columns).collect()), key=str),
    "ahead": sorted(map(list, tuned.forecast(3).select(*columns).collect()), key=str),
    "trials": sorted(map(list, tuned.trials.select("k", "trial", "value").collect()), key=str),
    "wape": ForecastEvaluator(groupCols=["k"]).evaluate(forecasts),
}

def searched(name, tuner, frame, *key):
    # A tuner's record before and after it is saved, and what the loaded model predicts.
    model = tuner.fit(frame)
    tuner.write().overwrite().save(f"{sys.argv[2]}-{name}-tuner")
    model.write().overwrite().save(f"{sys.argv[2]}-{name}")
    loaded_tuner = type(tuner).load(f"{sys.argv[2]}-{name}-tuner")
    loaded = type(model).load(f"{sys.argv[2]}-{name}")
    rows = [
        sorted(map(list, m.transform(frame).select(*key).collect()), key=str)
        for m in (model, loaded, loaded.bestModel)
    ]
    trials = [m.trials.drop(columns="seconds").to_dict("list") for m in (model, loaded)]
    metrics = [
        m.avgMetrics if hasattr(m, "avgMetrics") else m.validationMetrics for m in (model, loaded)
    ]
    assert loaded_tuner.getSearchSpace() == tuner.getSearchSpace()
    assert loaded.stoppedBy == model.stoppedBy
    return {"rows": rows, "trials": trials, "metrics": metrics}

assembled = VectorAssembler(inputCols=["a", "b", "c"], outputCol="all").transform(
    spark.range(200).selectExpr(
        "id", "pmod(hash(id), 97) / 97 AS a", "pmod(hash(id, 1), 89) / 89 AS b",
        "pmod(hash(id, 2), 83) / 83 AS c", "3 * a - 2 * b + pmod(hash(id, 3), 71) / 71 AS label"))
pca = PCA(inputCol="all", outputCol="features")
regression = LinearRegression(maxIter=5)
regression_space = BayesianParamGridBuilder().addInt(pca.k, 1, 3).addUniform(
    regression.regParam, 1e-3, 1, log=True).space()
common = {"numTrials": 5, "batchSize": 2, "parallelism": 2, "numStartupTrials": 2, "seed": 4}
found["cross-validated"] = searched("cv", BayesianCrossValidator(
    estimator=Pipeline(stages=[pca, regression]), evaluator=RegressionEvaluator(),
    searchSpace=regression_space, numFolds=2, collectSubModels=True, **common,
), assembled, "id", "prediction")
found["rolling"] = searched("rolling", BayesianTrainValidationSplit(
    estimator=estimator, evaluator=ForecastEvaluator(groupCols=["k"]), searchSpace=space,
    timestampCol="ds", horizon=7, **common,
), df, *columns)
print("FOUND " + json.dumps(found))
"""


def _run(mode, path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SPARK_CONNECT")}
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, mode, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    line = next(line for line in run.stdout.splitlines() if line.startswith("FOUND "))
    return json.loads(line.removeprefix("FOUND "))


@pytest.mark.parametrize(
    "path, file, below",
    [
        ("/tmp/a b/m", "file:/tmp/a b/m/metadata/part-0", "metadata/part-0"),
        ("file:///tmp/m/", "file:/tmp/m/metadata/part-0", "metadata/part-0"),
        ("/m/../tmp//metadata", "file:/tmp/metadata/metadata/part-0", "metadata/part-0"),
        ("/tmp/m/metadata", "file:/tmp/m/metadata/part-0", "part-0"),
        ("hdfs://name:90/m", "hdfs://name:90/m/models/part-0", "models/part-0"),
        ("m", "file:/home/m/models/part-0", "models/part-0"),
    ],
)
def test_files_are_known_by_their_place_below_the_folder(path, file, below):
    assert _below(path, file) == below


@pytest.mark.slow
def test_connect_gives_what_classic_spark_gives(tmp_path):
    pytest.importorskip("grpc", reason="Spark Connect needs the extra 'connect'")
    classic = _run("classic", tmp_path / "classic")
    connect = _run("connect", tmp_path / "connect")
    assert len(classic["forecasts"]) == 160 and len(classic["trials"]) == 6
    for name in ("cross-validated", "rolling"):
        search, on_connect = classic.pop(name), connect.pop(name)
        for found in (search, on_connect):
            assert len(found["trials"][0]["trial"]) == 5
            assert found["trials"][0] == found["trials"][1]
            assert found["metrics"][0] == found["metrics"][1] == found["trials"][0]["value"]
            assert found["rows"][0] == found["rows"][1] == found["rows"][2] != []
        _assert_close(on_connect, search)
    assert connect == classic


def _assert_close(found, expected):
    """Equal, and numbers to nine digits."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            _assert_close(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _assert_close(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)
    else:
        assert found == expected
