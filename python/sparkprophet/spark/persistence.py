"""Saving and loading without pickle: JSON metadata, models as Parquet.

A save is written beside its target and renamed, so that a failed one leaves the old model as it
was. A load reads the metadata first and refuses classes and formats it does not know; it never
imports what a file names.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.ml.param import Params
from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLReader, MLWriter
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

FORMAT_VERSION = 1


class StageWriter(MLWriter):
    """Writer of a stage: its params as metadata, then whatever `write_data` adds.

    Parameters
    ----------
    instance : Params
    extra : dict
        Further JSON values for the metadata; may hold "paramMap" to replace the params.
    write_data : callable
        (path) -> None, writes the stage's data below `path`.
    """

    def __init__(
        self,
        instance: Params,
        extra: dict[str, Any] | None = None,
        write_data: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.instance = instance
        self._extra = extra or {}
        self._write_data = write_data

    def save(self, path: str) -> None:
        """Save to `path`, whole or not at all.

        Raises
        ------
        FileExistsError
            If there is something at `path` and `overwrite()` was not called.
        """
        if is_remote():
            self._save_remote(path)
            return
        files = Files(self.sparkSession, path)
        if files.exists(path) and not self.shouldOverwrite:
            raise FileExistsError(
                f"path: {path} exists already; use write().overwrite().save(path) to replace it"
            )
        beside = files.beside(path, "new")
        try:
            self.saveImpl(beside)
            files.replace(beside, path)
        finally:
            files.delete(beside)

    def saveImpl(self, path: str) -> None:
        """Data first, metadata last: a folder with metadata is a whole one."""
        if self._write_data is not None:
            self._write_data(path)
        extra = {"format_version": FORMAT_VERSION, **self._extra}
        params = extra.pop("paramMap", None)
        DefaultParamsWriter.saveMetadata(self.instance, path, self.sparkSession, extra, params)

    def _save_remote(self, path: str) -> None:
        if self.shouldOverwrite:
            from pyspark.ml.connect.readwrite import RemoteMLWriter

            RemoteMLWriter.handleOverwrite(path, True)
        self.saveImpl(path)


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
    beside = files.beside(path, "new")
    try:
        stage.write().save(beside)
        for folder in files.saved_stages(beside):
            _name_as_jvm(spark, files, folder)
        files.replace(beside, path)
    finally:
        files.delete(beside)


def _name_as_jvm(spark: SparkSession, files: Files, folder: str) -> None:
    """Give the stage saved at `folder` the name that its class has in the JVM."""
    metadata = DefaultParamsReader.loadMetadata(folder, spark)
    name = metadata["class"].replace("pyspark.ml.pipeline.", "org.apache.spark.ml.")
    name = name.replace("pyspark.", "org.apache.spark.")
    if name != metadata["class"]:
        files.delete(f"{folder}/metadata")
        text = json.dumps(metadata | {"class": name})
        spark.createDataFrame([(text,)], "value string").coalesce(1).write.text(
            f"{folder}/metadata"
        )


class StageReader(MLReader[Any]):
    """Reader of one class.

    Parameters
    ----------
    cls : type
        The only class that the metadata may name.
    build : callable
        (spark, path, metadata) -> instance without params.
    skip : tuple of str
        Params that `build` sets itself.
    """

    def __init__(
        self,
        cls: type,
        build: Callable[[SparkSession, str, dict[str, Any]], Any],
        skip: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._cls = cls
        self._build = build
        self._skip = skip

    def load(self, path: str) -> Any:
        """Load the stage at `path`.

        Raises
        ------
        ValueError
            Where the folder holds another class, a newer format or an unknown param.
        """
        metadata = DefaultParamsReader.loadMetadata(path, self.sparkSession)
        check_metadata(path, metadata, self._cls)
        instance = self._build(self.sparkSession, path, metadata)
        instance._resetUid(metadata["uid"])
        for section in ("paramMap", "defaultParamMap"):
            unknown = [name for name in metadata[section] if not instance.hasParam(name)]
            if unknown:
                raise ValueError(
                    f"{path}: metadata has the unknown param {unknown[0]!r}; it was written by a "
                    "newer sparkprophet, so upgrade this one"
                )
        for name, value in metadata["paramMap"].items():
            if name not in self._skip:
                instance.set(instance.getParam(name), value)
        # As Spark does: a default that changes later does not change what was saved before.
        instance._setDefault(**metadata["defaultParamMap"])
        return instance


def check_metadata(path: str, metadata: dict[str, Any], cls: type) -> None:
    """Raise ValueError unless `metadata` is of class `cls` and of a format known here."""
    expected = f"{cls.__module__}.{cls.__name__}"
    if metadata.get("class") != expected:
        raise ValueError(f"{path}: holds a {metadata.get('class')!r}, expected {expected!r}")
    # Spark's own writer in the JVM has no place for a version; what it writes is version 1.
    version = metadata.get("format_version", 1)
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ValueError(
            f"{path}: format_version is {version!r}, this version reads 1 to {FORMAT_VERSION}; "
            "upgrade sparkprophet or save the model again"
        )


class Files:
    """The file system of a path, through Hadoop: local, HDFS, object stores."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._jvm = spark._jvm
        configuration = spark._jsparkSession.sessionState().newHadoopConf()
        self._fs = self._path(path).getFileSystem(configuration)

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def exists(self, path: str) -> bool:
        return self._fs.exists(self._path(path))

    def make_folder(self, path: str, what: str) -> None:
        """Make a folder where there is none; OSError with `what` if that cannot be."""
        why = ""
        try:
            made = self._fs.mkdirs(self._path(path))
        except Py4JJavaError as error:
            made, why = False, f" ({error.java_exception.getMessage()})"
        if not made:
            raise OSError(f"{what}: {path} cannot be made{why}; choose a folder you can write to")

    def saved_stages(self, path: str) -> Iterator[str]:
        """The folders at and below `path` that a stage is saved in."""
        names = {entry.getPath().getName() for entry in self._fs.listStatus(self._path(path))
                 if entry.isDirectory()}  # fmt: skip
        if "metadata" in names:
            yield path
        for name in sorted(names - {"metadata"}):
            yield from self.saved_stages(f"{path}/{name}")

    def folders(self, path: str, start: str) -> list[str]:
        """Names of the folders in a folder that begin with `start`."""
        return sorted(
            name for entry in self._fs.listStatus(self._path(path))
            if entry.isDirectory() and (name := entry.getPath().getName()).startswith(start)
        )  # fmt: skip

    def sizes(self, path: str, start: str) -> dict[str, int]:
        """Names of the files in a folder that begin with `start` -> their bytes."""
        return {
            name: entry.getLen() for entry in self._fs.listStatus(self._path(path))
            if entry.isFile() and (name := entry.getPath().getName()).startswith(start)
        }  # fmt: skip

    def delete(self, path: str) -> None:
        self._fs.delete(self._path(path), True)

    def beside(self, path: str, why: str) -> str:
        """A new hidden name in the folder of `path`."""
        target = self._path(path)
        name = f".{target.getName()}.{why}-{uuid.uuid4().hex}"
        parent = target.getParent()
        return name if parent is None else self._path_in(parent, name)

    def _path_in(self, parent: Any, name: str) -> str:
        return self._jvm.org.apache.hadoop.fs.Path(parent, name).toString()

    def replace(self, source: str, target: str) -> None:
        """Move `source` to `target`; what was there is deleted only after it worked."""
        old = self.beside(target, "old")
        had_old = self.exists(target)
        parent = self._path(target).getParent()
        if parent is not None:
            self._fs.mkdirs(parent)
        if had_old:
            self._move(target, old)
        try:
            self._move(source, target)
        except BaseException:
            if had_old:
                self._move(old, target)
            raise
        if had_old:
            self.delete(old)

    def _move(self, source: str, target: str) -> None:
        if not self._fs.rename(self._path(source), self._path(target)):
            raise OSError(f"cannot rename {source} to {target}; check the folder's permissions")
