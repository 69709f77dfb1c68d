"""Loading of a saved stage whatever its class, and whichever language saved it."""

from __future__ import annotations

import sys
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.pipeline import PipelineSharedReadWrite
from pyspark.ml.util import DefaultParamsReader
from pyspark.sql import SparkSession

from sparkprophet.spark.persistence import read_metadata

_HOMES = ("pyspark.ml.", "org.apache.spark.ml.", "sparkprophet.")
_VALIDATORS = (
    "CrossValidator", "CrossValidatorModel", "TrainValidationSplit", "TrainValidationSplitModel",
)  # fmt: skip


def load_stage(path: str, spark: SparkSession | None = None) -> Any:
    """The stage saved at `path` by Python or by Scala, as long as its class is known already.

    Spark 4.0 needs this for a Pipeline or PipelineModel that Scala saved with a stage of
    sparkprophet in it; from 4.1 on their own `load` does it too.

    Raises
    ------
    ValueError
        For a class that is neither Spark's nor ours and whose module is not imported yet: a file
        does not say which code runs.
    """
    spark = spark or SparkSession.active()
    _check_classes(spark, path)
    return _loaded(spark, path)


def load_part(path: str, spark: SparkSession) -> Any:
    """A part of a saved tuner, as `load_stage`; ValueError for a tuner in it."""
    _refuse_tuners(spark, path)
    return load_stage(path, spark)


def _refuse_tuners(spark: SparkSession, path: str) -> None:
    metadata = read_metadata(spark, path)
    name = metadata["class"]
    if name.rpartition(".")[2] in _VALIDATORS:
        raise ValueError(f"{path}: holds a {name!r} inside of another tuner, which Spark refuses")
    for inside in _paths_inside(path, metadata):
        _refuse_tuners(spark, inside)


def _loaded(spark: SparkSession, path: str) -> Any:
    metadata = read_metadata(spark, path)
    kind = metadata["class"].rpartition(".")[2]
    if not metadata["class"].startswith(_HOMES[:2]) or kind not in ("Pipeline", "PipelineModel"):
        return DefaultParamsReader.loadParamsInstance(path, spark)
    stages = [_loaded(spark, inside) for inside in _paths_inside(path, metadata)]
    made = Pipeline(stages=stages) if kind == "Pipeline" else PipelineModel(stages)
    return made._resetUid(metadata["uid"])


def _check_classes(spark: SparkSession, path: str) -> None:
    metadata = read_metadata(spark, path)
    name = metadata["class"]
    module = name.rpartition(".")[0]
    if not name.startswith(_HOMES) and module not in sys.modules:
        raise ValueError(
            f"{path}: holds a {name!r}, whose module is not imported; import {module} before "
            "loading if you trust the file"
        )
    for inside in _paths_inside(path, metadata):
        _check_classes(spark, inside)


def _paths_inside(path: str, metadata: dict[str, Any]) -> list[str]:
    """Folders of the stages that are loaded with one, by the names that they hold."""
    uids = metadata["paramMap"].get("stageUids") or []
    paths = [
        PipelineSharedReadWrite.getStagePath(uid, position, len(uids), f"{path}/stages")
        for position, uid in enumerate(uids)
    ]
    if metadata["class"].rpartition(".")[2] in ("OneVsRest", "OneVsRestModel"):
        paths.append(f"{path}/classifier")
        paths += [f"{path}/model_{i}" for i in range(metadata.get("numClasses", 0))]
    return paths
