"""All numbers of a report."""

from __future__ import annotations

from dataclasses import dataclass

from sparkprophet.report.gaps import Gaps
from sparkprophet.report.losses import Part
from sparkprophet.report.scaling import Scaling
from sparkprophet.report.shapes import Offer
from sparkprophet.report.slots import Slots
from sparkprophet.report.timings import Timings
from sparkprophet.report.usage import Balance, Usage
from sparkprophet.report.what_if import Job


@dataclass(frozen=True)
class SameMachines:
    """A number of slots on the measured machines, as predicted and as measured.

    Attributes
    ----------
    slots : int
    predicted_seconds : float
        Wall seconds.
    measured_seconds : float or None
        Mean wall seconds of the runs with so many slots; None without any.
    """

    slots: int
    predicted_seconds: float
    measured_seconds: float | None

    @property
    def error(self) -> float | None:
        """predicted / measured - 1; None without a measured run."""
        if self.measured_seconds is None:
            return None
        return self.predicted_seconds / self.measured_seconds - 1


@dataclass(frozen=True)
class Analysis:
    """How a job used its slots, and what it would take elsewhere.

    Attributes
    ----------
    timings : Timings
        As measured, within the job.
    slots : Slots
    pauses : Gaps
    usage : Usage
    balance : Balance
    parts : tuple of Part
        The slots' seconds, split without rest.
    job : Job
        What predictions are made from.
    same_machines : tuple of SameMachines
        Fewer slots on the measured machines, and the measured number.
    scaling : Scaling or None
        Measured; None without a run of another number of slots.
    predicted : Scaling or None
        As `scaling`, of predicted runs on 1, 2, 4, ... slots, each with its own core; None for a
        job that only one slot can work on.
    gustafson_share, gustafson_speedup : float
        Share of the job's wall seconds outside the groups, s, and p - s (p - 1) for its slots p:
        by how much the job is faster than one slot, had it grown with the slots (Gustafson 1988).
    offers : tuple of Offer
        Shapes, by slots.
    best, fastest : Offer or None, Offer
        The cheapest shape in time (None where none is), and the fastest.
    price, deadline : float or None
        As given: of one core for one hour, in any unit; seconds.
    without_prologue : float
        Predicted wall seconds if nothing came before the first group: what caching the input can
        change at most.
    even_tasks : float
        Wall seconds if all slots had ended together: what more and smaller tasks can change at
        most.
    """

    timings: Timings
    slots: Slots
    pauses: Gaps
    usage: Usage
    balance: Balance
    parts: tuple[Part, ...]
    job: Job
    same_machines: tuple[SameMachines, ...]
    scaling: Scaling | None
    predicted: Scaling | None
    gustafson_share: float
    gustafson_speedup: float
    offers: tuple[Offer, ...]
    best: Offer | None
    fastest: Offer
    price: float | None
    deadline: float | None
    without_prologue: float
    even_tasks: float

    @property
    def cpu_utilisation(self) -> float:
        """CPU seconds of the groups over wall seconds times slots."""
        return self.parts[0].share

    @property
    def busy_share(self) -> float:
        """Wall seconds of the groups over wall seconds times slots."""
        return float(self.slots.busy.sum()) / (self.timings.wall_seconds * self.slots.count)
