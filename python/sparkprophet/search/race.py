"""A race: points are given up where others were better after as much work."""

from __future__ import annotations

import bisect

PRUNERS = ("none", "halving")
"""How a search can give up trials."""

# Of those that came so far, the share that goes on.
_GOES_ON = 0.5


class Halving:
    """Successive halving as points come, one after another.

    After each step of its work a point goes on if it is among the better half of all that came so
    far. Source: Li et al. (2020), A system for massively parallel hyperparameter tuning (ASHA),
    with a reduction factor of 2.
    """

    def __init__(self) -> None:
        self._values: dict[int, list[float]] = {}

    def goes_on(self, step: int, value: float) -> bool:
        """Note what a point is worth after a step (less is better), and say whether it goes on."""
        values = self._values.setdefault(step, [])
        place = bisect.bisect_left(values, value)
        values.insert(place, value)
        return place < _GOES_ON * len(values)
