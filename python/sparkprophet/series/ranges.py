"""Ranges that params may lie in: each checks a value, and can be read by who documents params."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Any

from sparkprophet.series import terms


@dataclass(frozen=True)
class Number:
    """A finite number between `low` and `high`; with `open_ends`, neither of the two."""

    low: float
    high: float = math.inf
    open_ends: bool = True

    def __call__(self, value: Any, what: str) -> float:
        """`value` as a float, or ValueError naming `what`."""
        number = terms.finite(value, what)
        low, high = self.low, self.high
        inside = low < number < high if self.open_ends else low <= number <= high
        if not inside:
            raise ValueError(f"{what}: found {value!r}, must be a number {self}")
        return number

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"> {self.low:g}" if self.open_ends else f">= {self.low:g}"
        ends, joint = ("between", "and") if self.open_ends else ("from", "to")
        return f"{ends} {self.low:g} {joint} {self.high:g}"


@dataclass(frozen=True)
class Whole:
    """A whole number of at least `low`, or any."""

    low: int | None = None

    def __call__(self, value: Any, what: str) -> int:
        """`value` as an int, or ValueError naming `what`."""
        return terms.whole(value, what, self.low)


@dataclass(frozen=True, init=False)
class OneOf:
    """One of a few texts."""

    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        object.__setattr__(self, "values", values)

    def __call__(self, value: Any, what: str) -> str:
        """`value` itself, or ValueError naming `what` and the nearest of the texts."""
        if value not in self.values:
            near = difflib.get_close_matches(str(value), self.values, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(self.values)
            raise ValueError(f"{what}: found {value!r}, must be one of {known}{hint}")
        return value
