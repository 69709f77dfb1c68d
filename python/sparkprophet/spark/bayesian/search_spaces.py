"""Search spaces for the params of a `GroupedProphet` that nobody has to write."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyspark.ml.param import Params

from sparkprophet.messages import shown
from sparkprophet.search.dimensions import Choice, Fixed, Int, Uniform
from sparkprophet.search.paper import PAPER_SPACE
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.suggested import suggested_space
from sparkprophet.series import frequency
from sparkprophet.spark.bayesian.param_grid import BayesianParamGridBuilder

# Enough to tell a step by.
_STEPS = 30


def paper_search_space(estimator: Params) -> SearchSpace:
    """The search space of the Prophet-on-Spark paper, for the params of a `GroupedProphet`.

    Nine dimensions in the paper's order of naming: the seasonality mode, five prior scales
    (uniform, not logarithmic) and three Fourier orders, both ends inclusive.

    Parameters
    ----------
    estimator : GroupedProphet

    Returns
    -------
    SearchSpace

    Raises
    ------
    TypeError
        Where `estimator` has not all of these params.
    """
    return _of_stage("paper_search_space", PAPER_SPACE, estimator)


def suggested_search_space(estimator: Params, freq: str | None = None) -> SearchSpace:
    """A search space that pays on public data sets, for the params of a `GroupedProphet`.

    Prior scales of changepoints, seasonalities and, where there are any, holidays and regressors
    (logarithmic); the seasonality mode; linear or flat growth, unless growth is logistic; number
    and range of changepoints. Of series in steps of months the yearly Fourier order too.

    Parameters
    ----------
    estimator : GroupedProphet
    freq : str, optional
        The step of the series as in pandas, such as "MS" or "QS".

    Returns
    -------
    SearchSpace

    Raises
    ------
    TypeError
        Where `estimator` has not all of these params.
    ValueError
        For a `freq` that pandas does not know.
    """
    what = "suggested_search_space"
    _check(what, suggested_space(True, True, steps_a_year=12), estimator)

    def value(name: str) -> Any:
        param = estimator.getParam(name)
        return estimator.getOrDefault(param) if estimator.isDefined(param) else None

    named = ("holidays", "regressors", "countryHolidays", "countryHolidaysCol")
    holidays = any(value(name) for name in named)
    space = suggested_space(value("growth") != "logistic", holidays, _steps_a_year(freq))
    return _of_stage(what, space, estimator)


def _steps_a_year(freq: str | None) -> int | None:
    """Of a step of months; None of another one."""
    if freq is None:
        return None
    import pandas as pd

    try:
        dates = pd.date_range("2000-01-01", periods=_STEPS, freq=freq)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"suggested_search_space: freq: found {shown(freq)}, must be a step as pandas has it, "
            f"such as 'MS' or 'D' ({error})"
        ) from error
    step = frequency.infer(dates.to_numpy().astype("datetime64[us]").astype(np.dtype("M8[us]")))
    return step.season if step.months else None


def _check(what: str, space: SearchSpace, estimator: Params) -> None:
    if not isinstance(estimator, Params):
        raise TypeError(f"{what}: estimator: found {shown(estimator)}, must be a GroupedProphet")
    missing = [name for name in space.keyed() if not estimator.hasParam(name)]
    if missing:
        raise TypeError(
            f"{what}: estimator: found {type(estimator).__name__}, which has no "
            f"param {', '.join(missing)}; give a GroupedProphet"
        )


def _of_stage(what: str, space: SearchSpace, estimator: Params) -> SearchSpace:
    """The space with its params those of a stage."""
    _check(what, space, estimator)
    builder = BayesianParamGridBuilder()
    for name, dimension in space.keyed().items():
        param = estimator.getParam(name)
        if isinstance(dimension, Choice):
            builder.addChoice(param, dimension.values)
        elif isinstance(dimension, Int):
            builder.addInt(param, dimension.low, dimension.high, dimension.step)
        elif isinstance(dimension, Fixed):
            builder.baseOn((param, dimension.value))
        elif isinstance(dimension, Uniform):
            builder.addUniform(param, dimension.low, dimension.high, log=dimension.log)
    return builder.space()
