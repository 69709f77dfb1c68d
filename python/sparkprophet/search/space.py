"""The search space: which params are searched, over which values, and its JSON form.

A space is plain data: it travels to Spark's workers and into saved stages as JSON. Its dimensions
may belong to different stages of a Pipeline (`parent` is the stage's uid). Uids are random per
process, so they are kept but never reach the sampler: equal spaces sample equal points anywhere.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

from sparkprophet.search.values import flag, identity, plain, real_number, shown, whole_number

if TYPE_CHECKING:
    import optuna

FORMAT_VERSION = 1

# None is a value like any other, so "not in this dimension" needs a mark of its own.
_OUTSIDE = object()


def _set(dimension: Any, **values: Any) -> None:
    """Store checked values in a frozen dataclass while it is being built."""
    for name, value in values.items():
        object.__setattr__(dimension, name, value)


def _check_owner(dimension: Any) -> str:
    """Check `name` and `parent`; returns the label for further messages."""
    kind, name, parent = type(dimension).__name__, dimension.name, dimension.parent
    if not isinstance(name, str):
        raise TypeError(f"{kind} name: found {shown(name)}; give the param's name (str)")
    if not name or "#" in name:
        raise ValueError(f"{kind} name: found {name!r}; give a non-empty name without '#'")
    label = f"{kind} {name!r}"
    if parent is not None and not isinstance(parent, str):
        raise TypeError(f"{label}: parent: found {shown(parent)}; give the stage's uid or None")
    return label


@dataclass(frozen=True)
class Uniform:
    """A real number in [low, high], uniform, or uniform in its logarithm with `log`.

    `name` is the param's, `parent` the uid of the stage it belongs to, or None. Raises TypeError
    or ValueError, with the name, what was found and the remedy, unless low < high are finite
    numbers, low > 0 with `log`.
    """

    kind: ClassVar[str] = "uniform"

    name: str
    low: float
    high: float
    log: bool = False
    parent: str | None = None

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
        _set(self, low=low, high=high)

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> float:
        """The trial's value, under the trial-parameter name `key`."""
        return trial.suggest_float(key, self.low, self.high, log=self.log)

    def _encode(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, Real):
            return _OUTSIDE
        return float(value) if self.low <= value <= self.high else _OUTSIDE


@dataclass(frozen=True)
class Int:
    """A whole number low, low + step, ... up to high (inclusive where a step ends on it).

    `log` searches evenly in the logarithm; `name`, `parent` as in `Uniform`. Raises TypeError or
    ValueError unless low < high are whole numbers, step >= 1 reaches at least one further value,
    low >= 1 with `log`, and `log` goes with step=1 only (Optuna's rule).
    """

    kind: ClassVar[str] = "int"

    name: str
    low: int
    high: int
    step: int = 1
    log: bool = False
    parent: str | None = None

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
        _set(self, low=low, high=high, step=step)

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> int:
        """The trial's value, under the trial-parameter name `key`."""
        # Optuna warns at each trial where no step ends on `high`: give it the last value itself.
        last = self.high - (self.high - self.low) % self.step
        return trial.suggest_int(key, self.low, last, step=self.step, log=self.log)

    def _encode(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, Real):
            return _OUTSIDE
        inside = self.low <= value <= self.high and (value - self.low) % self.step == 0
        return int(value) if inside else _OUTSIDE


