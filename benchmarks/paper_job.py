"""The Prophet-on-Spark paper's whole job in one spark-submit: its phases, cores, memory.

    make bench-paper          # or
    python benchmarks/paper_job.py [--series 1416] [--rows 2336] [--trials 50] [--seed 0]
        [--parallelism 0] [--cores N] [--java-options "..."] [--model FOLDER] [--json FILE]

1,416 series of 2,336 days, a search of 50 TPE trials each in the paper's space, US holidays, one
holdout of 90 days, then a fit of every series with its best. The paper needed 2 h 47 min on Spark
(48 cores) and 28 min on Ray (52 slots). The data are made first, by paper_data.py, and the solver
is compiled; neither is in the times. paper_tuning.py is the job. CPU and memory are those of all
its processes: JVM, driver, Python workers. "Tuning" is the whole of the stage's `fit`.
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
import pyspark

HERE = Path(__file__).parent
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
PACKAGES = ("sparkprophet", "pyspark", "prophet", "optuna", "numba", "numpy", "pyarrow")
# Each phase, and the name of the time at which it begins.
PHASES = (
    ("start", "spark-submit to the driver's first line"),
    ("driver", "session"),
    ("fit", "fit: read the keys, count, pack"),
    ("packed", "fit: read all, shuffle, start workers"),
    ("groups", "fit: first group to last"),
    ("counted", "fit: count the outcomes"),
    ("quality", "print summary and comparison"),
    ("save", "save the model"),
    ("saved", "stop"),
    ("end", ""),
)


def warm_up() -> None:
    """Compile the solver, as an installation would, into the folder that the workers read."""
    search = "from sparkprophet.tuning import warm_up; warm_up('tpe')"
    subprocess.run([sys.executable, "-c", search], check=True)


def submit(data: Path, model: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the job; its times, what its processes used, and its output."""
    command = [
        SUBMIT, "--master", f"local[{arguments.cores}]", "--driver-memory", "4g",
        "--conf", "spark.ui.enabled=false", "--conf", "spark.log.level=ERROR",
        "--driver-java-options", arguments.java_options,
        HERE / "paper_tuning.py", "--input", data, "--output", model,
        "--trials", arguments.trials, "--seed", arguments.seed,
        "--parallelism", arguments.parallelism,
    ]  # fmt: skip
    environment = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"} | os.environ
    start = time.time()
    with subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as job:
        with process_tree.watched(job.pid) as usage:
            printed, errors = job.communicate()
    if job.returncode:
        raise RuntimeError(f"the job ended with {job.returncode}: {printed}{errors}")
    *shown, times = printed.splitlines()
    return {
        "times": {"start": start, **json.loads(times), "end": time.time()},
        "usage": usage,
        "printed": shown,
    }


def phases(times: dict[str, float], usage: process_tree.Usage, cores: int) -> list[dict[str, Any]]:
    """Seconds, CPU seconds, cores busy and memory of every phase."""
    found = []
    for (name, title), (following, _) in zip(PHASES, PHASES[1:], strict=False):
        start, end = times[name], times[following]
        cpu = usage.cpu_between(start, end)
        found.append(
            {
                "phase": title,
                "seconds": end - start,
                "cpu_seconds": cpu,
                "utilisation": cpu / (cores * (end - start)) if end > start else float("nan"),
                "peak_memory": usage.peak_between(start, end),
            }
        )
    return found


def results(run: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures of a run."""
    times, usage, cores = run["times"], run["usage"], arguments.cores
    fit = times["fit"], times["quality"]
    cpu, trials = usage.cpu_between(*fit), arguments.series * arguments.trials
    return {
        "phases": phases(times, usage, cores),
        "tuning_seconds": fit[1] - fit[0],
        "tuning_cpu_seconds": cpu,
        "tuning_utilisation": cpu / (cores * (fit[1] - fit[0])),
        "whole_seconds": times["end"] - times["start"],
        "peak_memory": max(usage.memory),
        "core_ms_per_trial": 1000 * cpu / trials,
        "printed": run["printed"],
    }


def show(found: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Print the figures."""
    rows = [
        [
            entry["phase"],
            f"{entry['seconds']:.1f}",
            f"{entry['cpu_seconds']:.1f}",
            f"{entry['utilisation']:.0%}",
            f"{entry['peak_memory'] / 2**30:.2f}",
        ]
        for entry in found["phases"]
    ]
    title = f"{arguments.series:,} series x {arguments.rows:,} rows x {arguments.trials} trials"
    header = ("phase", "seconds", "CPU s", "cores busy", "peak GiB")
    machine.print_table(f"{title}, {arguments.cores} cores", header, rows)
    print(
        f"tuning (all of fit): {found['tuning_seconds']:.1f} s, "
        f"{found['tuning_utilisation']:.1%} of {arguments.cores} cores busy, "
        f"{found['core_ms_per_trial']:.2f} core-ms a trial, everything included"
    )
    print(
        f"from spark-submit to its end: {found['whole_seconds']:.1f} s; "
        f"peak memory of all processes: {found['peak_memory'] / 2**30:.2f} GiB\n"
    )
    print("\n".join(found["printed"]))


def main() -> None:
    """Make the data, run the job, print."""
    machine.single_threaded()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=paper_data.SERIES)
    parser.add_argument("--rows", type=int, default=paper_data.ROWS)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of data and searches")
    parser.add_argument("--parallelism", type=int, default=0, help="of the stage; 0: all slots")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="slots of Spark")
    parser.add_argument("--java-options", default="", help="of Spark's JVM")
    parser.add_argument("--model", metavar="FOLDER", help="keep the saved model there")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    about = machine.description() | {"versions": machine.versions(PACKAGES)}
    machine.print_description(about)
    with tempfile.TemporaryDirectory(prefix="paper-") as folder:
        data, model = Path(folder, "data"), Path(arguments.model or f"{folder}/model").absolute()
        paper_data.write(data, arguments.series, arguments.rows, arguments.seed)
        warm_up()
        found = results(submit(data, model, arguments), arguments)
    show(found, arguments)
    machine.write_json(arguments.json, about | {"arguments": vars(arguments), **found})


if __name__ == "__main__":
    main()
