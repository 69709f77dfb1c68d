"""What a stored study must share with a search that goes on with it, in either language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkprophet.search.space import SearchSpace


def facts_of(
    space: SearchSpace,
    estimator: str,
    evaluator: str,
    settings: Mapping[str, Any],
    others: Mapping[str, Any],
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
    """
    return {
        "searchSpace": space.without_owners().toJson(),
        "estimator": estimator,
        "evaluator": f"{evaluator} {sorted(settings.items(), key=str)}",
        **others,
    }
