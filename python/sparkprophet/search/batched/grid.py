"""Fixed points tried in order: what a batched study is where there is nothing to search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sparkprophet.messages import MESSAGE_LIMIT
from sparkprophet.search.batched.trials import Asked, BatchedTrials, ScoredTrial


class GridStudy(BatchedTrials):
    """The points of a grid, each asked for once, in order.

    Parameters
    ----------
    points : sequence of mapping
        Key -> value of each, as its trials show it.
    maximise : bool
        As in `BatchedTrials`.
    """

    def __init__(self, points: Sequence[Mapping[str, Any]], maximise: bool) -> None:
        super().__init__(maximise)
        self._points = points
        self._asked = 0
        self._finished: dict[int, ScoredTrial] = {}

    def ask(self, count: int) -> list[Asked]:
        """The next points; fewer than `count` at the end of the grid."""
        numbers = range(self._asked, min(self._asked + count, len(self._points)))
        self._asked = numbers.stop
        return [Asked(number, dict(self._points[number])) for number in numbers]

    def trials(self) -> list[ScoredTrial]:
        """Every finished trial by number."""
        return [self._finished[number] for number in sorted(self._finished)]

    def _complete(self, number: int, scores: tuple[float, ...], seconds: float) -> None:
        value = math.fsum(scores) / len(scores)
        self._put(number, "COMPLETE", value, scores, seconds, None)

    def fail(
        self, number: int, error: str, seconds: float = 0.0, interrupted: bool = False
    ) -> None:
        """End a trial without a value; an interrupted one is not kept."""
        if not interrupted:
            self._put(number, "FAIL", None, (), seconds, error[:MESSAGE_LIMIT])

    def _put(self, number: int, *rest: Any) -> None:
        self._finished[number] = ScoredTrial(number, dict(self._points[number]), *rest)
