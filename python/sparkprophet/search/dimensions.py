"""The dimensions of a search space: what one param may be, and when a trial asks for it."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

from sparkprophet.messages import shown
from sparkprophet.search.values import flag, identity, plain, real_number, whole_number

if TYPE_CHECKING:
    import optuna

# What `encode` gives for a value that is not in the dimension; None is a value like any other.
OUTSIDE = object()


def store(instance: Any, **values: Any) -> None:
    """Keep checked values in a frozen dataclass while it is being built."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def label_of(dimension: Any) -> str:
    """The kind and the name of a dimension, for an error message."""
    return f"{type(dimension).__name__} {dimension.name!r}"


def _check_owner(dimension: Any) -> str:
    """Check `name` and `parent`; returns the label for further messages."""
    kind, name, parent = type(dimension).__name__, dimension.name, dimension.parent
    if not isinstance(name, str):
        raise TypeError(f"{kind} name: found {shown(name)}; give the param's name (str)")
    if not name or "#" in name:
        raise ValueError(f"{kind} name: found {name!r}; give a non-empty name without '#'")
    label = label_of(dimension)
    if parent is not None and not isinstance(parent, str):
        raise TypeError(f"{label}: parent: found {shown(parent)}; give the stage's uid or None")
    return label


def owned(name: str, parent: str | None) -> str:
    """A param's name and, where it has one, its stage, for an error message."""
    return repr(name) if parent is None else f"{name!r} of stage {parent!r}"


def _distinct(label: str, found: Any) -> tuple[tuple[Any, ...], dict[tuple[Any, ...], int]]:
    """The values of a list as a tuple, and the position of each by its identity."""
    if not isinstance(found, (list, tuple)):
        raise TypeError(f"{label}: found {shown(found)}; give a list of values")
    if not found:
        raise ValueError(f"{label}: found none; give at least one value")
    values = tuple(plain(label, value) for value in found)
    positions: dict[tuple[Any, ...], int] = {}
    for position, value in enumerate(values):
        first = positions.setdefault(identity(value), position)
        if first != position:
            raise ValueError(
                f"{label}: found {shown(value)} twice, at positions {first} and {position}; "
                "give each value once"
            )
    return values, positions


def _share(dimension: Any, share: Any) -> float:
    number = real_number(label := f"{label_of(dimension)}: share", share)
    if not 0 <= number < 1:
        raise ValueError(f"{label}: found {share!r}; give a number of at least 0 and below 1")
    return number


