"""Stages of any class: loading what either language saved, saving for the loaders of both."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.param import Params
from pyspark.ml.pipeline import PipelineSharedReadWrite
from pyspark.ml.util import DefaultParamsReader
from pyspark.sql import SparkSession

from sparkprophet.messages import clip
from sparkprophet.spark.saving.files import Files, whole_folder
from sparkprophet.spark.saving.manifest import read_whole, write_manifest, write_text
from sparkprophet.spark.saving.stages import read_metadata

_HOMES = ("pyspark.ml.", "org.apache.spark.ml.", "sparkprophet.")
# What may be imported because a file names it: the modules of stages.
_MODULES = {"sparkprophet"} | {
    f"pyspark.ml.{name}"
    for name in (
        "classification",
        "clustering",
        "evaluation",
        "feature",
        "fpm",
        "pipeline",
        "recommendation",
        "regression",
        "tuning",
    )
}
_CLASSES = 10_000
_VALIDATORS = (
    "CrossValidator",
    "CrossValidatorModel",
    "TrainValidationSplit",
    "TrainValidationSplitModel",
)


def load_stage(path: str, spark: SparkSession | None = None) -> Any:
    """The stage saved at `path` by Python or by Scala, as long as its class is known already.

    Spark 4.0 needs this for a Pipeline or PipelineModel that Scala saved with a stage of
    sparkprophet in it; from 4.1 on their own `load` does it too.

    Parameters
    ----------
    path : str
    spark : SparkSession, optional
        By default the active one.

    Returns
    -------
    Params
        A stage, Pipeline, model or tuner.

    Raises
    ------
    ValueError
        For what is no class of stages, or one that is neither Spark's nor ours and whose module is
        not imported yet: a file does not say which code runs.
    """
    spark = spark or SparkSession.active()

    def read(place: str) -> Any:
        _check_classes(spark, place)
        return _loaded(spark, place)

    return read_whole(spark, path, read)


def save_portable(stage: Any, path: str, overwrite: bool = False) -> None:
    """Save a stage so that Spark's own loaders in the JVM read it too, as Python's still do.

    Python names its own classes, such as `pyspark.ml.pipeline.PipelineModel`, in what it saves of
    a Pipeline with a stage of sparkprophet in it; here they get the names that they have in the
    JVM. Scala's `sparkprophet.StageLoader` needs no such thing.

    Parameters
    ----------
    stage : Params
        A stage, Pipeline, model or tuner with `write()`.
    path : str
    overwrite : bool
        Replace what is there.

    Raises
    ------
    FileExistsError
        If there is something at `path`, without `overwrite`.
    """
    spark = SparkSession.active()
    files = Files(spark, path)
    if files.exists(path) and not overwrite:
        raise FileExistsError(f"path: {path} exists already; give overwrite=True to replace it")
    with whole_folder(spark, path) as beside:
        stage.write().save(beside)
        folders = list(files.saved_stages(beside))
        for folder in folders:
            _name_as_jvm(spark, files, folder)
        # A stage's list has the files of the stages inside it, their own lists too.
        for folder in reversed(folders):
            if files.exists(f"{folder}/manifest"):
                files.delete(f"{folder}/manifest")
                write_manifest(spark, folder)


def _name_as_jvm(spark: SparkSession, files: Files, folder: str) -> None:
    """Give the stage saved at `folder` the name that its class has in the JVM."""
    metadata = read_metadata(spark, folder)
    name = metadata["class"].replace("pyspark.ml.pipeline.", "org.apache.spark.ml.")
    name = name.replace("pyspark.", "org.apache.spark.")
    if name != metadata["class"]:
        files.delete(f"{folder}/metadata")
        write_text(spark, f"{folder}/metadata", json.dumps(metadata | {"class": name}))


def load_part(path: str, spark: SparkSession) -> Any:
    """A part of a saved tuner, as `load_stage`.

    Raises
    ------
    ValueError
        As `load_stage`, and for a tuner in it.
    """
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
    """Raise ValueError unless this stage and those inside it are of classes of stages."""
    metadata = read_metadata(spark, path)
    named = metadata["class"]
    module, _, kind = named.replace("org.apache.spark", "pyspark").rpartition(".")
    if named.startswith("org.apache.spark.ml.") and kind in ("Pipeline", "PipelineModel"):
        module = "pyspark.ml.pipeline"
    if module in _MODULES:
        importlib.import_module(module)
    elif module not in sys.modules:
        raise ValueError(
            clip(
                f"{path}: holds a {named!r}, whose module is not imported; import {module} before "
                "loading if you trust the file"
            )
        )
    cls = getattr(sys.modules[module], kind, None)
    if not (isinstance(cls, type) and issubclass(cls, Params) and hasattr(cls, "load")):
        raise ValueError(clip(f"{path}: holds a {named!r}, which is no stage that can be loaded"))
    for inside in _paths_inside(path, metadata):
        _check_classes(spark, inside)


def _paths_inside(path: str, metadata: dict[str, Any]) -> list[str]:
    """Folders of the stages that are loaded with one, by the names that they hold."""
    uids = metadata["paramMap"].get("stageUids") or []
    if not isinstance(uids, list) or not all(
        isinstance(uid, str) and "/" not in uid for uid in uids
    ):
        raise ValueError(clip(f"{path}/metadata: stageUids is {uids!r}, must be names of stages"))
    paths = [
        PipelineSharedReadWrite.getStagePath(uid, position, len(uids), f"{path}/stages")
        for position, uid in enumerate(uids)
    ]
    if metadata["class"].rpartition(".")[2] in ("OneVsRest", "OneVsRestModel"):
        paths.append(f"{path}/classifier")
        count = metadata.get("numClasses", 0)
        if type(count) is not int or not 0 <= count <= _CLASSES:
            raise ValueError(
                clip(f"{path}/metadata: numClasses is {count!r}, must be 0 to {_CLASSES}")
            )
        paths += [f"{path}/model_{i}" for i in range(count)]
    return paths
