"""Finished groups of a long job, kept so that a killed driver loses only what was in flight.

One folder a job, named by a hash of its arguments and data, and in it one folder a run, so that
drivers that do one job at one time do each other no harm. Each task writes the rows of its buckets
of keys as one Parquet file that appears whole when the task ends. A job that is run again reads
which buckets are there, whichever run wrote them, and does the others.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.spark.grouped import packing, progress
from sparkprophet.spark.grouped.group_work import GroupWork
from sparkprophet.spark.jobs import release
from sparkprophet.spark.saving.files import Files
from sparkprophet.spark.saving.reading import exact
from sparkprophet.spark.saving.written_form import fixed_form

_log = logging.getLogger("sparkprophet")
_WRITING = {
    "compression": "zstd",
    # A task's file goes to its place when the task ends; by default when the whole job does.
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
    # One file a task, so that its buckets are there all or none.
    "maxRecordsPerFile": "0",
}
# With `parallelism` a job has no more tasks than may be at work at one time, so there are several
# jobs, one after the other, each of which keeps its tasks.
_ROUNDS = 16
_CHECKSUM = "checksum"
_NAMED = 2  # torn files that a message names


@dataclass(frozen=True)
class BucketFacts:
    """Rows and groups of one bucket, and the sum of its rows' hashes, whatever their order."""

    rows: int
    groups: int
    hash: int


@dataclass(frozen=True)
class Checkpoint:
    """Where finished groups are kept.

    Attributes
    ----------
    folder : str
        May hold other jobs too.
    arguments : str
        Everything that the result depends on besides the data.
    """

    folder: str
    arguments: str

    def rows(self, work: GroupWork, bar: progress.Bar) -> DataFrame:
        """All of `work.rows`, from the folder, after doing and writing what was not there.

        Raises
        ------
        OSError
            Where the folder cannot be made.
        RuntimeError
            Where rows that were written cannot be read back.
        """
        Files(work.data.sparkSession, self.folder).make_folder(self.folder, "checkpointDir")
        facts_of = bucket_facts(work.data, work.key_names)
        place = f"{self.folder.rstrip('/')}/{fingerprint(facts_of, work.data, self.arguments)}"
        kept = _KeptRows(work, place, {number: facts.groups for number, facts in facts_of.items()})
        costs = packing.costs({number: facts.rows for number, facts in facts_of.items()})
        left = _left(costs, kept.finished(warn=True))
        if np.nansum(left):
            _log.info(
                "%s: %d of %d buckets are left to do",
                place,
                np.sum(left > 0),
                np.count_nonzero(costs),
            )
            _do(work, left, kept, bar)
        done = kept.finished()
        left = _left(costs, done)
        if np.nansum(left):
            raise RuntimeError(
                f"checkpointDir: {np.sum(left > 0)} buckets of groups are not in {place} after "
                "they were written; see that nothing deletes files there, that the input stays as "
                "it is during a fit, and run again"
            )
        return kept.rows(done)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Say in one line that this storage failed where Spark's error is about that.

        Raises
        ------
        OSError
            For a folder that is full, gone or cannot be read any more.
        """
        try:
            yield
        except Exception as error:
            cause = _storage_fault(error, self.folder.rstrip("/"))
            if cause is None:
                raise
            raise OSError(
                f"checkpointDir: {self.folder} failed ({cause:.200}); see that it is there, can be "
                "written and has space, and call fit again: groups that are finished are kept"
            ) from error


@dataclass(frozen=True)
class _KeptRows:
    """One job's folder; `groups`: how many groups each bucket has."""

    work: GroupWork
    place: str
    groups: Mapping[int, int]

    def write(self, rows: DataFrame, run: str) -> None:
        """Add rows of whole buckets to the folder of a run."""
        marked = rows.withColumn(_CHECKSUM, self._checksum())
        with fixed_form(marked.sparkSession):
            marked.write.mode("append").options(**_WRITING).parquet(f"{self.place}/{run}")

    def finished(self, warn: bool = False) -> dict[int, str]:
        """Bucket -> a file that can be read whole, all its rows as they were written."""
        files = self._files()
        if not files:
            return {}
        # What was torn is no error, but work to be done again.
        read = self._read(sorted({file.rpartition("/")[0] for file in files}), lenient=True)
        file, bucket = _file(), packing.bucket(F.col("seed"))
        # By the footers alone, which tell of rows that a torn file gives no more.
        written = {row[0]: row[1] for row in read.groupBy(file).count().collect()}
        sound = F.count_if(F.col(_CHECKSUM) == self._checksum())
        buckets: dict[str, dict[int, int]] = defaultdict(dict)
        for name, number, rows in read.groupBy(file, bucket).agg(sound).collect():
            buckets[name][number] = rows
        whole = {
            name: list(rows)
            for name, rows in buckets.items()
            if sum(rows.values()) == written.get(name)
            and all(count >= self.groups.get(number, 0) for number, count in rows.items())
        }
        if warn:
            self._tell_of_torn([name for name in files if name not in whole], written, files)
        file_of: dict[int, str] = {}
        for name in sorted(whole):
            for number in whole[name]:
                file_of.setdefault(number, name)
        return file_of

    def rows(self, done: Mapping[int, str]) -> DataFrame:
        """Lazy: the rows of every bucket, from its file and no other one."""
        spark = self.work.data.sparkSession
        if not done:
            return spark.createDataFrame([], self.work.schema)
        names = sorted(set(done.values()))
        pairs = spark.createDataFrame(
            [(name, number) for number, name in done.items()], "file string, bucket int"
        )
        rows = self._read(names).withColumn("file", _file())
        rows = rows.withColumn("bucket", packing.bucket(F.col("seed")))
        kept = rows.join(F.broadcast(pairs), ["file", "bucket"], "left_semi")
        return kept.select(self.work.schema.names)

    def _files(self) -> dict[str, int]:
        """Run and name of every file of rows -> its bytes."""
        files = Files(self.work.data.sparkSession, self.place)
        if not files.exists(self.place):
            return {}
        sizes = {}
        for run in files.folders(self.place, "run-"):
            for name, size in files.sizes(f"{self.place}/{run}", "part-").items():
                sizes[f"{run}/{name}"] = size
        return sizes

    def _read(self, names: list[str], lenient: bool = False) -> DataFrame:
        schema = T.StructType([*self.work.schema.fields, T.StructField(_CHECKSUM, T.LongType())])
        reader = self.work.data.sparkSession.read.schema(schema)
        reader = reader.option("ignoreCorruptFiles", lenient).option("pathGlobFilter", "part-*")
        return reader.parquet(*[exact(f"{self.place}/{name}") for name in names])

    def _checksum(self) -> Column:
        """Of a row, and of the job that it is a part of."""
        # The hash passes over NULLs: without these marks a value could move to another column.
        names = self.work.schema.names
        marks = F.concat(*[F.when(F.col(name).isNull(), "0").otherwise("1") for name in names])
        return F.xxhash64(F.lit(self.place.rpartition("/")[2]), marks, *map(F.col, names))

    def _tell_of_torn(
        self, names: list[str], written: Mapping[str, int], sizes: Mapping[str, int]
    ) -> None:
        # A task without groups leaves a file without rows, which is as it should be.
        torn = sorted(n for n in names if n in written or not sizes[n] or not self._has_no_rows(n))
        if torn:
            more = f" and {len(torn) - _NAMED} more" if len(torn) > _NAMED else ""
            _log.warning(
                "checkpointDir: %s%s in %s cannot be read whole as it was written; its groups "
                "count as not done, and the file can be deleted",
                ", ".join(torn[:_NAMED]),
                more,
                self.place,
            )

    def _has_no_rows(self, name: str) -> bool:
        try:
            return self._read([name]).count() == 0
        except Exception:
            _log.debug("%s/%s cannot be read", self.place, name, exc_info=True)
            return False


