"""What the Scala side runs in Spark's Python workers, by name.

Each public function takes one JSON text and gives the function that Spark calls in a worker. The
JVM names the function and gives the text; no code travels.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd

from sparkprophet.numerics import compiled, solver
from sparkprophet.spark.grouped import forecasting
from sparkprophet.spark.schema import FIT, SEARCH, ddl
from sparkprophet.spark.worker import forecasts
from sparkprophet.spark.worker.group_layout import GroupLayout
from sparkprophet.spark.worker.group_row import fit_group, group_function
from sparkprophet.spark.worker.wall_clock import zone_of
from sparkprophet.tuning import Search, tune_series, warm_up

Batch = Callable[..., Any]


def check(arguments: str) -> Batch:
    """A pandas UDF of any column to an answer, one JSON text: can this Python do the work?

    Parameters
    ----------
    arguments : str
        `stage`: set params of a GroupedProphet by name, `uid`: its; `tuner`, optional: set params
        of a GroupedProphetTuner but for the estimator; `freq`, optional: a pandas frequency;
        `zone`, optional: a time zone. {} asks for nothing but the Python itself.

    Returns
    -------
    callable
        Its answer has `python`, `numba`, and `error`: what Python's own stages would raise, or
        null; where there is a stage, `config` and `schema` (DDL of its rows), and of a tuner
        `search`.
    """
    request = json.loads(arguments)
    answer: dict[str, Any] = {
        "python": platform.python_version(),
        "numba": compiled.COMPILED,
        "error": None,
    }
    try:
        answer |= _checked(request)
    except (ImportError, TypeError, ValueError) as error:
        answer["error"] = f"{error}"
    return lambda column: pd.Series([json.dumps(answer)] * len(column))


def _checked(request: dict[str, Any]) -> dict[str, Any]:
    if request.get("freq") is not None:
        forecasting.check_freq(request["freq"])
    if request.get("zone") is not None:
        zone_of(request["zone"])
    if "stage" not in request:
        return {}
    # Spark ML's Params, which no other work in a worker needs.
    from sparkprophet.spark.grouped.estimator import GroupedProphet
    from sparkprophet.spark.input_checks import check_settings

    stage = GroupedProphet(**request["stage"])
    stage._resetUid(request["uid"])
    config = stage.series_config()
    check_settings(stage, config)
    answer: dict[str, Any] = {"config": config.to_json(), "schema": ddl(FIT), "search": None}
    if "tuner" in request:
        from sparkprophet.spark.grouped.tuner import GroupedProphetTuner

        tuner = GroupedProphetTuner(estimator=stage, **request["tuner"])
        tuner.check_search(stage, config)
        answer |= {"schema": ddl([*FIT, *SEARCH]), "search": asdict(tuner.search())}
    return answer


def fit(arguments: str) -> Batch:
    """The work of GroupedProphet, as `worker.group_function` gives it for applyInArrow.

    `arguments` has `keys` and `columns`, as in GroupLayout, and `config` as `check` gave it.
    """
    given = json.loads(arguments)
    return group_function(_layout(given), given["config"], fit_group, (), solver.warm_up)


def tune(arguments: str) -> Batch:
    """The work of GroupedProphetTuner, as `fit`.

    `arguments` has those of `fit`, `search` as `check` gave it, and `threads`, the most folds of a
    group that are worked on at one time.
    """
    given = json.loads(arguments)
    search = Search(**given["search"])
    work = partial(tune_series, search=search, threads=given["threads"])
    warm = partial(warm_up, search.sampler)
    config, layout = given["config"], _layout(given)
    return group_function(layout, config, work, SEARCH, warm, search.group_timeout)


def _layout(given: dict[str, Any]) -> GroupLayout:
    return GroupLayout(tuple(given["keys"]), tuple(given["columns"]))


def predict(arguments: str) -> Batch:
    """A pandas UDF of models and rows, in batches, to forecasts; see `forecasts.predicting`.

    `arguments` has `names`, those of the rows' columns, and `settings`.
    """
    return forecasts.predicting(**json.loads(arguments))


def components(arguments: str) -> Batch:
    """As `predict`, to components."""
    return forecasts.decomposing(**json.loads(arguments))


def ahead(arguments: str) -> Batch:
    """A pandas UDF of a model's columns to its forecasts after its end.

    `arguments` has `horizon`, `freq` (or null) and `history`, as GroupedProphetModel.forecast, and
    `zone` (or null) and `settings`, as forecasts.going_ahead.
    """
    return forecasts.going_ahead(**json.loads(arguments))
