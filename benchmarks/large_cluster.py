"""What ten million series on a thousand slots would take, and what would break first.

    python benchmarks/large_cluster.py [--series 10000000] [--slots 250,1000,4000,16000]
        [--group-ms 3.0] [--tuned-ms 75] [--seed 0] [--json FILE]

Measures on this machine what the driver does for each task and the shuffle for each block, and
packs keys with the stage's own code. Then it simulates the job's tasks: bins in order, each
handed out by the driver at the measured rate to the first free slot, with the measured overhead, a
spread of the groups' seconds, and one task in a hundred on a slot of half the speed. A series'
seconds are given (`benchmarks/scale.py` and `paper_job.py` measure them).
"""

from __future__ import annotations

import argparse
import heapq
import time
from typing import Any

import machine
import numpy as np
import spark_sessions
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkprophet.spark.grouped import packing

# Of a task: fetching its blocks, sorting, starting the worker's loop; the report of a run of the
# paper's job shows 0.2 s between two tasks of 200,000 rows.
TASK_OVERHEAD = 0.2
# One task in so many runs on a slot of half the speed.
SLOW_TASKS = 100
# Standard deviation of a group's seconds, as a share of their mean.
SPREAD = 0.5
_TASKS, _MAPS, _REDUCERS = 4000, 400, 2000


def seconds_of(frame: DataFrame) -> float:
    """Wall seconds of computing all rows of a frame."""
    start = time.perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def measured(spark: SparkSession) -> dict[str, float]:
    """Seconds of a task without work, of a shuffle's block, and of packing for 1,000 slots."""
    cores = spark.sparkContext.defaultParallelism
    seconds_of(spark.range(0, 100, 1, 100))
    per_task = seconds_of(spark.range(0, _TASKS, 1, _TASKS)) / _TASKS
    shuffled = spark.range(0, 40 * _MAPS * 100, 1, _MAPS).repartition(_REDUCERS, "id")
    few = spark.range(0, 40 * _MAPS * 100, 1, 4).repartition(_REDUCERS, "id")
    blocks = (_MAPS - 4) * _REDUCERS
    per_block = (seconds_of(shuffled) - seconds_of(few) - (_MAPS - 4) * per_task) * cores / blocks
    bins = packing.BINS_PER_SLOT * 1000
    start = time.perf_counter()
    packed = packing.pack(np.ones(packing.BUCKETS), bins, falling=True)
    packing.spread(spark.range(1).withColumn("seed", F.col("id")), packed)
    return {
        "task_seconds": per_task,
        "block_seconds": max(per_block, 0.0),
        "packing_seconds": time.perf_counter() - start,
    }


def simulated(
    series: int, slots: int, group_seconds: float, task_seconds: float, seed: int
) -> dict[str, Any]:
    """Wall seconds and utilisation of the groups' stage."""
    random = np.random.default_rng(seed)
    keys = random.multinomial(series, np.full(packing.BUCKETS, 1 / packing.BUCKETS))
    packed = packing.pack(keys.astype(float), packing.BINS_PER_SLOT * slots, falling=True)
    groups = packed.loads
    work = group_seconds * (groups + SPREAD * np.sqrt(groups) * random.normal(size=len(groups)))
    slow = random.random(len(work)) < 1 / SLOW_TASKS
    free = [0.0] * slots
    for number, own in enumerate(work):
        handed_out = number * task_seconds
        begin = max(free[0], handed_out)
        heapq.heapreplace(free, begin + TASK_OVERHEAD + own * (1 + slow[number]))
    wall = max(free)
    return {
        "slots": slots,
        "tasks": len(work),
        "wall": wall,
        "utilisation": float(work.sum()) / (wall * slots),
        "handed_out": len(work) * task_seconds,
        "largest": float(packed.loads[0] * group_seconds),
        "smallest": float(packed.loads[-1] * group_seconds),
    }


def row(what: str, found: dict[str, Any]) -> list[str]:
    """The cells of one simulated job."""
    return [
        what,
        f"{found['slots']:,}",
        f"{found['tasks']:,}",
        f"{found['wall']:,.0f}",
        f"{found['utilisation']:.1%}",
        f"{found['handed_out']:.1f}",
        f"{found['smallest']:.1f} to {found['largest']:.1f}",
    ]


def main() -> None:
    """Measure, simulate, print."""
    machine.single_threaded()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=10_000_000)
    parser.add_argument("--slots", default="250,1000,4000,16000", help="numbers of slots")
    parser.add_argument("--group-ms", type=float, default=3.0, help="wall of one series' fit")
    parser.add_argument("--tuned-ms", type=float, default=75.0, help="and of its search, 50 trials")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    about = machine.description()
    machine.print_description(about)
    # Without adaptive execution tasks are as many as asked for.
    spark = spark_sessions.session("local[*]", driver_memory="4g", sql_adaptive_enabled="false")
    costs = measured(spark)
    spark.stop()
    print(
        f"measured here: {1e3 * costs['task_seconds']:.2f} ms a task without work (driver and "
        f"executor), {1e6 * costs['block_seconds']:.1f} us a block of a shuffle, "
        f"{costs['packing_seconds']:.2f} s to pack for 1,000 slots\n"
    )
    found = []
    for what, ms in (("fit", arguments.group_ms), ("tune, 50 trials", arguments.tuned_ms)):
        for slots in map(int, arguments.slots.split(",")):
            own = simulated(
                arguments.series, slots, ms / 1e3, costs["task_seconds"], arguments.seed
            )
            found.append({"what": what} | own)
    header = ("", "slots", "tasks", "wall s", "utilisation", "handing out s", "a task's seconds")
    machine.print_table(
        f"{arguments.series:,} series, simulated", header, [row(own["what"], own) for own in found]
    )
    machine.write_json(
        arguments.json,
        about | {"arguments": vars(arguments), "measured": costs, "simulated": found},
    )


if __name__ == "__main__":
    main()
