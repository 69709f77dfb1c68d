"""Seconds of each kind of work on the same rows wherever these come from.

    python benchmarks/row_sources.py [--rows 52000] [--connect]

The rows are a local relation (a frame made from pandas), Parquet files, a cached frame and a range
that is computed. Each work is done once to warm up, then once with each source, in turn, twice; the
lower of its two times counts. A source that a plan works through row by row is several times slower
than the others; within 20 % of each other is noise of a busy machine. --connect: through a Spark
Connect server of this machine, whose driver has no JVM; its cached frames are the server's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import machine
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame, SparkSession

from sparkprophet import (
    BayesianCrossValidator,
    BayesianParamGridBuilder,
    GroupedProphet,
    GroupedProphetTuner,
)

DAYS = 365


def sources(spark: SparkSession, rows: int, folder: Path) -> dict[str, DataFrame]:
    """The same rows by name of where they come from."""
    made = spark.range(rows).selectExpr(
        f"concat('store ', id div {DAYS}) AS store",
        f"date_add(DATE'2023-01-01', int(id % {DAYS})) AS ds",
        "50 + 10 * sin(id * pi() / 3.5) + pmod(hash(id), 1000) / 500 AS y",
        "cast(pmod(hash(id, 1), 1000) / 500 AS double) AS x",
    )
    made.write.parquet(str(folder / "rows"))
    stored = spark.read.parquet(str(folder / "rows"))
    cached = stored.select("*").cache()
    cached.count()
    local = spark.createDataFrame(stored.toPandas())
    return {"Parquet": stored, "local": local, "cached": cached, "range": made}


def works(spark: SparkSession, stored: DataFrame) -> dict[str, Callable[[DataFrame], object]]:
    """Each kind of work as a function of the rows."""
    stage = GroupedProphet(groupCols=["store"], uncertaintySamples=0)
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.5).space()
    tuner = GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=14, numTrials=3)
    model = stage.fit(stored)
    line = LinearRegression(maxIter=2, featuresCol="features", labelCol="y")
    search = BayesianCrossValidator(
        estimator=line,
        evaluator=RegressionEvaluator(labelCol="y"),
        estimatorParamMaps=[{line.regParam: 0.1}],
        numFolds=2,
    )
    vectors = VectorAssembler(inputCols=["x"], outputCol="features")

    def forecast(rows: DataFrame) -> object:
        later = rows.selectExpr("store", "date_add(ds, 365) AS ds")
        return model.forecast(14, regressors=later).agg({"yhat": "sum"}).collect()

    return {
        "fit": lambda rows: stage.fit(rows).unpersist(),
        "transform": lambda rows: model.transform(rows).agg({"yhat": "sum"}).collect(),
        "forecast": forecast,
        "tune": lambda rows: tuner.fit(rows).unpersist(),
        "two folds": lambda rows: search.fit(vectors.transform(rows)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=52_000)
    parser.add_argument("--connect", action="store_true")
    arguments = parser.parse_args()
    builder = SparkSession.builder.config("spark.driver.memory", "4g")
    builder = builder.remote("local[2]") if arguments.connect else builder.master("local[2]")
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        given = sources(spark, arguments.rows, Path(folder))
        seconds = {}
        for name, work in works(spark, given["Parquet"]).items():
            work(given["Parquet"])
            times: dict[str, list[float]] = {source: [] for source in given}
            for _ in range(2):
                for source, rows in given.items():
                    began = time.perf_counter()
                    work(rows)
                    times[source].append(time.perf_counter() - began)
            seconds[name] = {source: round(min(values), 2) for source, values in times.items()}
            shown = "  ".join(f"{source} {v:6.2f}" for source, v in seconds[name].items())
            print(f"{name:<10}", shown, flush=True)
    facts = {"rows": arguments.rows, "connect": arguments.connect, "seconds": seconds}
    print(json.dumps(facts | {"machine": machine.description()}))


if __name__ == "__main__":
    main()
