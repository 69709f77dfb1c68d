"""A progress bar for a running Spark job, on a terminal only."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from sparkprophet.spark.jobs import JobTag, is_connect

_PERIOD = 0.3  # seconds between two looks at the job
_FORMAT = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


@dataclass
class Bar:
    """What is known of the job's tasks: `shares`, each one's share of the work, in their order;
    empty until the groups are packed.
    """

    shares: np.ndarray = field(default_factory=lambda: np.empty(0))


@contextlib.contextmanager
def shown(spark: SparkSession, what: str) -> Iterator[Bar]:
    """Show how much of the work is done and the time left on stderr, if that is a terminal.

    The stage of the jobs started in the block that has as many tasks as the bar has shares is the
    one that is shown. Spark Connect has a bar of its own in the client; nothing is shown here then.
    """
    state = Bar()
    if not sys.stderr.isatty() or is_connect(spark):
        yield state
        return
    from tqdm import tqdm

    tag = JobTag(spark)
    stop = threading.Event()
    bar = tqdm(desc=f"{what}:", file=sys.stderr, total=1.0, dynamic_ncols=True, bar_format=_FORMAT)
    given = (spark, tag.name, what, bar, state, stop)
    watcher = threading.Thread(target=_watch, args=given, daemon=True)
    watcher.start()
    try:
        with tag.on_this_thread():
            yield state
    finally:
        stop.set()
        watcher.join()
        bar.close()


def _watch(
    spark: SparkSession, tag: str, what: str, bar: Any, state: Bar, stop: threading.Event
) -> None:
    ended = False
    while not ended:
        ended = stop.wait(_PERIOD)
        shares = state.shares
        done = _finished_tasks(spark, tag, len(shares))
        # Tasks start in their order, so those that ended are about the first ones.
        bar.update(float(shares[:done].sum()) - bar.n)
        if len(shares):
            bar.set_description_str(f"{what}: {done} of {len(shares)} tasks", refresh=False)
        bar.refresh()


def _finished_tasks(spark: SparkSession, tag: str, tasks: int) -> int:
    """Finished tasks of the tagged jobs' stages of so many tasks.

    A later job lists the stages too whose work an earlier one has left behind, without tasks.
    """
    tracker = spark.sparkContext._jsc.sc().statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForTag(tag)]
    numbers = {stage for job in jobs if job.isDefined() for stage in job.get().stageIds()}
    stages = [stage.get() for n in numbers if (stage := tracker.getStageInfo(n)).isDefined()]
    return max((s.numCompletedTasks() for s in stages if s.numTasks() == tasks), default=0)
