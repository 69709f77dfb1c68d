"""CrossValidator and TrainValidationSplit with a Bayesian search, for any Spark ML estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Param, Params
from pyspark.ml.tuning import CrossValidator, TrainValidationSplit
from pyspark.ml.util import MetaAlgorithmReadWrite
from pyspark.sql import DataFrame

from sparkprophet.search import sampler
from sparkprophet.search.batched.facts import facts_of
from sparkprophet.search.batched.grid import GridStudy
from sparkprophet.search.batched.rules import Rules
from sparkprophet.search.batched.storage_url import masked
from sparkprophet.search.batched.study import BatchedStudy
from sparkprophet.search.batched.trials import Asked, BatchedTrials
from sparkprophet.search.space import SearchSpace
from sparkprophet.series.ranges import Number, OneOf, Whole, flag, text
from sparkprophet.spark.bayesian import folds, saving
from sparkprophet.spark.bayesian.candidate_fits import CandidateFits, ParamMap
from sparkprophet.spark.bayesian.models import (
    BayesianCrossValidatorModel,
    BayesianTrainValidationSplitModel,
    SearchedModel,
)
from sparkprophet.spark.bayesian.search import SearchResult, params_of, search
from sparkprophet.spark.jobs import ctrl_c_noted
from sparkprophet.spark.params import Spec, TableParams, space_json, with_params


def _instance_of(kind: type) -> Callable[[Any, str], Any]:
    def convert(value: Any, what: str) -> Any:
        if not isinstance(value, kind):
            raise TypeError(
                f"{what}: found {type(value).__name__}, must be a Spark ML {kind.__name__}"
            )
        return value

    return convert


def _param_maps(value: Any, what: str) -> list[dict[Param[Any], Any]]:
    if not isinstance(value, Sequence) or not all(
        isinstance(entry, Mapping) and all(isinstance(key, Param) for key in entry)
        for entry in value
    ):
        raise TypeError(f"{what}: found {value!r:.100}, must be a list of dicts of Param -> value")
    return [dict(entry) for entry in value]


def _text_or_none(value: Any, what: str) -> str:
    return value if value == "" else text(value, what)


_SHARED = (
    Spec("estimator", None, _instance_of(Estimator), "Estimator whose params are searched."),
    Spec("evaluator", None, _instance_of(Evaluator), "Evaluator whose metric is optimised."),
    Spec("searchSpace", None, space_json,
         "SearchSpace of params of the estimator or of stages inside it, or its JSON; "
         "BayesianParamGridBuilder makes it."),
    Spec("estimatorParamMaps", None, _param_maps,
         "A fixed grid to try instead of a searchSpace, as ParamGridBuilder makes it."),
    Spec("numTrials", 32, Whole(1), "Candidates to try."),
    Spec("batchSize", 4, Whole(1),
         "Candidates asked for together, before any of them is known. Results depend on it, and "
         "not on parallelism."),
    Spec("parallelism", 1, Whole(1),
         "Most fits at work at one time, over folds and candidates together."),
    Spec("sampler", "tpe", OneOf(*sampler.KINDS),
         "Proposes the candidates. tpe: our compiled TPE, with the numerics of Optuna's; the "
         "others: Optuna's own."),
    Spec("numStartupTrials", 10, Whole(0), f"Random trials before {sampler.learners()} learn."),
    Spec("earlyStoppingRounds", 0, Whole(0),
         "Stop once so many trials have brought no better value; looked at between batches; 0: "
         "never."),
    Spec("timeout", 0.0, Number(0, open_ends=False),
         "Seconds after which no batch starts; 0: no limit."),
    Spec("maxFailedTrials", None, Whole(0),
         "Raise once more candidates than this have failed. Unset: only if all fail."),
    Spec("storage", None, text,
         "URL of an Optuna storage, such as sqlite:///search.db. A killed search that is started "
         "again with the same arguments goes on where it was; one driver at a time."),
    Spec("studyName", None, text, "Name of the study in the storage; goes with storage."),
    Spec("trustStorage", False, flag,
         "Go on with a stored search of sampler cmaes, whose state Optuna keeps as a pickle: "
         "reading one runs code of whoever wrote it. The other samplers keep none."),
    Spec("timestampCol", None, text,
         "Column of time: train on the past and validate the steps after it, instead of a random "
         "split. Goes with horizon."),
    Spec("horizon", None, Whole(1),
         "Steps (distinct values of timestampCol) that a fold validates; goes with timestampCol."),
    Spec("foldStorageLevel", "MEMORY_AND_DISK", OneOf(*folds.STORAGE_LEVELS),
         "Where the data is kept during the search."),
    Spec("collectSubModels", False, flag, "Keep the model of every candidate on every fold."),
    Spec("seed", 0, Whole(),
         "Seed of folds and sampler."),
)  # fmt: skip


class _BayesianTuner(TableParams):
    """What both tuners share: params, the search, persistence."""

    _tried: list[ParamMap] = []

    def getSearchSpace(self) -> SearchSpace:
        """The search space."""
        return SearchSpace.fromJson(self.getOrDefault("searchSpace"))

    def getEstimatorParamMaps(self) -> list[ParamMap]:
        """The grid; with a searchSpace the candidates of this tuner's last fit, none before it.

        MLflow's autologging asks the tuner for them, and makes a run of each.
        """
        if self._optional("searchSpace") is not None and self._no_grid():
            return self._tried
        return self.getOrDefault("estimatorParamMaps")

    def explainParam(self, param: str | Param[Any]) -> str:
        """Name, document, default and value of a param; of a storage without its password."""
        explained = super().explainParam(param)
        url = self._optional("storage")
        return explained if url is None else explained.replace(url, masked(url))

    def write(self) -> saving.TunerWriter:
        """A writer: `write().overwrite().save(path)`; a storage's password is not saved."""
        return saving.TunerWriter(self)

    @classmethod
    def read(cls) -> saving.TunerReader:
        """A reader: `read().load(path)`, or shorter `load(path)`."""
        return saving.TunerReader(cls)

    def _searched(
        self,
        dataset: DataFrame,
        split: Callable[[DataFrame], AbstractContextManager[list[folds.Fold]]],
    ) -> tuple[SearchResult, list[ParamMap]]:
        """The search's result and the param map of each of its trials, in order."""
        estimator, evaluator = self._given("estimator"), self._given("evaluator")
        with ctrl_c_noted() as interrupted:
            study, param_map = self._study(estimator, evaluator, dataset)
        if interrupted.is_set():
            raise KeyboardInterrupt
        grid = self._optional("estimatorParamMaps")
        rules = Rules(
            num_trials=self.getOrDefault("numTrials") if self._searches() else len(grid),
            batch_size=self.getOrDefault("batchSize"),
            early_stopping_rounds=self.getOrDefault("earlyStoppingRounds"),
            timeout=self.getOrDefault("timeout"),
            max_failed_trials=self._optional("maxFailedTrials"),
        )
        with split(dataset) as frames:
            fits = CandidateFits(
                dataset.sparkSession,
                estimator,
                evaluator,
                frames,
                self.getOrDefault("parallelism"),
                self.getOrDefault("collectSubModels"),
            )
            result = search(study, fits, rules, param_map)
        return result, [param_map(Asked(t.number, t.params)) for t in result.trials]

    def _study(
        self, estimator: Estimator[Any], evaluator: Evaluator, dataset: DataFrame
    ) -> tuple[BatchedTrials, Callable[[Asked], ParamMap]]:
        """What is asked for candidates, and the param map of one."""
        maximise = evaluator.isLargerBetter()
        if not self._searches():
            grid = self.getOrDefault("estimatorParamMaps")
            return GridStudy(_points(grid), maximise), lambda asked: grid[asked.number]
        space = self.getSearchSpace()
        sampler.check_sampler(self.getOrDefault("sampler"), space)
        params = params_of(estimator, space)
        study = BatchedStudy(
            space,
            maximise=maximise,
            seed=self.getOrDefault("seed"),
            sampler=self.getOrDefault("sampler"),
            num_startup_trials=self.getOrDefault("numStartupTrials"),
            storage=self._optional("storage"),
            study_name=self._optional("studyName"),
            facts=self._facts(space, estimator, evaluator),
            data=lambda: folds.fingerprint(dataset),
            trusted=self.getOrDefault("trustStorage"),
        )
        return study, lambda asked: {
            params[key]: params[key].typeConverter(value) for key, value in asked.params.items()
        }

    def _finished(self, model: SearchedModel, result: SearchResult, maps: list[ParamMap]) -> Any:
        """The model with this tuner's params and the record of the search."""
        self._tried = maps
        self._copyValues(model)
        # Explicit where it is a default too: Spark's readers look for it among the set ones.
        for name in ("numFolds", "trainRatio"):
            if self.hasParam(name):
                model._set(**{name: self.getOrDefault(name)})
        model._set(estimatorParamMaps=maps)
        space = self._optional("searchSpace")
        maximise = self.getOrDefault("evaluator").isLargerBetter()
        return model._record(result.trials, result.stopped_by, maximise, space)

    def _searches(self) -> bool:
        """Whether there is a search space; else a grid. Raises where there is both or neither."""
        space, grid = self._optional("searchSpace"), self._optional("estimatorParamMaps")
        if space is None and not grid:
            raise ValueError("searchSpace: is not set; give one, or estimatorParamMaps")
        if space is not None and not self._no_grid():
            raise ValueError("searchSpace and estimatorParamMaps are both set; clear one of them")
        if space is None and self._optional("storage") is not None:
            raise ValueError("storage: is set for a fixed grid, which has no study; clear it")
        return space is not None

    def _no_grid(self) -> bool:
        # A saved tuner has an empty map there, which Spark's reader wants.
        return self._optional("estimatorParamMaps") in (None, [], [{}])

    def _facts(
        self, space: SearchSpace, estimator: Estimator[Any], evaluator: Evaluator
    ) -> dict[str, Any]:
        """What a stored study must share with a search that goes on with it."""
        names = ("seed", "batchSize", "sampler", "numStartupTrials", "numFolds", "trainRatio",
                 "foldCol", "timestampCol", "horizon")  # fmt: skip
        settings = {param.name: value for param, value in evaluator.extractParamMap().items()}
        others = {name: self._optional(name) for name in names if self.hasParam(name)}
        stages = MetaAlgorithmReadWrite.getAllNestedStages(estimator)
        return facts_of(
            space,
            type(estimator).__name__,
            type(evaluator).__name__,
            settings,
            others,
            [(type(stage).__name__, _set_params(stage)) for stage in stages],
        )

    def _given(self, name: str) -> Any:
        if not self.isDefined(name):
            raise ValueError(f"{name}: is not set; {type(self).__name__} needs it")
        return self.getOrDefault(name)

    def _rolling(self) -> bool:
        column, horizon = self._optional("timestampCol"), self._optional("horizon")
        if (column is None) != (horizon is None):
            given, missing = ("timestampCol", "horizon") if column else ("horizon", "timestampCol")
            raise ValueError(f"{given}: is set without {missing}; set both or neither")
        return column is not None


