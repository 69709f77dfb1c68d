"""GroupedProphetTuner: one search per group, run where the group's data is."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame, SparkSession

from sparkprophet.search import sampler
from sparkprophet.search.race import PRUNERS
from sparkprophet.search.space import SearchSpace
from sparkprophet.series.config import COMBINATIONS, SETTINGS, Config
from sparkprophet.series.metrics import METRICS, NEEDS_INTERVALS
from sparkprophet.series.ranges import LONGEST, Number, OneOf, Whole, flag, text
from sparkprophet.spark import schema
from sparkprophet.spark.grouped import group_work
from sparkprophet.spark.grouped.checkpoint import Checkpoint
from sparkprophet.spark.grouped.estimator import GroupedProphet
from sparkprophet.spark.grouped.job import materialise
from sparkprophet.spark.grouped.model import GroupedProphetModel, finish
from sparkprophet.spark.grouped.warm_start import best_points
from sparkprophet.spark.input_checks import check_growth, check_input
from sparkprophet.spark.params import PARALLELISM, SEED, Spec, TableParams, space_json, with_params
from sparkprophet.spark.saving.stages import StageReader, StageWriter
from sparkprophet.spark.worker.group_row import group_function
from sparkprophet.tuning import Search, tune_series, warm_up
from sparkprophet.version import __version__


def _estimator(value: Any, what: str) -> GroupedProphet:
    if not isinstance(value, GroupedProphet):
        raise TypeError(f"{what}: found {type(value).__name__}, must be a GroupedProphet")
    return value


@with_params(
    Spec("estimator", None, _estimator, "GroupedProphet whose settings are searched."),
    Spec("searchSpace", None, space_json, "SearchSpace of series params, or its JSON."),
    Spec("numTrials", 50, Whole(1), "Trials per group."),
    Spec(
        "metric",
        "mae",
        OneOf(*METRICS),
        "What is minimised on the holdout: the mean over the folds. coverage: its distance from "
        "intervalWidth.",
    ),
    Spec("horizon", None, Whole(1), "Steps of each holdout; must be set."),
    Spec("numFolds", 3, Whole(1), "Rolling-origin folds; the last ones that fit are used."),
    Spec("period", None, Whole(1), "Steps between two cutoffs; unset: horizon."),
    Spec("initial", None, Whole(1), "Steps of history before the first cutoff; unset: horizon."),
    Spec(
        "combination",
        "folds",
        OneOf(*COMBINATIONS),
        "none: the forecast of the best trial. folds: the weighted mean of the estimator's own "
        "values, these with seasonalities that are held down, and the best trials, each with its "
        "trend carried on in every way of trendForecast, and of two seasonal naive forecasts; "
        "weights by errors on the folds.",
    ),
    Spec(
        "pruner",
        "halving",
        OneOf(*PRUNERS),
        "none: every trial is judged on all folds. halving: a race over the folds, the newest "
        "first; after each, a trial goes on if it is in the better half so far, else its state is "
        "PRUNED.",
    ),
    Spec("numMembers", 3, Whole(1), "Most trials in a combination."),
    Spec(
        "earlyStoppingRounds",
        0,
        Whole(0),
        "Stop a group's search after so many trials without a better value; 0: never.",
    ),
    Spec(
        "minDelta",
        0.0,
        Number(0, open_ends=False),
        "By how much a value must be better to count as better.",
    ),
    Spec(
        "timeout",
        0.0,
        Number(0, open_ends=False),
        "Seconds after which no trial starts in any group, counted from fit; 0: no limit.",
    ),
    Spec(
        "groupTimeout",
        0.0,
        Number(0, LONGEST, open_ends=False),
        "Seconds that one group's search and fit may take; 0: no limit. No trial starts after 90 "
        "% of them; a group that is still at work a second after all of them is ended, and has "
        "the code TIMEOUT.",
    ),
    Spec(
        "sampler",
        "tpe",
        OneOf(*sampler.KINDS),
        "Proposes the trials. tpe: our compiled TPE, with the numerics of Optuna's; the others: "
        "Optuna's own.",
    ),
    Spec("numStartupTrials", 10, Whole(0), f"Random trials before {sampler.learners()} learn."),
    Spec(
        "warmStart",
        True,
        flag,
        "The estimator's own values are a candidate, tried first: a search that finds nothing "
        "better keeps them, even where they lie outside of the search space.",
    ),
    Spec(
        "warmStartGroups",
        0,
        Whole(0),
        "So many groups, chosen by the hash of their keys, are tuned first, and all groups try "
        "the values found for them before others. 0: no group's result depends on another group.",
    ),
    Spec(
        "checkpointDir",
        None,
        text,
        "Folder where finished groups are kept; a killed job run again with the same arguments "
        "on the same data goes on where it was.",
    ),
    Spec("collectTrials", True, flag, "Keep every trial in the model."),
    PARALLELISM,
    SEED,
)
class GroupedProphetTuner(TableParams, Estimator[Any], MLWritable, MLReadable[Any]):
    """Tunes and fits one Prophet per group: an Optuna study per key, in Spark's workers.

    Every param is a keyword argument. The group's last `horizon` steps (or `numFolds` rolling
    cutoffs) judge a config; the best one is fitted to the whole group. The model is a
    GroupedProphetModel with `trials` and `comparison`; its config column holds the values found.
    A group too short for a holdout gets the estimator's own values (stopped_by=noHoldout).
    `parallelism` and `seed` here win over the estimator's.
    """

    def getSearchSpace(self) -> SearchSpace:
        """The search space."""
        return SearchSpace.fromJson(self.getOrDefault("searchSpace"))

    def copy(self, extra: dict[Any, Any] | None = None) -> GroupedProphetTuner:
        """A copy; extra values of the estimator's params go to a copy of the estimator."""
        that = super().copy(extra)
        if that.isSet("estimator"):
            that._set(estimator=that.getOrDefault("estimator").copy(extra))
        return that

    def _fit(self, dataset: DataFrame) -> GroupedProphetModel:
        for name in ("estimator", "searchSpace", "horizon"):
            if not self.isDefined(name):
                raise ValueError(f"{name}: is not set; GroupedProphetTuner needs it")
        params = self.getOrDefault("estimator").copy()
        params.setParams(seed=self.getOrDefault("seed"))
        params.setParams(parallelism=self.getOrDefault("parallelism"))
        config = params.series_config()
        self.check_search(params, config)
        check_input(dataset, params, config, fitting=True)
        data = group_work.keyed(dataset, params, config)
        time_type = dataset.schema[params.getOrDefault("timestampCol")].dataType
        search = self.search()

        def work(search: Search) -> group_work.GroupWork:
            def function(threads: int) -> group_work.GroupFunction:
                return group_function(
                    group_work.layout(params, config),
                    config.to_json(),
                    partial(tune_series, search=search, threads=threads),
                    schema.SEARCH,
                    partial(warm_up, search.sampler),
                    search.group_timeout,
                )

            return group_work.GroupWork(data, params, time_type, function, schema.SEARCH)

        def prepare() -> group_work.GroupWork:
            groups = self.getOrDefault("warmStartGroups")
            if not groups:
                return work(search)
            starts = best_points(work(replace(search, collect_trials=True)), groups)
            return work(replace(search, starts_json=starts))

        facts = [config.to_json(), params.getOrDefault("groupCols"), time_type.simpleString()]
        checkpoint = self._checkpoint(search, facts)
        with checkpoint.explained() if checkpoint else contextlib.nullcontext():
            done = materialise(dataset.sparkSession, "tune", prepare, checkpoint)
        model = finish(self, params, *done)
        if sys.stderr.isatty():
            print(model.comparison_text(), file=sys.stderr)
        return model

    def _checkpoint(self, search: Search, facts: list[Any]) -> Checkpoint | None:
        if not self.isDefined("checkpointDir"):
            return None
        settings = asdict(search) | {"until": None}
        arguments = [__version__, settings, self.getOrDefault("warmStartGroups"), *facts]
        return Checkpoint(self.getOrDefault("checkpointDir"), json.dumps(arguments))

    def search(self) -> Search:
        """How every series is searched, as workers get it; a `timeout` begins now."""
        timeout = self.getOrDefault("timeout")
        return Search(
            space_json=self.getSearchSpace().without_owners().toJson(),
            metric=self.getOrDefault("metric"),
            horizon=self.getOrDefault("horizon"),
            num_folds=self.getOrDefault("numFolds"),
            period=self._optional("period"),
            initial=self._optional("initial"),
            combination=self.getOrDefault("combination"),
            pruner=self.getOrDefault("pruner"),
            num_members=self.getOrDefault("numMembers"),
            num_trials=self.getOrDefault("numTrials"),
            sampler=self.getOrDefault("sampler"),
            num_startup_trials=self.getOrDefault("numStartupTrials"),
            early_stopping_rounds=self.getOrDefault("earlyStoppingRounds"),
            min_delta=self.getOrDefault("minDelta"),
            warm_start=self.getOrDefault("warmStart"),
            collect_trials=self.getOrDefault("collectTrials"),
            group_timeout=self.getOrDefault("groupTimeout"),
            until=time.time() + timeout if timeout else None,
        )

    def check_search(self, params: GroupedProphet, config: Config) -> None:
        """Raise for a search that cannot work, before any job."""
        for name in params.getOrDefault("groupCols"):
            if name.lower() in schema.RESERVED_BY_SEARCHES:
                raise ValueError(
                    f"groupCols: {name!r} is a column of `trials` or of `comparison`; rename it, "
                    f"as in withColumnRenamed({name!r}, {'group_' + name!r})"
                )
        space = self.getSearchSpace()
        sampler.check_sampler(self.getOrDefault("sampler"), space)
        if self.getOrDefault("metric") in NEEDS_INTERVALS and not config.uncertaintySamples:
            raise ValueError(
                f"metric: {self.getOrDefault('metric')!r} needs intervals; set the estimator's "
                "uncertaintySamples above 0"
            )
        known = {field.name for field in SETTINGS}
        for key, dimension in space.keyed().items():
            if dimension.parent not in (None, params.uid) or key not in known:
                raise ValueError(
                    f"searchSpace: {key!r} of stage {dimension.parent!r} is not a series param of "
                    f"the tuner's estimator {params.uid}; build the space from its params"
                )
            for value in _ends(dimension):
                tried = config.replace({key: value})
                check_growth(params, tried)
                unread = set(tried.column_names) - set(config.column_names)
                if unread:
                    raise ValueError(
                        f"searchSpace: {key!r} needs column {min(unread)!r}, which the estimator "
                        "does not read; name it in the estimator's own regressors or seasonalities"
                    )

    def write(self) -> StageWriter:
        """A writer: `write().overwrite().save(path)`; the estimator is saved below."""
        values = {p.name: v for p, v in self._paramMap.items() if p.name != "estimator"}
        estimator = self._optional("estimator")

        def write_data(path: str) -> None:
            if estimator is not None:
                estimator.write().save(f"{path}/estimator")

        extra = {"paramMap": values, "hasEstimator": estimator is not None}
        return StageWriter(self, extra, write_data)

    @classmethod
    def read(cls) -> StageReader:
        """A reader: `read().load(path)`, or shorter `GroupedProphetTuner.load(path)`."""

        def build(spark: SparkSession, path: str, metadata: dict[str, Any]) -> GroupedProphetTuner:
            tuner = cls()
            if metadata.get("hasEstimator"):
                tuner._set(estimator=GroupedProphet.read().session(spark).load(f"{path}/estimator"))
            return tuner

        return StageReader(cls, build)


GroupedProphetTuner.__module__ = "sparkprophet"


def _ends(dimension: Any) -> list[Any]:
    """Values of a dimension that are in range if all of it is."""
    for name in ("values", "value"):
        if hasattr(dimension, name):
            return list(getattr(dimension, name)) if name == "values" else [dimension.value]
    return [dimension.low, dimension.high]
