"""What the benchmarks share: one thread, the machine in words, CPU clocks, tables, results as JSON.

Imports nothing that loads NumPy, so that `single_threaded` comes in time.
"""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from statistics import quantiles
from typing import Any

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_PACKAGES = ("sparkprophet", "prophet", "optuna", "numba", "numpy", "scipy", "pandas", "holidays")


def single_threaded() -> None:
    """Start this script again with every thread pool of size one, unless that is so already.

    The sizes are read when NumPy and Numba are first imported; children inherit them.
    """
    if any(os.environ.get(name) != "1" for name in _THREADS):
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def cpu_seconds() -> float:
    """CPU time of this process with all its threads, and of the children that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def processor() -> str:
    """The machine's processor, as Linux names it."""
    found = Path("/proc/cpuinfo")
    lines = found.read_text().splitlines() if found.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions(packages: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Package -> its installed version; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def description() -> dict[str, Any]:
    """Machine, versions and command of this run; the load says whether others were at work."""
    return {
        "command": " ".join(["python", *sys.argv]),
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": round(os.getloadavg()[0], 2),
        "versions": versions(),
    }


def print_description(about: dict[str, Any]) -> None:
    """The description in three lines and an empty one."""
    print(about["command"])
    print(
        f"{about['processor']}, {about['cores']} cores, {about['system']}, "
        f"load average {about['load_average']}"
    )
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()))
    print(flush=True)


def spread(values: Iterable[float]) -> tuple[float, float, float]:
    """p5, median and p95 of the finite values, interpolated; NaN where there is none."""
    kept = sorted(value for value in values if math.isfinite(value))
    if len(kept) < 2:
        return (kept[0],) * 3 if kept else (math.nan,) * 3
    cuts = quantiles(kept, n=20, method="inclusive")
    return cuts[0], cuts[9], cuts[18]


def middle(values: Iterable[float]) -> float:
    """The median of the finite values; NaN where there is none."""
    return spread(values)[1]


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with its first column to the left, all others to the right, and an empty line."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    print(title)
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        print("  ".join(cells))
    print(flush=True)


def progress(text: str) -> None:
    """One line on stderr, over the last one."""
    end = "" if sys.stderr.isatty() else "\n"
    print(f"\r\033[K{text}" if not end else text, end=end, file=sys.stderr, flush=True)


def write_json(path: str | None, results: dict[str, Any]) -> None:
    """Write the results where a path is given; NaN and infinities become null."""
    if path:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(_plain(results), indent=1, allow_nan=False) + "\n")
        print(f"written to {path}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if hasattr(value, "item"):  # NumPy's scalars
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
