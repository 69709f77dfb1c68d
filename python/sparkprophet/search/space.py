"""The search space: which params are searched, over which values, and its JSON form.

A space is plain data: it travels to Spark's workers and into saved stages as JSON. Its dimensions
may belong to different stages of a Pipeline (`parent` is the stage's uid). Uids are random per
process, so they are kept but never reach the sampler: equal spaces sample equal points anywhere.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from sparkprophet.messages import shown
from sparkprophet.search.checks import label_of, made, owned, store
from sparkprophet.search.dimensions import (
    OUTSIDE,
    Choice,
    Dimension,
    Fixed,
    Int,
    Suggesting,
    Uniform,
    When,
)

FORMAT_VERSION = 1

Kind = TypeVar("Kind", bound=Dimension | Fixed)


@dataclass(frozen=True)
class SearchSpace:
    """The dimensions of one search, and the params fixed for all of its trials.

    Each has a key, its name in trials: the param's name, with "#2", "#3", ... for later ones of
    the same name (params of several stages), the dimensions counted first and `fixed` after them.

    A dimension with conditions (`when`) is active in a trial where all of them hold. A point has
    no value for the others. Every condition names an `Int` or a `Choice` that comes before.

    Parameters
    ----------
    dimensions : tuple of Uniform, Int and Choice
        At least one.
    fixed : tuple of Fixed

    Raises
    ------
    TypeError
        For anything but dimensions, or `Fixed` in `fixed`.
    ValueError
        For no dimension at all, for one param of one stage given twice, and for a condition that
        names another param or a value that its dimension does not have.
    """

    dimensions: tuple[Dimension, ...]
    fixed: tuple[Fixed, ...] = ()
    _keys: tuple[str, ...] = field(init=False, repr=False, compare=False)
    # key -> (key of another dimension, what it has to be), where there are conditions
    _conditions: dict[str, tuple[tuple[str, When], ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        dimensions: tuple[Dimension, ...] = _checked(
            "dimensions", self.dimensions, (Uniform, Int, Choice)
        )
        fixed = _checked("fixed", self.fixed, (Fixed,))
        if not dimensions:
            raise ValueError(
                "SearchSpace dimensions: found none, must be at least one Uniform, Int or Choice"
            )
        owners: set[tuple[str | None, str]] = set()
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
        conditions = {
            keys[position]: tuple(
                (keys[_position_of(when, position, (*dimensions, *fixed))], when)
                for when in dimension.when
            )
            for position, dimension in enumerate(dimensions)
            if dimension.when
        }
        store(self, dimensions=dimensions, fixed=fixed, _keys=tuple(keys), _conditions=conditions)

    def __len__(self) -> int:
        """The number of searched dimensions; fixed params do not count."""
        return len(self.dimensions)

    def keyed(self) -> dict[str, Dimension | Fixed]:
        """Key -> dimension or fixed param, in the order of addition, fixed ones last."""
        return dict(zip(self._keys, (*self.dimensions, *self.fixed), strict=True))

    def suggest(self, trial: Suggesting) -> dict[str, Any]:
        """One point of a trial, which is asked for the active dimensions alone, in order.

        Parameters
        ----------
        trial : optuna.trial.BaseTrial
            Or anything else with its three methods.

        Returns
        -------
        dict
            Key -> value of each active dimension and each fixed param.
        """
        return self._point(lambda key, dimension: dimension.suggest(trial, key))

    def at(self, shares: Sequence[float]) -> dict[str, Any]:
        """The point at these shares of the dimensions, as `suggest` gives it.

        Parameters
        ----------
        shares : sequence of float
            In [0, 1), one per dimension, in order. Those of inactive ones are not looked at.

        Returns
        -------
        dict
            Key -> value.

        Raises
        ------
        TypeError, ValueError
            For any other number of shares, and for another share of an active dimension.
        """
        if not isinstance(shares, Iterable) or isinstance(shares, (str, Mapping)):
            raise TypeError(f"SearchSpace.at: found {shown(shares)}, must be a list of shares")
        shares = list(shares)
        if len(shares) != len(self):
            raise ValueError(
                f"SearchSpace.at: found {len(shares)} shares, must be {len(self)}, "
                "one per dimension"
            )
        share_of = dict(zip(self._keys, shares, strict=False))
        return self._point(lambda key, dimension: dimension.at(share_of[key]))

    def _point(self, ask: Callable[[str, Dimension], Any]) -> dict[str, Any]:
        point: dict[str, Any] = {}
        for key, dimension in zip(self._keys, self.dimensions, strict=False):
            if self._is_active(key, point):
                point[key] = ask(key, dimension)
        for key, fixed in zip(self._keys[len(self) :], self.fixed, strict=True):
            point[key] = copy.deepcopy(fixed.value)
        return point

    def _is_active(self, key: str, active: Mapping[str, Any]) -> bool:
        """Whether the conditions of a dimension hold, given the active ones before it."""
        return all(
            other in active and when.holds(active[other])
            for other, when in self._conditions.get(key, ())
        )

    def encode(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """A point as Optuna's `enqueue_trial` takes it.

        Parameters
        ----------
        values : mapping
            Key -> value. Further keys, those of fixed params and of inactive dimensions too, are
            not looked at and not in the result.

        Returns
        -------
        dict or None
            None for a missing key, a value of another type and one outside of its dimension.

        Raises
        ------
        TypeError
            For anything but a mapping.
        """
        if not isinstance(values, Mapping):
            raise TypeError(
                f"SearchSpace.encode: found {shown(values)}, must be a dict of key -> value"
            )
        point: dict[str, Any] = {}
        active: dict[str, Any] = {}
        for key, dimension in zip(self._keys, self.dimensions, strict=False):
            if not self._is_active(key, active):
                continue
            encoded = dimension.encode(values[key]) if key in values else OUTSIDE
            if encoded is OUTSIDE:
                return None
            point[key], active[key] = encoded, values[key]
        return point

    def without_owners(self) -> SearchSpace:
        """The same space with "1", "2", ... for the stages' uids, in order of their first param.

        Uids differ from process to process; without any, a condition could mean several stages.
        """
        entries = (*self.dimensions, *self.fixed)
        uids = dict.fromkeys(entry.parent for entry in entries if entry.parent is not None)
        parents = {None: None} | {uid: str(number) for number, uid in enumerate(uids, 1)}

        def numbered(entry: Any) -> Any:
            return replace(entry, parent=parents[entry.parent])

        dimensions = (
            replace(numbered(d), when=tuple(map(numbered, d.when))) for d in self.dimensions
        )
        return SearchSpace(tuple(dimensions), tuple(map(numbered, self.fixed)))

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

        Parameters
        ----------
        text : str

        Returns
        -------
        SearchSpace

        Raises
        ------
        ValueError, TypeError
            Naming the field, what was found and what it must be, for text that is not JSON,
            unknown kinds, unknown, missing or doubled fields, values of a wrong type or out of
            range, and a "formatVersion" that this version does not know.
        """
        document = _parse(text)
        if not isinstance(document, dict):
            raise TypeError(f"search space: found {shown(document)}, must be a JSON object")
        version = document.get("formatVersion")
        if type(version) is not int or version < 1:
            raise ValueError(
                f"search space: formatVersion: found {shown(version)}, must be {FORMAT_VERSION}"
            )
        if version > FORMAT_VERSION:
            raise ValueError(
                f"search space: formatVersion: found {version}, must be at most "
                f"{FORMAT_VERSION}; install the newer sparkprophet that wrote it"
            )
        _check_fields("search space", document, ("formatVersion", "dimensions", "fixed"))
        dimensions: tuple[Dimension, ...] = _from_objects(
            "dimensions", document["dimensions"], (Uniform, Int, Choice)
        )
        return SearchSpace(dimensions, _from_objects("fixed", document["fixed"], (Fixed,)))


