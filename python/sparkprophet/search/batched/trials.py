"""Points that are asked for in batches and told in any order: what a search of any kind offers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A point to try.

    Attributes
    ----------
    number : int
        Position in the study, from 0.
    params : dict
        Key of the space -> value, fixed ones too.
    """

    number: int
    params: dict[str, Any]


@dataclass(frozen=True)
class ScoredTrial:
    """One point that was tried.

    Attributes
    ----------
    number : int
        Position in the study, from 0.
    params : dict
        Key of the space -> value, fixed ones too.
    state : str
        COMPLETE, or FAIL where there is no finite score for every fold.
    value : float or None
        Mean of the scores, None unless COMPLETE.
    scores : tuple of float
        One per fold, in order; empty unless COMPLETE.
    seconds : float
        Wall clock of its fits, transforms and evaluations, added up.
    error : str or None
        `TypeName: message` of a FAIL trial, at most `MESSAGE_LIMIT` characters, else None.
    """

    number: int
    params: dict[str, Any]
    state: str
    value: float | None
    scores: tuple[float, ...]
    seconds: float
    error: str | None


class BatchedTrials(ABC):
    """What a search asks for points and tells their scores.

    Parameters
    ----------
    maximise : bool
        Whether the larger value is the better one.
    """

    def __init__(self, maximise: bool) -> None:
        self.maximise = maximise

    @abstractmethod
    def ask(self, count: int) -> list[Asked]:
        """Points to try next; none where there are no more."""

    @abstractmethod
    def trials(self) -> list[ScoredTrial]:
        """Every finished trial by number, interrupted ones left out."""

    @abstractmethod
    def fail(
        self, number: int, error: str, seconds: float = 0.0, interrupted: bool = False
    ) -> None:
        """End a trial without a value; an interrupted one does not count as a trial."""

    def beat(self) -> None:  # noqa: B027
        """Called now and then while trials are at work: other processes see that they are."""

    def end_abandoned(self) -> None:  # noqa: B027
        """The search has come to its end: end what dead processes have left at work."""

    def close(self) -> None:  # noqa: B027
        """Whatever is still at work is tried no more; what was told can still be read."""

    @abstractmethod
    def _complete(self, number: int, scores: tuple[float, ...], seconds: float) -> None:
        """End a trial whose scores are all finite."""

    def tell(self, number: int, scores: Sequence[float], seconds: float) -> None:
        """End a trial with one score per fold; one that is not finite makes it a failed one."""
        for fold, score in enumerate(scores):
            if not math.isfinite(score):
                error = f"ValueError: the metric is {score} on fold {fold}"
                self.fail(number, error, seconds)
                return
        self._complete(number, tuple(map(float, scores)), seconds)

    def best(self) -> ScoredTrial | None:
        """The COMPLETE trial of the best value, the first one of equals."""
        sign = -1.0 if self.maximise else 1.0
        ranked = [
            (sign * trial.value, trial.number, trial)
            for trial in self.trials()
            if trial.value is not None
        ]
        return min(ranked)[-1] if ranked else None
