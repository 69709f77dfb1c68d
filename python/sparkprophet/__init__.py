"""Thousands of Prophet models, fitted and tuned as one Spark ML stage."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sparkprophet.spark.bayesian_models import (
        BayesianCrossValidatorModel,
        BayesianTrainValidationSplitModel,
    )
    from sparkprophet.spark.bayesian_tuners import (
        BayesianCrossValidator,
        BayesianTrainValidationSplit,
    )
    from sparkprophet.spark.errors import FitFailedError, SearchFailedError
    from sparkprophet.spark.estimator import GroupedProphet
    from sparkprophet.spark.evaluator import ForecastEvaluator
    from sparkprophet.spark.model import GroupedProphetModel
    from sparkprophet.spark.param_grid import BayesianParamGridBuilder, paper_search_space
    from sparkprophet.spark.persistence import save_portable
    from sparkprophet.spark.stage_loader import load_stage
    from sparkprophet.spark.tuner import GroupedProphetTuner

_HOMES = {
    "BayesianCrossValidator": "sparkprophet.spark.bayesian_tuners",
    "BayesianCrossValidatorModel": "sparkprophet.spark.bayesian_models",
    "BayesianParamGridBuilder": "sparkprophet.spark.param_grid",
    "BayesianTrainValidationSplit": "sparkprophet.spark.bayesian_tuners",
    "BayesianTrainValidationSplitModel": "sparkprophet.spark.bayesian_models",
    "FitFailedError": "sparkprophet.spark.errors",
    "ForecastEvaluator": "sparkprophet.spark.evaluator",
    "GroupedProphet": "sparkprophet.spark.estimator",
    "GroupedProphetModel": "sparkprophet.spark.model",
    "GroupedProphetTuner": "sparkprophet.spark.tuner",
    "SearchFailedError": "sparkprophet.spark.errors",
    "load_stage": "sparkprophet.spark.stage_loader",
    "paper_search_space": "sparkprophet.spark.param_grid",
    "save_portable": "sparkprophet.spark.persistence",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    # Each name is imported when it is first used, so that `import sparkprophet` stays light.
    if name not in _HOMES:
        raise AttributeError(f"module 'sparkprophet' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
