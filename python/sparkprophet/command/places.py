"""Files and folders that the commands read and write: local ones, HDFS, object stores."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.utils import is_remote

from sparkprophet.command.errors import SPARK_ERRORS, UsageError, in_a_line
from sparkprophet.spark import columns
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.saving.files import Files

PARTS = ("model", "failures", "forecasts", "trials", "comparison")
_FORMATS = {"parquet": "parquet", "csv": "csv", "json": "json", "jsonl": "json", "ndjson": "json"}
_COMPRESSED = (".gz", ".bz2", ".zst", ".snappy", ".lz4", ".deflate")
_WRITTEN_BY_SPARK = re.compile(r"part-|_SUCCESS$|_committed_|_started_|\.")


def local_path(path: str) -> str | None:
    """The path as the operating system names it, None where only Spark can know what it means."""
    if path.startswith("file:"):
        return re.sub(r"^file:/*", "/", path)
    # A cluster's settings may say that a plain path is one of HDFS.
    elsewhere = ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", "HADOOP_CONF_DIR", "SPARK_CONF_DIR")
    return None if ":" in path or any(name in os.environ for name in elsewhere) else path


def check_early(inputs: Mapping[str, str | None], output: str | None, overwrite: bool) -> None:
    """Raise UsageError for what can be seen without Spark: a missing input, an output in the way.

    Parameters
    ----------
    inputs : mapping
        Flag -> path or None.
    """
    for flag, path in inputs.items():
        local = local_path(path) if path else None
        if local is not None and not os.path.exists(local):
            raise UsageError(f"{flag}: there is nothing at {path}; check the path")
        if path and output and _inside(output, path):
            raise UsageError(
                f"--output: {output} is {flag} itself or lies in it; choose another folder"
            )
    local = local_path(output) if output else None
    if local is not None and os.path.exists(local):
        names = sorted(os.listdir(local)) if os.path.isdir(local) else None
        _check_in_the_way(str(output), names, overwrite)


def check_output(spark: SparkSession, output: str, overwrite: bool) -> None:
    """As `check_early`, for any file system."""
    if is_remote():
        return
    if Files(spark, output).exists(output):
        _check_in_the_way(output, _names(spark, output), overwrite)


@contextlib.contextmanager
def whole_folder(spark: SparkSession, path: str) -> Iterator[str]:
    """A folder to write into, which becomes `path` when the block ends, whole or not at all.

    What was at `path` is replaced. Over Spark Connect files cannot be renamed: there the block
    writes at `path` itself.
    """
    if is_remote():
        yield path
        return
    files = Files(spark, path)
    files.make_parent(path)
    beside = files.beside(path, "new")
    try:
        yield beside
        files.replace(beside, path)
    finally:
        files.delete(beside)


def read_table(
    spark: SparkSession, flag: str, path: str, params: GroupedProphetParams
) -> DataFrame:
    """The table at `path`: Parquet, CSV (with a header) or JSON lines, by its name or content.

    Key columns of a CSV file stay text, so that 007 stays 007. A timestamp column of text becomes
    a timestamp without a zone; what is none becomes NULL, which fails its own group only.

    Raises
    ------
    UsageError
        Where there is nothing, or nothing of one known format.
    """
    kind = _format(spark, flag, path)
    try:
        if kind == "csv":
            keys = params.getOrDefault("groupCols")
            found = spark.read.csv(path, header=True, inferSchema=True).schema
            text = [
                T.StructField(f.name, T.StringType()) if f.name in keys else f for f in found.fields
            ]
            table = spark.read.csv(path, header=True, schema=T.StructType(text))
        else:
            table = spark.read.format(kind).load(path)
    except SPARK_ERRORS as error:
        message = in_a_line(error, 300)
        raise UsageError(f"{flag}: {path} cannot be read as {kind}: {message}") from error
    name = params.getOrDefault("timestampCol")
    if table.columns.count(name) == 1 and isinstance(table.schema[name].dataType, T.StringType):
        table = table.withColumn(name, columns.quoted(name).try_cast("timestamp_ntz"))
    return table


def model_folder(spark: SparkSession, path: str) -> str:
    """The model's folder where `path` is what fit or tune wrote, else `path`."""
    if not is_remote() and Files(spark, path).exists(f"{path}/model/metadata"):
        return f"{path}/model"
    return path


def _inside(path: str, folder: str) -> bool:
    path, folder = (_normal(place) for place in (path, folder))
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _normal(path: str) -> str:
    path = re.sub(r"^file:/*", "/", path)
    return posixpath.normpath(path) if ":" in path else os.path.abspath(path)


def _check_in_the_way(output: str, names: list[str] | None, overwrite: bool) -> None:
    """Raise unless `output` may be replaced; `names` are its entries, None for a file."""
    if names is None:
        raise UsageError(f"--output: {output} is a file, must be a folder; choose another path")
    if not overwrite:
        raise UsageError(f"--output: {output} exists already; add --overwrite to replace it")
    foreign = [n for n in names if n not in PARTS and not _WRITTEN_BY_SPARK.match(n)]
    if foreign:
        raise UsageError(
            f"--output: {output} holds {foreign[0]!r}, which is no output of this program; "
            "--overwrite replaces only its own, so choose another folder"
        )


def _names(spark: SparkSession, path: str) -> list[str] | None:
    """Names in a folder, sorted; None for a file."""
    jvm: Any = spark._jvm
    where = jvm.org.apache.hadoop.fs.Path(path)
    system = where.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())
    if not system.getFileStatus(where).isDirectory():
        return None
    return sorted(entry.getPath().getName() for entry in system.listStatus(where))


def _format(spark: SparkSession, flag: str, path: str) -> str:
    by_name = _ending(path)
    if not is_remote() and not Files(spark, path).exists(path):
        raise UsageError(f"{flag}: there is nothing at {path}; check the path")
    if by_name is not None:
        return by_name
    inside = set() if is_remote() else _endings(spark, path)
    if len(inside) == 1:
        return str(inside.pop())
    found = ", ".join(sorted(map(str, inside))) or "none of them"
    raise UsageError(
        f"{flag}: {path}: its name must end in .parquet, .csv, .json or .jsonl, or the files in it "
        f"must all be of one of these; found {found}"
    )


def _endings(spark: SparkSession, path: str) -> set[str]:
    """The formats of the files in a folder; of one partition where it has partitions."""
    names = [n for n in _names(spark, path) or () if not n.startswith(("_", "."))]
    found = {kind for kind in map(_ending, names) if kind is not None}
    partitions = [name for name in names if "=" in name]
    return found if found or not partitions else _endings(spark, f"{path}/{partitions[0]}")


def _ending(path: str) -> str | None:
    name = path.rstrip("/").lower()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return _FORMATS.get(name.rsplit(".", 1)[-1]) if "." in posixpath.basename(name) else None
