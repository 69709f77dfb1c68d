"""The jobs of a block of work: found by a tag, cancelled where the block ends early."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from pyspark.sql import SparkSession

_log = logging.getLogger("sparkprophet")


def is_connect(spark: SparkSession) -> bool:
    """Whether a session is a client of Spark Connect, which has neither JVM nor SparkContext."""
    return not hasattr(spark, "_jsparkSession")


def has_ended(spark: SparkSession) -> bool:
    """Whether a session was stopped, or its JVM is gone."""
    if is_connect(spark):
        return bool(spark.is_stopped)  # type: ignore[attr-defined]
    context = spark.sparkContext._jsc
    try:
        return context is None or bool(context.sc().isStopped())
    except Exception:  # py4j's, of several kinds: the JVM is gone
        return True


class JobTag:
    """A name that jobs bear, by which they are found and cancelled.

    Attributes
    ----------
    name : str
        No other tag has it.
    """

    def __init__(self, spark: SparkSession) -> None:
        self.name = f"sparkprophet-{uuid.uuid4().hex}"
        # A classic session's own tags make it hold what cannot be serialised, for good, and models
        # whose summary holds the session can forecast no more: LogisticRegression's, in Spark
        # 4.3.0. So the context's are taken where there is one.
        if is_connect(spark):
            self._add, self._remove = spark.addTag, spark.removeTag
            self._cancel: Callable[[str], object] = spark.interruptTag
        else:
            context = spark.sparkContext
            self._add, self._remove = context.addJobTag, context.removeJobTag
            self._cancel = context.cancelJobsWithTag

    @contextlib.contextmanager
    def on_this_thread(self) -> Iterator[None]:
        """Jobs that this thread starts in the block bear the tag."""
        self._add(self.name)
        try:
            yield
        finally:
            self._quietly(self._remove)

    def cancel(self) -> None:
        """Cancel the jobs with the tag that are at work; none are where the session has ended."""
        self._quietly(self._cancel)

    def _quietly(self, call: Callable[[str], object]) -> None:
        try:
            call(self.name)
        except Exception:  # the session, or its JVM, has ended
            _log.debug("no jobs are left", exc_info=True)


@contextlib.contextmanager
def cancelled_on_error(spark: SparkSession) -> Iterator[None]:
    """An error in the block, Ctrl-C above all, cancels the jobs that were started in it.

    PySpark's own handler of Ctrl-C fails to: this thread's connection to the JVM waits for the job.
    Over Spark Connect the client's own does, and nothing is done here.
    """
    if is_connect(spark):
        yield
        return
    tag = JobTag(spark)
    with tag.on_this_thread():
        try:
            yield
        except BaseException:
            canceller = threading.Thread(target=tag.cancel)
            canceller.start()
            canceller.join()
            raise


def release(kept: Any) -> None:
    """Free what a frame, or a model, keeps in the cluster's memory, if it can still be freed.

    An error here would take the place of the one that ended the work.
    """
    try:
        kept.unpersist()
    except Exception:  # the session, or its JVM, has ended, and what was kept with it
        _log.debug("nothing to unpersist", exc_info=True)


@contextlib.contextmanager
def ctrl_c_noted() -> Iterator[threading.Event]:
    """Ctrl-C as a fact to look at, where an exception at any moment would do harm.

    The event tells whether it was pressed in the block; pressed again, it does what it did outside
    of it. An exception raised wherever the main thread happens to be breaks a commit to the storage
    or a call of the JVM in two, and is lost where Python cannot pass it on, as in a weakref's
    callback.
    """
    noted, before = threading.Event(), signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not callable(before):  # ignored, or not Python's
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        if noted.is_set():
            before(number, frame)
        noted.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