def _checked(where: str, entries: Any, types: tuple[type[Kind], ...]) -> tuple[Kind, ...]:
    names = ", ".join(kind.__name__ for kind in types)
    if not isinstance(entries, Iterable):
        raise TypeError(f"SearchSpace {where}: found {shown(entries)}, must be a tuple of {names}")
    kept: tuple[Kind, ...] = tuple(entries)
    for position, entry in enumerate(kept):
        if not isinstance(entry, types):
            raise TypeError(
                f"SearchSpace {where}[{position}]: found {shown(entry)}, must be one of {names}"
            )
    return kept


def _position_of(when: When, position: int, entries: Sequence[Dimension | Fixed]) -> int:
    """Where the dimension is that a condition of the one at `position` names."""
    label = f"SearchSpace: {label_of(entries[position])}: when"
    named = owned(when.name, when.parent)
    owner = (when.parent, when.name)
    places = [i for i, entry in enumerate(entries) if (entry.parent, entry.name) == owner]
    if not places:
        raise ValueError(
            f"{label}: found {named}, which is not in the space; add it before this one, or take "
            "the condition out"
        )
    if len(places) > 1:
        raise ValueError(
            f"{label}: found {named}, which is {len(places)} times in the space; give each the "
            "uid of its stage as parent"
        )
    when.check(label, entries[places[0]])
    if places[0] == position:
        raise ValueError(f"{label}: found {named}, which is this one; name one before it")
    if places[0] > position:
        raise ValueError(f"{label}: found {named}, which comes after it; move it before this one")
    return places[0]


