"""Work that is cancelled, or interrupted by Ctrl-C, at any moment leaves nothing behind.

Moments are seeded shares of the time that the work takes undisturbed, so that they lie in every
part of it: checks, jobs, the counting of rows, files, the replacement of a folder.
"""

import contextlib
import os
import signal
import threading
import time

import numpy as np
import pytest
from py4j.protocol import Py4JNetworkError

from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from stage_checks import bits, frame, grouped

MOMENTS = 4
PATIENCE = 20  # seconds: what ends by itself has done so


@pytest.fixture(scope="module")
def rows(spark):
    kept = frame(spark, grouped(["a", "b", "c"])).cache()
    kept.count()
    yield kept
    kept.unpersist(blocking=True)


@pytest.fixture(scope="module")
def stage():
    return GroupedProphet(groupCols=["g"], uncertaintySamples=50, parallelism=2)


@pytest.fixture(scope="module")
def model(stage, rows):
    fitted = stage.fit(rows)
    yield fitted
    fitted.unpersist()


@pytest.fixture
def works(stage, model, rows, tmp_path):
    """What is cancelled, by name; each gives what its success is seen by."""
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.4).space()
    tuner = GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=5, numTrials=10)

    def save():
        model.write().overwrite().save(str(tmp_path / "model"))

    def fit(estimator):
        fitted = estimator.fit(rows)
        fitted.unpersist()

    return {
        "fit": lambda: fit(stage),
        "tune": lambda: fit(tuner),
        "forecast": lambda: model.forecast(9).collect(),
        "save": save,
    }


def left(spark):
    """Kept frames, jobs at work and threads of this process, to compare."""
    context = spark.sparkContext
    tracker = context.statusTracker()
    threads = {t for t in threading.enumerate() if not t.name.startswith(("Timer", "pydevd"))}
    return len(context._jsc.getPersistentRDDs()), len(tracker.getActiveJobsIds()), len(threads)


def assert_nothing_left(spark, before):
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(Py4JNetworkError):
        # A Ctrl-C in the middle of a call can leave Py4J a connection that fails once.
        left(spark)
    while (now := left(spark)) != before and time.monotonic() < end:
        time.sleep(0.1)
    assert now == before


def in_the_end(work):
    """Do the work, again where it hangs.

    A call that Ctrl-C breaks in two can make Py4J send a later one twice, and Spark's adaptive
    execution then waits for stages that nobody runs, until Ctrl-C is pressed again.
    """
    for _ in range(2):
        with contextlib.suppress(KeyboardInterrupt), ctrl_c_after(PATIENCE):
            return work()
    return work()


@contextlib.contextmanager
def ctrl_c_after(seconds):
    """Ctrl-C so many seconds later, if the block is still at work."""
    at_work = True

    def press():
        if at_work:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(seconds, press)
    timer.start()
    try:
        yield
    finally:
        at_work = False
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def cancelled_after(spark, seconds):
    """All jobs cancelled so many seconds later."""
    timer = threading.Timer(seconds, spark.sparkContext.cancelAllJobs)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cancelled", "interrupted"])
@pytest.mark.parametrize("name", ["fit", "tune", "forecast", "save"])
def test_nothing_is_left(spark, works, model, rows, tmp_path, name, how):
    work = works[name]
    work()
    began = time.perf_counter()
    work()
    lasts = time.perf_counter() - began
    before, expected = left(spark), bits(model.transform(rows))
    files = sorted(path.name for path in tmp_path.iterdir())
    seed = ["fit", "tune", "forecast", "save"].index(name)
    ends = []
    for share in np.random.default_rng(seed).uniform(0.02, 1.0, MOMENTS):
        disturbed = (
            cancelled_after(spark, share * lasts)
            if how == "cancelled"
            else ctrl_c_after(share * lasts)
        )
        try:
            with disturbed:
                work()
            ends.append("done")
        except (KeyboardInterrupt, Exception) as error:
            ends.append(type(error).__name__)
        assert_nothing_left(spark, before)
        assert sorted(path.name for path in tmp_path.iterdir()) == files
    # Afterwards all is as ever, the old folder too.
    if name == "save":
        loaded = type(model).load(str(tmp_path / "model"))
        assert bits(loaded.transform(rows)) == expected
    else:
        in_the_end(work)
    # Fits and forecasts are a few short jobs: cancelling may find none of them.
    assert name in ("fit", "forecast") or ends.count("done") < MOMENTS, ends
