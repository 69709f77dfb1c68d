"""Bayesian choice of Spark settings for a job that runs again and again: the cheapest in time.

The idea is CherryPick's (Alipourfard et al., NSDI 2017): run the job with a few settings chosen by
Bayesian optimisation, not with all of them, and stop when no more gain is to be expected. Here the
search is that of sparkprophet, over any settings of spark-submit.

    python examples/choose_cluster.py                                       # a small job of its own
    python examples/choose_cluster.py --price 0.05 --deadline 600 \\
        --space '{"cores": [2, 4, 8], "partitions": [8, 16, 64], "memory": ["2g", "4g"]}' \\
        -- spark-submit --master 'local[{cores}]' --driver-memory {memory} \\
           --conf spark.sql.shuffle.partitions={partitions} job.py

The command names the settings in braces; `cores` is what is paid for. Give the values of each in
their order, for the search learns that neighbours are alike. A run costs price x cores x hours. One
that is late counts as dearer than any run in time, the later the dearer; one that fails is left
out. The first two runs are the first and the last values of all settings. Timings are noisy:
`--repeats` takes the median of several runs of a setting.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sparkprophet.search import Fixed, Int, SearchSpace, run_study

OWN_SPACE = {"cores": [1, 2], "partitions": [2, 8, 64]}
OWN_JOB = """
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
rows = spark.range({rows}).groupBy((F.col("id") % 997).alias("key")).agg(F.sum("id").alias("sum"))
assert rows.filter("sum is not null").count() == min({rows}, 997)
spark.stop()
"""


def own_command(rows: int) -> list[str]:
    """An aggregation that a local session runs in a few seconds."""
    conf = "--conf spark.sql.shuffle.partitions={partitions}"
    submit = f"--master local[{{cores}}] {conf} pyspark-shell"
    code = f"import os; os.environ['PYSPARK_SUBMIT_ARGS'] = {submit!r}" + OWN_JOB
    return [sys.executable, "-c", code.replace("{rows}", str(rows))]


@dataclass
class Job:
    """Runs the command with settings, and remembers each run; the objective of the study."""

    command: list[str]
    values: dict[str, list[Any]]  # of every setting
    price: float  # of a core for an hour
    deadline: float  # seconds
    repeats: int
    runs: dict[tuple[Any, ...], float | None] = field(default_factory=dict)  # seconds

    def __call__(self, point: dict[str, int]) -> float:
        """The logarithm of the cost, so that a gain is a share of it; a late run costs more."""
        setting = tuple(values[point[name]] for name, values in self.values.items())
        if setting not in self.runs:  # proposed again, it is not run again
            self.runs[setting] = self._seconds(setting)
            print(self.line(setting), flush=True)
        seconds = self.runs[setting]
        if seconds is None:
            raise RuntimeError("the job failed")
        if seconds <= self.deadline:
            return math.log(self.cost(setting))
        dearest = self.price * max(self.values["cores"]) * self.deadline / 3600
        return math.log(dearest * seconds / self.deadline) + 1

    def cost(self, setting: tuple[Any, ...]) -> float:
        """Of one run that did not fail."""
        cores = dict(zip(self.values, setting, strict=True))["cores"]
        return self.price * cores * self.runs[setting] / 3600

    def line(self, setting: tuple[Any, ...]) -> str:
        """A run in words."""
        named = ", ".join(f"{n}={v}" for n, v in zip(self.values, setting, strict=True))
        seconds = self.runs[setting]
        if seconds is None:
            return f"{'failed':>10} {'':>12}  {named}"
        late = "  late" if seconds > self.deadline else ""
        return f"{seconds:8.1f} s {self.cost(setting):12.6f}  {named}{late}"

    def best(self) -> tuple[Any, ...] | None:
        """The cheapest setting in time."""
        in_time = [
            setting
            for setting, seconds in self.runs.items()
            if seconds is not None and seconds <= self.deadline
        ]
        return min(in_time, key=self.cost, default=None)

    def _seconds(self, setting: tuple[Any, ...]) -> float | None:
        command = self.command
        for name, value in zip(self.values, setting, strict=True):
            # Not str.format: a job's other braces stay as they are.
            command = [part.replace("{" + name + "}", str(value)) for part in command]
        taken = []
        for _ in range(self.repeats):
            start = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            taken.append(time.monotonic() - start)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                return None
        return median(taken)


def arguments() -> argparse.Namespace:
    """The command line; what comes after `--` is the job's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", type=json.loads, default=OWN_SPACE, help="setting -> values")
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour")
    parser.add_argument("--deadline", type=float, default=3600.0, help="seconds of a run")
    parser.add_argument("--trials", type=int, default=12, help="most proposals")
    parser.add_argument("--stop-after", type=int, default=4, help="proposals without such a gain")
    parser.add_argument("--gain", type=float, default=0.05, help="share of the cost that counts")
    parser.add_argument("--repeats", type=int, default=1, help="runs of a setting")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=20_000_000, help="of the small job")
    parser.add_argument("command", nargs="*", help="none: the small job")
    args = parser.parse_args()
    if "cores" not in args.space:
        parser.error('--space: give the values of "cores", which are what is paid for')
    args.command = args.command or own_command(args.rows)
    return args


def main() -> int:
    """Search, print every run and the cheapest; 1 where no run was in time."""
    args = arguments()
    job = Job(args.command, args.space, args.price, args.deadline, args.repeats)
    # Positions in the list of values: numbers have an order, choices would have none.
    last = {name: len(values) - 1 for name, values in args.space.items()}
    searched = tuple(Int(name, 0, place) for name, place in last.items() if place > 0)
    fixed = tuple(Fixed(name, 0) for name, place in last.items() if place == 0)
    print(f"{'wall':>10} {'cost':>12}  settings")
    study = run_study(
        job,
        SearchSpace(searched, fixed),
        num_trials=args.trials,
        seed=args.seed,
        num_startup_trials=4,
        early_stopping_rounds=args.stop_after,
        min_delta=-math.log(1 - args.gain),
        initial_points=[dict.fromkeys(args.space, 0), last],
    )
    every = math.prod(map(len, args.space.values()))
    print(
        f"{len(job.runs)} of {every} settings run in {len(study.trials)} proposals; ended by "
        f"{study.stopped_by}"
    )
    best = job.best()
    if best is None:
        print("no run was in time")
        return 1
    print(f"best: {job.line(best).strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
