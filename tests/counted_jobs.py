"""How many jobs Spark has started: none, where a mistake is seen before any."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator

from pyspark.sql import SparkSession


@contextlib.contextmanager
def counted_jobs(spark: SparkSession) -> Iterator[Callable[[], int]]:
    """Yields a function that says how many Spark jobs the block has started."""
    context, group = spark.sparkContext, uuid.uuid4().hex

    def count() -> int:
        context._jsc.sc().listenerBus().waitUntilEmpty()
        return len(context.statusTracker().getJobIdsForGroup(group))

    context.setJobGroup(group, "counted by a test")
    try:
        yield count
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)
        context.setLocalProperty("spark.job.description", None)
