"""A progress bar for a running Spark job, on a terminal only."""

from __future__ import annotations

import contextlib
import sys
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession

_PERIOD = 0.3  # seconds between two looks at the job


@contextlib.contextmanager
def shown(spark: SparkSession, what: str) -> Iterator[None]:
    """Show the tasks of the jobs started in the block on stderr if that is a terminal.

    Spark Connect has a bar of its own in the client; nothing is shown here then.
    """
    if not sys.stderr.isatty() or not hasattr(spark, "_jsparkSession"):
        yield
        return
    from tqdm import tqdm

    tag = f"sparkprophet-{uuid.uuid4().hex}"
    stop = threading.Event()
    bar = tqdm(desc=what, unit="task", file=sys.stderr, total=0, dynamic_ncols=True)
    watcher = threading.Thread(target=_watch, args=(spark, tag, bar, stop), daemon=True)
    spark.sparkContext.addJobTag(tag)
    watcher.start()
    try:
        yield
    finally:
        spark.sparkContext.removeJobTag(tag)
        stop.set()
        watcher.join()
        bar.close()


def _watch(spark: SparkSession, tag: str, bar: Any, stop: threading.Event) -> None:
    ended = False
    while not ended:
        ended = stop.wait(_PERIOD)
        done, total = _tasks(spark, tag)
        bar.total = done if ended else total
        bar.update(done - bar.n)
        bar.refresh()


def _tasks(spark: SparkSession, tag: str) -> tuple[int, int]:
    """Finished and all tasks of the stages that have begun.

    A job lists the stages that it can skip too, whose work an earlier job has left behind.
    """
    tracker = spark.sparkContext._jsc.sc().statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForTag(tag)]
    numbers = {stage for job in jobs if job.isDefined() for stage in job.get().stageIds()}
    found = [tracker.getStageInfo(number) for number in numbers]
    begun = [
        stage.get()
        for stage in found
        if stage.isDefined() and stage.get().numActiveTasks() + stage.get().numCompletedTasks()
    ]
    return sum(s.numCompletedTasks() for s in begun), sum(s.numTasks() for s in begun)
