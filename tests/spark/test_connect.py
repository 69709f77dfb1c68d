"""The stages on Spark Connect: the same pure-Python code, without a JVM in the driver."""

import json
import os
import subprocess
import sys

import pytest

_SCRIPT = """
import json, sys
from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import SparkSession, functions as F
from sparkprophet import (
    BayesianParamGridBuilder, ForecastEvaluator, GroupedProphet, GroupedProphetTuner,
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
print("FOUND " + json.dumps(found))
"""


def _run(mode, path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SPARK_CONNECT")}
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, mode, str(path)],
        capture_output=True, text=True, env=environment, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    line = next(line for line in run.stdout.splitlines() if line.startswith("FOUND "))
    return json.loads(line.removeprefix("FOUND "))


@pytest.mark.slow
def test_connect_gives_what_classic_spark_gives(tmp_path):
    pytest.importorskip("grpc", reason="Spark Connect needs the extra 'connect'")
    classic = _run("classic", tmp_path / "classic")
    connect = _run("connect", tmp_path / "connect")
    assert len(classic["forecasts"]) == 160 and len(classic["trials"]) == 6
    assert connect == classic
