"""Many short series fitted (not tuned): time and memory as their number grows.

    python benchmarks/scale.py [--series 10000,30000,100000] [--rows 365] [--seed 0] [--json FILE]

Each number of series is a run of its own: a Spark of its own with the driver and two executors of
one core in processes of their own (local-cluster[2,1,3072]), `GroupedProphet.fit` and a save. What
is measured on the driver: the JVM's heap in use after a full collection, the heap's highest use,
and the memory of the driver's Python. A driver that held the models, or a row a series, would grow
with the series. Executors: memory of their JVMs and Python workers, and CPU of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine
import paper_data
import process_tree
import spark_sessions
from pyspark.sql import SparkSession

from sparkprophet import GroupedProphet

MIB = 2**20
HEADER = (
    "series", "fit s", "save s", "ms a series", "core-ms a series", "cores busy",
    "driver heap MiB", "its peak", "driver Python MiB", "all processes GiB", "saved KiB a series",
)  # fmt: skip


def heap(spark: SparkSession) -> dict[str, float]:
    """The driver JVM's heap in MiB: in use after a collection, and the most that ever was."""
    management = spark.sparkContext._jvm.java.lang.management.ManagementFactory
    pools = management.getMemoryPoolMXBeans()
    heaps = [pool for pool in pools if pool.getType().name() == "HEAP"]
    peak = sum(pool.getPeakUsage().getUsed() for pool in heaps)
    spark.sparkContext._jvm.System.gc()
    used = management.getMemoryMXBean().getHeapMemoryUsage().getUsed()
    return {"heap": used / MIB, "heap_peak": peak / MIB}


def resident() -> float:
    """Memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def measured(data: str) -> dict[str, Any]:
    """Fit and save all series of a folder."""
    spark = spark_sessions.session(
        "local-cluster[2,1,3072]", driver_memory="1g", executor_memory="2g"
    )
    stage = GroupedProphet(groupCols=["store", "item"], uncertaintySamples=0)
    rows = spark.read.parquet(data)
    # Starts the executors and their Python, which is not what grows.
    stage.fit(rows.filter("store <= 2")).unpersist()
    with (
        tempfile.TemporaryDirectory(prefix="scale-") as folder,
        process_tree.watched(os.getpid()) as usage,
    ):
        start = time.time()
        model = stage.fit(rows)
        fitted = time.time()
        found = heap(spark) | {"python": resident()}
        model.write().save(f"{folder}/model")
        saved = time.time()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    spark.stop()
    cpu = usage.cpu_between(start, fitted)
    return found | {
        "series": model.summary.groups,
        "by_status": model.summary.by_status,
        "fit_seconds": fitted - start,
        "save_seconds": saved - fitted,
        "cpu_seconds": cpu,
        "utilisation": cpu / (os.cpu_count() * (fitted - start)),
        "memory": max(usage.memory),
        "bytes_per_series": size / model.summary.groups,
    }


def run(series: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One number of series, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="scale-data-") as folder:
        paper_data.write(folder, series, arguments.rows, arguments.seed)
        command = [sys.executable, __file__, "--measure", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{series} series: {done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(found: dict[str, Any]) -> list[str]:
    """The cells of one run."""
    series = found["series"]
    return [
        f"{series:,}",
        f"{found['fit_seconds']:.0f}",
        f"{found['save_seconds']:.0f}",
        f"{1000 * found['fit_seconds'] / series:.2f}",
        f"{1000 * found['cpu_seconds'] / series:.2f}",
        f"{found['utilisation']:.0%}",
        f"{found['heap']:.0f}",
        f"{found['heap_peak']:.0f}",
        f"{found['python']:.0f}",
        f"{found['memory'] / 2**30:.2f}",
        f"{found['bytes_per_series'] / 1024:.1f}",
    ]


def main() -> None:
    """Run the sizes, print."""
    machine.single_threaded()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", default="10000,30000,100000", help="numbers of series")
    parser.add_argument("--rows", type=int, default=365)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    parser.add_argument("--measure", metavar="DATA", help="measure one folder, in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure)))
        return
    about = machine.description()
    machine.print_description(about)
    found = []
    for number in arguments.series.split(","):
        machine.progress(f"{number} series")
        found.append(run(int(number), arguments))
    machine.print_table(f"series of {arguments.rows} rows", HEADER, [row(own) for own in found])
    machine.write_json(arguments.json, about | {"rows": arguments.rows, "runs": found})


if __name__ == "__main__":
    main()
