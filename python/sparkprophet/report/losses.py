"""Where the slots' seconds went: work, and each kind of loss with its remedy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.report.gaps import Gaps
from sparkprophet.report.slots import Slots
from sparkprophet.report.timings import Timings

WORTH_A_REMEDY = 0.05
"""Share of the slots' seconds from which on a loss is told with its remedy."""


@dataclass(frozen=True)
class Part:
    """One part of the job's slot-seconds.

    Attributes
    ----------
    name : str
        "work" for CPU seconds of groups, else the loss.
    label : str
        What it is, for people.
    slot_seconds : float
    share : float
        Of wall seconds times slots; the shares of all parts add up to 1.
    remedy : str
        "" where the loss is too small to be worth one.
    """

    name: str
    label: str
    slot_seconds: float
    share: float
    remedy: str


def parts(measured: Timings, slots: Slots, pauses: Gaps) -> tuple[Part, ...]:
    """The job's wall seconds times its slots, split without rest or overlap.

    Parameters
    ----------
    measured : Timings
        Aligned.
    slots : Slots
    pauses : Gaps
        Both of the same timings.

    Returns
    -------
    tuple of Part
        In the order of `LABELS`.
    """
    worked = slots.worked
    begin, finish = measured.start.min(), slots.last[worked].max()
    wall, used = measured.wall_seconds, int(worked.sum())
    idle = slots.count - used
    seconds = {
        "work": float(slots.cpu.sum()),
        "cpu_wait": float((slots.busy - slots.cpu).sum()),
        "between_groups": pauses.between_groups,
        "between_tasks": pauses.between_tasks,
        "prologue": begin * used,
        "late_start": float((slots.first[worked] - begin).sum()),
        "tail": float((finish - slots.last[worked]).sum()),
        "epilogue": (wall - finish) * used,
        "unused": wall * idle,
    }
    offered = wall * slots.count
    # What rounding and overlapping entries leave, a few microseconds a group.
    seconds["between_groups"] = max(
        0.0, seconds["between_groups"] + offered - sum(seconds.values())
    )
    facts = _Facts(measured, slots, pauses, begin, finish, idle)
    rows = []
    for name, value in seconds.items():
        share = value / offered
        worth = name != "work" and share >= WORTH_A_REMEDY
        remedy = _REMEDIES[name](facts) if worth else ""
        rows.append(Part(name, LABELS[name], value, share, remedy))
    return tuple(rows)


LABELS = {
    "work": "work (CPU of the groups)",
    "cpu_wait": "groups waiting for a CPU",
    "between_groups": "between two groups",
    "between_tasks": "between two tasks",
    "prologue": "before the first group",
    "late_start": "slots that began later",
    "tail": "slots that finished early",
    "epilogue": "after the last group",
    "unused": "slots that never worked",
}
"""Name of a part -> what it is, for people."""


@dataclass(frozen=True)
class _Facts:
    """What remedies tell."""

    measured: Timings
    slots: Slots
    pauses: Gaps
    begin: float
    finish: float
    idle: int


def _cpu_wait(facts: _Facts) -> str:
    ratio = facts.slots.busy.sum() / max(facts.slots.cpu.sum(), 1e-9)
    return (
        f"groups took {ratio:.2f} x their CPU seconds: slots and other programs, Spark's JVM among "
        "them, share too few cores, or groups wait for something else; offer fewer slots than "
        "cores (parallelism, spark.task.cpus)"
    )


def _between_groups(facts: _Facts) -> str:
    return (
        f"{1000 * facts.pauses.per_group:.3g} ms from one group to the next, while rows pass from "
        "the JVM to Python; it weighs on short groups: select only needed rows before fit"
    )


def _between_tasks(facts: _Facts) -> str:
    return (
        f"{facts.pauses.per_task:.2g} s from one task to the next, {facts.pauses.task_gaps} times: "
        "the job is short for its number of tasks; set parallelism to the number of slots"
    )


def _prologue(facts: _Facts) -> str:
    return (
        f"{facts.begin:.3g} s of planning, reading, shuffling and starting workers; cache the "
        "input before fit if it is slow to read or compute, and reuse a warm session"
    )


def _late_start(facts: _Facts) -> str:
    worked = facts.slots.worked
    late = float(np.max(facts.slots.first[worked]) - facts.begin)
    return (
        f"the last slot began {late:.3g} s after the first: executors were still being started or "
        "were busy; wait for them before fit (spark.scheduler.minRegisteredResourcesRatio)"
    )


def _tail(facts: _Facts) -> str:
    longest = float(facts.measured.longest.max())
    span = facts.finish - facts.begin
    share = longest / span if span else 1.0
    if share >= 0.25:
        return (
            f"one group took {longest:.3g} s, {share:.0%} of the time in which groups were worked "
            "on; no number of slots goes below it: shorten it (groupTimeout, fewer trials)"
        )
    return (
        f"the longest group is only {share:.1%} of that time, so the tasks were uneven: use more "
        "of them (parallelism=0), or fewer slots for this number of groups"
    )


def _epilogue(facts: _Facts) -> str:
    left = facts.measured.wall_seconds - facts.finish
    return (
        f"{left:.3g} s of storing and counting the rows; it does not grow with the slots, so fewer "
        "slots waste less of it"
    )


def _unused(facts: _Facts) -> str:
    groups = int(facts.measured.groups.sum())
    return (
        f"{facts.idle} of {facts.slots.count} slots had nothing to do: {groups} groups fell into "
        "too few tasks, or executors came late; a smaller cluster does as well"
    )


_REMEDIES = {
    "cpu_wait": _cpu_wait,
    "between_groups": _between_groups,
    "between_tasks": _between_tasks,
    "prologue": _prologue,
    "late_start": _late_start,
    "tail": _tail,
    "epilogue": _epilogue,
    "unused": _unused,
}
