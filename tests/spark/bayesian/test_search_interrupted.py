"""Searches that are interrupted, killed, robbed of their session, or full of failing fits."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
from pyspark.ml import Estimator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.sql import functions as F
from search_script import PATIENCE, blocked, result, search
from tuning_cases import Level, cached, rows, states, validator


@pytest.fixture(scope="module")
def data(spark):
    kept = cached(spark)
    yield kept
    kept.unpersist()


# In processes of their own


def started(mode, folder):
    """The script; like a command at a terminal it heads a group, which Ctrl-C goes to."""
    script = Path(__file__).with_name("search_script.py")
    with open(folder / f"{mode}.log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, str(script), mode, str(folder)],
            stdout=log,
            stderr=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )


def said_by(log):
    """What the script wrote, and where each of its threads was if it took long."""
    return log.read_text()[-3000:] + log.with_suffix(".stacks").read_text()


def wait_for(condition, process, log):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None and time.monotonic() < until, said_by(log)
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the searches of the script are that Ctrl-C and a kill have disturbed."""
    folder = tmp_path_factory.mktemp("searches")
    process = started("disturbed", folder)

    def until(condition, *arguments):
        wait_for(lambda: condition(*arguments), process, folder / "disturbed.log")

    def at_work(name, count):
        return blocked(folder, name) == 2 and states(folder, name).count("RUNNING") == count

    try:
        for name, count in (("interrupted", 3), ("nothing", 4)):
            until(at_work, name, count)
            os.killpg(process.pid, signal.SIGINT)
            until((folder / f"{name}.json").exists)
        until(at_work, "killed", 3)
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)
        (folder / "end").touch()
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder, data):
    """The same search in this process, with nobody to disturb it."""
    return result(search(folder, "undisturbed").fit(data))


@pytest.fixture(scope="module")
def resumed(folder):
    """That folder once searches went on in a second process, and others lost their session."""
    (folder / "end").unlink()
    process = started("resumed", folder)
    try:
        assert process.wait(timeout=PATIENCE) == 0, said_by(folder / "resumed.log")
    finally:
        process.kill()
        (folder / "end").touch()
    return folder


