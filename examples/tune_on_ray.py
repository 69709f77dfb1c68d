"""One search per series on Ray, with the function of Spark's workers.

What is tuned, and how, is in series_tuning.py; this is the engine alone.

    python examples/tune_on_ray.py [--input FILE --group-cols shop,item] [--trials 20]
    RAY_ADDRESS=auto python examples/tune_on_ray.py     # a cluster that is there
    python examples/tune_on_ray.py --on-spark           # a Ray cluster inside of Spark's executors

Workers of a cluster need sparkprophet; series_tuning.py is sent to them. `--on-spark` makes each
Ray node of one Spark task, as large as `spark.task.cpus`, in the session that spark-submit gives or
a local one, whose slots are `--workers`. It takes a minute to come up and keeps those slots from
Spark until it is shut down, and finds the same values: GroupedProphetTuner needs no second cluster.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import ray

from series_tuning import Search, Task, arguments, search, show, tasks, tuned


@contextmanager
def nodes_on_spark(count: int) -> Iterator[None]:
    """A Ray cluster of up to `count` nodes in Spark tasks; `ray.init` finds it."""
    from pyspark.sql import SparkSession
    from ray.util.spark import setup_ray_cluster, shutdown_ray_cluster

    # It starts nodes with the program `ray`, which lies beside this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("Ray on Spark").config("spark.log.level", "ERROR")
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # spark-submit names the master itself
        builder = builder.master(f"local[{count}]")
    spark = builder.getOrCreate()
    try:
        setup_ray_cluster(max_worker_nodes=count)
        yield
    finally:
        shutdown_ray_cluster()
        spark.stop()


def tune_all(work: list[Task], settings: Search) -> list[dict]:
    """Each task is one series; Ray hands out the next one to whoever is free."""
    task = ray.remote(num_cpus=1)(tuned)
    shared = ray.put(settings)
    return ray.get([task.remote(one, shared) for one in work])


def main() -> None:
    """On Spark's cluster, on that of RAY_ADDRESS, or on one of this machine."""
    parser = arguments(__doc__)
    parser.add_argument("--on-spark", action="store_true", help="Ray nodes in Spark tasks")
    args = parser.parse_args()
    work, settings = tasks(args), search(args.trials, args.horizon)
    cluster = {} if args.on_spark or "RAY_ADDRESS" in os.environ else {"num_cpus": args.workers}
    with nodes_on_spark(args.workers) if args.on_spark else nullcontext():
        ray.init(runtime_env={"working_dir": str(Path(__file__).parent)}, **cluster)
        show(tune_all(work, settings))
        ray.shutdown()


if __name__ == "__main__":
    main()
