"""What every peer shares: its arguments, the meter of its tuning phase, its result file.

A peer is a script of this folder. It starts its engine, warms it up, tunes every series of a
folder of Parquet files within one `Meter`, and writes what came out as JSON. paper_peers.py starts
it in a process of its own, with thread pools of one and a folder for temporary files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CORES = os.cpu_count() or 1


def parser(doc: str) -> argparse.ArgumentParser:
    """The arguments of every peer."""
    made = argparse.ArgumentParser(description=doc.partition("\n")[0])
    made.add_argument("--data", required=True, help="folder that paper_data.py wrote")
    made.add_argument("--trials", type=int, default=20, help="per series")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--result", required=True, help="JSON file to write")
    return made


def share_modules() -> None:
    """Let the workers of any engine that is started from now on import from this folder."""
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def busy_seconds() -> float:
    """CPU time that all processes of the machine have used since it started."""
    user, nice, system, _, _, irq, softirq = map(
        int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Meter:
    """Wall clock and CPU of a `with` block: what all cores were busy with, whoever kept them so.

    Sums over a peer's processes would miss those that live shorter than a look at them, which
    Stan's do. paper_peers.py takes off what the machine uses by itself.
    """

    def __enter__(self) -> Meter:
        self.start, self._busy = time.time(), busy_seconds()
        return self

    def __exit__(self, *failure: Any) -> None:
        self.end, self.machine_cpu = time.time(), busy_seconds() - self._busy


def key(store: Any, item: Any) -> str:
    """The name of a series in results."""
    return f"{store}/{item}"


def write(path: str, meter: Meter, best: Mapping[str, float], trials: int) -> None:
    """What paper_peers.py reads: `best` is the lowest holdout RMSE of every series."""
    document = {
        "start": meter.start,
        "end": meter.end,
        "machine_cpu": meter.machine_cpu,
        "trials": trials,
        "best": dict(best),
    }
    Path(path).write_text(json.dumps(document))