@dataclass(frozen=True)
class Choice:
    """One of `values`: numbers, strings, booleans, None, or lists of these, in any mix.

    `values` is a list or tuple, at least one, kept as a tuple; `name`, `parent` as in `Uniform`.
    The values have no order for the sampler. 1 and 1.0 are the same value, 1 and True are not.
    Raises TypeError for other types (sets too: their order differs between processes), ValueError
    for no values, the same value twice, NaN and infinities.
    """

    kind: ClassVar[str] = "choice"

    name: str
    values: tuple[Any, ...]
    parent: str | None = None
    _positions: dict[tuple[Any, ...], int] = field(init=False, repr=False, compare=False)
    _options: tuple[Any, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label = f"{_check_owner(self)}: values"
        if not isinstance(self.values, (list, tuple)):
            raise TypeError(f"{label}: found {shown(self.values)}; give a list of values")
        if not self.values:
            raise ValueError(f"{label}: found none; give at least one value")
        values = tuple(plain(label, value) for value in self.values)
        positions: dict[tuple[Any, ...], int] = {}
        for position, value in enumerate(values):
            first = positions.setdefault(identity(value), position)
            if first != position:
                raise ValueError(
                    f"{label}: found {shown(value)} twice, at positions {first} and {position}; "
                    "give each value once"
                )
        # Optuna finds a choice by ==, which takes True for 1, and keeps no lists at all.
        by_position = any(isinstance(value, list) for value in values)
        by_position = by_position or len(set(values)) < len(values)
        options = tuple(range(len(values))) if by_position else values
        _set(self, values=values, _positions=positions, _options=options)

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        """The trial's value (a copy where it is a list), under the trial-parameter name `key`."""
        option = trial.suggest_categorical(key, self._options)
        return option if self._options is self.values else copy.deepcopy(self.values[option])

    def _encode(self, value: Any) -> Any:
        try:
            position = self._positions.get(identity(value))
        except TypeError:  # not hashable, so none of the values
            return _OUTSIDE
        return _OUTSIDE if position is None else self._options[position]


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
        _set(self, value=plain(f"{_check_owner(self)}: value", self.value))


Dimension = Uniform | Int | Choice


@dataclass(frozen=True)
class SearchSpace:
    """The dimensions of one search, and the params fixed for all of its trials.

    Each has a key, its name in trials: the param's name, with "#2", "#3", ... for later ones of
    the same name (params of several stages), the dimensions counted first and `fixed` after them.

    Raises TypeError for anything but dimensions (`Fixed` in `fixed`), ValueError for no dimension
    at all and for one param of one stage given twice.
    """

    dimensions: tuple[Dimension, ...]
    fixed: tuple[Fixed, ...] = ()
    _keys: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dimensions = _checked("dimensions", self.dimensions, (Uniform, Int, Choice))
        fixed = _checked("fixed", self.fixed, (Fixed,))
        if not dimensions:
            raise ValueError(
                "SearchSpace dimensions: found none; give at least one Uniform, Int or Choice"
            )
        owners: set[tuple[str, str]] = set()
        counts: dict[str, int] = {}
        keys: list[str] = []
        for entry in (*dimensions, *fixed):
            if entry.parent is not None and (entry.parent, entry.name) in owners:
                raise ValueError(
                    f"SearchSpace: found {entry.name!r} of stage {entry.parent!r} twice; "
                    "give each param once, searched or fixed"
                )
            owners.add((entry.parent, entry.name))
            count = counts[entry.name] = counts.get(entry.name, 0) + 1
            keys.append(entry.name if count == 1 else f"{entry.name}#{count}")
        _set(self, dimensions=dimensions, fixed=fixed, _keys=tuple(keys))

    def __len__(self) -> int:
        """The number of searched dimensions; fixed params do not count."""
        return len(self.dimensions)

    def keyed(self) -> dict[str, Dimension | Fixed]:
        """Key -> dimension or fixed param, in the order of addition, fixed ones last."""
        return dict(zip(self._keys, (*self.dimensions, *self.fixed), strict=True))

    def suggest(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """One point: key -> value. The trial is asked for the dimensions in order of addition."""
        searched = zip(self._keys, self.dimensions, strict=False)
        point = {key: dimension.suggest(trial, key) for key, dimension in searched}
        for key, fixed in zip(self._keys[len(self) :], self.fixed, strict=True):
            point[key] = copy.deepcopy(fixed.value)
        return point

    def encode(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The point `values` as Optuna's `enqueue_trial` takes it, or None if it is not inside.

        `values` maps keys to values. Further keys, those of fixed params too, are not looked at;
        a missing key, a value of another type or outside of its dimension gives None.
        """
        if not isinstance(values, Mapping):
            raise TypeError(
                f"SearchSpace.encode: found {shown(values)}; give a dict of key -> value"
            )
        point: dict[str, Any] = {}
        for key, dimension in zip(self._keys, self.dimensions, strict=False):
            encoded = dimension._encode(values[key]) if key in values else _OUTSIDE
            if encoded is _OUTSIDE:
                return None
            point[key] = encoded
        return point

    def toJson(self) -> str:
        """The whole space, parents included, as one JSON object; `fromJson` gives it back equal."""
        document = {
            "formatVersion": FORMAT_VERSION,
            "dimensions": [_to_object(dimension) for dimension in self.dimensions],
            "fixed": [_to_object(fixed) for fixed in self.fixed],
        }
        return json.dumps(document, allow_nan=False)

    @staticmethod
    def fromJson(text: str) -> SearchSpace:
        """The space that `toJson` wrote.

        Raises ValueError or TypeError, naming the field, what was found and the remedy, for text
        that is not JSON, unknown kinds, unknown, missing or doubled fields, values of a wrong type
        or out of range, and a "formatVersion" that this version does not know.
        """
        document = _parse(text)
        if not isinstance(document, dict):
            raise TypeError(f"search space: found {shown(document)}; give a JSON object")
        version = document.get("formatVersion")
        if type(version) is not int or version < 1:
            raise ValueError(
                f"search space: formatVersion: found {shown(version)}; give {FORMAT_VERSION}"
            )
        if version > FORMAT_VERSION:
            raise ValueError(
                f"search space: formatVersion: found {version}, but this version reads up to "
                f"{FORMAT_VERSION}; install the newer sparkprophet that wrote it"
            )
        _check_fields("search space", document, ("formatVersion", "dimensions", "fixed"))
        dimensions = _from_objects("dimensions", document["dimensions"], (Uniform, Int, Choice))
        return SearchSpace(dimensions, _from_objects("fixed", document["fixed"], (Fixed,)))


def _checked(where: str, entries: Any, types: tuple[type, ...]) -> tuple[Any, ...]:
    names = ", ".join(kind.__name__ for kind in types)
    if not isinstance(entries, Iterable):
        raise TypeError(f"SearchSpace {where}: found {shown(entries)}; give a tuple of {names}")
    entries = tuple(entries)
    for position, entry in enumerate(entries):
        if not isinstance(entry, types):
            raise TypeError(
                f"SearchSpace {where}[{position}]: found {shown(entry)}; give one of {names}"
            )
    return entries


def _field_names(kind: type) -> list[str]:
    return [entry.name for entry in fields(kind) if entry.init]


def _to_object(entry: Dimension | Fixed) -> dict[str, Any]:
    return {"kind": entry.kind} | {name: getattr(entry, name) for name in _field_names(type(entry))}


def _parse(text: str) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"search space: found {shown(text)}; give the JSON text of toJson()")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            names = [name for name, _ in pairs]
            doubled = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"field {doubled!r} found twice; give it once")
        return document

    def refuse(constant: str) -> Any:
        raise ValueError(f"found {constant}; give finite numbers")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"search space: not the JSON of a search space: {error}; give the text of toJson()"
        ) from error


def _check_fields(where: str, found: dict[str, Any], expected: Iterable[str]) -> None:
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    if missing:
        raise ValueError(
            f"{where}: field {missing[0]!r} is missing, found {shown(list(found))}; add it"
        )
    if unknown:
        raise ValueError(
            f"{where}: unknown field {unknown[0]!r} = {shown(found[unknown[0]])}; remove it, "
            f"the fields are {', '.join(expected)}"
        )


def _from_objects(where: str, found: Any, types: tuple[type, ...]) -> tuple[Any, ...]:
    if not isinstance(found, list):
        raise TypeError(f"search space: {where}: found {shown(found)}; give a JSON array")
    kinds = {kind.kind: kind for kind in types}
    entries = []
    for position, document in enumerate(found):
        label = f"search space: {where}[{position}]"
        if not isinstance(document, dict):
            raise TypeError(f"{label}: found {shown(document)}; give a JSON object")
        kind = document.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise ValueError(
                f"{label}: kind: found {shown(kind)}; give one of {', '.join(kinds)}, or install "
                "the newer sparkprophet that wrote it"
            )
        _check_fields(label, document, ["kind", *_field_names(kinds[kind])])
        arguments = {name: value for name, value in document.items() if name != "kind"}
        try:
            entries.append(kinds[kind](**arguments))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{label}: {error}") from error
    return tuple(entries)
