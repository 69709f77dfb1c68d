"""CPU and memory of a process and its descendants over time, from Linux's /proc.

`watched` looks every quarter of a second. CPU of processes that ended counts as it was last seen;
memory is proportional set size: a page that n processes share counts 1/n for each.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_EVERY = 0.25  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """What was seen: times (seconds since 1970), CPU seconds used by then, bytes of memory then."""

    times: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def cpu_between(self, start: float, end: float) -> float:
        """CPU seconds from `start` to `end`, interpolated."""
        return float(np.diff(np.interp([start, end], self.times, self.cpu))[0])

    def peak_between(self, start: float, end: float) -> int:
        """The largest memory seen from `start` to `end`, in bytes; 0 if there was no look."""
        pairs = zip(self.times, self.memory, strict=True)
        return max((m for at, m in pairs if start <= at <= end), default=0)


@contextmanager
def watched(pid: int) -> Iterator[Usage]:
    """Watch the process with this id, until the block ends; gives what was seen so far."""
    usage, stop = Usage(), threading.Event()

    def look() -> None:
        seen: dict[int, float] = {}
        while not stop.wait(_EVERY):
            memory = 0
            for own in tree(pid):
                try:
                    seen[own] = _cpu(own)
                    memory += _memory(own)
                except (OSError, StopIteration):  # ended since it was listed
                    continue
            usage.times.append(time.time())
            usage.cpu.append(sum(seen.values()))
            usage.memory.append(memory)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield usage
    finally:
        stop.set()
        watcher.join()


def tree(pid: int) -> list[int]:
    """The ids of a process and its descendants."""
    found, children = [pid], {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:  # ended since it was listed
                continue
    for own in found:
        found += children.get(own, [])
    return found


def _fields(pid: int) -> list[str]:
    """Those of /proc/PID/stat after the name, which may hold anything: state, parent, ...."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu(pid: int) -> float:
    return sum(map(int, _fields(pid)[11:13])) / _TICKS


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
