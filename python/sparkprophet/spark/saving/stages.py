"""Saving and loading without pickle: JSON metadata, models as Parquet.

A save is written beside its target and renamed, so that a failed one leaves the old model as it
was. A list of its files, with their sizes and hashes, is written last (`manifest`). A load looks at
this list first, then at the metadata, and refuses classes and formats it does not know; it never
imports what a file names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from pyspark.ml.param import Params
from pyspark.ml.util import DefaultParamsWriter, MLReader, MLWriter
from pyspark.sql import SparkSession

from sparkprophet.messages import clip
from sparkprophet.spark.jobs import is_connect
from sparkprophet.spark.saving.files import Files, files_of, whole_folder
from sparkprophet.spark.saving.manifest import read_json, read_whole, write_manifest

T = TypeVar("T")

FORMAT_VERSION = 2
# What separates steps of a path, begins a scheme or is a pattern to Hadoop.
_NOT_IN_NAMES = re.compile(r"[/\\:*?\[\]{}\x00-\x1f\x7f]")
_FORM = {"class": str, "uid": str, "paramMap": dict, "defaultParamMap": dict}


class StageWriter(MLWriter):
    """Writer of a stage: its params as metadata, then whatever `write_data` adds.

    Parameters
    ----------
    instance : Params
    extra : dict
        Further JSON values for the metadata; may hold "paramMap" to replace the params.
    write_data : callable
        (path) -> dict or None, writes the stage's data below `path`; gives further JSON values.
    """

    def __init__(
        self,
        instance: Params,
        extra: dict[str, Any] | None = None,
        write_data: Callable[[str], dict[str, Any] | None] | None = None,
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
        OSError
            Where the folder of `path` cannot be made.
        """
        if is_connect(self.sparkSession):
            self._delete_remote(path)
        elif not self.shouldOverwrite and Files(self.sparkSession, path).exists(path):
            raise FileExistsError(
                f"path: {path} exists already; use write().overwrite().save(path) to replace it"
            )
        with whole_folder(self.sparkSession, path) as folder:
            self.saveImpl(folder)

    def saveImpl(self, path: str) -> None:
        """Data first, manifest last: a folder with a manifest is a whole one."""
        extra = {"format_version": FORMAT_VERSION, **self._extra}
        if self._write_data is not None:
            extra |= self._write_data(path) or {}
        params = extra.pop("paramMap", None)
        DefaultParamsWriter.saveMetadata(self.instance, path, self.sparkSession, extra, params)
        write_manifest(self.sparkSession, path)

    def _delete_remote(self, path: str) -> None:
        if self.shouldOverwrite:
            from pyspark.ml.connect.readwrite import RemoteMLWriter

            RemoteMLWriter.handleOverwrite(path, True)


class StageReader(MLReader[Any]):
    """Reader of one class.

    Parameters
    ----------
    cls : type
        The only class that the metadata may name.
    build : callable, optional
        (spark, path, metadata) -> instance without params; by default `cls()`.
    skip : tuple of str
        Params that `build` sets itself.
    """

    def __init__(
        self,
        cls: type,
        build: Callable[[SparkSession, str, dict[str, Any]], Any] | None = None,
        skip: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._cls = cls
        self._build = build or (lambda spark, path, metadata: cls())
        self._skip = skip

    def load(self, path: str) -> Any:
        """Load the stage at `path`.

        Raises
        ------
        ValueError
            Where the folder is not as it was saved, or holds another class, a newer format, an
            unknown param or a value out of range.
        """
        return read_whole(self.sparkSession, path, self._load)

    def _load(self, path: str) -> Any:
        metadata = read_metadata(self.sparkSession, path)
        check_metadata(path, metadata, self._cls)
        instance = of_this_format(path, lambda: self._build(self.sparkSession, path, metadata))
        instance._resetUid(metadata["uid"])
        for section in ("paramMap", "defaultParamMap"):
            unknown = [name for name in metadata[section] if not instance.hasParam(name)]
            if unknown:
                raise ValueError(
                    clip(
                        f"{path}: metadata has the unknown param {unknown[0]!r}; it was written "
                        "by a newer sparkprophet, so upgrade this one"
                    )
                )

        def set_all() -> None:
            for name, value in metadata["paramMap"].items():
                if name not in self._skip:
                    instance.set(instance.getParam(name), value)
            # As Spark does: a default that changes later does not change what was saved before.
            instance._setDefault(**metadata["defaultParamMap"])

        of_this_format(path, set_all)
        return instance


def of_this_format(path: str, build: Callable[[], T]) -> T:
    """What `build` makes of the metadata at `path`; ValueError with the path if it cannot."""
    try:
        return build()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, ValueError) and path in str(error):
            raise
        shown = str(error) if isinstance(error, TypeError | ValueError) else repr(error)
        raise ValueError(
            clip(
                f"{path}/metadata: {shown}; this is no value that a stage has: save it again or "
                "restore it from a backup"
            )
        ) from error


def read_metadata(spark: SparkSession, path: str) -> dict[str, Any]:
    """The metadata of whatever stage is saved at `path`.

    Parameters
    ----------
    spark : SparkSession
    path : str

    Returns
    -------
    dict
        With a `defaultParamMap`, which older formats may lack.

    Raises
    ------
    ValueError
        Where there is none, it is too large, or no JSON of the right form.
    """
    files = files_of(spark, path)
    lengths = {f"metadata/{n}": size for n, size in files.lengths(f"{path}/metadata").items()}
    metadata: dict[str, Any] = read_json(files, path, lengths, "metadata")
    metadata.setdefault("defaultParamMap", {})
    for name, kind in _FORM.items():
        if not isinstance(metadata.get(name), kind) or not metadata[name] and kind is str:
            raise ValueError(
                clip(
                    f"{path}/metadata: {name} is {metadata.get(name)!r}, which no saved stage "
                    "has; save it again or restore it from a backup"
                )
            )
    check_name(path, "uid", metadata["uid"])
    return metadata


def check_name(path: str, what: str, name: Any) -> None:
    """Look at a name in the metadata at `path`, of which readers make paths.

    Raises
    ------
    ValueError
        For anything that is no text, or would be more than one step of a path.
    """
    if not isinstance(name, str) or name in ("", ".", "..") or _NOT_IN_NAMES.search(name):
        raise ValueError(
            clip(
                f"{path}/metadata: {what}: {name!r} is no plain name, without / \\ : * ? [ ] {{ }} "
                "and control characters; give the stage another uid and save it again"
            )
        )


def check_metadata(path: str, metadata: dict[str, Any], cls: type) -> None:
    """Look at which class and format the metadata of the stage at `path` are of.

    Raises
    ------
    ValueError
        Unless the class is `cls`, and the format one that is known here.
    """
    expected = f"{cls.__module__}.{cls.__name__}"
    if metadata.get("class") != expected:
        raise ValueError(clip(f"{path}: holds a {metadata.get('class')!r}, expected {expected!r}"))
    # Spark's own writer in the JVM has no place for a version; what it writes is version 1.
    version = metadata.get("format_version", 1)
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ValueError(
            clip(
                f"{path}: format_version is {version!r}, this version reads 1 to "
                f"{FORMAT_VERSION}; upgrade sparkprophet or save the model again"
            )
        )