def found(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_and_leaves_no_job(folder, undisturbed):
    interrupted, whole = found(folder, "interrupted"), undisturbed
    assert interrupted["stoppedBy"] == "interrupt"
    assert interrupted["jobs"] == []
    assert interrupted["trials"] == whole["trials"][:5]
    assert {trial["state"] for trial in interrupted["trials"]} == {"COMPLETE", "FAIL"}
    complete = [trial for trial in interrupted["trials"] if trial["value"] is not None]
    best = min(complete, key=lambda trial: trial["value"])
    by_hand = (1 - best["params_shrink"]) * rows().y.mean()
    assert interrupted["level"] == pytest.approx(by_hand, rel=1e-12)
    said = (folder / "interrupted.txt").read_text()
    assert said == "interrupted: keeping the best of 5 trials\n"


@pytest.mark.slow
def test_an_interrupted_search_goes_on(resumed):
    again = found(resumed, "interrupted-again")
    assert again["stoppedBy"] == "numTrials"
    assert len(again["trials"]) == 8
    assert again["trials"][:5] == found(resumed, "interrupted")["trials"]
    assert "RUNNING" not in states(resumed, "interrupted")


@pytest.mark.slow
def test_ctrl_c_before_any_trial_is_an_interrupt(folder):
    assert found(folder, "nothing")["jobs"] == []
    assert states(folder, "nothing") == ["FAIL"] * 4  # none of which counts as a trial


@pytest.mark.slow
def test_a_killed_search_ends_as_if_nothing_had_happened(folder, undisturbed, data):
    assert result(search(folder, "killed").fit(data)) == undisturbed
    assert len(states(folder, "killed")) == 8 and "RUNNING" not in states(folder, "killed")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stopped", "dead"])
def test_a_search_without_its_session_ends_and_blames_no_candidate(resumed, name):
    error = found(resumed, name)
    assert error["kind"] == "RuntimeError"
    assert "the Spark session has ended in the middle of the search" in error["error"]
    assert "RUNNING" not in states(resumed, name)


@pytest.mark.slow
def test_a_stopped_search_goes_on_in_another_session(resumed, undisturbed):
    again, whole = found(resumed, "stopped-again"), undisturbed
    assert len(again["trials"]) == 8
    assert again["trials"][:5] == whole["trials"][:5]


@pytest.mark.slow
def test_nothing_is_said_where_there_is_no_terminal(resumed):
    assert "FAIL" in [trial["state"] for trial in found(resumed, "quiet")["trials"]]
    assert (resumed / "quiet.txt").read_text() == ""


# In this process


class Company:
    """Counts fits at work; they meet in groups of a size before they go on."""

    def __init__(self, size, fits):
        self.barrier, self.lock = threading.Barrier(size), threading.Lock()
        self.left, self.now, self.most = fits, 0, 0

    def __enter__(self):
        with self.lock:
            self.left, self.now = self.left - 1, self.now + 1
            self.most = max(self.most, self.now)
            meets = self.left >= 0  # all but the last fit, of all rows
        if meets:
            self.barrier.wait(PATIENCE)

    def __exit__(self, *_):
        with self.lock:
            self.now -= 1


class Meeting(Level):
    """Level in company; copies of the stage are in the same."""

    company = None

    def _fit(self, dataset):
        with self.company:
            return super()._fit(dataset)


@pytest.mark.parametrize(("parallelism", "trials"), [(4, 6), (6, 3)])
def test_parallelism_is_reached_and_kept_over_folds_and_candidates(data, parallelism, trials):
    stage = Meeting()
    stage.company = Company(parallelism, 2 * trials)
    tuner = validator(stage, numTrials=trials, batchSize=trials, parallelism=parallelism)
    model = tuner.fit(data)
    assert list(model.trials.state) == ["COMPLETE"] * trials  # nobody has waited in vain
    assert stage.company.most == parallelism
    assert stage.company.left == -1


class Failing(Level):
    """Level that cannot shrink by half or more; it keeps a list of what it has tried."""

    tried = None

    def _fit(self, dataset):
        shrink = self.getOrDefault("shrink")
        self.tried.append(shrink)
        if shrink >= 0.5:
            raise ArithmeticError("too much")
        return super()._fit(dataset)


def test_a_candidate_that_failed_is_not_fitted_on_later_folds(data):
    stage = Failing()
    stage.tried = []
    model = validator(stage, numTrials=6, seed=1).fit(data)
    table = model.trials
    failed = table[table.params_shrink >= 0.5]
    assert 1 < len(failed) < 5
    assert list(failed.state) == ["FAIL"] * len(failed)
    assert set(failed.error) == {"ArithmeticError: too much"}
    best = table.loc[table.value.idxmin()].params_shrink
    tries = {s: 1 if s >= 0.5 else 2 + (s == best) for s in table.params_shrink}
    assert {s: stage.tried.count(s) for s in set(stage.tried)} == tries


class Troubled(Estimator):
    """Its fit fails in the way that its param says."""

    trouble = Param(Params._dummy(), "trouble", "how it fails", TypeConverters.toString)

    def _fit(self, dataset):
        getattr(self, "_" + self.getOrDefault("trouble"))(dataset.sparkSession.range(4))
        return Level().fit(dataset)

    def _none(self, frame):
        pass

    def _worker(self, frame):
        @F.udf("double")
        def broken(_):
            raise ValueError("the number is wrong\nand more about it")

        frame.select(broken("id")).collect()

    def _batches(self, frame):
        def broken(batches):
            for _ in batches:
                raise KeyError("no such batch")
            yield from batches

        frame.mapInPandas(broken, "id long").collect()

    def _null(self, frame):
        names = [f"a_column_with_a_long_name_{i}" for i in range(40)]
        wide = frame.select(*[F.expr("nullif(id, 2)").cast("double").alias(n) for n in names])
        VectorAssembler(inputCols=names, outputCol="v").transform(wide).select("v").collect()

    def _task(self, frame):
        negative = frame.selectExpr("cast(-id as double) AS label")
        assembler = VectorAssembler(inputCols=["label"], outputCol="features")
        poisson = GeneralizedLinearRegression(family="poisson")
        poisson.fit(assembler.transform(negative))

    def _column(self, frame):
        frame.select("nowhere")

    def _long(self, frame):
        raise ValueError("x" * 700)

    def _silent(self, frame):
        raise LookupError


CAUSES = {
    "worker": "PythonException: ValueError: the number is wrong",
    "batches": "PythonException: KeyError: 'no such batch'",
    "null": "Encountered null while assembling a row",
    "task": "The response variable of Poisson family should be non-negative",
    "column": "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or "
    "function parameter with name `nowhere` cannot be resolved.",
    "long": "ValueError: " + "x" * 488,
    "silent": "LookupError: no message",
}


def test_errors_name_the_cause(data):
    stage = Troubled()
    grid = [{stage.trouble: trouble} for trouble in (*CAUSES, "none")]
    model = validator(stage, searchSpace=None, estimatorParamMaps=grid).fit(data)
    *errors, none = model.trials.error
    assert none is None
    for error, cause in zip(errors, CAUSES.values(), strict=True):
        assert cause in error
        assert "An error occurred while calling" not in error
        assert len(error) <= 500 and "\n" not in error
    assert len(errors[list(CAUSES).index("long")]) == 500


def test_a_terminal_shows_the_trials_and_the_best_value(data, monkeypatch):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    shown = []

    def read():
        with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
            while piece := os.read(ours, 4096):
                shown.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        model = validator(numTrials=5, batchSize=2).fit(data)
    reader.join(PATIENCE)
    os.close(ours)
    text = b"".join(shown).decode()
    last = text.replace("\n", "\r").rstrip("\r").split("\r")[-1]
    assert "5/5" in last and "trial" in last
    assert f"best {model.trials.value.min():.6g}" in last
    values = list(model.trials.value)
    for count in range(1, 6):
        assert f"best {min(values[:count]):.6g}" in text