@with_params(
    *_SHARED,
    Spec("numFolds", 3, Whole(2), "Folds."),
    Spec(
        "foldCol",
        "",
        _text_or_none,
        "Column of whole numbers from 0 to numFolds - 1: the fold that validates the row.",
    ),
)
class BayesianCrossValidator(_BayesianTuner, CrossValidator):  # type: ignore[misc]
    """`CrossValidator` that searches: a Bayesian one of `searchSpace`, or a grid, fault-tolerant.

    All params of Spark's class keep their meaning. Folds are those of a hash of the row (Spark's
    depend on the partitions), of `foldCol`, or with `timestampCol` and `horizon` those of a rolling
    origin. The same seed gives the same trials with any `parallelism`. A candidate that fails, or
    whose metric is NaN, is a trial with its error and never the best. Ctrl-C ends the search and
    keeps the best so far.

    `fit` returns a BayesianCrossValidatorModel, which is a CrossValidatorModel, or raises
    SearchFailedError where every candidate failed.
    """

    def _fit(self, dataset: DataFrame) -> BayesianCrossValidatorModel:
        result, maps = self._searched(dataset, self._split)
        best = self.getEstimator().fit(dataset, maps[result.trials.index(result.best)])
        nothing = [float("nan")] * self.getNumFolds()
        scores = [trial.scores or nothing for trial in result.trials]
        sub_models = None
        if self.getCollectSubModels():
            sub_models = [
                [result.model(trial.number, fold) for trial in result.trials]
                for fold in range(self.getNumFolds())
            ]
        model = BayesianCrossValidatorModel(
            best,
            [float(np.mean(s)) for s in scores],
            sub_models,
            [float(np.std(s)) for s in scores],
        )
        return self._finished(model, result, maps)

    def _split(self, dataset: DataFrame) -> AbstractContextManager[list[folds.Fold]]:
        count, level = self.getNumFolds(), self.getOrDefault("foldStorageLevel")
        column = self.getFoldCol()
        if self._rolling():
            if column:
                raise ValueError("foldCol and timestampCol are both set; clear one of them")
            return folds.rolling_folds(
                dataset,
                self.getOrDefault("timestampCol"),
                self.getOrDefault("horizon"),
                count,
                level,
            )
        if column:
            return folds.given_folds(dataset, column, count, level)
        return folds.hashed_folds(dataset, [1 / count] * count, self.getOrDefault("seed"), level)