def _file() -> Column:
    """Run and name of the file that a row is from."""
    return F.concat_ws("/", F.slice(F.split("_metadata.file_path", "/"), -2, 2))


def _left(costs: np.ndarray, done: Mapping[int, str]) -> np.ndarray:
    """Costs of the buckets that are in no file, NaN for the others."""
    left = costs.copy()
    left[list(done)] = np.nan
    return left


def _do(work: GroupWork, costs: np.ndarray, kept: _KeptRows, bar: progress.Bar) -> None:
    """Do and write the buckets whose cost is not NaN."""
    rounds = _ROUNDS if work.params.getOrDefault("parallelism") else 1
    packed = packing.pack(costs, rounds, falling=False)
    run = f"run-{uuid.uuid4().hex}"
    data = work.data.persist() if rounds > 1 else work.data
    try:
        for number in range(len(packed.loads)):
            costs_now = np.where(packed.bin_of == number, costs, np.nan)
            kept.write(replace(work, data=data).rows(costs_now, bar), run)
    finally:
        if rounds > 1:
            release(data)


def bucket_facts(data: DataFrame, key_names: list[str]) -> dict[int, BucketFacts]:
    """Facts of every bucket that has rows, by one job."""
    # The hash passes over NULLs: without these marks a value could move to another column unseen.
    marked = [c for name in data.columns for c in (F.col(name), F.col(name).isNull())]
    hashed = F.sum(F.xxhash64(*marked).cast("decimal(38,0)")).alias("hash")
    bucket = packing.bucket(F.col("seed")).alias("bucket")
    groups = data.groupBy(bucket, *key_names).agg(F.count("*").alias("rows"), hashed)
    grouped = groups.groupBy("bucket").agg(F.sum("rows"), F.count("*"), F.sum("hash"))
    return {n: BucketFacts(rows, count, int(total)) for n, rows, count, total in grouped.collect()}


def fingerprint(facts: Mapping[int, BucketFacts], data: DataFrame, arguments: str) -> str:
    """Names a job: a hash of its arguments, of the types of `data` and of its `bucket_facts`."""
    text = "\n".join([arguments, data.schema.json(), repr(sorted(facts.items()))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _storage_fault(error: Exception, folder: str) -> str | None:
    """What failed in reading or writing below `folder`; None for an error of another kind."""
    thrown = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if thrown is None:
        return None
    causes = [thrown]
    while (cause := causes[-1].getCause()) is not None:
        causes.append(cause)
    text = "\n".join(str(cause.toString()) for cause in causes)
    if folder not in text:
        return None
    root = causes[-1]
    if "FAILED_READ_FILE" in text or _is_a(
        root, "java.io.IOException", "org.apache.hadoop.fs.FSError"
    ):
        return str(root.toString()).partition("\n")[0]
    return None


def _is_a(thrown: Any, *names: str) -> bool:
    kind = thrown.getClass()
    while kind is not None:
        # A worker that dies is an end of its stream.
        if kind.getName() == "java.io.EOFException":
            return False
        if kind.getName() in names:
            return True
        kind = kind.getSuperclass()
    return False
