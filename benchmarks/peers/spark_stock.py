"""Peer: stock Prophet and Optuna in plain Spark's applyInPandas, one series a group.

    python benchmarks/peers/spark_stock.py --data DIR --trials 20 --seed 0 --result FILE
        [--task-cpus 1]

One slot a core; with `--task-cpus` as many as there are cores, one task at a time has them all,
as the Prophet-on-Spark paper ran its executors of 8 cores.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import peer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from stock_study import tuned, warm_up_frame

# Enough that a dozen series meet in none, and no core waits for a partition of several.
_PARTITIONS = 64


def session(task_cpus: int) -> SparkSession:
    """A local session with a slot for every `task_cpus` cores."""
    settings = {
        "spark.task.cpus": str(task_cpus),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": str(_PARTITIONS),
        # Spark would join them by their size, which says nothing of the work in them.
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
    }
    builder = SparkSession.builder.master(f"local[{peer.CORES}]").appName("stock Prophet")
    return builder.config(map=settings).getOrCreate()


def warm_up(spark: SparkSession, folder: str) -> None:
    """Start as many Python workers as there are cores, each with Prophet loaded; shuffle once."""

    def tune(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            tuned("warm-up", warm_up_frame(), 1, 0)
            yield part

    spark.range(0, peer.CORES, 1, peer.CORES).mapInPandas(tune, "id long").collect()
    spark.read.parquet(folder).groupBy("store", "item").count().collect()


def main() -> None:
    """Warm up, tune, write."""
    parser = peer.parser(__doc__)
    parser.add_argument("--task-cpus", type=int, default=1, help="spark.task.cpus")
    arguments = parser.parse_args()
    trials, seed = arguments.trials, arguments.seed

    def tune(own: pd.DataFrame) -> pd.DataFrame:
        name = peer.key(own["store"].iloc[0], own["item"].iloc[0])
        frame = own[["ds", "y"]].sort_values("ds", ignore_index=True)
        return pd.DataFrame({"name": [name], "best": [tuned(name, frame, trials, seed)]})

    peer.share_modules()
    spark = session(arguments.task_cpus)
    warm_up(spark, arguments.data)
    with peer.Meter() as meter:
        rows = spark.read.parquet(arguments.data)
        rows = rows.withColumn("ds", F.col("ds").cast("timestamp_ntz"))
        found = rows.groupBy("store", "item").applyInPandas(tune, "name string, best double")
        best = {row.name: row.best for row in found.collect()}
    peer.write(arguments.result, meter, best, trials * len(best))
    spark.stop()


if __name__ == "__main__":
    main()
