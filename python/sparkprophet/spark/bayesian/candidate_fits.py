"""Fits of candidates on folds, so many at one time, none of which can end the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Param
from pyspark.sql import SparkSession
from pyspark.util import inheritable_thread_target

from sparkprophet.spark.bayesian.folds import Fold
from sparkprophet.spark.jobs import JobTag, has_ended, is_connect, release

ParamMap = dict[Param[Any], Any]
# What Spark says to each job where somebody cancels whatever runs.
_ALL_CANCELLED = "cancellation of all jobs"

_log = logging.getLogger("sparkprophet")


@dataclass
class Candidate:
    """One candidate's fits on all folds.

    Attributes
    ----------
    scores, models : list
        By fold; None until they are there.
    seconds : float
        Wall clock of its fits, over all folds.
    error : str or None
        That of the first fold to fail, `TypeName: message`; later folds are not tried then.
    """

    number: int
    param_map: ParamMap
    scores: list[float | None]
    models: list[Any]
    seconds: float = 0.0
    error: str | None = None


class CandidateFits:
    """A pool of threads that fit, transform and evaluate; an error in the block cancels their jobs.

    Parameters
    ----------
    spark : SparkSession
    estimator, evaluator
        As `CrossValidator` takes them.
    folds : sequence of Fold
    parallelism : int
        Most fits at one time, over folds and candidates together.
    keep_models : bool
        Whether candidates keep their models.
    """

    def __init__(
        self,
        spark: SparkSession,
        estimator: Estimator[Any],
        evaluator: Evaluator,
        folds: Sequence[Fold],
        parallelism: int,
        keep_models: bool,
    ) -> None:
        self._spark, self._folds, self._keep_models = spark, folds, keep_models
        self._estimator, self._evaluator = estimator, evaluator
        self._tag = JobTag(spark)
        if parallelism > 1 and not is_connect(spark):
            # The constants that Java's LAPACK computes in its first call are wrong for a second
            # thread that comes meanwhile, whose SVD, as in PCA, then never ends.
            jvm: Any = spark._jvm
            jvm.dev.ludovic.netlib.lapack.LAPACK.getInstance().dlamch("S")
        self._at_work: set[Future[None]] = set()
        self._pool = ThreadPoolExecutor(parallelism, thread_name_prefix="sparkprophet-fit")

    def __enter__(self) -> CandidateFits:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def cancel(self) -> None:
        """Drop what waits, cancel the jobs of what is at work, and return once nothing is."""
        for future in self._at_work:
            future.cancel()
        while self._at_work:
            # Again and again: a fit that was between two jobs starts the next one.
            self._tag.cancel()
            wait(self._at_work, timeout=0.2)
            self._at_work = {future for future in self._at_work if not future.done()}

    def run(
        self,
        numbered: Iterable[tuple[int, ParamMap]],
        done: Callable[[Candidate], None],
        beat: Callable[[], None],
        interrupted: threading.Event,
    ) -> None:
        """Try candidates on all folds.

        Parameters
        ----------
        numbered : iterable of (int, param map)
        done : callable
            Called in this thread with each candidate as it ends; what it raises is raised.
        beat : callable
            Called in this thread a few times a second; what it raises is raised.
        interrupted : Event
            Set by somebody else to end this.

        Raises
        ------
        KeyboardInterrupt
            Soon after `interrupted` is set.
        RuntimeError
            Where the session has ended or all jobs were cancelled, which no candidate is to blame
            for.
        """
        count = len(self._folds)
        candidates = [Candidate(n, m, [None] * count, [None] * count) for n, m in numbered]
        remaining = {c.number: count for c in candidates}
        work = {}
        for candidate in candidates:
            for fold in range(count):
                # One each: threads that share a target share the local properties of their jobs.
                target = inheritable_thread_target(self._spark)(self._fit)
                future = self._pool.submit(target, candidate, fold)
                self._at_work.add(future)
                work[future] = candidate
        while work:
            if interrupted.is_set():
                raise KeyboardInterrupt
            beat()
            ended, _ = wait(work, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in ended:
                candidate = work.pop(future)
                self._at_work.discard(future)
                try:
                    future.result()
                except Exception as error:
                    if not has_ended(self._spark):
                        if not _all_cancelled(error):
                            raise
                        raise RuntimeError(
                            "all Spark jobs were cancelled in the middle of the search; call fit "
                            "again"
                        ) from error
                    raise RuntimeError(
                        "the Spark session has ended in the middle of the search; start one and "
                        "call fit again"
                    ) from error
                remaining[candidate.number] -= 1
                if not remaining[candidate.number]:
                    done(candidate)

    def _fit(self, candidate: Candidate, fold: int) -> None:
        if candidate.error is not None:
            return
        start = time.monotonic()
        model = None
        try:
            with self._tag.on_this_thread():
                frames = self._folds[fold]
                model = self._estimator.fit(frames.train, candidate.param_map)
                predicted = model.transform(frames.validation, candidate.param_map)
                candidate.scores[fold] = float(self._evaluator.evaluate(predicted))
        except Exception as error:
            if has_ended(self._spark) or _all_cancelled(error):
                raise
            _log.debug("candidate %d failed on fold %d", candidate.number, fold, exc_info=True)
            candidate.error = candidate.error or f"{type(error).__name__}: {_text(error)}"
        finally:
            candidate.seconds += time.monotonic() - start
            if self._keep_models:
                candidate.models[fold] = model
            else:
                release_model(model)


def _all_cancelled(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that all jobs of the session were cancelled.

    Stages of ours raise errors of their own from Spark's.
    """
    causes: list[BaseException] = []
    while error not in causes:
        causes.append(error)
        error = error.__cause__ or error
    return any(_ALL_CANCELLED in str(cause) for cause in causes)


def release_model(model: Any) -> None:
    """Free what a model that nobody will use keeps in the cluster's memory."""
    for stage in getattr(model, "stages", [model]):
        if hasattr(stage, "unpersist"):
            release(stage)


def _text(error: Exception) -> str:
    """The line that names the cause; Spark's messages have plans and traces around it."""
    java = getattr(error, "java_exception", None)  # py4j's own first line says nothing
    text = str(error if java is None else java.toString())
    _, of_worker, trace = text.rpartition("Traceback (most recent call last):\n")
    lines = [line for line in trace.splitlines() if line.strip()]
    if of_worker:  # all but the error is indented
        lines = [line for line in lines if not line[0].isspace()]
    line = lines[0].strip() if lines else "no message"
    # The types of all of a function's columns may come before.
    return line.rpartition(" failed due to: ")[2]
