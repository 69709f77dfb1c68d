"""A fit of generated groups in a process of its own, with the driver's memory beside it.

    python scale_job.py SYSTEM WORK ROWS_OR_GROUPS[,MORE] MASTER

WORK is `groups` (so many groups of 30 rows, the fits one after the other) or `rows` (one group of
so many seconds beside three small ones: fit, save, load, forecast, transform). The last line of
stdout is the result as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import process_tree
import scale
import spark_sessions
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import systems
from groups import label_sql

SMALL = 3  # groups


def many(spark: SparkSession, groups: int) -> DataFrame:
    """So many groups of 30 days."""
    rows = spark.range(0, 30 * groups, numPartitions=16)
    label = label_sql("id % 30", "7")
    return rows.selectExpr(
        "id div 30 AS g", "date_add(DATE'2024-01-01', int(id % 30)) AS ds", f"{label} AS y"
    )


def large(spark: SparkSession, rows: int) -> DataFrame:
    """The group "large" of so many seconds, and small groups of 10,000 of them."""
    label = label_sql("id / 3600", "168")
    base = spark.range(0, rows, numPartitions=8).withColumn("g", F.lit("large"))
    for number in range(SMALL):
        own = spark.range(number, 86_400 * 80, 691, numPartitions=1)
        base = base.union(own.withColumn("g", F.lit(f"small {number}")))
    return base.selectExpr("g", "timestamp_seconds(1704067200 + id) AS ds", f"{label} AS y")


def fit_many(spark: SparkSession, system: Any, sizes: list[int]) -> list[dict[str, Any]]:
    """A fit for each size: seconds, groups that have a model, the driver's memory after it."""
    found = []
    settings = systems.Settings()
    # Starts workers and compiles, which is not what grows.
    system.fit(many(spark, 8), settings).unpersist()
    for groups in sizes:
        began = time.monotonic()
        model = system.fit(many(spark, groups), settings)
        seconds = time.monotonic() - began
        table = model if isinstance(model, DataFrame) else model.models
        ok = "model IS NOT NULL" if isinstance(model, DataFrame) else "status = 'ok'"
        keys, good = table.agg(F.count_distinct("g"), F.count_if(F.expr(ok))).first()
        rows = table.count()
        found.append(
            {"groups": groups, "seconds": seconds, "rows": rows, "keys": keys, "ok": good}
            | scale.heap(spark)
            | {"python": scale.resident()}
        )
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
        model.unpersist()
    return found


def fit_large(spark: SparkSession, system: Any, rows: int) -> dict[str, Any]:
    """What became of the large group and of the small ones beside it."""
    settings, seconds = systems.Settings(), {}

    def timed(name: str, began: float) -> float:
        now = time.monotonic()
        seconds[name] = now - began
        print(name, seconds[name], file=sys.stderr, flush=True)
        return now

    data = large(spark, rows)
    small = data.filter("g <> 'large'")
    alone = system.outcomes(system.fit(small, settings))
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        at = time.monotonic()
        model = system.fit(data, settings)
        at = timed("fit", at)
        system.save(model, f"{folder}/model")
        at = timed("save", at)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        loaded = system.load(spark, f"{folder}/model")
        outcomes = system.outcomes(loaded)
        at = timed("forecast", at)
        away = F.avg(F.abs(F.col("yhat") - F.col("y")))
        errors = (
            system.transform(loaded, data)
            .groupBy("g")
            .agg(F.count("yhat").alias("n"), away.alias("away"))
        )
        fitted = {row.g: (row.n, row.away) for row in errors.collect()}
        timed("transform", at)
    forecasts = {key[0]: outcome.forecast for key, outcome in outcomes.items()}
    codes = {key[0]: outcome.code for key, outcome in outcomes.items()}
    without = {key[0]: outcome.forecast for key, outcome in alone.items()}
    found = {"seconds": seconds, "saved": size, "alone": without, "forecasts": forecasts}
    found |= {"codes": codes, "fitted": fitted, "python": scale.resident()}
    return found | scale.heap(spark)


def main() -> None:
    """Fit, tell."""
    name, work, sizes, master = sys.argv[1:]
    system = systems.SYSTEMS[name]
    # Executors only have a memory of their own where they are processes of their own.
    spark = spark_sessions.session(
        master, driver_memory="1g", executor_memory="4g", sql_shuffle_partitions="8"
    )
    numbers = [int(number) for number in sizes.split(",")]
    with process_tree.watched(os.getpid()) as usage:
        if work == "groups":
            found: Any = {"fits": fit_many(spark, system, numbers)}
        else:
            found = fit_large(spark, system, numbers[0])
    spark.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"memory": max(usage.memory), "python_peak": peak}))


if __name__ == "__main__":
    main()
