"""Points in rounds, for whoever tries them elsewhere: space-filling first, then TPE's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sparkprophet.search.batched.study import BatchedStudy
from sparkprophet.search.space import SearchSpace


def propose(
    space: SearchSpace,
    history: Iterable[tuple[Mapping[str, Any], float | None]],
    count: int,
    seed: int,
) -> list[dict[str, Any]]:
    """The next points to try, key -> value, fixed params too.

    Parameters
    ----------
    space : SearchSpace
    history : iterable of (point, loss)
        What was proposed or tried so far, in order; the smaller loss is better, NaN is a failure,
        None not known yet. Points outside of the space are left out.
    count : int
        At least 1.
    seed : int

    Returns
    -------
    list of dict
        A Latin hypercube as long as no loss is known (McKay, Beckman and Conover 1979), then TPE's.
        The same arguments give the same points.
    """
    study = BatchedStudy(space, maximise=False, seed=seed, num_startup_trials=1)
    known, before = False, 0
    for point, loss in history:
        if space.encode(point) is None:
            continue
        study.try_first([point])
        (asked,) = study.ask(1)
        if loss is not None:
            study.tell(asked.number, [loss], 0.0)
        known, before = known or (loss is not None and math.isfinite(loss)), before + 1
    if not known:
        shares = _latin_hypercube(count, len(space), [seed % 2**64, before])
        return [space.at(row) for row in shares.tolist()]
    return [asked.params for asked in study.ask(count)]


def _latin_hypercube(count: int, dimensions: int, seed: list[int]) -> np.ndarray:
    """Points in [0, 1), shape (count, dimensions): one in each `count`th of every dimension."""
    random = np.random.default_rng(seed)
    cells = np.argsort(random.random((count, dimensions)), axis=0)
    return (cells + random.random((count, dimensions))) / count
