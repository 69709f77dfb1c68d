"""The measured groups on another number of slots."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from sparkprophet.report.gaps import Gaps
from sparkprophet.report.slots import Slots
from sparkprophet.report.timings import Floats, Ints, Timings


@dataclass(frozen=True)
class Job:
    """A measured job as what grows with the groups, what with the slots, and what does not.

    Attributes
    ----------
    slots : int
        Of the measured job.
    prologue, epilogue : float
        Seconds before the first group and after the last; the same for any number of slots.
    seconds, cpu_seconds : array of float, shape (n,)
        Of every entry in order of its start, a worker's warm-up taken off.
    groups : array of int, shape (n,)
    per_group : float
        Seconds between two groups of a task.
    per_slot : float
        Seconds of every slot that do not depend on its number of groups: a worker's warm-up.
    task_pauses : float
        Seconds that a slot of the measured job passed between tasks; a slot of another cluster
        gets as many tasks, so as many seconds.
    longest : float
        Seconds of the longest group.
    """

    slots: int
    prologue: float
    epilogue: float
    seconds: Floats
    cpu_seconds: Floats
    groups: Ints
    per_group: float
    per_slot: float
    task_pauses: float
    longest: float

    @property
    def floor(self) -> float:
        """Wall seconds below which no number of slots gets: prologue, longest group, epilogue."""
        return self.prologue + self.longest + self.epilogue

    @property
    def contention(self) -> float:
        """Wall seconds of the groups over their CPU seconds; at least 1."""
        cpu = float(self.cpu_seconds.sum())
        return max(1.0, float(self.seconds.sum()) / cpu) if cpu > 0 else 1.0

    def wall(self, slots: int) -> float:
        """Predicted wall seconds on `slots` slots, each with as much of a core as the measured had.

        Groups keep their measured seconds, and each takes the first free slot in the measured
        order.

        Parameters
        ----------
        slots : int
            At least 1.

        Returns
        -------
        float
            Seconds.
        """
        return self._wall(self.seconds, slots, self.task_pauses)

    def wall_on_same_machines(self, slots: int) -> float:
        """Predicted wall seconds with `parallelism` set to `slots`, at most the measured slots.

        Fewer slots leave cores to the rest. With R, the measured ratio of wall to CPU seconds, and
        p of P slots at work, groups are stretched by max(1, R p / P) over their CPU seconds: all
        that wants a core gets one once R p is within the machines' P cores. `parallelism` gives
        every slot one task, so there are no pauses between tasks.

        Parameters
        ----------
        slots : int
            At least 1.

        Returns
        -------
        float
            Seconds.

        Raises
        ------
        ValueError
            For more slots than measured: nothing says what more cores the machines have.
        """
        if slots == self.slots:
            return self.wall(slots)
        if slots > self.slots:
            raise ValueError(
                f"slots: found {slots}, must be at most the measured {self.slots}; use wall()"
            )
        ratio = self.contention
        left = max(0.0, ratio * slots / self.slots - 1) / (ratio - 1) if ratio > 1 else 1.0
        waiting = self.seconds - self.cpu_seconds
        return self._wall(self.cpu_seconds + left * waiting, slots, 0.0)

    def _wall(self, seconds: Floats, slots: int, task_pauses: float) -> float:
        span = makespan(seconds + self.per_group * self.groups, slots)
        return self.prologue + self.per_slot + task_pauses + span + self.epilogue


def job(measured: Timings, slots: Slots, pauses: Gaps) -> Job:
    """The job behind timings.

    Parameters
    ----------
    measured : Timings
        Aligned.
    slots : Slots
    pauses : Gaps
        Both of the same timings.

    Returns
    -------
    Job
    """
    begin, finish = float(measured.start.min()), float(measured.end.max())
    warm_up = _warm_up(measured, slots)
    seconds = measured.seconds.copy()
    cpu = np.minimum(measured.cpu_seconds, measured.seconds)
    _, firsts = np.unique(slots.row, return_index=True)
    seconds[firsts] -= np.minimum(warm_up, seconds[firsts])
    cpu = np.minimum(cpu, seconds)
    return Job(
        slots=slots.count,
        prologue=begin,
        epilogue=max(0.0, measured.wall_seconds - finish),
        seconds=seconds,
        cpu_seconds=cpu,
        groups=measured.groups,
        per_group=pauses.per_group,
        per_slot=warm_up,
        task_pauses=pauses.between_tasks / max(1, int(slots.worked.sum())),
        longest=float(measured.longest.max()),
    )


def makespan(seconds: Floats, slots: int) -> float:
    """Seconds until all are done, where each in turn takes the first free of `slots` slots.

    List scheduling: at most 2 - 1 / slots times the shortest possible (Graham 1969).

    Parameters
    ----------
    seconds : array of float, shape (n,)
        At least one, in the order in which they are begun.
    slots : int

    Returns
    -------
    float
        Seconds.
    """
    if slots >= len(seconds):
        return float(seconds.max())
    free_at: list[float] = seconds[:slots].tolist()
    heapq.heapify(free_at)
    for duration in seconds[slots:].tolist():
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)


def _warm_up(measured: Timings, slots: Slots) -> float:
    """Seconds by which a slot's first group exceeds its second: the median over slots.

    The rows of a slot are in order of start; slices tell nothing about single groups.
    """
    if not measured.one_by_one:
        return 0.0
    extra = []
    for slot in np.flatnonzero(slots.groups > 1):
        first, second = measured.seconds[slots.row == slot][:2]
        extra.append(max(0.0, first - second))
    return float(np.median(extra)) if extra else 0.0
