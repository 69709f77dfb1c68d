"""Stages of any class: loading what either language saved, saving for the loaders of both."""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import SparkSession

from sparkprophet.spark.saving.files import Files, whole_folder
from sparkprophet.spark.saving.manifest import read_whole, write_manifest, write_text
from sparkprophet.spark.saving.saved_stage import look
from sparkprophet.spark.saving.spark_stages import build
from sparkprophet.spark.saving.stages import read_metadata


def load_stage(path: str, spark: SparkSession | None = None) -> Any:
    """The stage saved at `path` by Python or by Scala, as long as its class is known already.

    All that the folder says of classes is looked at before anything is imported or built, and what
    is built is what was looked at: stages inside Pipelines, Spark's tuners and their models,
    OneVsRest, values of param maps. Spark's own `load` of such a folder imports what it names.

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
        not imported yet: a file does not say which code runs. For a name that could be a path, a
        link that leads out of the folder, and a stage that no metadata tells of.
    """
    return _load(path, spark or SparkSession.active(), in_tuner=False)


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
    return _load(path, spark, in_tuner=True)


def _load(path: str, spark: SparkSession, in_tuner: bool) -> Any:
    return read_whole(spark, path, lambda place: build(spark, look(spark, place, in_tuner)))