def _field_names(kind: type) -> list[str]:
    return [entry.name for entry in fields(kind) if entry.init]


def _to_object(entry: Dimension | Fixed) -> dict[str, Any]:
    written = {"kind": entry.kind} | _field_values(entry)
    if "when" in written:
        written["when"] = [_field_values(when) for when in written["when"]]
    return written


def _field_values(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _field_names(type(entry))}


def _parse(text: str) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"search space: found {shown(text)}, must be the JSON text of toJson()")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            names = [name for name, _ in pairs]
            doubled = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"field {doubled!r} found twice; give it once")
        return document

    def refuse(constant: str) -> Any:
        raise ValueError(f"found {constant}, must be a finite number")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"search space: not the JSON of a search space: {error}; give the text of toJson()"
        ) from error


def _check_fields(where: str, document: dict[str, Any], expected: Iterable[str]) -> None:
    missing = [name for name in expected if name not in document]
    unknown = [name for name in document if name not in expected]
    if missing:
        raise ValueError(
            f"{where}: field {missing[0]!r} is missing, found {shown(list(document))}; add it"
        )
    if unknown:
        raise ValueError(
            f"{where}: unknown field {unknown[0]!r} = {shown(document[unknown[0]])}; remove it, "
            f"the fields are {', '.join(expected)}"
        )


def _from_objects(where: str, documents: Any, types: tuple[type[Kind], ...]) -> tuple[Kind, ...]:
    if not isinstance(documents, list):
        raise TypeError(f"search space: {where}: found {shown(documents)}, must be a JSON array")
    kinds = {kind.kind: kind for kind in types}
    entries: list[Kind] = []
    for position, document in enumerate(documents):
        label = f"search space: {where}[{position}]"
        if not isinstance(document, dict):
            raise TypeError(f"{label}: found {shown(document)}, must be a JSON object")
        kind = document.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise ValueError(
                f"{label}: kind: found {shown(kind)}, must be one of {', '.join(kinds)}; install "
                "the newer sparkprophet that wrote it"
            )
        _check_fields(label, document, ["kind", *_field_names(kinds[kind])])
        arguments = {name: value for name, value in document.items() if name != "kind"}
        if "when" in arguments:
            arguments["when"] = _whens(f"{label}: when", arguments["when"])
        entries.append(made(label, kinds[kind], **arguments))
    return tuple(entries)


def _whens(where: str, documents: Any) -> tuple[When, ...]:
    if not isinstance(documents, list):
        raise TypeError(f"{where}: found {shown(documents)}, must be a JSON array")
    whens = []
    for position, document in enumerate(documents):
        label = f"{where}[{position}]"
        if not isinstance(document, dict):
            raise TypeError(f"{label}: found {shown(document)}, must be a JSON object")
        _check_fields(label, document, _field_names(When))
        whens.append(made(label, When, **document))
    return tuple(whens)
