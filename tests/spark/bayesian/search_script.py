"""Searches that a test disturbs, run in a process of their own: the mode and a folder for flags."""

import contextlib
import faulthandler
import json
import math
import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql import SparkSession
from tuning_cases import Level, cached, trials_of, validator

from sparkprophet import BayesianParamGridBuilder

PATIENCE = 240  # seconds: far more than anything here takes


class Blocking(Level):
    """Level; the candidates from number `first` on wait in a Spark job until there is a flag `end`.

    Each fit that waits leaves a flag `<name>-blocked-<...>`.
    """

    share = Param(Params._dummy(), "share", "tells candidates apart", TypeConverters.toFloat)

    def set_up(self, folder, name, first):
        self.folder, self.name, self.first = Path(folder), name, first
        self.seen, self.lock = [], threading.Lock()
        return self

    def _fit(self, dataset):
        share = self.getOrDefault("share")
        with self.lock:
            if share not in self.seen:
                self.seen.append(share)
            number = self.seen.index(share)
        if number >= self.first:
            self._wait(dataset.sparkSession)
        return super()._fit(dataset)

    def _wait(self, spark):
        end, flag = self.folder / "end", self.folder / f"{self.name}-blocked-{uuid.uuid4()}"

        def wait(batches):
            flag.touch()
            until = time.monotonic() + PATIENCE
            while not end.exists() and time.monotonic() < until:
                time.sleep(0.05)
            yield from batches

        spark.range(0, 1, 1, 1).mapInPandas(wait, "id long").count()


def blocked(folder, name):
    return len(list(Path(folder).glob(f"{name}-blocked-*")))


def session():
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "OFF",
        "spark.sql.catalogImplementation": "in-memory",
    }
    return SparkSession.builder.master("local[2]").config(map=options).getOrCreate()


def search(folder, name, first=math.inf):
    """Two batches of four candidates, half of which fail; two fits at one time."""
    stage = Blocking().set_up(folder, name, first)
    space = (
        BayesianParamGridBuilder()
        .addUniform(stage.share, 0, 1)
        .addUniform(stage.shrink, 0, 0.9)
        .addChoice(stage.mode, ["mean", "broken"])
        .space()
    )
    return validator(
        stage,
        searchSpace=space,
        numTrials=8,
        parallelism=2,
        seed=11,
        sampler="tpe",
        numStartupTrials=3,
        storage=f"sqlite:///{folder}/search.db",
        studyName=name,
    )


def report(folder, name, **found):
    place = Path(folder) / f"{name}.json"
    place.with_suffix(".half").write_text(json.dumps(found))
    place.with_suffix(".half").rename(place)


def result(model):
    best = model.bestModel.getOrDefault("level")
    return {"stoppedBy": model.stoppedBy, "trials": trials_of(model), "level": best}


def active_jobs(spark):
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    return list(spark.sparkContext.statusTracker().getActiveJobsIds())


@contextlib.contextmanager
def output_in(path):
    """All that this process writes, below Python too, in a file; the JVM is another process."""
    sys.stdout.flush(), sys.stderr.flush()
    before = os.dup(1), os.dup(2)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os.dup2(before[0], 1), os.dup2(before[1], 2)


def disturbed(folder):
    """Ctrl-C after five trials; Ctrl-C before any; then this process is killed."""
    spark = session()
    data = cached(spark)
    with output_in(f"{folder}/interrupted.txt"):
        model = search(folder, "interrupted", 5).fit(data)
    report(folder, "interrupted", jobs=active_jobs(spark), **result(model))
    try:
        search(folder, "nothing", 0).fit(data)
    except KeyboardInterrupt:
        report(folder, "nothing", jobs=active_jobs(spark))
    search(folder, "killed", 5).fit(data)


def once_blocked(folder, name, action, spark):
    """Do something to the session, in another thread, once two fits wait."""

    def watch():
        until = time.monotonic() + PATIENCE
        while blocked(folder, name) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        action(spark)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    return watcher


def resumed(folder):
    """A search before goes on; one is never disturbed; one loses its session, one the JVM."""
    data = cached(session())
    with output_in(f"{folder}/quiet.txt"):
        model = search(folder, "quiet").fit(data)
    report(folder, "quiet", **result(model))
    report(folder, "interrupted-again", **result(search(folder, "interrupted").fit(data)))
    for name, end, first in (("stopped", stop, 5), ("dead", kill_the_jvm, 0)):
        spark = session()
        watcher = once_blocked(folder, name, end, spark)
        try:
            search(folder, name, first).fit(cached(spark))
        except RuntimeError as error:
            report(folder, name, error=str(error), kind=type(error).__name__)
        watcher.join(PATIENCE)
        if name == "stopped":
            report(folder, "stopped-again", **result(search(folder, name).fit(cached(session()))))
    os._exit(0)  # without a JVM there is nothing to tidy up


def stop(spark):
    spark.stop()


def kill_the_jvm(spark):
    os.kill(spark.sparkContext._gateway.proc.pid, signal.SIGKILL)


if __name__ == "__main__":
    stacks = open(Path(sys.argv[2]) / f"{sys.argv[1]}.stacks", "w")  # open as long as we live
    faulthandler.dump_traceback_later(PATIENCE * 0.8, file=stacks)
    {"disturbed": disturbed, "resumed": resumed}[sys.argv[1]](sys.argv[2])
