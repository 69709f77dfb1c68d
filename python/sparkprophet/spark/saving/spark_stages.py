"""Stages built from what was looked at: Spark's Pipelines and tuners part by part, others alone.

Spark's own readers of what holds other stages look at the folder again, and import what it names by
then; so they are not used here. A single stage of Spark's is loaded by its own class's reader.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import OneVsRest, OneVsRestModel
from pyspark.ml.param import Param
from pyspark.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
)
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsReader, MetaAlgorithmReadWrite
from pyspark.sql import SparkSession

from sparkprophet.messages import clip
from sparkprophet.spark.saving.reading import exact
from sparkprophet.spark.saving.saved_stage import SavedStage, saved_value, stage_folders
from sparkprophet.spark.saving.stages import of_this_format

_MAPS = "estimatorParamMaps"


def build(spark: SparkSession, saved: SavedStage) -> Any:
    """The stage that was looked at.

    Raises
    ------
    ValueError
        Where its metadata has no form that such a stage has.
    """
    of_parts = _BUILDERS.get(saved.cls)
    if of_parts is not None:
        parts = {name: build(spark, part) for name, part in saved.parts.items()}
        return of_this_format(saved.path, lambda: of_parts(saved, parts))
    if saved.cls.__module__.startswith("sparkprophet"):
        return saved.cls.read().session(spark).load(saved.path)
    if inspect.getattr_static(saved.cls, "read") is vars(DefaultParamsReadable)["read"]:
        return of_this_format(saved.path, lambda: _with_params(saved.cls(), saved))
    stage = saved.cls.load(exact(saved.path))
    if type(stage) is not saved.cls or stage.uid != saved.metadata["uid"]:
        raise ValueError(
            clip(
                f"{saved.path}: was replaced while it was read, found {stage.uid!r} for "
                f"{saved.metadata['uid']!r}; load it when no other job saves there"
            )
        )
    return stage


def _param_map(known: dict[str, Any], parts: dict[str, Any], entries: Any) -> Any:
    """A dict from Param to value of a saved param map; `known` are the owners by their uids."""

    def pair(entry: dict[str, Any]) -> tuple[Param[Any], Any]:
        param = known[entry["parent"]].getParam(entry["name"])
        value, folder = saved_value(entry)
        return param, param.typeConverter(value) if folder is None else parts[folder]

    return dict(map(pair, entries))


def _with_params(stage: Any, saved: SavedStage, *skipped: str) -> Any:
    stage._resetUid(saved.metadata["uid"])
    DefaultParamsReader.getAndSetParams(stage, saved.metadata, skipParams=list(skipped))
    return stage


def _pipeline(saved: SavedStage, parts: dict[str, Any]) -> Any:
    stages = [parts[name] for name in stage_folders(saved.path, saved.metadata)]
    made = Pipeline(stages=stages) if saved.cls is Pipeline else PipelineModel(stages)
    return made._resetUid(saved.metadata["uid"])


def _one_vs_rest(saved: SavedStage, parts: dict[str, Any]) -> Any:
    classifier = parts["classifier"]
    if saved.cls is OneVsRest:
        return _with_params(OneVsRest(classifier=classifier), saved, "classifier")
    count = saved.metadata["numClasses"]
    model = OneVsRestModel([parts[f"model_{i}"] for i in range(count)])
    model.set(model.classifier, classifier)
    return _with_params(model, saved, "classifier")


def _tuner(saved: SavedStage, parts: dict[str, Any]) -> Any:
    return _with_tuners_params(saved.cls(), saved, parts)


def _cross_validator_model(saved: SavedStage, parts: dict[str, Any]) -> Any:
    metadata, count = saved.metadata, len(saved.metadata["paramMap"][_MAPS])
    models = None
    if metadata.get("persistSubModels"):
        folds = range(metadata["paramMap"]["numFolds"])
        models = [[parts[f"subModels/fold{f}/{i}"] for i in range(count)] for f in folds]
    made = CrossValidatorModel(
        parts["bestModel"],
        avgMetrics=metadata["avgMetrics"],
        subModels=models,
        stdMetrics=metadata.get("stdMetrics"),
    )
    return _with_tuners_params(made, saved, parts)


def _split_model(saved: SavedStage, parts: dict[str, Any]) -> Any:
    metadata, count = saved.metadata, len(saved.metadata["paramMap"][_MAPS])
    models = None
    if metadata.get("persistSubModels"):
        models = [parts[f"subModels/{i}"] for i in range(count)]
    made = TrainValidationSplitModel(
        parts["bestModel"], validationMetrics=metadata["validationMetrics"], subModels=models
    )
    return _with_tuners_params(made, saved, parts)


def _with_tuners_params(made: Any, saved: SavedStage, parts: dict[str, Any]) -> Any:
    estimator = parts["estimator"]
    known = MetaAlgorithmReadWrite.getUidMap(estimator)
    maps = [_param_map(known, parts, entries) for entries in saved.metadata["paramMap"][_MAPS]]
    made._set(estimator=estimator, evaluator=parts["evaluator"], estimatorParamMaps=maps)
    return _with_params(made, saved, "estimator", "evaluator", _MAPS)


_BUILDERS: dict[type, Callable[[SavedStage, dict[str, Any]], Any]] = {
    Pipeline: _pipeline,
    PipelineModel: _pipeline,
    OneVsRest: _one_vs_rest,
    OneVsRestModel: _one_vs_rest,
    CrossValidator: _tuner,
    TrainValidationSplit: _tuner,
    CrossValidatorModel: _cross_validator_model,
    TrainValidationSplitModel: _split_model,
}
