"""Finished groups of a long job, kept so that a killed driver loses only what was in flight.

One folder a job, named by a hash of its arguments and data. Each task writes the rows of its
buckets of keys as one Parquet file that appears whole when the task ends. A job that is run again
reads which buckets are there, and does the others.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkprophet.spark import packing, progress
from sparkprophet.spark.files import Files
from sparkprophet.spark.run import GroupWork

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
        found = bucket_facts(work.data)
        place = f"{self.folder.rstrip('/')}/{fingerprint(found, work.data, self.arguments)}"
        costs = packing.costs({number: rows for number, (rows, _) in found.items()})
        left = _left(costs, _finished(work, place))
        if np.nansum(left):
            _log.info(
                "%s: %d of %d buckets are left to do",
                place, np.sum(left > 0), np.count_nonzero(costs),
            )  # fmt: skip
            _do(work, left, place, bar)
        done = _finished(work, place)
        left = _left(costs, done)
        if np.nansum(left):
            raise RuntimeError(
                f"checkpointDir: {np.sum(left > 0)} buckets of groups are not in {place} "
                "after they were written; see that no other job works in this folder, and run again"
            )
        spark = work.data.sparkSession
        if not done:
            return spark.createDataFrame([], work.schema)
        return spark.read.schema(work.schema).parquet(*[f"{place}/{name}" for name in done])


def _left(costs: np.ndarray, done: dict[str, list[int]]) -> np.ndarray:
    """Costs of the buckets that are in no file, NaN for the others."""
    left = costs.copy()
    left[[number for numbers in done.values() for number in numbers]] = np.nan
    return left


def _do(work: GroupWork, costs: np.ndarray, place: str, bar: progress.Bar) -> None:
    """Do and write the buckets whose cost is not NaN."""
    rounds = _ROUNDS if work.params.getOrDefault("parallelism") else 1
    packed = packing.pack(costs, rounds, falling=False)
    data = work.data.persist() if rounds > 1 else work.data
    try:
        for number in range(len(packed.loads)):
            own = np.where(packed.bin_of == number, costs, np.nan)
            rows = replace(work, data=data).rows(own, bar)
            rows.write.mode("append").options(**_WRITING).parquet(place)
    finally:
        if rounds > 1:
            data.unpersist()


def bucket_facts(data: DataFrame) -> dict[int, tuple[int, int]]:
    """Rows of every bucket, and the sum of their hashes, whatever their order."""
    # The hash passes over NULLs: without these marks a value could move to another column unseen.
    marked = [c for name in data.columns for c in (F.col(name), F.col(name).isNull())]
    hashed = F.sum(F.xxhash64(*marked).cast("decimal(38,0)"))
    grouped = data.groupBy(packing.bucket(F.col("seed")).alias("bucket"))
    rows = grouped.agg(F.count("*").alias("rows"), hashed.alias("hash")).collect()
    return {row["bucket"]: (row["rows"], int(row["hash"])) for row in rows}


def fingerprint(facts: dict[int, tuple[int, int]], data: DataFrame, arguments: str) -> str:
    """Names a job: a hash of its arguments, of the types of `data` and of its `bucket_facts`."""
    text = "\n".join([arguments, data.schema.json(), repr(sorted(facts.items()))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _finished(work: GroupWork, place: str) -> dict[str, list[int]]:
    """File -> its buckets, of the files that can be read and hold buckets that no other one has."""
    spark = work.data.sparkSession
    if not Files(spark, place).exists(place):
        return {}
    # A file that was torn is no error, but work to be done again.
    whole = spark.read.schema(work.schema).option("ignoreCorruptFiles", "true").parquet(place)
    pairs = whole.select(
        F.col("_metadata.file_name").alias("file"), packing.bucket(F.col("seed")).alias("bucket")
    ).distinct()
    buckets: dict[str, list[int]] = defaultdict(list)
    for row in sorted(pairs.collect()):
        buckets[row["file"]].append(row["bucket"])
    kept: dict[str, list[int]] = {}
    seen: set[int] = set()
    for file, numbers in buckets.items():
        if seen.isdisjoint(numbers):
            kept[file] = numbers
            seen.update(numbers)
    return kept
