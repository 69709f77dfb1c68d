"""What all dimensions of a search space share: checks, and how messages name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sparkprophet.messages import shown
from sparkprophet.search.values import identity, plain, real_number

Made = TypeVar("Made")


def store(instance: Any, **values: Any) -> None:
    """Keep checked values in a frozen dataclass while it is being built."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def label_of(dimension: Any) -> str:
    """The kind and the name of a dimension, for an error message."""
    return f"{type(dimension).__name__} {dimension.name!r}"


def check_owner(dimension: Any) -> str:
    """Check `name` and `parent`; returns the label for further messages."""
    kind, name, parent = type(dimension).__name__, dimension.name, dimension.parent
    if not isinstance(name, str):
        raise TypeError(f"{kind} name: found {shown(name)}, must be the param's name (str)")
    if not name or "#" in name:
        raise ValueError(f"{kind} name: found {name!r}, must be a non-empty name without '#'")
    label = label_of(dimension)
    if parent is not None and not isinstance(parent, str):
        raise TypeError(f"{label}: parent: found {shown(parent)}, must be the stage's uid or None")
    return label


def made(label: str, make: Callable[..., Made], /, *args: Any, **options: Any) -> Made:
    """What `make` makes of the arguments; `label` goes before its TypeError or ValueError."""
    try:
        return make(*args, **options)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{label}: {error}") from error


def owned(name: str, parent: str | None) -> str:
    """A param's name and, where it has one, its stage, for an error message."""
    return repr(name) if parent is None else f"{name!r} of stage {parent!r}"


def distinct(label: str, values: Any) -> tuple[tuple[Any, ...], dict[tuple[Any, ...], int]]:
    """The values of a list as a tuple, and the position of each by its identity."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{label}: found {shown(values)}, must be a list of values")
    if not values:
        raise ValueError(f"{label}: found none, must be at least one value")
    kept = tuple(plain(label, value) for value in values)
    positions: dict[tuple[Any, ...], int] = {}
    for position, value in enumerate(kept):
        first = positions.setdefault(identity(value), position)
        if first != position:
            raise ValueError(
                f"{label}: found {shown(value)} twice, at positions {first} and {position}; "
                "give each value once"
            )
    return kept, positions


def checked_share(dimension: Any, share: Any) -> float:
    """`share` as a float in [0, 1)."""
    number = real_number(label := f"{label_of(dimension)}: share", share)
    if not 0 <= number < 1:
        raise ValueError(f"{label}: found {share!r}, must be a number of at least 0 and below 1")
    return number
