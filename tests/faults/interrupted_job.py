"""Fits that are disturbed once their workers are at work: `interrupted_job.py EVENT PLACE`.

EVENT is sigint, stop or cancel. What comes of each fit is in PLACE/EVENT.json; then the program
waits for a file PLACE/end.
"""

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path

import optuna
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkprophet import (
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    GroupedProphet,
    GroupedProphetTuner,
)

PATIENCE = 300  # seconds: far more than anything here takes


def session(place):
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "OFF",
        "spark.driver.memory": "1g",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.local.dir": str(place / "local"),
    }
    return SparkSession.builder.master("local[2]").config(map=options).getOrCreate()


def data(spark, groups=3000):
    """More groups than are fitted in minutes."""
    rows = spark.range(groups * 100)
    day = (F.col("id") % 100).cast("int")
    return rows.select(
        F.floor(F.col("id") / 100).cast("string").alias("g"),
        F.date_add(F.lit("2024-01-01").cast("date"), day).cast("timestamp").alias("ds"),
        (20 + day / 10 + 3 * F.sin(day / 7 * 6.2831853) + F.randn(1)).alias("y"),
    )


def stages(place, event):
    """A fit, a tuning with a checkpoint and a search, each of minutes."""
    slow = GroupedProphet(groupCols=["g"], uncertaintySamples=0, solver="stan")
    space = BayesianParamGridBuilder().addUniform(slow.changepointPriorScale, 0.01, 0.5).space()
    own = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    tuned = BayesianParamGridBuilder().addUniform(own.changepointPriorScale, 0.01, 0.5).space()
    return {
        "fit": slow,
        "tuner": GroupedProphetTuner(
            estimator=own,
            searchSpace=tuned,
            horizon=7,
            numTrials=2000,
            parallelism=2,
            checkpointDir=str(place / f"{event}-checkpoint"),
        ),
        "search": BayesianTrainValidationSplit(
            estimator=slow,
            evaluator=RegressionEvaluator(labelCol="y", predictionCol="yhat"),
            searchSpace=space,
            numTrials=4,
            timestampCol="ds",
            horizon=7,
            parallelism=2,
            storage=f"sqlite:///{place}/{event}.db",
            studyName="s",
        ),
    }


def trials_at_work(file):
    """Whether a search has come to its candidates."""
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            query = "SELECT count(*) FROM trials WHERE state = 'RUNNING'"
            return connection.execute(query).fetchone()[0] == 4
    except sqlite3.OperationalError:  # there are no tables yet
        return False


def once_at_work(spark, begun, action):
    """Do it, from another thread, once Python workers have been at work for a while."""
    tracker = spark.sparkContext.statusTracker()

    def at_work():
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        return any(s is not None and s.numActiveTasks and s.numTasks < 100 for s in stages)

    def watch():
        seen, until = 0, time.monotonic() + PATIENCE
        while seen < 15 and time.monotonic() < until:
            time.sleep(0.2)
            seen = seen + 1 if begun() and at_work() else 0
        action()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    return watcher


def fitted(stage, spark, event, begun):
    """What is raised, and what is there afterwards."""
    action = {
        "sigint": lambda: os.kill(os.getpid(), signal.SIGINT),
        "stop": spark.stop,
        "cancel": spark.sparkContext.cancelAllJobs,
    }[event]
    watcher, began = once_at_work(spark, begun, action), time.monotonic()
    found = {"error": None}
    try:
        stage.fit(data(spark))
    except BaseException as error:
        found = {"error": type(error).__name__, "message": str(error)}
    watcher.join(PATIENCE)
    found["seconds"] = time.monotonic() - began
    if event != "stop":
        context = spark.sparkContext
        context._jsc.sc().listenerBus().waitUntilEmpty()
        found["kept"] = len(context._jsc.getPersistentRDDs().keySet())
        found["frames"] = not spark._jsparkSession.sharedState().cacheManager().isEmpty()
        until = time.monotonic() + 30
        while list(context.statusTracker().getActiveJobsIds()) and time.monotonic() < until:
            time.sleep(0.2)
        found["jobs"] = list(context.statusTracker().getActiveJobsIds())
    return found


def main():
    event, place = sys.argv[1], Path(sys.argv[2])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
    results = {}
    for name in ("fit", "tuner", "search"):
        spark = session(place)

        def begun(search=name == "search"):
            return not search or trials_at_work(place / f"{event}.db")

        results[name] = fitted(stages(place, event)[name], spark, event, begun)
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{place}/{event}.db")
    results["states"] = sorted({trial.state.name for trial in study.trials})
    (place / f"{event}.half").write_text(json.dumps(results))
    (place / f"{event}.half").rename(place / f"{event}.json")
    until = time.monotonic() + PATIENCE
    while not (place / "end").exists() and time.monotonic() < until:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
