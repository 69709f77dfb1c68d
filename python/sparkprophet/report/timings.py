"""The measured seconds that a report is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Timings:
    """When and where the groups of one job were worked on, in order of their start.

    An entry is one group, or a slice: groups that one worker process worked on one after another.
    Seconds count from the beginning of the job. Made by `timings`.

    Attributes
    ----------
    host : array of str, shape (n,)
    pid : array of int, shape (n,)
        Of the worker process; one process works on one group at a time.
    start, end : array of float, shape (n,)
        Of the entry's first and last group.
    seconds, cpu_seconds : array of float, shape (n,)
        Wall and CPU seconds of the entry's groups in the worker, gaps between groups left out.
    groups : array of int, shape (n,)
    longest : array of float, shape (n,)
        Wall seconds of the entry's longest group.
    wall_seconds : float
        Of the whole job.
    slots : int
        Groups that the cluster could work on at one time.
    notes : tuple of str
        What was mended in the measurements, in sentences.
    """

    host: NDArray[np.object_]
    pid: Ints
    start: Floats
    end: Floats
    seconds: Floats
    cpu_seconds: Floats
    groups: Ints
    longest: Floats
    wall_seconds: float
    slots: int
    notes: tuple[str, ...] = ()

    @property
    def one_by_one(self) -> bool:
        """Whether every entry is one group."""
        return bool((self.groups == 1).all())


def timings(
    host: ArrayLike,
    pid: ArrayLike,
    start: ArrayLike,
    seconds: ArrayLike,
    cpu_seconds: ArrayLike,
    wall_seconds: float,
    slots: int,
    *,
    end: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    longest: ArrayLike | None = None,
    notes: Iterable[str] = (),
) -> Timings:
    """Checked timings, put in order of their start.

    Without `end`, `groups` and `longest` every entry is one group.

    Parameters
    ----------
    host, pid, start, seconds, cpu_seconds, end, groups, longest : array, shape (n,)
        As in `Timings`, in any order.
    wall_seconds : float
        Of the whole job.
    slots : int
        Groups that the cluster could work on at one time.
    notes : iterable of str
        What was mended in the measurements already, in sentences.

    Returns
    -------
    Timings

    Raises
    ------
    ValueError
        For no entries, arrays of different lengths, times that are no numbers, or a job without
        slots or seconds.
    """
    start, seconds = _floats(start), _floats(seconds)
    if len(start) == 0:
        raise ValueError("timings: there are none; was the job's table written by another program?")
    if len(seconds) != len(start):
        raise ValueError(f"seconds: found {len(seconds)} values, must be {len(start)} as in start")
    arrays = {
        "host": np.asarray(host, dtype=object),
        "pid": np.asarray(pid, dtype=np.int64),
        "start": start,
        "end": start + seconds if end is None else _floats(end),
        "seconds": seconds,
        "cpu_seconds": _floats(cpu_seconds),
        "groups": np.ones(len(start), np.int64) if groups is None else np.asarray(groups, np.int64),
        "longest": seconds if longest is None else _floats(longest),
    }
    for name, values in arrays.items():
        if len(values) != len(start):
            raise ValueError(
                f"{name}: found {len(values)} values, must be {len(start)} as in start"
            )
        if values.dtype == float and not np.isfinite(values).all():
            raise ValueError(f"{name}: found NaN or infinity; leave out rows without timings")
    if not wall_seconds > 0 or slots < 1:
        raise ValueError(
            f"wall_seconds, slots: found {wall_seconds} and {slots}, must be > 0 and >= 1"
        )
    order = np.argsort(start, kind="stable")
    return Timings(
        **{name: values[order] for name, values in arrays.items()},
        wall_seconds=float(wall_seconds),
        slots=int(slots),
        notes=tuple(notes),
    )


_CLOCK_SECONDS = 60.0
"""The most by which a host's clock is taken to be wrong."""


def aligned(measured: Timings) -> Timings:
    """The timings with every entry between the job's beginning and its end.

    A host whose entries begin before the job or end after it, by up to 60 s, has a clock that
    differs from the driver's: it is moved as a whole, which keeps its durations and gaps. Other
    entries outside of the job are left out: a checkpoint of an earlier job had them, or they were
    worked on again later, for a lost executor. What still sticks out is clipped at the beginning
    and makes the job longer at the end. Each of these adds a note.

    Parameters
    ----------
    measured : Timings

    Returns
    -------
    Timings
        In order of start.

    Raises
    ------
    ValueError
        Where no entry lies within the job.
    """
    wall = measured.wall_seconds
    start, end, notes = _one_clock(measured)
    notes = [*measured.notes, *notes]
    early, late = end < 0, start >= wall
    for left_out, what in (
        (early, "ended before the job began, as those of a checkpoint do"),
        (late, "began after the job's end, as after the loss of an executor"),
    ):
        if left_out.any():
            count = int(measured.groups[left_out].sum())
            notes.append(f"{count} groups {what}; they are left out.")
    inside = ~(early | late)
    if start[inside].min() < 0:
        notes.append("Some groups began before the job by their host's clock; they are clipped.")
    if end[inside].max() > wall:
        wall = float(end[inside].max())
        notes.append(f"The last group ended after the job did, which is counted as {wall:.3f} s.")
    length = end - start
    start, end = start.clip(0.0), end.clip(0.0)
    left = np.divide(end - start, length, out=np.ones(len(length)), where=length > 0)
    moved = replace(
        measured,
        start=start,
        end=end,
        seconds=left * measured.seconds,
        cpu_seconds=left * measured.cpu_seconds,
        wall_seconds=wall,
        notes=tuple(notes),
    )
    return _kept(moved, inside)


def _one_clock(measured: Timings) -> tuple[Floats, Floats, list[str]]:
    """Starts and ends by the driver's clock as far as can be told, and notes."""
    start, end, wall = measured.start.copy(), measured.end.copy(), measured.wall_seconds
    notes = []
    for host in dict.fromkeys(measured.host):
        entries = measured.host == host
        first, last = start[entries].min(), end[entries].max()
        shift = max(0.0, -first) or min(0.0, wall - last)
        if not shift or last - first > wall or abs(shift) > _CLOCK_SECONDS:
            continue
        start[entries] += shift
        end[entries] += shift
        if abs(shift) > 0.001:
            notes.append(
                f"The clock of {host} differs from the driver's; its groups were moved by "
                f"{shift:+.3f} s to lie within the job."
            )
    if not ((end >= 0) & (start < wall)).any():
        raise ValueError(
            "timings: no group was worked on within the job, by the hosts' clocks; all came from a "
            f"checkpoint, or clocks differ by more than {_CLOCK_SECONDS:.0f} s and should be set "
            "by NTP"
        )
    return start, end, notes


def _kept(measured: Timings, chosen: Flags) -> Timings:
    order = np.flatnonzero(chosen)[np.argsort(measured.start[chosen], kind="stable")]
    names = ("host", "pid", "start", "end", "seconds", "cpu_seconds", "groups", "longest")
    return replace(measured, **{name: getattr(measured, name)[order] for name in names})


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=float)
