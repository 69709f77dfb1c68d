"""Wall clock and cores busy of the Bayesian cross-validator by parallelism, beside Spark's own.

    python benchmarks/tuner_parallelism.py [--rows 20000] [--trials 12] [--rounds 3] [--json FILE]

PCA, then linear regression, 3 folds. Ours searches; Spark's tries a random grid of as many points,
so both fit 3 models a point and one at the end. Cores busy is the CPU time of the JVM (local mode:
driver and executor in one) over the wall clock. The rounds alternate, and medians are shown.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import machine
import numpy as np
import spark_sessions
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import PCA
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import DataFrame, SparkSession

from sparkprophet import BayesianCrossValidator, BayesianParamGridBuilder

PARALLELISM = (1, 2, 4)
FOLDS = 3


def regression(spark: SparkSession, rows: int) -> DataFrame:
    """60 features and a label that hangs on all of them, in memory."""
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, 60))
    label = features @ random.normal(size=60) + random.normal(size=rows)
    pairs = zip(label.tolist(), features.tolist(), strict=True)
    data = spark.createDataFrame([(y, Vectors.dense(x)) for y, x in pairs], ["label", "raw"])
    data = data.repartition(2).cache()
    data.count()
    return data


def jvm_seconds(spark: SparkSession) -> float:
    """CPU time of the JVM so far."""
    pid = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(tuner: Any, data: DataFrame) -> tuple[Any, float, float]:
    """The model, the seconds and the cores busy."""
    spark = data.sparkSession
    wall, cpu = time.perf_counter(), jvm_seconds(spark)
    model = tuner.fit(data)
    wall = time.perf_counter() - wall
    return model, wall, (jvm_seconds(spark) - cpu) / wall


def tuners(parallelism: int, trials: int) -> dict[str, Any]:
    """Ours and Spark's."""
    pca, line = PCA(inputCol="raw", outputCol="features"), LinearRegression()
    builder = BayesianParamGridBuilder().addInt(pca.k, 5, 50)
    builder.addUniform(line.regParam, 1e-4, 1.0, log=True)
    common: dict[str, Any] = {
        "estimator": Pipeline(stages=[pca, line]),
        "evaluator": RegressionEvaluator(),
        "numFolds": FOLDS,
        "parallelism": parallelism,
        "seed": 0,
    }
    ours = BayesianCrossValidator(searchSpace=builder.space(), numTrials=trials, **common)
    return {
        "ours": ours,
        "Spark's": CrossValidator(estimatorParamMaps=builder.build(trials), **common),
    }


def compare(data: DataFrame, trials: int, rounds: int) -> list[dict[str, Any]]:
    """One row per tuner and parallelism, by round."""
    found = []
    for number in range(rounds + 1):
        for parallelism in PARALLELISM:
            for name, tuner in tuners(parallelism, trials).items():
                machine.progress(f"round {number} of {rounds}: {name}, parallelism {parallelism}")
                model, wall, busy = measured(tuner, data)
                if number:  # the first round warms the JVM up
                    found.append(
                        {
                            "tuner": name,
                            "parallelism": parallelism,
                            "wall": wall,
                            "busy": busy,
                            "metrics": list(map(float, model.avgMetrics)),
                        }
                    )
    return found


def main() -> None:
    """Measure, check that trials are the same, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3, help="after one that warms up")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    about = machine.description()
    machine.print_description(about)
    data = regression(spark_sessions.session("local[*]"), arguments.rows)
    measured = compare(data, arguments.trials, arguments.rounds)
    rows = []
    for name in ("ours", "Spark's"):
        for parallelism in PARALLELISM:
            fits = [f for f in measured if f["tuner"] == name and f["parallelism"] == parallelism]
            wall, busy = (machine.middle(f[key] for f in fits) for key in ("wall", "busy"))
            rows.append([name, str(parallelism), f"{wall:.1f}", f"{busy:.2f}"])
    title = f"{arguments.trials} candidates x {FOLDS} folds + 1, {arguments.rows} rows; medians"
    machine.print_table(title, ("", "parallelism", "seconds", "cores busy"), rows)
    ours = [f["metrics"] for f in measured if f["tuner"] == "ours"]
    print(
        "metrics of all of our trials equal, to 1e-9, whatever the parallelism:",
        bool(np.allclose(ours, ours[0], rtol=1e-9, atol=0)),
    )
    machine.write_json(arguments.json, about | {"arguments": vars(arguments), "runs": measured})


if __name__ == "__main__":
    main()
