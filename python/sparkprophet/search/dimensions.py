"""The dimensions of a search space: what one param may be, and when a trial asks for it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from sparkprophet.messages import shown
from sparkprophet.search.checks import check_owner, checked_share, distinct, owned, store
from sparkprophet.search.values import flag, identity, is_number, plain, real_number, whole_number

# What `encode` gives for a value that is not in the dimension; None is a value like any other.
OUTSIDE = object()


class Suggesting(Protocol):
    """What a search space asks of a trial: the part of Optuna's `BaseTrial` that it needs."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in [low, high], of the logarithmic range with `log`."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """A whole number in [low, high]."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""


@dataclass(frozen=True)
class When:
    """A condition: asked only where the dimension of this name has one of these values.

    Where the other dimension is itself not asked for in a trial, the condition does not hold.

    Parameters
    ----------
    name : str
        Of the other dimension, an `Int` or a `Choice`.
    values : list or tuple
        At least one; kept as a tuple. 1 and 1.0 are the same value, 1 and True are not.
    parent : str, optional
        Uid of the stage that the other dimension belongs to.

    Raises
    ------
    TypeError, ValueError
        For values that a `Choice` would not take.
    """

    name: str
    values: tuple[Any, ...]
    parent: str | None = None
    _identities: frozenset[tuple[Any, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values, positions = distinct(f"{check_owner(self)}: values", self.values)
        store(self, values=values, _identities=frozenset(positions))

    def holds(self, value: Any) -> bool:
        """Whether `value`, a value of the other dimension, is one of these."""
        return identity(value) in self._identities

    def check(self, label: str, other: Any) -> None:
        """Raise ValueError unless `other`, the dimension of that name, can have all the values."""
        named = owned(self.name, self.parent)
        if not isinstance(other, (Int, Choice)):
            raise ValueError(
                f"{label}: found {named}, which is a {type(other).__name__}, must be "
                "an Int or a Choice; name one, or take the condition out"
            )
        for value in self.values:
            if other.encode(value) is OUTSIDE:
                raise ValueError(
                    f"{label}: found {shown(value)}, which {named} never is, must be {other.span}"
                )


def _check_when(label: str, when: Any) -> tuple[When, ...]:
    """Check the conditions of one dimension by themselves."""
    if not isinstance(when, (list, tuple)):
        raise TypeError(f"{label}: when: found {shown(when)}, must be a tuple of When")
    owners: set[tuple[str | None, str]] = set()
    for position, condition in enumerate(when):
        if not isinstance(condition, When):
            raise TypeError(f"{label}: when[{position}]: found {shown(condition)}, must be a When")
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

    Parameters
    ----------
    name : str
        The param's.
    low, high : float
        Finite, low < high; low > 0 with `log`.
    log : bool
    parent : str, optional
        Uid of the stage that the param belongs to.
    when : tuple of When
        A trial asks for it only where all of them hold.

    Raises
    ------
    TypeError, ValueError
        With the name, what was found and what it must be; also for one dimension named twice in
        `when`.
    """

    kind: ClassVar[str] = "uniform"

    name: str
    low: float
    high: float
    log: bool = False
    parent: str | None = None
    when: tuple[When, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        label = check_owner(self)
        low, high = real_number(f"{label}: low", self.low), real_number(f"{label}: high", self.high)
        flag(f"{label}: log", self.log)
        if low >= high:
            raise ValueError(
                f"{label}: found low={low!r}, high={high!r}, must be low < high; "
                "give Choice with one value for a param that does not vary"
            )
        if self.log and low <= 0:
            raise ValueError(
                f"{label}: found low={low!r} with log=True, must be low > 0 or log=False"
            )
        store(self, low=low, high=high, when=_check_when(label, self.when))

    def suggest(self, trial: Suggesting, key: str) -> float:
        """The trial's value, under the trial-parameter name `key`."""
        return trial.suggest_float(key, self.low, self.high, log=self.log)

    def encode(self, value: Any) -> Any:
        """`value` as Optuna keeps it, or OUTSIDE if it is none of this dimension."""
        if not is_number(value):
            return OUTSIDE
        return float(value) if self.low <= value <= self.high else OUTSIDE

    def at(self, share: float) -> float:
        """The value at a share of the range, in the logarithm with `log`.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            For any other share.
        """
        share = checked_share(self, share)
        if self.log:
            value = math.exp((1 - share) * math.log(self.low) + share * math.log(self.high))
        else:
            value = (1 - share) * self.low + share * self.high
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Int:
    """A whole number low, low + step, ... up to high (inclusive where a step ends on it).

    Parameters
    ----------
    name, parent, when
        As in `Uniform`.
    low, high : int
        low < high; low >= 1 with `log`.
    step : int
        At least 1, and reaching at least one further value.
    log : bool
        Search evenly in the logarithm; with step=1 only (Optuna's rule).

    Raises
    ------
    TypeError, ValueError
        As `Uniform`.
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
        label = check_owner(self)
        low = whole_number(f"{label}: low", self.low)
        high = whole_number(f"{label}: high", self.high)
        step = whole_number(f"{label}: step", self.step)
        flag(f"{label}: log", self.log)
        if low >= high:
            raise ValueError(
                f"{label}: found low={low}, high={high}, must be low < high; "
                "give Choice with one value for a param that does not vary"
            )
        if step < 1 or step > high - low:
            raise ValueError(
                f"{label}: found step={step}, must be from 1 to high - low = {high - low}"
            )
        if self.log and low < 1:
            raise ValueError(
                f"{label}: found low={low} with log=True, must be low >= 1 or log=False"
            )
        if self.log and step != 1:
            raise ValueError(
                f"{label}: found step={step} with log=True, must be step=1 or log=False"
            )
        store(self, low=low, high=high, step=step, when=_check_when(label, self.when))

    def suggest(self, trial: Suggesting, key: str) -> int:
        """The trial's value, under the trial-parameter name `key`."""
        # Optuna warns at each trial where no step ends on `high`: give it the last value itself.
        return trial.suggest_int(key, self.low, self._last, step=self.step, log=self.log)

    def encode(self, value: Any) -> Any:
        """`value` as Optuna keeps it, or OUTSIDE if it is none of this dimension."""
        if not is_number(value):
            return OUTSIDE
        inside = self.low <= value <= self.high and (value - self.low) % self.step == 0
        return int(value) if inside else OUTSIDE

    def at(self, share: float) -> int:
        """The value at a share: each has an equal part, as wide as Optuna's with `log`.

        With `log` the part of a number reaches from 0.5 below it to 0.5 above, in the logarithm.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        int

        Raises
        ------
        TypeError, ValueError
            For any other share.
        """
        share = checked_share(self, share)
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

    Parameters
    ----------
    name, parent, when
        As in `Uniform`.
    values : list or tuple
        At least one; kept as a tuple. They have no order for the sampler. 1 and 1.0 are the same
        value, 1 and True are not.

    Raises
    ------
    TypeError
        For other types, sets too: their order differs between processes.
    ValueError
        For no values, the same value twice, NaN and infinities.
    """

    kind: ClassVar[str] = "choice"

    name: str
    values: tuple[Any, ...]
    parent: str | None = None
    when: tuple[When, ...] = field(default=(), kw_only=True)
    _positions: dict[tuple[Any, ...], int] = field(init=False, repr=False, compare=False)
    _options: tuple[Any, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label = check_owner(self)
        values, positions = distinct(f"{label}: values", self.values)
        when = _check_when(label, self.when)
        # Optuna finds a choice by ==, which takes True for 1, and keeps no lists at all.
        by_position = any(isinstance(value, list) for value in values)
        by_position = by_position or len(set(values)) < len(values)
        options = tuple(range(len(values))) if by_position else values
        store(self, values=values, when=when, _positions=positions, _options=options)

    def suggest(self, trial: Suggesting, key: str) -> Any:
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
        """The value at a share of the positions (a copy where it is a list).

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        None, bool, int, float, str or list

        Raises
        ------
        TypeError, ValueError
            For any other share.
        """
        position = int(checked_share(self, share) * len(self.values))
        return copy.deepcopy(self.values[min(position, len(self.values) - 1)])

    @property
    def span(self) -> str:
        """Its values in words, for an error message."""
        return f"some of {shown(list(self.values))}"


@dataclass(frozen=True)
class Fixed:
    """A param that has one value in every trial and is not searched.

    Parameters
    ----------
    name, parent
        As in `Uniform`.
    value
        Of the types that `Choice` takes.
    """

    kind: ClassVar[str] = "fixed"

    name: str
    value: Any
    parent: str | None = None

    def __post_init__(self) -> None:
        store(self, value=plain(f"{check_owner(self)}: value", self.value))


Dimension = Uniform | Int | Choice
