"""Kinds and ranges of values: each checks one, and can be read by who documents params.

All are called with a value and the words that name it in the error, and give the value in its
canonical form.
"""

from __future__ import annotations

import datetime
import math
import operator
from dataclasses import dataclass
from typing import Any

from sparkprophet.messages import nearest

LONGEST = 1e8
"""Seconds, three years: less than what the timers of any kernel take."""
_INT, _LONG = 2**31 - 1, 2**63 - 1


def positive(value: Any, what: str) -> float:
    """A finite number above zero, or ValueError naming `what`."""
    number = finite(value, what)
    if number <= 0:
        raise ValueError(f"{what}: found {value!r}, must be a number > 0")
    return number


def finite(value: Any, what: str) -> float:
    """A finite number, or ValueError naming `what`."""
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{what}: found {value!r}, must be a finite number")
    return number


def whole(value: Any, what: str, low: int | None = None) -> int:
    """A whole number of at least `low`, or ValueError naming `what`.

    One with a lowest value fits into 32 bits and one without into 64, as in Spark's own params.
    """
    high = _LONG if low is None else _INT
    try:
        # Not by way of a float, which has whole numbers to 2**53 alone.
        number = operator.index(math.nan if isinstance(value, bool) else value)  # type: ignore[arg-type]
    except TypeError:
        if finite(value, what) != int(value):
            bound = "" if low is None else f" >= {low}"
            raise ValueError(f"{what}: found {value!r}, must be a whole number{bound}") from None
        number = int(value)
    if not (-_LONG - 1 if low is None else low) <= number <= high:
        bound = f"from {-_LONG - 1} to {_LONG}" if low is None else f">= {low}"
        bound = f"<= {high}" if low is not None and number > high else bound
        raise ValueError(f"{what}: found {value!r}, must be a whole number {bound}")
    return number


def instant(value: Any, what: str) -> str:
    """A date or time as ISO 8601 text without a zone, or ValueError naming `what`."""
    try:
        if isinstance(value, str):
            moment = datetime.datetime.fromisoformat(value)
        elif isinstance(value, datetime.datetime):
            moment = value
        elif isinstance(value, datetime.date):
            moment = datetime.datetime(value.year, value.month, value.day)
        else:
            moment = value.astype("datetime64[us]").item()
        if moment.tzinfo is not None:
            raise ValueError("it has a time zone")
        if not 1678 <= moment.year <= 2261:
            raise ValueError("it lies outside the years 1678 to 2261")
        # pd.Timestamp is a datetime too; its text may carry nanoseconds.
        moment = datetime.datetime.fromisoformat(str(moment)[:26])
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{what}: found {value!r}, must be a date or time without a zone such as "
            f"'2024-12-24' ({error})"
        ) from error
    return moment.isoformat()


@dataclass(frozen=True)
class Number:
    """A finite number between `low` and `high`; with `open_ends`, neither of the two."""

    low: float
    high: float = math.inf
    open_ends: bool = True

    def __call__(self, value: Any, what: str) -> float:
        """`value` as a float, or ValueError naming `what`."""
        number = finite(value, what)
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
        return whole(value, what, self.low)


@dataclass(frozen=True, init=False)
class OneOf:
    """One of a few texts."""

    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        object.__setattr__(self, "values", values)

    def __call__(self, value: Any, what: str) -> str:
        """`value`, or ValueError naming `what` and the nearest of the texts."""
        if value not in self.values:
            remedy = nearest(str(value), self.values)
            hint = f"; {remedy}" if remedy.endswith("?") else ""
            known = ", ".join(self.values)
            raise ValueError(f"{what}: found {value!r}, must be one of {known}{hint}")
        return str(value)


def text(value: Any, what: str) -> str:
    """A non-empty string, or TypeError naming `what`."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what}: found {value!r}, must be non-empty text")
    return value


def texts(value: Any, what: str) -> list[str]:
    """A list of non-empty strings without repeats, or TypeError/ValueError naming `what`."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"{what}: found {value!r}, must be a list of column names")
    names = [text(entry, what) for entry in value]
    if len(set(names)) < len(names):
        raise ValueError(f"{what}: found {names!r}; name each column once")
    return names


def flag(value: Any, what: str) -> bool:
    """True or False, or TypeError naming `what`."""
    if not isinstance(value, bool):
        raise TypeError(f"{what}: found {value!r}, must be True or False")
    return value


def switch(value: Any, what: str) -> str:
    """Prophet's 'auto', True, False or a Fourier order, as text."""
    text = str(value).strip().lower()
    if text in ("auto", "true", "false"):
        return text
    try:
        order = whole(float(text), what, 0)
    except ValueError as error:
        raise ValueError(
            f"{what}: found {value!r}, must be 'auto', 'true', 'false' or a Fourier order"
        ) from error
    return str(order) if order else "false"


def instants(value: Any, what: str) -> tuple[str, ...]:
    """A list of dates or times as ISO texts, or TypeError/ValueError naming `what`."""
    if isinstance(value, str):
        raise TypeError(f"{what}: found {value!r}, must be a list of dates")
    return tuple(instant(entry, f"{what}[{i}]") for i, entry in enumerate(value))


def country(value: Any, what: str) -> str:
    """A country's name or code, not yet looked up, or TypeError naming `what`."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what}: found {value!r}, must be a country's name or code such as 'US'")
    return value