@with_params(
    *_SHARED,
    Spec(
        "trainRatio",
        0.75,
        Number(0, 1),
        "Share of the rows to train on; between 0 and 1. Not used with timestampCol.",
    ),
)
class BayesianTrainValidationSplit(_BayesianTuner, TrainValidationSplit):  # type: ignore[misc]
    """`TrainValidationSplit` that searches; see `BayesianCrossValidator`.

    The split is that of a hash of the row, or with `timestampCol` the last `horizon` steps
    validate. `fit` returns a BayesianTrainValidationSplitModel, which is a
    TrainValidationSplitModel.
    """

    def _fit(self, dataset: DataFrame) -> BayesianTrainValidationSplitModel:
        result, maps = self._searched(dataset, self._split)
        best = self.getEstimator().fit(dataset, maps[result.trials.index(result.best)])
        metrics = [float("nan") if t.value is None else t.value for t in result.trials]
        sub_models = None
        if self.getCollectSubModels():
            sub_models = [result.model(trial.number, 0) for trial in result.trials]
        return self._finished(
            BayesianTrainValidationSplitModel(best, metrics, sub_models), result, maps
        )

    def _split(self, dataset: DataFrame) -> AbstractContextManager[list[folds.Fold]]:
        level = self.getOrDefault("foldStorageLevel")
        if self._rolling():
            return folds.rolling_folds(
                dataset, self.getOrDefault("timestampCol"), self.getOrDefault("horizon"), 1, level
            )
        held = [1 - self.getTrainRatio()]
        return folds.hashed_folds(dataset, held, self.getOrDefault("seed"), level)


def _set_params(stage: Params) -> dict[str, Any]:
    """A stage's explicit params by name, as JSON has them; stages among them are not."""

    def is_plain(value: Any) -> bool:
        if isinstance(value, (list, tuple)):
            return all(is_plain(entry) or isinstance(entry, dict) for entry in value)
        return value is None or isinstance(value, (bool, int, float, str))

    values = stage._paramMap.items()
    return {param.name: value for param, value in values if is_plain(value)}


def _points(grid: list[ParamMap]) -> list[dict[str, Any]]:
    """The maps as trials show them: keys as in a search space, stages by their uids."""
    keys: dict[Param[Any], str] = {}
    for param in (param for param_map in grid for param in param_map):
        same = [other for other in keys if other.name == param.name and other != param]
        keys.setdefault(param, f"{param.name}#{len(same) + 1}" if same else param.name)
    return [{keys[param]: _plain(value) for param, value in m.items()} for m in grid]


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, Params):
        return value.uid
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


for _class in (BayesianCrossValidator, BayesianTrainValidationSplit):
    _class.__module__ = "sparkprophet"
