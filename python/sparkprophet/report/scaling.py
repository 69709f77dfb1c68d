"""Speedup over measured runs, and the laws that are fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sparkprophet.report.timings import Floats

Ratio = TypeVar("Ratio", float, Floats)
"""A number of slots over that of the smallest run, or several."""


@dataclass(frozen=True)
class Run:
    """One measured run of a job.

    Attributes
    ----------
    slots : int
        Groups at work at one time.
    wall_seconds : float
    """

    slots: int
    wall_seconds: float


@dataclass(frozen=True)
class Point:
    """A measured run beside the smallest one.

    Attributes
    ----------
    slots : int
    wall_seconds : float
    speedup : float
        Wall seconds of the smallest run over those of this one.
    efficiency : float
        Speedup over p, where p is this run's slots over those of the smallest.
    karp_flatt : float or None
        The serial fraction by experiment; None at p = 1. It grows with p where the overhead does,
        and stays where a serial part is to blame.
    """

    slots: int
    wall_seconds: float
    speedup: float
    efficiency: float
    karp_flatt: float | None


@dataclass(frozen=True)
class Scaling:
    """Measured speedups and the laws' parameters.

    Attributes
    ----------
    points : tuple of Point
        By slots; several runs of the same slots are all there.
    base_slots : int
        Slots of the smallest run, the unit of p.
    amdahl_fraction : float
        Serial fraction f of the smallest run's wall seconds, 0 to 1.
    limit : float
        Speedup with slots without end, 1 / f; infinite for f = 0.
    gustafson_share : float
        Serial share s of the wall seconds of the largest run, as Amdahl's fit has it.
    scaled_speedup : float
        Of the largest run, for a job that had grown with the slots: p - s (p - 1).
    """

    points: tuple[Point, ...]
    base_slots: int
    amdahl_fraction: float
    limit: float
    gustafson_share: float
    scaled_speedup: float


def scaling(runs: Sequence[Run]) -> Scaling | None:
    """Scaling over runs of the same job.

    The base is the mean wall time of the runs with the fewest slots.

    Parameters
    ----------
    runs : sequence of Run

    Returns
    -------
    Scaling or None
        None unless two runs differ in slots.
    """
    runs = sorted(runs, key=lambda run: (run.slots, run.wall_seconds))
    if not runs or runs[0].slots == runs[-1].slots:
        return None
    base = runs[0].slots
    unit = float(np.mean([run.wall_seconds for run in runs if run.slots == base]))
    points = []
    for run in runs:
        p, speedup = run.slots / base, unit / run.wall_seconds
        serial = karp_flatt(speedup, p) if run.slots > base else None
        points.append(Point(run.slots, run.wall_seconds, speedup, speedup / p, serial))
    ratios = np.array([run.slots / base for run in runs])
    fraction = amdahl_fraction(ratios, np.array([point.speedup for point in points]))
    most = runs[-1].slots / base
    share = fraction / (fraction + (1 - fraction) / most)
    return Scaling(
        points=tuple(points),
        base_slots=base,
        amdahl_fraction=fraction,
        limit=1 / fraction if fraction else float("inf"),
        gustafson_share=share,
        scaled_speedup=gustafson(share, most),
    )


def amdahl(fraction: float, p: Ratio) -> Ratio:
    """Speedup 1 / (f + (1 - f) / p) for the serial fraction f (Amdahl 1967); p may be an array."""
    return 1 / (fraction + (1 - fraction) / p)


def amdahl_fraction(p: Floats, speedup: Floats) -> float:
    """The f of 0 to 1 with the least squares of 1 / speedup - (f + (1 - f) / p).

    Parameters
    ----------
    p, speedup : array of float, shape (n,)
        At least one p must differ from 1.

    Returns
    -------
    float
    """
    weight = 1 - 1 / p
    excess = 1 / speedup - 1 / p
    return float(np.clip((weight @ excess) / (weight @ weight), 0.0, 1.0))


def gustafson(share: float, p: float) -> float:
    """Scaled speedup p - s (p - 1) for the serial share s of the parallel run (Gustafson 1988)."""
    return p - share * (p - 1)


def karp_flatt(speedup: float, p: float) -> float:
    """Serial fraction (1 / S - 1 / p) / (1 - 1 / p) of a speedup S with p > 1 (Karp, Flatt 1990).

    Negative where the speedup is above p.
    """
    return (1 / speedup - 1 / p) / (1 - 1 / p)
