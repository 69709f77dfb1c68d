"""Thousands of Prophet models, fitted and tuned as one Spark ML stage."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sparkprophet.version import __version__

if TYPE_CHECKING:
    from sparkprophet.spark.bayesian.models import (
        BayesianCrossValidatorModel,
        BayesianTrainValidationSplitModel,
    )
    from sparkprophet.spark.bayesian.param_grid import BayesianParamGridBuilder
    from sparkprophet.spark.bayesian.search_spaces import paper_search_space, suggested_search_space
    from sparkprophet.spark.bayesian.tuners import (
        BayesianCrossValidator,
        BayesianTrainValidationSplit,
    )
    from sparkprophet.spark.errors import FitFailedError, SearchFailedError
    from sparkprophet.spark.evaluator import ForecastEvaluator
    from sparkprophet.spark.grouped.estimator import GroupedProphet
    from sparkprophet.spark.grouped.model import GroupedProphetModel
    from sparkprophet.spark.grouped.tuner import GroupedProphetTuner
    from sparkprophet.spark.saving.stage_loader import load_stage, save_portable

_HOMES = {
    "BayesianCrossValidator": "sparkprophet.spark.bayesian.tuners",
    "BayesianCrossValidatorModel": "sparkprophet.spark.bayesian.models",
    "BayesianParamGridBuilder": "sparkprophet.spark.bayesian.param_grid",
    "BayesianTrainValidationSplit": "sparkprophet.spark.bayesian.tuners",
    "BayesianTrainValidationSplitModel": "sparkprophet.spark.bayesian.models",
    "FitFailedError": "sparkprophet.spark.errors",
    "ForecastEvaluator": "sparkprophet.spark.evaluator",
    "GroupedProphet": "sparkprophet.spark.grouped.estimator",
    "GroupedProphetModel": "sparkprophet.spark.grouped.model",
    "GroupedProphetTuner": "sparkprophet.spark.grouped.tuner",
    "SearchFailedError": "sparkprophet.spark.errors",
    "load_stage": "sparkprophet.spark.saving.stage_loader",
    "paper_search_space": "sparkprophet.spark.bayesian.search_spaces",
    "save_portable": "sparkprophet.spark.saving.stage_loader",
    "suggested_search_space": "sparkprophet.spark.bayesian.search_spaces",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    # Each name is imported when it is first used, so that `import sparkprophet` stays light.
    if name not in _HOMES:
        raise AttributeError(f"module 'sparkprophet' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
