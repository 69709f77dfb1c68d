"""Doing the work of all groups once: progress, cancelling, and errors that say what to do."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator

from pyspark import StorageLevel
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from sparkprophet.spark import columns
from sparkprophet.spark.grouped import group_work, packing, progress, summary
from sparkprophet.spark.grouped.checkpoint import Checkpoint
from sparkprophet.spark.grouped.group_work import GroupWork
from sparkprophet.spark.grouped.summary import Summary
from sparkprophet.spark.jobs import cancelled_on_error, has_ended, release


def materialise(
    spark: SparkSession,
    what: str,
    prepare: Callable[[], GroupWork],
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, Summary]:
    """Do the work that `prepare` gives once, keep its rows, and count them.

    A lazy table would be fitted again at every use. The rows are kept by persist, not by a local
    checkpoint, so that a lost executor costs its own groups and not the model.
    """
    began_at, began = time.time(), time.perf_counter()
    with progress.shown(spark, what) as bar, _explained(spark, what), cancelled_on_error(spark):
        work = prepare()
        if checkpoint is None:
            rows = work.rows(packing.costs(packing.rows_per_bucket(work.data)), bar)
        else:
            rows = checkpoint.rows(work, bar)
        models = work.named(rows).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            with cancelled_on_error(spark):
                counted = summary.count(models)
        except BaseException:
            release(models)
            raise
    wall = time.perf_counter() - began
    slots = group_work.slots(spark)
    at_once = min(slots, work.params.getOrDefault("parallelism") or slots)
    return models, Summary(counted, wall, at_once, began_at, columns.session_zone(models))


@contextlib.contextmanager
def _explained(spark: SparkSession, what: str) -> Iterator[None]:
    """Say in a line what to do about the errors that meet every user once.

    These are workers whose Python lacks a package, a session that was stopped and a job that was
    cancelled: what Spark says of them is long, and has no remedy.
    """
    try:
        yield
    except PythonException as error:
        missing = re.search(r"No module named '([\w.]+)'", str(error))
        if missing is None:
            raise
        raise RuntimeError(
            f"the Python of Spark's workers has no module {missing[1]!r}; set the environment "
            f"variable PYSPARK_PYTHON to a Python with sparkprophet installed (this one is "
            f"{sys.executable}) before the session starts, or install it on every node"
        ) from error
    except Exception as error:
        text = str(error)
        # Not by the text: what is raised depends on where in a call the session went.
        if has_ended(spark):
            raise RuntimeError(
                f"{what}: the Spark session was stopped meanwhile; start another one and call fit "
                "again (what a tuner has kept in its checkpointDir is not done again)"
            ) from error
        if "SPARK_JOB_CANCELLED" in text:
            raise RuntimeError(
                f"{what}: its Spark job was cancelled; call fit again (what a tuner has kept in "
                "its checkpointDir is not done again)"
            ) from error
        raise
