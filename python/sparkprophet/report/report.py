"""The report of a job: all of its numbers, as text, JSON values and HTML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkprophet.report.analysis import Analysis, SameMachines
from sparkprophet.report.gaps import gaps
from sparkprophet.report.losses import parts
from sparkprophet.report.scaling import Run, gustafson, scaling
from sparkprophet.report.shapes import Shape, cheapest, fastest, offers, usual_shapes
from sparkprophet.report.shown.json_values import as_values
from sparkprophet.report.shown.page import page
from sparkprophet.report.shown.text import text
from sparkprophet.report.slots import Slots, assign
from sparkprophet.report.timings import Timings, aligned
from sparkprophet.report.usage import balance, usage
from sparkprophet.report.what_if import Job, job


@dataclass(frozen=True)
class Report(Analysis):
    """An `Analysis` that shows itself. Made by `make_report`.

    `print(report)` shows it; `to_dict()` gives JSON values, `to_html()` one page with plots.
    """

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; seconds, shares of 1, and None for what is not known."""
        return as_values(self)

    def to_html(self) -> str:
        """One HTML page with plots, which needs no other file and no script."""
        return page(self)

    def __str__(self) -> str:
        return text(self)


def make_report(
    measured: Timings,
    others: Sequence[Run] = (),
    shapes: Iterable[Shape] = (),
    price: float | None = None,
    deadline: float | None = None,
) -> Report:
    """The report of one job.

    Parameters
    ----------
    measured : Timings
    others : sequence of Run
        Measured runs of the same job with other numbers of slots.
    shapes : iterable of Shape
        Clusters to predict; by default those of `usual_shapes`.
    price : float, optional
        Of one core for one hour, in any unit; at least 0.
    deadline : float, optional
        Seconds; above 0.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        For a price or deadline out of range, or clocks that nothing can be told from.
    """
    if price is not None and not (0 <= price < math.inf):
        raise ValueError(f"price: found {price}, must be a number >= 0 for a core and hour")
    if deadline is not None and not (0 < deadline < math.inf):
        raise ValueError(f"deadline: found {deadline}, must be a number of seconds > 0")
    measured = aligned(measured)
    slots = assign(measured)
    if slots.count > measured.slots:
        note = (
            f"{slots.count} groups overlap by their hosts' clocks, where the driver knew of "
            f"{measured.slots} slots; {slots.count} are counted."
        )
        measured = dataclasses.replace(measured, notes=(*measured.notes, note))
    pauses = gaps(measured, slots)
    work = job(measured, slots, pauses)
    runs = [Run(slots.count, measured.wall_seconds), *others]
    offered = offers(work, tuple(shapes) or usual_shapes(work, slots.host_count), price, deadline)
    share = min(1.0, (work.prologue + work.epilogue) / measured.wall_seconds)
    return Report(
        timings=measured,
        slots=slots,
        pauses=pauses,
        usage=usage(measured, slots.count),
        balance=balance(measured, slots),
        parts=parts(measured, slots, pauses),
        job=work,
        same_machines=_same_machines(work, runs),
        scaling=scaling(runs),
        predicted=scaling(_predicted(work, offered[-1].shape.slots)),
        gustafson_share=share,
        gustafson_speedup=gustafson(share, slots.count),
        offers=offered,
        best=cheapest(offered),
        fastest=fastest(offered),
        price=price,
        deadline=deadline,
        without_prologue=measured.wall_seconds - work.prologue,
        even_tasks=_even_tasks(work, slots),
    )


def _even_tasks(work: Job, slots: Slots) -> float:
    """Wall seconds if all slots had ended together, but no group were split."""
    active = float((slots.last[slots.worked] - work.prologue).sum())
    return work.prologue + max(active / slots.count, work.longest) + work.epilogue


def _predicted(work: Job, most: int) -> list[Run]:
    """Runs on 1, 2, 4, ... slots, up to the measured number and to `most`."""
    largest = max(most, work.slots)
    counts = {1 << shift for shift in range(largest.bit_length())} | {work.slots}
    return [Run(slots, work.wall(slots)) for slots in sorted(counts)]


def _same_machines(work: Job, runs: Sequence[Run]) -> tuple[SameMachines, ...]:
    halves = {max(1, work.slots >> shift) for shift in range(work.slots.bit_length())}
    wanted = sorted({*halves, *(run.slots for run in runs if run.slots <= work.slots)})
    rows = []
    for slots in wanted:
        walls = [run.wall_seconds for run in runs if run.slots == slots]
        mean = float(np.mean(walls)) if walls else None
        rows.append(SameMachines(slots, work.wall_on_same_machines(slots), mean))
    return tuple(rows)
