"""The config file, and the stages that it and the flags describe. Nothing here starts Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sparkprophet.command.errors import UsageError
from sparkprophet.messages import nearest
from sparkprophet.search.dimensions import Choice, Fixed, Int, Uniform
from sparkprophet.search.space import FORMAT_VERSION, SearchSpace
from sparkprophet.spark.bayesian.search_spaces import paper_search_space, suggested_search_space
from sparkprophet.spark.grouped.estimator import GroupedProphet
from sparkprophet.spark.grouped.tuner import GroupedProphetTuner

_ESTIMATOR_NAMES = tuple(spec.name for spec in GroupedProphet.specs)
# The tuner's other two are not plain values: the estimator is made here, the space read here.
_TUNER_NAMES = tuple(
    spec.name for spec in GroupedProphetTuner.specs if spec.name not in ("estimator", "searchSpace")
)
_KNOWN = tuple(dict.fromkeys((*_ESTIMATOR_NAMES, *_TUNER_NAMES, "searchSpace")))
_EXPONENT = re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
_KINDS = {kind.kind: kind for kind in (Uniform, Int, Choice, Fixed)}


@dataclass(frozen=True)
class Settings:
    """What is fitted, and how.

    Attributes
    ----------
    estimator : GroupedProphet
        With everything set.
    tuner : GroupedProphetTuner or None
        Of that estimator; None where the command is fit.
    horizon : int or None
        Steps to forecast; None where nothing says how many.
    unused : tuple of str
        Names in the file that only the other command uses.
    """

    estimator: GroupedProphet
    tuner: GroupedProphetTuner | None
    horizon: int | None
    unused: tuple[str, ...]


def read_config(path: str) -> dict[str, Any]:
    """The object in a JSON or YAML file, names checked.

    Parameters
    ----------
    path : str
        Of a file whose name ends in .json, .yaml or .yml.

    Returns
    -------
    dict
        Name -> value.

    Raises
    ------
    UsageError
        For a file that cannot be read, is no flat object, or has an unknown or doubled name.
    """
    ending = Path(path).suffix.lower()
    if ending not in (".json", ".yaml", ".yml"):
        raise UsageError(f"--config: found {path!r}, must end in .json, .yaml or .yml")
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config: {path} cannot be read: {error}") from error
    try:
        values = _from_json(text) if ending == ".json" else _from_yaml(text)
    except ValueError as error:
        raise UsageError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UsageError(
            f"{path}: found {type(values).__name__}, must be one object of param names and values"
        )
    for name in values:
        if name == "estimator":
            raise UsageError(f"{path}: estimator: give its params themselves, at the top level")
        if name not in _KNOWN:
            raise UsageError(f"{path}: {name!r} is no known name; {nearest(str(name), _KNOWN)}")
    return values


def build(tuning: bool, values: Mapping[str, Any], source: str) -> Settings:
    """The stages that `values` describe; a name that both classes have goes to both.

    Parameters
    ----------
    tuning : bool
        Whether the command is tune, not fit.
    values : mapping
        The file's values, overlaid by the flags'; None stands for "not given".
    source : str
        What messages call them.

    Returns
    -------
    Settings

    Raises
    ------
    UsageError
        For a value that a param does not take, or values that do not go together.
    """
    given = {name: value for name, value in values.items() if value is not None}
    fitting = {name: value for name, value in given.items() if name in _ESTIMATOR_NAMES}
    searching = {name: value for name, value in given.items() if name in _TUNER_NAMES}
    if tuning and "horizon" not in given:
        raise UsageError(
            "--horizon: not given; tune needs the number of steps that a setting is judged on"
        )
    try:
        estimator = GroupedProphet(**fitting)
        config = estimator.series_config()
        space = _space(given.get("searchSpace", "paper"), estimator)
        # fit checks the tuner's values too: one file serves both commands.
        tuner = GroupedProphetTuner(estimator=estimator, searchSpace=space, **searching)
        if tuning:
            tuner.check_search(estimator, config)
    except (TypeError, ValueError, ImportError) as error:
        raise UsageError(f"{source}: {error}") from error
    only_tuner = (*(name for name in _TUNER_NAMES if name not in _ESTIMATOR_NAMES), "searchSpace")
    unused = () if tuning else tuple(n for n in given if n in only_tuner and n != "horizon")
    return Settings(estimator, tuner if tuning else None, given.get("horizon"), unused)


_SPACES = {"paper": paper_search_space, "suggested": suggested_search_space}


def _space(value: Any, estimator: GroupedProphet) -> SearchSpace:
    """The search space of the file: its name, or an object as SearchSpace.toJson writes it.

    By hand it may be shorter: formatVersion, fixed, parent, log, step and when have their defaults.
    A parent is left out in any case: it names a stage of the process that wrote the file.
    """
    if isinstance(value, str) and value in _SPACES:
        return _SPACES[value](estimator)
    if not isinstance(value, dict):
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"searchSpace: found {value!r}, must be 'paper', 'suggested' or an object")
    whole: dict[str, Any] = {"formatVersion": FORMAT_VERSION, "fixed": []} | value
    for section in ("dimensions", "fixed"):
        if isinstance(whole.get(section), list):
            whole[section] = [_whole_entry(entry) for entry in whole[section]]
    try:
        return SearchSpace.fromJson(json.dumps(whole))
    except (TypeError, ValueError) as error:
        raise type(error)(f"searchSpace: {error}") from error


def _whole_entry(entry: Any) -> Any:
    kind = _KINDS.get(str(entry.get("kind"))) if isinstance(entry, dict) else None
    if kind is None:
        return entry
    defaults = {"log": False, "step": 1, "when": []}
    names = [field.name for field in fields(kind) if field.name in defaults]
    whole = {name: defaults[name] for name in names} | entry | {"parent": None}
    if isinstance(whole.get("when"), list):
        whole["when"] = [
            when | {"parent": None} if isinstance(when, dict) else when for when in whole["when"]
        ]
    return whole


def _from_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is given twice; give it once")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)


def _from_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise UsageError(
            '--config: a YAML file needs the package pyyaml; pip install "sparkprophet[yaml]", or '
            "give the file as JSON"
        ) from error

    # YAML 1.1 as PyYAML reads it, without two of its traps.
    loader_class: Any = type("Loader", (yaml.SafeLoader,), {})

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        # PyYAML keeps the last of two equal names and says nothing.
        pairs = [
            (loader.construct_object(key), loader.construct_object(value, deep=True))
            for key, value in node.value
        ]
        names = [name for name, _ in pairs]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is given twice; give it once")
        return dict(pairs)

    loader_class.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    # YAML 1.1 takes 1e-3 for text, as it has no point.
    loader_class.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    try:
        return yaml.load(text, loader_class)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error