@dataclass(frozen=True)
class When:
    """A condition: asked only where the dimension of this name has one of these values.

    `name` and `parent` are those of the other dimension, an `Int` or a `Choice`. `values` is a
    list or tuple, at least one, kept as a tuple. 1 and 1.0 are the same value, 1 and True are not.
    Where the other dimension is itself not asked for in a trial, the condition does not hold.
    Raises TypeError or ValueError for values that a `Choice` would not take.
    """

    name: str
    values: tuple[Any, ...]
    parent: str | None = None
    _identities: frozenset[tuple[Any, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values, positions = _distinct(f"{_check_owner(self)}: values", self.values)
        store(self, values=values, _identities=frozenset(positions))

    def holds(self, value: Any) -> bool:
        """Whether `value`, a value of the other dimension, is one of these."""
        return identity(value) in self._identities

    def check(self, label: str, other: Any) -> None:
        """Raise ValueError unless `other`, the dimension of that name, can have all the values."""
        named = owned(self.name, self.parent)
        if not isinstance(other, (Int, Choice)):
            raise ValueError(
                f"{label}: found {named}, which is a {type(other).__name__}; "
                "name an Int or a Choice, or take the condition out"
            )
        for value in self.values:
            if other.encode(value) is OUTSIDE:
                raise ValueError(
                    f"{label}: found {shown(value)}, which {named} never is; give {other.span}"
                )


def _check_when(label: str, when: Any) -> tuple[When, ...]:
    """Check the conditions of one dimension by themselves."""
    if not isinstance(when, (list, tuple)):
        raise TypeError(f"{label}: when: found {shown(when)}; give a tuple of When")
    owners: set[tuple[str | None, str]] = set()
    for position, condition in enumerate(when):
        if not isinstance(condition, When):
            raise TypeError(f"{label}: when[{position}]: found {shown(condition)}; give a When")
        owner = (condition.parent, condition.name)
        if owner in owners:
            raise ValueError(
                f"{label}: when: found {owned(condition.name, condition.parent)} twice; "
                "give all of its values in one When"
            )
        owners.add(owner)
    return tuple(when)


@dataclass(frozen=True)
class Uniform:
    """A real number in [low, high], uniform, or uniform in its logarithm with `log`.

    `name` is the param's, `parent` the uid of the stage it belongs to, or None. With `when`, a
    tuple of `When`, a trial asks for it only where all of them hold. Raises TypeError or
    ValueError, with the name, what was found and the remedy, unless low < high are finite numbers,
    low > 0 with `log`, and for one dimension named twice in `when`.
    """

    kind: ClassVar[str] = "uniform"

    name: str
    low: float
    high: float
    log: bool = False
    parent: str | None = None
    when: tuple[When, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        label = _check_owner(self)
        low, high = real_number(f"{label}: low", self.low), real_number(f"{label}: high", self.high)
        flag(f"{label}: log", self.log)
        if low >= high:
            raise ValueError(
                f"{label}: found low={low!r}, high={high!r}; give low < high, "
                "or Choice with one value for a param that does not vary"
            )
        if self.log and low <= 0:
            raise ValueError(f"{label}: found low={low!r} with log=True; give low > 0 or log=False")
        store(self, low=low, high=high, when=_check_when(label, self.when))

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> float:
        """The trial's value, under the trial-parameter name `key`."""
        return trial.suggest_float(key, self.low, self.high, log=self.log)

    def encode(self, value: Any) -> Any:
        """`value` as Optuna keeps it, or OUTSIDE if it is none of this dimension."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return OUTSIDE
        return float(value) if self.low <= value <= self.high else OUTSIDE

    def at(self, share: float) -> float:
        """The value at a share in [0, 1) of the range, in the logarithm with `log`.

        Raises TypeError or ValueError for any other share.
        """
        share = _share(self, share)
        if self.log:
            value = math.exp((1 - share) * math.log(self.low) + share * math.log(self.high))
        else:
            value = (1 - share) * self.low + share * self.high
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Int:
    """A whole number low, low + step, ... up to high (inclusive where a step ends on it).

    `log` searches evenly in the logarithm; `name`, `parent`, `when` as in `Uniform`. Raises
    TypeError or ValueError unless low < high are whole numbers, step >= 1 reaches at least one
    further value, low >= 1 with `log`, and `log` goes with step=1 only (Optuna's rule).
    """

    kind: ClassVar[str] = "int"

    name: str
    low: int
    high: int
    step: int = 1
    log: bool = False
    parent: str | None = None
    when: tuple[When, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        label = _check_owner(self)
        low = whole_number(f"{label}: low", self.low)
        high = whole_number(f"{label}: high", self.high)
        step = whole_number(f"{label}: step", self.step)
        flag(f"{label}: log", self.log)
        if low >= high:
            raise ValueError(
                f"{label}: found low={low}, high={high}; give low < high, "
                "or Choice with one value for a param that does not vary"
            )
        if step < 1 or step > high - low:
            raise ValueError(
                f"{label}: found step={step}; give a step between 1 and high - low = {high - low}"
            )
        if self.log and low < 1:
            raise ValueError(f"{label}: found low={low} with log=True; give low >= 1 or log=False")
        if self.log and step != 1:
            raise ValueError(f"{label}: found step={step} with log=True; give step=1 or log=False")
        store(self, low=low, high=high, step=step, when=_check_when(label, self.when))

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> int:
        """The trial's value, under the trial-parameter name `key`."""
        # Optuna warns at each trial where no step ends on `high`: give it the last value itself.
        return trial.suggest_int(key, self.low, self._last, step=self.step, log=self.log)

    def encode(self, value: Any) -> Any:
        """`value` as Optuna keeps it, or OUTSIDE if it is none of this dimension."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return OUTSIDE
        inside = self.low <= value <= self.high and (value - self.low) % self.step == 0
        return int(value) if inside else OUTSIDE

    def at(self, share: float) -> int:
        """The value at a share in [0, 1): each has an equal part, as wide as Optuna's with `log`.

        With `log` the part of a number reaches from 0.5 below it to 0.5 above, in the logarithm.
        Raises TypeError or ValueError for any other share.
        """
        share = _share(self, share)
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            value = round(math.exp((1 - share) * low + share * high))
        else:
            count = (self.high - self.low) // self.step + 1
            value = self.low + int(share * count) * self.step
        return min(max(value, self.low), self._last)

    @property
    def span(self) -> str:
        """Its values in words, for an error message."""
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"whole numbers from {self.low} to {self._last}{steps}"

    @property
    def _last(self) -> int:
        return self.high - (self.high - self.low) % self.step


@dataclass(frozen=True)
class Choice:
    """One of `values`: numbers, strings, booleans, None, or lists of these, in any mix.

    `values` is a list or tuple, at least one, kept as a tuple; `name`, `parent`, `when` as in
    `Uniform`. The values have no order for the sampler. 1 and 1.0 are the same value, 1 and True
    are not.
    Raises TypeError for other types (sets too: their order differs between processes), ValueError
    for no values, the same value twice, NaN and infinities.
    """

    kind: ClassVar[str] = "choice"

    name: str
    values: tuple[Any, ...]
    parent: str | None = None
    when: tuple[When, ...] = field(default=(), kw_only=True)
    _positions: dict[tuple[Any, ...], int] = field(init=False, repr=False, compare=False)
    _options: tuple[Any, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label = _check_owner(self)
        values, positions = _distinct(f"{label}: values", self.values)
        when = _check_when(label, self.when)
        # Optuna finds a choice by ==, which takes True for 1, and keeps no lists at all.
        by_position = any(isinstance(value, list) for value in values)
        by_position = by_position or len(set(values)) < len(values)
        options = tuple(range(len(values))) if by_position else values
        store(self, values=values, when=when, _positions=positions, _options=options)

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        """The trial's value (a copy where it is a list), under the trial-parameter name `key`."""
        option = trial.suggest_categorical(key, self._options)
        return option if self._options is self.values else copy.deepcopy(self.values[option])

    def encode(self, value: Any) -> Any:
        """`value` as Optuna keeps it, or OUTSIDE if it is none of this dimension."""
        try:
            position = self._positions.get(identity(value))
        except TypeError:  # not hashable, so none of the values
            return OUTSIDE
        return OUTSIDE if position is None else self._options[position]

    def at(self, share: float) -> Any:
        """The value at a share in [0, 1) of the positions (a copy where it is a list).

        Raises TypeError or ValueError for any other share.
        """
        position = int(_share(self, share) * len(self.values))
        return copy.deepcopy(self.values[min(position, len(self.values) - 1)])

    @property
    def span(self) -> str:
        """Its values in words, for an error message."""
        return f"some of {shown(list(self.values))}"


@dataclass(frozen=True)
class Fixed:
    """A param that has one value in every trial and is not searched.

    `value` is of the types that `Choice` takes; `name`, `parent` as in `Uniform`.
    """

    kind: ClassVar[str] = "fixed"

    name: str
    value: Any
    parent: str | None = None

    def __post_init__(self) -> None:
        store(self, value=plain(f"{_check_owner(self)}: value", self.value))


Dimension = Uniform | Int | Choice
