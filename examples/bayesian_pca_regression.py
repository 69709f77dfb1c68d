"""A grid and a Bayesian search of a Pipeline side by side: PCA, then linear regression.

The case with which Spark 2.3 showed `parallelism`: 100 features, 10,000 rows, 4 values of PCA's k
by 4 of regParam, 80 % to train on, 3 fits at one time. First the grid, by Spark's own tuner and by
ours; then the same grid searched; then the ranges opened.

    python examples/bayesian_pca_regression.py [--rows 10000] [--seeds 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import PCA
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import ParamGridBuilder, TrainValidationSplit
from pyspark.sql import DataFrame, SparkSession

from sparkprophet import BayesianParamGridBuilder, BayesianTrainValidationSplit

K, REG = [15, 20, 40, 75], [0.001, 0.003, 0.01, 0.03]
TRIALS = 8  # half of the grid's
RATIO, PARALLELISM = 0.8, 3


def regression(spark: SparkSession, rows: int) -> DataFrame:
    """100 independent features of falling variance; the label hangs on all of them."""
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, 100)) * np.sqrt(np.linspace(2.0, 0.2, 100))
    label = features @ random.normal(size=100) + random.normal(size=rows)
    pairs = zip(label.tolist(), features.tolist(), strict=True)
    data = [(y, Vectors.dense(x)) for y, x in pairs]
    return spark.createDataFrame(data, ["label", "raw"]).repartition(4).cache()


def fitted(tuner: Any, data: DataFrame) -> tuple[Any, float]:
    """The tuner's model and the seconds it took."""
    start = time.perf_counter()
    return tuner.fit(data), time.perf_counter() - start


def compare(data: DataFrame, seeds: int) -> list[tuple[str, float, int, float]]:
    """(what, best RMSE, fits, seconds) of every way; medians over seeds where there are several."""
    pca, line = PCA(inputCol="raw", outputCol="features"), LinearRegression()
    common: dict[str, Any] = {
        "estimator": Pipeline(stages=[pca, line]),
        "evaluator": RegressionEvaluator(),
        "trainRatio": RATIO,
        "parallelism": PARALLELISM,
    }
    grid = ParamGridBuilder().addGrid(pca.k, K).addGrid(line.regParam, REG).build()
    TrainValidationSplit(estimatorParamMaps=grid[:1], seed=0, **common).fit(data)  # warms up
    spark_model, spark_seconds = fitted(
        TrainValidationSplit(estimatorParamMaps=grid, seed=0, **common), data
    )
    rows = [("grid, Spark's tuner", min(spark_model.validationMetrics), len(grid), spark_seconds)]
    builder = BayesianParamGridBuilder
    spaces = {
        "grid searched": builder().addGrid(pca.k, K).addGrid(line.regParam, REG).space(),
        "ranges opened": builder()
        .addInt(pca.k, 5, 80)
        .addUniform(line.regParam, 1e-4, 1.0, log=True)
        .space(),
    }
    ways: dict[str, dict[str, Any]] = {"grid, our tuner": {"estimatorParamMaps": grid}}
    for name, space in spaces.items():
        ways[name] = {
            "searchSpace": space,
            "numTrials": TRIALS,
            "batchSize": PARALLELISM,
            "numStartupTrials": PARALLELISM,
        }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for seed in range(seeds):
        for name, params in ways.items():
            tuner = BayesianTrainValidationSplit(seed=seed, **common, **params)
            model, seconds = fitted(tuner, data)
            measured[name].append((min(model.validationMetrics), seconds))
    for name, results in measured.items():
        metrics, seconds = zip(*results, strict=True)
        fits = len(grid) if name == "grid, our tuner" else TRIALS
        rows.append((name, statistics.median(metrics), fits, statistics.median(seconds)))
    grids, opened = measured["grid, our tuner"], measured["ranges opened"]
    better = sum(b[0] <= a[0] for a, b in zip(grids, opened, strict=True))
    print(f"ranges opened at least as good as the grid on the same split: {better} of {seeds}")
    return rows


def main() -> None:
    """Make the data, run every way, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5, help="splits and searches; medians shown")
    arguments = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers run the Python of this file
    quiet = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
    spark = SparkSession.builder.appName("bayesian-pca").config(map=quiet).getOrCreate()
    try:
        table = compare(regression(spark, arguments.rows), arguments.seeds)
        print(f"{'':20} {'best RMSE':>9} {'fits':>5} {'seconds':>8}")
        for name, metric, fits, seconds in table:
            print(f"{name:20} {metric:9.4f} {fits:5} {seconds:8.1f}")
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
