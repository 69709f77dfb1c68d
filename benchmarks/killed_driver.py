"""A tuning job whose driver is killed (SIGKILL) again and again, and run again until it is done.

    python benchmarks/killed_driver.py [--series 472] [--trials 50] [--kills 2] [--seed 0]
        [--parallelism 0] [--json FILE]

The paper's job (paper_tuning.py) with a checkpoint folder. Each run but the last is killed as soon
as it has written so many more tasks; the JVM, the driver and its Python workers are all killed, as
if the machine was lost. The table says what each run found, did and left; the model of the last run
is compared with that of a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine
import pandas as pd
import paper_data
import paper_job
import process_tree
import pyarrow.dataset as ds

KEYS = ["store", "item"]
# Columns that tell of the machine and not of the result.
MACHINE = ["fit_seconds", "cpu_seconds", "host", "pid", "started_at"]
HEADER = ("run", "seconds", "ended by", "groups found", "done by it and kept", "kept in all")


def command(data: Path, model: Path, arguments: argparse.Namespace, folder: Path) -> list[str]:
    """spark-submit of the job with a checkpoint folder."""
    cores = os.cpu_count()
    given = [
        paper_job.SUBMIT, "--master", f"local[{cores}]", "--driver-memory", "4g",
        "--conf", "spark.ui.enabled=false", "--conf", "spark.log.level=ERROR",
        paper_job.HERE / "paper_tuning.py", "--input", data, "--output", model,
        "--trials", arguments.trials, "--seed", arguments.seed,
        "--parallelism", arguments.parallelism, "--checkpoint", folder,
    ]  # fmt: skip
    return list(map(str, given))


def kept(folder: Path) -> pd.DataFrame:
    """The keys in a checkpoint's files, and when their work began (seconds since 1970)."""
    files = [str(path) for path in folder.glob("*/run-*/part-*.parquet")]
    if not files:
        return pd.DataFrame({"started_at": []})
    rows = ds.dataset(files).to_table(columns=["key_0", "key_1", "started_at"]).to_pandas()
    return rows.assign(started_at=[moment.timestamp() for moment in rows["started_at"]])


def run(command: list[str], folder: Path, files: int | None) -> tuple[float, float, str]:
    """When a run began, its seconds, and what ended it; killed after `files` more files."""
    environment = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"} | os.environ
    before, began = len(list(folder.glob("*/run-*/part-*.parquet"))), time.time()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, text=True
    ) as job:
        while files is not None and job.poll() is None:
            time.sleep(0.05)
            if len(list(folder.glob("*/run-*/part-*.parquet"))) >= before + files:
                for pid in process_tree.tree(job.pid):
                    os.kill(pid, signal.SIGKILL)
                break
        errors = job.communicate()[1]
    if job.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the job ended with {job.returncode}: {errors[-3000:]}")
    return began, time.time() - began, "SIGKILL" if job.returncode else "its end"


def story(data: Path, place: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Every run of the job that is killed: what it found, did and left."""
    folder, found = place / "checkpoint", []
    folder.mkdir()
    submit = command(data, place / "model", arguments, folder)
    for number in range(arguments.kills + 1):
        before = len(kept(folder))
        files = arguments.files if number < arguments.kills else None
        began, seconds, ended = run(submit, folder, files)
        rows = kept(folder)
        found.append(
            {
                "seconds": seconds,
                "ended": ended,
                "found": before,
                "anew": int((rows["started_at"] >= began).sum()),
                "kept": len(rows),
            }
        )
    return found


def differences(place: Path) -> tuple[int, int]:
    """Rows of the killed job's model, and how many of them differ from the undisturbed one's."""

    def rows(name: str) -> dict[tuple, str]:
        table = ds.dataset(str(place / name / "models")).to_table().drop_columns(MACHINE)
        # A trial's own seconds are the machine's too.
        found = table.to_pylist()
        for row in found:
            for trial in row["trials"]:
                del trial["seconds"], trial["cpu_seconds"]
        return {tuple(row[key] for key in KEYS): repr(row) for row in found}

    killed, undisturbed = rows("model"), rows("undisturbed")
    if killed.keys() != undisturbed.keys():
        raise RuntimeError("the two models do not have the same keys")
    return len(killed), sum(killed[key] != undisturbed[key] for key in killed)


def main() -> None:
    """Run both jobs, print."""
    machine.single_threaded()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=472)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--files", type=int, default=5, help="written before each kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parallelism", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    about = machine.description() | {"versions": machine.versions(paper_job.PACKAGES)}
    machine.print_description(about)
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        place, data = Path(folder), Path(folder, "data")
        paper_data.write(data, arguments.series, seed=arguments.seed)
        paper_job.warm_up()
        found = story(data, place, arguments)
        (place / "other").mkdir()
        undisturbed = command(data, place / "undisturbed", arguments, place / "other")
        seconds = run(undisturbed, place / "other", None)[1]
        rows, different = differences(place)
    shown = [
        [
            str(i + 1),
            f"{own['seconds']:.1f}",
            own["ended"],
            str(own["found"]),
            str(own["anew"]),
            str(own["kept"]),
        ]
        for i, own in enumerate(found)
    ]
    machine.print_table(f"{arguments.series} series x {arguments.trials} trials", HEADER, shown)
    print(
        f"undisturbed: {seconds:.1f} s; its model and the killed job's: {rows} rows each, "
        f"{different} differ (configs, states, every trial's point and value)"
    )
    machine.write_json(
        arguments.json,
        about
        | {
            "arguments": vars(arguments),
            "runs": found,
            "undisturbed_seconds": seconds,
            "rows": rows,
            "different": different,
        },
    )


if __name__ == "__main__":
    main()
