"""Utilisation over time, and how evenly the slots were loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.report.slots import Slots
from sparkprophet.report.timings import Floats, Timings

BINS = 120
"""Time bins of the utilisation."""


@dataclass(frozen=True)
class Usage:
    """Shares of the slots that were at work.

    Attributes
    ----------
    edges : array of float, shape (bins + 1,)
        Seconds since the job's beginning.
    busy, cpu : array of float, shape (bins,)
        Seconds in groups, and their CPU seconds, over the bin's seconds times slots. An entry's
        seconds are spread evenly from its start to its end.
    """

    edges: Floats
    busy: Floats
    cpu: Floats


def usage(measured: Timings, slots: int, bins: int = BINS) -> Usage:
    """Utilisation in equal parts of the job's wall seconds.

    Parameters
    ----------
    measured : Timings
        Aligned.
    slots : int
        Of the job, those that never worked included.
    bins : int
        How many parts.

    Returns
    -------
    Usage
    """
    edges = np.linspace(0.0, measured.wall_seconds, bins + 1)
    length = np.maximum(measured.end - measured.start, 1e-9)
    offered = slots * np.diff(edges)
    used = np.minimum(measured.cpu_seconds, measured.seconds)
    busy, cpu = (
        np.diff(_until(edges, measured.start, length, amount)) / offered
        for amount in (measured.seconds, used)
    )
    return Usage(edges, busy.clip(0.0), cpu.clip(0.0))


def _until(edges: Floats, start: Floats, length: Floats, amount: Floats) -> Floats:
    """Sum of the amounts that had passed by each edge."""

    def ramps(begin: Floats) -> Floats:
        """Sum of rate * (edge - begin) over all ramps that have begun by each edge."""
        order = np.argsort(begin)
        rate = (amount / length)[order]
        rates: Floats = np.concatenate([np.zeros(1), np.cumsum(rate)])
        offsets: Floats = np.concatenate([np.zeros(1), np.cumsum(rate * begin[order])])
        begun = np.searchsorted(begin[order], edges, side="right")
        return rates[begun] * edges - offsets[begun]

    return ramps(start) - ramps(start + length)


@dataclass(frozen=True)
class Balance:
    """How evenly the work was spread.

    Attributes
    ----------
    busiest, mean : float
        Seconds in groups of the busiest slot, and of all slots on average.
    imbalance : float
        busiest / mean - 1: by how much the busiest slot is above the average; 0 is even.
    longest_group : float
        Seconds of the longest single group.
    """

    busiest: float
    mean: float
    imbalance: float
    longest_group: float


def balance(measured: Timings, slots: Slots) -> Balance:
    """The load of the slots, those that never worked included.

    Parameters
    ----------
    measured : Timings
        Aligned.
    slots : Slots
        Of the same timings.

    Returns
    -------
    Balance
    """
    busiest, mean = float(slots.busy.max()), float(slots.busy.mean())
    imbalance = busiest / mean - 1 if mean else 0.0
    return Balance(busiest, mean, imbalance, float(measured.longest.max()))
