"""What the Bayesian tuners fit: Spark's own models with the record of the search."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pyspark.ml.param import Param, Params
from pyspark.ml.tuning import CrossValidatorModel, TrainValidationSplitModel

from sparkprophet.search.batched.trials import ScoredTrial
from sparkprophet.search.space import SearchSpace
from sparkprophet.spark.bayesian import saving

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from matplotlib.axes import Axes

M = TypeVar("M", bound="SearchedModel")


class SearchedModel(Params):
    """The record of a search: its trials, how it ended, and plots of both.

    Attributes
    ----------
    stoppedBy : str
        numTrials, earlyStopping, timeout, maxFailedTrials or interrupt.
    """

    stoppedBy: str
    _trials: tuple[ScoredTrial, ...]
    _maximise: bool
    _space_json: str | None

    def _record(
        self: M,
        trials: Sequence[ScoredTrial],
        stopped_by: str,
        maximise: bool,
        space_json: str | None,
    ) -> M:
        self._trials, self.stoppedBy = tuple(trials), stopped_by
        self._maximise, self._space_json = maximise, space_json
        return self

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial, in order: as a pandas frame.

        trial, state (COMPLETE or FAIL), value (mean of the folds, NaN where it failed), std, a
        column params_<name> per param, a column fold_<i> per fold, seconds, error.
        """
        import pandas as pd

        keys = dict.fromkeys(key for trial in self._trials for key in trial.params)
        folds = max((len(trial.scores) for trial in self._trials), default=0)
        rows = [
            {
                "trial": trial.number,
                "state": trial.state,
                "value": np.nan if trial.value is None else trial.value,
                "std": np.std(trial.scores) if trial.scores else np.nan,
                **{f"params_{key}": trial.params.get(key) for key in keys},
                **{f"fold_{i}": trial.scores[i] if trial.scores else np.nan for i in range(folds)},
                "seconds": trial.seconds,
                "error": trial.error,
            }
            for trial in self._trials
        ]
        return pd.DataFrame(rows)

    def study(self) -> optuna.Study:
        """The search as an Optuna study in memory, for all that Optuna can plot and compute.

        Trials of a fixed grid have no params there.
        """
        import optuna

        from sparkprophet.search.study import optuna_silenced

        space = SearchSpace.fromJson(self._space_json) if self._space_json else None
        with optuna_silenced():
            study = optuna.create_study(direction="maximize" if self._maximise else "minimize")
            for trial in self._trials:
                if space is not None:
                    study.enqueue_trial(space.encode(trial.params) or {})
                asked = study.ask()
                if space is not None:
                    space.suggest(asked)
                state = optuna.trial.TrialState.FAIL if trial.value is None else None
                study.tell(asked, trial.value, state=state)
        return study

    def plotHistory(self) -> Axes:
        """Every trial's value and the best so far, by Optuna, on a matplotlib Axes."""
        return self._plotted("plot_optimization_history")

    def plotImportances(self) -> Axes:
        """How much of the metric's variance each param explains (PED-ANOVA), by Optuna.

        Raises ValueError for a fixed grid and for fewer than 4 successful trials.
        """
        if self._space_json is None:
            raise ValueError("plotImportances: a fixed grid has no search space; give one")
        complete = sum(trial.value is not None for trial in self._trials)
        if complete < 4:
            raise ValueError(f"plotImportances: found {complete} successful trials, needs 4")
        from optuna.importance import PedAnovaImportanceEvaluator

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._plotted("plot_param_importances", evaluator=PedAnovaImportanceEvaluator())

    def _plotted(self, name: str, **options: Any) -> Axes:
        from optuna.exceptions import ExperimentalWarning
        from optuna.visualization import matplotlib

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return getattr(matplotlib, name)(self.study(), **options)

    def write(self) -> saving.ModelWriter:
        """A writer: `write().overwrite().save(path)`; sub-models are saved with it."""
        return saving.ModelWriter(self)

    @classmethod
    def read(cls) -> saving.ModelReader:
        """A reader: `read().load(path)`, or shorter `load(path)`."""
        return saving.ModelReader(cls)

    def _copied(self: M, made: M, extra: dict[Param[Any], Any] | None) -> M:
        """`made` with this model's params and record, as `copy` gives it."""
        self._copyValues(made, extra=extra)
        return made._record(self._trials, self.stoppedBy, self._maximise, self._space_json)


class BayesianCrossValidatorModel(SearchedModel, CrossValidatorModel):  # type: ignore[misc]
    """A CrossValidatorModel with the record of its search.

    bestModel, avgMetrics, stdMetrics and subModels are those of Spark's class: one entry per trial,
    in the order of `getEstimatorParamMaps()`; NaN and None for a candidate that failed.
    """

    metric_names = ("avgMetrics", "stdMetrics")

    @staticmethod
    def fold_folders(count: int) -> list[str]:
        """Folders of the folds' sub-models, as Spark's class names them."""
        return [f"fold{i}/" for i in range(count)]

    def models_of_folds(self) -> list[list[Any]]:
        """Sub-models by fold and trial."""
        return self.subModels or []

    def set_models_of_folds(self, models: list[list[Any]]) -> None:
        """The inverse of `models_of_folds`."""
        self.subModels = models

    def copy(self, extra: dict[Param[Any], Any] | None = None) -> BayesianCrossValidatorModel:
        """A copy with its own bestModel; `extra` goes to that."""
        sub_models = self.subModels and [
            [model and model.copy() for model in models] for models in self.subModels
        ]
        best = self.bestModel.copy(extra)
        made = BayesianCrossValidatorModel(
            best, list(self.avgMetrics), sub_models, list(self.stdMetrics)
        )
        return self._copied(made, extra)


class BayesianTrainValidationSplitModel(SearchedModel, TrainValidationSplitModel):  # type: ignore[misc]
    """A TrainValidationSplitModel with the record of its search.

    bestModel, validationMetrics and subModels are those of Spark's class: one entry per trial, in
    the order of `getEstimatorParamMaps()`; NaN and None for a candidate that failed.
    """

    metric_names = ("validationMetrics",)

    @staticmethod
    def fold_folders(count: int) -> list[str]:
        """The one split's sub-models have no folder of their own in Spark's class."""
        return [""]

    def models_of_folds(self) -> list[list[Any]]:
        """Sub-models by trial, of the one split."""
        return [self.subModels or []]

    def set_models_of_folds(self, models: list[list[Any]]) -> None:
        """The inverse of `models_of_folds`."""
        self.subModels = models[0]

    def copy(self, extra: dict[Param[Any], Any] | None = None) -> BayesianTrainValidationSplitModel:
        """A copy with its own bestModel; `extra` goes to that."""
        sub_models = self.subModels and [model and model.copy() for model in self.subModels]
        best = self.bestModel.copy(extra)
        made = BayesianTrainValidationSplitModel(best, list(self.validationMetrics), sub_models)
        return self._copied(made, extra)


for _class in (BayesianCrossValidatorModel, BayesianTrainValidationSplitModel):
    _class.__module__ = "sparkprophet"
