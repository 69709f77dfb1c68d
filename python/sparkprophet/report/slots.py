"""On which slot each group was worked on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.report.timings import Flags, Floats, Ints, Timings


@dataclass(frozen=True)
class Slots:
    """The slots of a job, each with its entries one after another.

    Attributes
    ----------
    row : array of int, shape (n,)
        Slot of every entry of the timings.
    hosts : tuple of str, one a slot
        The host of the slot's entries; "" for a slot that never worked.
    first, last : array of float, one a slot
        Start of the first entry and end of the last; NaN for a slot that never worked.
    busy, cpu : array of float, one a slot
        Seconds in groups, and CPU seconds in them.
    groups : array of int, one a slot
    """

    row: Ints
    hosts: tuple[str, ...]
    first: Floats
    last: Floats
    busy: Floats
    cpu: Floats
    groups: Ints

    @property
    def count(self) -> int:
        """Slots, those that never worked included."""
        return len(self.hosts)

    @property
    def host_count(self) -> int:
        """Hosts that worked."""
        return len({host for host in self.hosts if host})

    @property
    def worked(self) -> Flags:
        """Which slots worked at all."""
        return self.groups > 0


def assign(measured: Timings) -> Slots:
    """Fold worker processes on slots.

    An entry goes to the slot of its process while that is free. Otherwise (the process is new, or
    came back after another had taken its place) it goes to a slot that never worked, else to a
    free one, of its own host first, the one longest free. There are more slots than
    `measured.slots` only where more entries overlap.

    Parameters
    ----------
    measured : Timings
        Aligned.

    Returns
    -------
    Slots
    """
    free_at: list[float] = []
    hosts: list[str] = []
    slot_of: dict[tuple[str, int], int] = {}
    row = np.empty(len(measured.start), np.int64)
    entries = zip(measured.host, measured.pid.tolist(), measured.start, measured.end, strict=True)
    for i, (host, pid, start, end) in enumerate(entries):
        # A microsecond is what clocks of rows are rounded to.
        now = start + 2e-6
        slot = slot_of.get((host, pid))
        if slot is None or free_at[slot] > now:
            free = [s for s, at in enumerate(free_at) if at <= now]
            if len(free_at) < measured.slots or not free:
                slot = len(free_at)
                free_at.append(0.0)
                hosts.append(host)
            else:
                slot = min(free, key=lambda s: (hosts[s] != host, free_at[s]))
            slot_of[host, pid] = slot
        free_at[slot] = end
        row[i] = slot
    hosts += [""] * (measured.slots - len(hosts))
    return _sums(measured, row, tuple(hosts))


def _sums(measured: Timings, row: Ints, hosts: tuple[str, ...]) -> Slots:
    count = len(hosts)
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, row, measured.start)
    np.maximum.at(last, row, measured.end)
    groups = np.bincount(row, measured.groups, count).astype(np.int64)
    nothing = groups == 0
    first[nothing] = last[nothing] = np.nan
    busy = np.bincount(row, measured.seconds, count).astype(float)
    # Threads of its own may give a group more CPU seconds than wall seconds; a slot offers one.
    used = np.minimum(measured.cpu_seconds, measured.seconds)
    cpu = np.bincount(row, used, count).astype(float)
    return Slots(row, hosts, first, last, busy, cpu, groups)
