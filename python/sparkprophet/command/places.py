"""Files and folders that the commands read and write: local ones, HDFS, object stores."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.command.errors import SPARK_ERRORS, UsageError, in_a_line, say
from sparkprophet.messages import clip
from sparkprophet.spark import columns
from sparkprophet.spark.jobs import is_connect
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.saving.files import Files
from sparkprophet.spark.saving.reading import exact

PARTS = ("model", "failures", "forecasts", "trials", "comparison")
"""What the commands write into a folder."""
_FORMATS = {"parquet": "parquet", "csv": "csv", "json": "json", "jsonl": "json", "ndjson": "json"}
# What a folder of a table format has, the format's name and package. Its Parquet files alone are
# another table: rows that were deleted or replaced are still in them.
_TABLE_FORMATS = {
    "_delta_log": ("delta", "io.delta:delta-spark_4.0_2.13"),
    "metadata": ("iceberg", "org.apache.iceberg:iceberg-spark-runtime-4.0_2.13"),
    ".hoodie": ("hudi", "org.apache.hudi:hudi-spark4.0-bundle_2.13"),
}
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
    """Look at what can be seen without Spark.

    Parameters
    ----------
    inputs : mapping
        Flag -> path or None.
    output : str or None
    overwrite : bool
        Whether what this program has written to `output` may be replaced.

    Raises
    ------
    UsageError
        For a missing input, or an output that is in the way of something.
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
    """Look at `output` as `check_early` does, on any file system.

    Raises
    ------
    UsageError
        Where it is in the way.
    """
    if is_connect(spark):
        return
    files = Files(spark, output)
    if files.exists(output):
        _check_in_the_way(output, files.names(output), overwrite)


def read_table(
    spark: SparkSession, flag: str, path: str, params: GroupedProphetParams
) -> DataFrame:
    """The table at `path`: Parquet, CSV (with a header) or JSON lines, by its name or content.

    Tables of Delta, Iceberg and Hudi are read by their own format. Key columns of a CSV file stay
    text, so that 007 stays 007. A timestamp column of text becomes a timestamp without a zone; what
    is none becomes NULL, which fails its own group only, and is told of.

    Parameters
    ----------
    spark : SparkSession
    flag : str
        What messages name.
    path : str
    params : GroupedProphetParams
        Whose key columns and timestamp column they are.

    Returns
    -------
    DataFrame

    Raises
    ------
    UsageError
        Where there is nothing, or nothing of one known format, and where no text of the timestamp
        column is a timestamp.
    """
    kind = _format(spark, flag, path)
    try:
        if kind == "csv":
            keys = params.getOrDefault("groupCols")
            inferred = spark.read.csv(exact(path), header=True, inferSchema=True).schema
            text = T.StringType()
            fields = [T.StructField(f.name, text) if f.name in keys else f for f in inferred]
            table = spark.read.csv(exact(path), header=True, schema=T.StructType(fields))
        else:
            table = spark.read.format(kind).load(exact(path))
    except SPARK_ERRORS as error:
        package = dict(_TABLE_FORMATS.values()).get(kind)
        if package is not None and "DATA_SOURCE_NOT_FOUND" in str(error):
            raise UsageError(
                f"{flag}: {path} is a table of {kind}, which this Spark cannot read; give it the "
                f"package, as in spark.jars.packages={package}:VERSION"
            ) from error
        message = in_a_line(error, 300)
        raise UsageError(f"{flag}: {path} cannot be read as {kind}: {message}") from error
    name = params.getOrDefault("timestampCol")
    if table.columns.count(name) == 1 and isinstance(table.schema[name].dataType, T.StringType):
        table = _with_times(flag, table, name)
    return table


def _with_times(flag: str, table: DataFrame, name: str) -> DataFrame:
    """The table with its column of text as timestamps; UsageError where none is one."""
    text = columns.quoted(name)
    time = text.try_cast("timestamp_ntz")
    wrong = F.when(time.isNull(), text)
    known, unknown, example = table.agg(F.count(time), F.count(wrong), F.min(wrong)).collect()[0]
    if unknown:
        what = f"{flag}: column {name!r} holds {clip(repr(example), 80)}, which is no ISO 8601 time"
        if not known:
            raise UsageError(f"{what}; write it as 2023-12-31 or 2023-12-31 06:00:00")
        say(f"{what}; {unknown} of {known + unknown} values are none, and their groups fail")
    return table.withColumn(name, time)


def save_mode(overwrite: bool) -> str:
    """Spark's word for what a write does with what is there already."""
    return "overwrite" if overwrite else "errorifexists"


def model_folder(spark: SparkSession, path: str) -> str:
    """The model's folder where `path` is what fit or tune wrote, else `path`."""
    if not is_connect(spark) and Files(spark, path).exists(f"{path}/model/metadata"):
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


def _format(spark: SparkSession, flag: str, path: str) -> str:
    files = None if is_connect(spark) else Files(spark, path)
    if files is not None and not files.exists(path):
        raise UsageError(f"{flag}: there is nothing at {path}; check the path")
    of_tables = None if files is None else _table_format(files, path)
    if of_tables is not None:
        return of_tables
    by_name = _ending(path)
    if by_name is not None:
        return by_name
    inside = set() if files is None else _endings(files, path)
    if len(inside) == 1:
        return inside.pop()
    raise UsageError(
        f"{flag}: {path}: its name must end in .parquet, .csv, .json or .jsonl, or the files in it "
        f"must all be of one of these; found {', '.join(sorted(inside)) or 'none of them'}"
    )


def _table_format(files: Files, path: str) -> str | None:
    """Of which table format a folder is a table."""
    names = files.names(path) or ()
    for mark, (kind, _) in _TABLE_FORMATS.items():
        if mark in names and (
            mark != "metadata"
            or any(n.endswith(".metadata.json") for n in files.names(f"{path}/metadata") or ())
        ):
            return kind
    return None


def _endings(files: Files, path: str) -> set[str]:
    """The formats of the files in a folder; of one partition where it has partitions."""
    names = [n for n in files.names(path) or () if not n.startswith(("_", "."))]
    kinds = {kind for kind in map(_ending, names) if kind is not None}
    partitions = [name for name in names if "=" in name]
    return kinds if kinds or not partitions else _endings(files, f"{path}/{partitions[0]}")


def _ending(path: str) -> str | None:
    name = path.rstrip("/").lower()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return _FORMATS.get(name.rsplit(".", 1)[-1]) if "." in posixpath.basename(name) else None
