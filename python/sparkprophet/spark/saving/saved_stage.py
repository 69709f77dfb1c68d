"""What a saved folder holds, looked at whole before anything is built of it.

A folder says itself of which classes it and the stages inside it are, and a reader that believes it
imports what the folder names. So all that says so is read here first, by exact paths, and what is
loaded is built from what was read. Checksums show damage; they say nothing of who wrote the folder.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import OneVsRest, OneVsRestModel
from pyspark.ml.clustering import DistributedLDAModel
from pyspark.ml.feature import RFormulaModel
from pyspark.ml.param import Params
from pyspark.ml.pipeline import PipelineSharedReadWrite
from pyspark.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
)
from pyspark.sql import SparkSession

from sparkprophet.messages import clip
from sparkprophet.spark.saving.connect_files import ConnectFiles
from sparkprophet.spark.saving.files import Files, files_of
from sparkprophet.spark.saving.manifest import read_json
from sparkprophet.spark.saving.stages import check_name, of_this_format, read_metadata

TUNER_MODELS = (CrossValidatorModel, TrainValidationSplitModel)
TUNERS = (CrossValidator, TrainValidationSplit, *TUNER_MODELS)
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
# Folders that a class's reader in the JVM loads as a whole: it knows no other classes than Spark's.
_OF_THE_JVM = {RFormulaModel: "pipelineModel", DistributedLDAModel: "oldModel"}
_JVM_CLASS = re.compile(r"org\.apache\.spark\.ml(lib)?(\.\w+)+")
_VALUE = re.compile(r"epm_\w+")
_SUB_MODEL = re.compile(r"subModels/(fold[0-9]+/)?[0-9]+")
_MOST = 10_000  # stages in one folder


@dataclass(frozen=True)
class SavedStage:
    """One stage of a folder.

    Attributes
    ----------
    path : str
        Its folder.
    metadata : dict
        As `read_metadata`.
    cls : type
    parts : dict
        The stages inside it by their folders below `path`.
    """

    path: str
    metadata: dict[str, Any]
    cls: type[Any]
    parts: dict[str, SavedStage]


def look(spark: SparkSession, path: str, in_tuner: bool = False) -> SavedStage:
    """The stage saved at `path`, with all stages inside it.

    Parameters
    ----------
    spark : SparkSession
    path : str
    in_tuner : bool
        Whether it is a part of a tuner, which must not hold another one.

    Raises
    ------
    ValueError
        For a class that is no stage or not known, a name that could be a path, a link that leads
        out of the folder, a stage that no metadata tells of, and a tuner inside a tuner.
    """
    files = files_of(spark, path)
    if isinstance(files, Files):
        files.check_links(path)
    folder = _Folder(spark, files, path, _folders_of_stages(files.lengths(path)))
    if len(folder.stages) > _MOST:
        raise ValueError(
            f"{path}: holds {len(folder.stages)} stages, more than the {_MOST} that are read"
        )
    stage = folder.look("", in_tuner)
    for name in sorted(folder.stages - folder.seen):
        raise ValueError(
            clip(
                f"{path}/{name}: is a stage that the metadata of {path} does not tell of; remove "
                "it if you trust the rest"
            )
        )
    return stage


@dataclass
class _Folder:
    """A folder that is looked at.

    Attributes
    ----------
    stages : set of str
        All folders below it that have metadata, "" for itself.
    seen : set of str
        Those of them that have been looked at.
    """

    spark: SparkSession
    files: Files | ConnectFiles
    top: str
    stages: set[str]
    seen: set[str] = field(default_factory=set)

    def look(self, name: str, in_tuner: bool) -> SavedStage:
        path = f"{self.top}/{name}" if name else self.top
        metadata = read_metadata(self.spark, path)
        cls = _class(path, metadata["class"])
        if issubclass(cls, TUNERS) and in_tuner:
            raise ValueError(
                clip(
                    f"{path}: holds a {metadata['class']!r} inside of another tuner, which Spark "
                    "refuses"
                )
            )
        self.seen.add(name)
        start = f"{name}/" if name else ""
        inside = {n.removeprefix(start) for n in self.stages if n != name and n.startswith(start)}
        if cls in _OF_THE_JVM:
            own = _OF_THE_JVM[cls]
            self._check_of_the_jvm([f"{start}{n}" for n in inside if f"{n}/".startswith(f"{own}/")])
        names = of_this_format(path, lambda: list(_parts(path, metadata, cls, inside)))
        tuner = in_tuner or issubclass(cls, TUNERS)
        parts = {part: self.look(f"{start}{part}", tuner) for part in names}
        return SavedStage(path, metadata, cls, parts)

    def _check_of_the_jvm(self, names: Iterable[str]) -> None:
        """Folders that Spark's own reader in the JVM loads name nothing but Spark's classes."""
        for name in names:
            path = f"{self.top}/{name}"
            lengths = self.files.lengths(f"{path}/metadata")
            metadata = read_json(
                self.files, path, {f"metadata/{n}": size for n, size in lengths.items()}, "metadata"
            )
            named = metadata.get("class")
            if not isinstance(named, str) or not _JVM_CLASS.fullmatch(named):
                raise ValueError(clip(f"{path}: holds a {named!r}, which is no stage of Spark's"))
            _stage_uids(path, metadata)
            self.seen.add(name)


def _folders_of_stages(names: Iterable[str]) -> set[str]:
    """The folders, relative, that have a folder `metadata`."""
    folders = set()
    for name in names:
        steps = name.split("/")
        ends = (i for i, step in enumerate(steps[:-1]) if step == "metadata")
        folders |= {"/".join(steps[:i]) for i in ends}
    return folders


def _class(path: str, named: str) -> type[Any]:
    """The class of this name, if it is one of stages."""
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
    return cls


def _parts(path: str, metadata: dict[str, Any], cls: type, inside: set[str]) -> Iterator[str]:
    """Folders of the stages that are loaded with one, by what its metadata says.

    `inside` are all that there are.
    """
    if issubclass(cls, (Pipeline, PipelineModel)):
        yield from stage_folders(path, metadata)
    elif issubclass(cls, (OneVsRest, OneVsRestModel)):
        yield "classifier"
        count = metadata.get("numClasses", 0)
        if type(count) is not int or not 0 <= count <= _MOST:
            raise ValueError(
                clip(f"{path}/metadata: numClasses is {count!r}, must be 0 to {_MOST}")
            )
        yield from (f"model_{i}" for i in range(count))
    elif issubclass(cls, TUNERS):
        yield from ("estimator", "evaluator")
        maps = metadata["paramMap"]["estimatorParamMaps"] + metadata.get("failedParamMaps", [])
        values = {saved_value(entry)[1] for entries in maps for entry in entries}
        yield from (folder for folder in values if folder is not None)
        if issubclass(cls, TUNER_MODELS):
            yield "bestModel"
            if metadata.get("persistSubModels"):
                yield from sorted(name for name in inside if _SUB_MODEL.fullmatch(name))
    elif cls.__module__.startswith("sparkprophet"):
        yield from ["estimator"] * bool(metadata.get("hasEstimator"))
    elif cls.__module__ not in _MODULES:
        # Of somebody whose module is imported already: what lies inside is of known classes too.
        tops = (name for name in inside if not any(_is_below(name, other) for other in inside))
        yield from sorted(tops)


def stage_folders(path: str, metadata: dict[str, Any]) -> list[str]:
    """Folders of a Pipeline's stages below its own, in order."""
    uids = _stage_uids(path, metadata)
    return [
        PipelineSharedReadWrite.getStagePath(uid, position, len(uids), "stages")
        for position, uid in enumerate(uids)
    ]


def saved_value(entry: dict[str, Any]) -> tuple[Any, str | None]:
    """The value of an entry of a saved param map, or the folder of the stage that is one.

    Raises
    ------
    ValueError
        For a folder with another name than Spark gives.
    """
    is_json = entry.get("isJson", True)  # as JSON where the JVM wrote it, else as it is
    if isinstance(is_json, str):
        is_json = json.loads(is_json)
    if is_json:
        return json.loads(entry["value"]), None
    name = entry["value"].strip('"')
    if not _VALUE.fullmatch(name):
        raise ValueError(f"estimatorParamMaps: {name!r} is no folder of a param's value")
    return None, name


def _stage_uids(path: str, metadata: dict[str, Any]) -> list[str]:
    uids = (metadata.get("paramMap") or {}).get("stageUids") or []
    if not isinstance(uids, list):
        raise ValueError(clip(f"{path}/metadata: stageUids is {uids!r}, must be names of stages"))
    for uid in uids:
        check_name(path, "stageUids", uid)
    return uids


def _is_below(name: str, other: str) -> bool:
    return name.startswith(f"{other}/")
