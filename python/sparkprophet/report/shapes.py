"""What other clusters would take and cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sparkprophet.report.what_if import Job

_MOST_EXECUTORS = 64
_STEP = 1.05


@dataclass(frozen=True)
class Shape:
    """A cluster, with a slot a core.

    Attributes
    ----------
    executors : int
    cores : int
        Of each executor.
    """

    executors: int
    cores: int

    @property
    def slots(self) -> int:
        """Groups worked on at one time."""
        return self.executors * self.cores

    def __str__(self) -> str:
        return f"{self.executors}x{self.cores}"


@dataclass(frozen=True)
class Offer:
    """A shape with what it is predicted to take.

    Attributes
    ----------
    shape : Shape
    wall_seconds : float
    utilisation : float
        CPU seconds of the groups over wall seconds times slots.
    core_hours : float
    cost : float or None
        In the unit of the price; None without a price.
    in_time : bool or None
        Whether it meets the deadline; None without one.
    """

    shape: Shape
    wall_seconds: float
    utilisation: float
    core_hours: float
    cost: float | None
    in_time: bool | None


def shape(text: str) -> Shape:
    """The shape that is written as EXECUTORSxCORES, such as 4x8.

    Parameters
    ----------
    text : str

    Returns
    -------
    Shape

    Raises
    ------
    ValueError
        For any other text.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,3})", text.strip().lower(), re.ASCII)
    if match is None:
        raise ValueError(f"shape: found {text!r}, must be EXECUTORSxCORES such as 4x8")
    return Shape(int(match[1]), int(match[2]))


def usual_shapes(job: Job, executors: int) -> list[Shape]:
    """1, 2, 4, ... executors of the measured hosts' size while more save 5 %, and the measured.

    Parameters
    ----------
    job : Job
    executors : int
        Hosts of the measured job, its slots spread evenly over them.

    Returns
    -------
    list of Shape
        By executors.
    """
    cores = max(1, -(-job.slots // executors))
    counts = [1]
    while (most := counts[-1]) < _MOST_EXECUTORS:
        twice = 2 * most
        if most >= executors and job.wall(most * cores) < _STEP * job.wall(twice * cores):
            break
        counts.append(twice)
    return [Shape(count, cores) for count in sorted({*counts, executors})]


def offers(
    job: Job, shapes: Iterable[Shape], price: float | None, deadline: float | None
) -> tuple[Offer, ...]:
    """Every shape with its predicted seconds and cost.

    Parameters
    ----------
    job : Job
    shapes : iterable of Shape
    price : float or None
        Of one core for one hour, in any unit.
    deadline : float or None
        Seconds.

    Returns
    -------
    tuple of Offer
        By slots, then by executors.
    """
    cpu = float(job.cpu_seconds.sum())
    rows = []
    for each in sorted(set(shapes), key=lambda s: (s.slots, s.executors)):
        wall = job.wall(each.slots)
        hours = each.slots * wall / 3600
        rows.append(
            Offer(
                shape=each,
                wall_seconds=wall,
                utilisation=cpu / (wall * each.slots),
                core_hours=hours,
                cost=None if price is None else price * hours,
                in_time=None if deadline is None else wall <= deadline,
            )
        )
    return tuple(rows)


def cheapest(choices: Sequence[Offer]) -> Offer | None:
    """The offer that meets the deadline for the fewest core-hours, then with the fewest cores.

    None where none meets it. Without a deadline all do.
    """
    in_time = [offer for offer in choices if offer.in_time is not False]
    return min(in_time, key=lambda o: (o.core_hours, o.shape.slots), default=None)


def fastest(choices: Sequence[Offer]) -> Offer:
    """The offer with the fewest seconds, then with the fewest cores."""
    return min(choices, key=lambda o: (o.wall_seconds, o.shape.slots))
