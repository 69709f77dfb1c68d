"""The values a search space may hold: what JSON keeps exactly, and when two are the same."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

from sparkprophet.messages import shown

# Optuna keeps every number as a double; from here on neighbouring whole numbers look the same.
LARGEST_INTEGER = 2**53


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a real number of any type; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def real_number(label: str, value: Any) -> float:
    """`value` as a finite float; `label` names it in the TypeError or ValueError otherwise."""
    if not is_number(value):
        raise TypeError(f"{label}: found {shown(value)}, must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{label}: found {shown(value)}, must be a finite number")
    return number


def whole_number(
    label: str, value: Any, low: int = -LARGEST_INTEGER, high: int = LARGEST_INTEGER
) -> int:
    """`value` as an int in [low, high]; `label` names it in the TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{label}: found {shown(value)}, must be a whole number (int)")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(
            f"{label}: found {shown(number)}, must be a whole number from {low} to {high}"
        )
    return number


def flag(label: str, value: Any) -> bool:
    """`value` itself if it is True or False; TypeError naming `label` otherwise."""
    if not isinstance(value, bool):
        raise TypeError(f"{label}: found {shown(value)}, must be True or False")
    return value


def plain(label: str, value: Any) -> Any:
    """A copy of `value` made of None, bool, int, float, str and lists of these only.

    Tuples become lists and NumPy's scalars Python's own, so that the value equals itself after a
    way through JSON.

    Parameters
    ----------
    label : str
        Names the value in an error message.
    value

    Returns
    -------
    None, bool, int, float, str or list

    Raises
    ------
    TypeError
        For any other type.
    ValueError
        For NaN and infinities.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return real_number(label, value)
    if isinstance(value, (list, tuple)):
        return [plain(label, item) for item in value]
    raise TypeError(
        f"{label}: found {shown(value)}, must be a number, a string, True, False, None "
        "or a list of these"
    )


def identity(value: Any) -> tuple[Any, ...]:
    """A hashable stand-in: equal for 1 and 1.0, but not for 1 and True, as Python has it."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Real):
        return ("number", value)
    if isinstance(value, (list, tuple)):
        return ("list", *(identity(item) for item in value))
    if isinstance(value, str):
        return ("str", value)
    return (type(value).__name__, value)
