"""Finished groups of a long job, kept so that a killed driver loses only what was in flight.

One folder a job, named by a hash of its arguments and data. Each task writes the rows of its
buckets of keys as one Parquet file that appears whole when the task ends. A job that is run again
reads which buckets are there, and does the others.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkprophet.spark import packing, progress
from sparkprophet.spark.persistence import Files
from sparkprophet.spark.run import GroupWork

_log = logging.getLogger("sparkprophet")
_WRITING = {
    "compression": "zstd",
    # A task's file goes to its place when the task ends; by default when the whole job does.
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
    # One file a task, so that its buckets are there all or none.
    "maxRecordsPerFile": "0",
}


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
        RuntimeError
            Where rows that were written cannot be read back.
        """
        found = bucket_facts(work.data)
        place = f"{self.folder.rstrip('/')}/{fingerprint(found, work.data, self.arguments)}"
        costs = packing.costs({number: rows for number, (rows, _) in found.items()})
        for attempt in range(2):
            done = _finished(work, place)
            left = costs.copy()
            left[[number for numbers in done.values() for number in numbers]] = 0
            if not left.any():
                files = [f"{place}/{name}" for name in done]
                return work.data.sparkSession.read.schema(work.schema).parquet(*files)
            if attempt == 0:
                _log.info(
                    "%s: %d of %d buckets are left to do",
                    place, np.count_nonzero(left), np.count_nonzero(costs),
                )  # fmt: skip
                work.rows(left, bar).write.mode("append").options(**_WRITING).parquet(place)
        raise RuntimeError(
            f"checkpointDir: {np.count_nonzero(left)} buckets of groups are not in {place} after "
            "they were written; see that no other job works in this folder, and run again"
        )


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
