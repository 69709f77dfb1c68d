"""The pauses of a slot between two groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.report.slots import Slots
from sparkprophet.report.timings import Timings

# A new task makes Spark set its Python worker up again: tenths of a second, where the next group
# of the same task comes after a few milliseconds.
_TASK_SECONDS = 0.05
_TASK_MEDIANS = 5.0


@dataclass(frozen=True)
class Gaps:
    """Seconds between groups of one task, and between two tasks.

    Attributes
    ----------
    between_groups, between_tasks : float
        Sums over all slots.
    group_gaps, task_gaps : int
        How many there are.
    """

    between_groups: float
    between_tasks: float
    group_gaps: int
    task_gaps: int

    @property
    def per_group(self) -> float:
        """Mean seconds of a pause between two groups of one task; 0 without any."""
        return self.between_groups / self.group_gaps if self.group_gaps else 0.0

    @property
    def per_task(self) -> float:
        """Mean seconds of a pause between two tasks; 0 without any."""
        return self.between_tasks / self.task_gaps if self.task_gaps else 0.0


def gaps(measured: Timings, slots: Slots) -> Gaps:
    """All pauses between the first and the last group of each slot.

    A pause is counted as one between tasks from 50 ms and 5 times the median pause on. The rows
    do not say which task they come from. Pauses within a slice are all counted as between groups.

    Parameters
    ----------
    measured : Timings
        Aligned.
    slots : Slots
        Of the same timings.

    Returns
    -------
    Gaps
    """
    order = np.lexsort((measured.start, slots.row))
    same = np.diff(slots.row[order]) == 0
    pauses = (measured.start[order][1:] - measured.end[order][:-1])[same].clip(0)
    inside = (measured.end - measured.start - measured.seconds).clip(0)
    inner_count = int((measured.groups - 1).sum())
    inner = float(inside[measured.groups > 1].sum())
    if inner_count:
        typical = inner / inner_count
    else:
        typical = float(np.median(pauses)) if len(pauses) else 0.0
    tasks = pauses > max(_TASK_SECONDS, _TASK_MEDIANS * typical)
    return Gaps(
        between_groups=float(pauses[~tasks].sum()) + inner,
        between_tasks=float(pauses[tasks].sum()),
        group_gaps=int((~tasks).sum()) + inner_count,
        task_gaps=int(tasks.sum()),
    )
