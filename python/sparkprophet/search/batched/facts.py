"""What a stored study must share with a search that goes on with it, in either language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sparkprophet.search.space import SearchSpace


def facts_of(
    space: SearchSpace,
    estimator: str,
    evaluator: str,
    settings: Mapping[str, Any],
    others: Mapping[str, Any],
    stages: Iterable[tuple[str, Mapping[str, Any]]] = (),
) -> dict[str, Any]:
    """The facts of a search, as `BatchedStudy` takes them.

    Parameters
    ----------
    space : SearchSpace
    estimator, evaluator : str
        Names of the classes.
    settings : mapping
        Name -> value of the evaluator's params.
    others : mapping
        Name -> value of the tuner's own params that change a search, None where unset.
    stages : iterable of (str, mapping)
        Class and explicit params of the estimator and of each stage inside it.
    """
    return {
        "searchSpace": space.without_owners().toJson(),
        "estimator": estimator,
        "evaluator": f"{evaluator} {sorted(settings.items(), key=str)}",
        "params": sorted(json.dumps([name, values], sort_keys=True) for name, values in stages),
        **others,
    }
