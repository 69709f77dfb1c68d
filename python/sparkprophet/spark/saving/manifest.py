"""The list of a save's files: written last, so that a folder with one is a whole save.

`manifest/` holds one line of JSON, {"files": {path below the folder: [bytes, sha256]}}. Large
Parquet files, and those of a table of models, have null for the hash: the table has a checksum in
each row, which is looked at where the row is read.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pyspark.sql import SparkSession

from sparkprophet.messages import clip
from sparkprophet.spark.saving.connect_files import ConnectFiles
from sparkprophet.spark.saving.files import Files, files_of
from sparkprophet.spark.saving.reading import READ_LIMIT, NotWholeError

T = TypeVar("T")

_log = logging.getLogger("sparkprophet")
_REMEDY = "save it again or restore it from a backup"
# Bytes of a Parquet file up to which it is hashed as a whole.
_SMALL_PARQUET = 2**20
# Seconds to wait for another writer's renames; the first wait is none.
_WAITS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
_VERSIONS = 30


class _ReplacedError(NotWholeError):
    """Another writer has replaced the save that was being read."""


def write_text(spark: SparkSession, path: str, text: str) -> None:
    """Write one line of text as a folder, as Spark writes metadata."""
    spark.createDataFrame([(text,)], "value string").coalesce(1).write.text(path)


def write_manifest(spark: SparkSession, path: str) -> None:
    """List all that was written at `path`; nothing may be written there after it."""
    files = files_of(spark, path)
    lengths = _listed(files, path)
    hashes = files.sha256(path, [name for name, length in lengths.items() if _hashed(name, length)])
    listed = {name: [length, hashes.get(name)] for name, length in sorted(lengths.items())}
    text = json.dumps({"files": listed}, separators=(",", ":"), ensure_ascii=False)
    write_text(spark, f"{path}/manifest", text)


def read_json(files: Files | ConnectFiles, path: str, lengths: Mapping[str, int], name: str) -> Any:
    """The JSON object in the one file of the folder `name` below `path`.

    Raises
    ------
    NotWholeError
        Where there is no file.
    ValueError
        For anything else that is not one small file of one JSON object.
    """
    parts = [part for part in lengths if part.startswith(f"{name}/")]
    if not parts:
        raise NotWholeError(
            f"{path}: has no {name}, so it is no saved stage, or one that was not finished; "
            f"check the path, or {_REMEDY}"
        )
    if len(parts) > 1:
        raise ValueError(f"{path}/{name}: has {len(parts)} files, must have one; {_REMEDY}")
    content = files.read(f"{path}/{parts[0]}")
    try:
        values = json.loads(content)
    except (RecursionError, ValueError) as error:
        raise ValueError(
            clip(f"{path}/{parts[0]}: cannot be read as JSON ({error}); {_REMEDY}")
        ) from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}/{parts[0]}: is no JSON object; {_REMEDY}")
    return values


def check_manifest(files: Files | ConnectFiles, path: str, lengths: Mapping[str, int]) -> Any:
    """The manifest at `path`, if all is as it says.

    Raises
    ------
    NotWholeError
        Where it is missing, or there are more or fewer files than it lists.
    ValueError
        Where a file is not as it was saved. Each names the file and the remedy.
    """
    manifest = read_json(files, path, lengths, "manifest")
    listed = manifest.get("files")
    if not isinstance(listed, dict) or not all(map(_is_entry, listed.values())):
        raise ValueError(f"{path}/manifest: is no list of files with their bytes; {_REMEDY}")
    there = {name: n for name, n in lengths.items() if not name.startswith("manifest/")}
    for name in sorted(listed.keys() - there.keys()):
        raise NotWholeError(clip(f"{path}/{name}: is missing; {_REMEDY}"))
    for name in sorted(there.keys() - listed.keys()):
        raise NotWholeError(
            clip(
                f"{path}/{name}: is not of this save; remove it if nothing else is wrong, "
                f"or {_REMEDY}"
            )
        )
    for name, (length, _) in listed.items():
        if there[name] != length:
            raise ValueError(
                clip(f"{path}/{name}: has {there[name]} bytes, had {length}; {_REMEDY}")
            )
    hashes = {name: value for name, (_, value) in listed.items() if value is not None}
    for name, value in files.sha256(path, hashes).items():
        if value != hashes[name]:
            raise ValueError(clip(f"{path}/{name}: is not as it was saved; {_REMEDY}"))
    return manifest


def read_whole(spark: SparkSession, path: str, read: Callable[[str], T]) -> T:
    """What `read` makes of the save at `path`, all of it of one version.

    While another writer replaces `path`, this waits for a moment. Where a killed one has left it
    not whole, what that writer left beside it is read: the newest old version that is whole, else
    the newest new one.

    Raises
    ------
    ValueError
        Where there is no whole save. It names the file and the remedy.
    """
    files = files_of(spark, path)
    problem: NotWholeError
    waits = iter(_WAITS)
    for _ in range(_VERSIONS):
        try:
            return _read_one_version(files, path, read)
        except _ReplacedError as error:
            problem = error
            continue
        except NotWholeError as error:
            problem = error
        beside = [*files.left_beside(path, "old"), *files.left_beside(path, "new")]
        wait = next(waits, None)
        # Without other writers' folders a second look is enough.
        if wait is None or wait and not beside:
            break
        time.sleep(wait)
    else:
        beside = []
    for place in beside:
        try:
            answer = _read_one_version(files, place, read)
        except ValueError:
            continue  # Not whole either; the problem that is told is that of `path` itself.
        _log.warning(
            "%s; read what a killed save left at %s: save the model again",
            str(problem).partition(";")[0],
            place,
        )
        return answer
    raise problem


def _read_one_version(files: Files | ConnectFiles, path: str, read: Callable[[str], T]) -> T:
    before = _checked(files, path)
    try:
        answer = read(path)
    except Exception as error:
        _check_unchanged(files, path, before, error)
        raise
    _check_unchanged(files, path, before, None)
    return answer


def _checked(files: Files | ConnectFiles, path: str) -> Any:
    """The manifest if there is one: Spark's own writer in the JVM has none."""
    lengths = files.lengths(path)
    if not any(name.startswith("manifest/") for name in lengths):
        metadata = read_json(files, path, lengths, "metadata")
        if "format_version" not in metadata:
            return None
    return check_manifest(files, path, lengths)


def _check_unchanged(
    files: Files | ConnectFiles, path: str, before: Any, cause: Exception | None
) -> None:
    """Raise NotWholeError if another writer has replaced `path` since `before` was read."""
    if before is None:
        return
    lengths = files.lengths(path)
    if read_json(files, path, lengths, "manifest") != before:
        raise _ReplacedError(
            f"{path}: was replaced while it was read, time after time; load it when no other job "
            "saves there"
        ) from cause


def _listed(files: Files | ConnectFiles, path: str) -> dict[str, int]:
    return {n: size for n, size in files.lengths(path).items() if not n.startswith("manifest/")}


def _hashed(name: str, length: int) -> bool:
    if not name.endswith(".parquet"):
        return length <= READ_LIMIT
    return length <= _SMALL_PARQUET and not f"/{name}".rpartition("/")[0].endswith("/models")


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and type(entry[0]) is int
        and isinstance(entry[1], str | None)
    )
