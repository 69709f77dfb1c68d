"""What ends a search, Ctrl-C included, with fits that only look like it."""

import signal
import weakref

import pytest
from tuning_cases import states

from sparkprophet.search import SearchSpace, Uniform
from sparkprophet.search.batched import ownership
from sparkprophet.search.batched.rules import Rules
from sparkprophet.search.batched.study import BatchedStudy
from sparkprophet.spark.bayesian.candidate_fits import Candidate
from sparkprophet.spark.bayesian.search import search


class Recited:
    """Fits whose score is their x. Ctrl-C may come at a trial, and while the rest is cancelled."""

    def __init__(self, interrupted_at=None, twice=False):
        self.interrupted_at, self.twice = interrupted_at, twice

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def cancel(self):
        if self.twice:
            raise KeyboardInterrupt("again")

    def run(self, numbered, done, beat, interrupted):
        for number, param_map in numbered:
            if number == self.interrupted_at:
                raise KeyboardInterrupt
            done(Candidate(number, param_map, [param_map["x"]], [None]))


def line_study(folder, kind=BatchedStudy):
    space = SearchSpace((Uniform("x", 0, 1),))
    storage = f"sqlite:///{folder}/search.db"
    return kind(space, maximise=False, seed=3, storage=storage, study_name="s")


def searched(study, fits=None, trials=12, rounds=0, timeout=0.0):
    rules = Rules(trials, 4, rounds, timeout, None)
    return search(study, fits or Recited(), rules, lambda asked: asked.params)


def test_a_second_ctrl_c_is_not_caught(tmp_path):
    study = line_study(tmp_path)
    with pytest.raises(KeyboardInterrupt, match="again"):
        searched(study, Recited(6, twice=True))
    assert states(tmp_path, "s") == ["COMPLETE"] * 6 + ["FAIL"] * 2
    assert len(study.trials()) == 6


class Startled(BatchedStudy):
    """A study in which Ctrl-C comes right after it has taken note of trial 5."""

    def tell(self, number, scores, seconds):
        super().tell(number, scores, seconds)
        if number == 5:
            raise KeyboardInterrupt


def test_ctrl_c_after_a_trial_has_been_noted(tmp_path):
    found = searched(line_study(tmp_path, Startled))
    assert found.stopped_by == "interrupt"
    assert [trial.number for trial in found.trials] == list(range(6))
    assert states(tmp_path, "s") == ["COMPLETE"] * 6 + ["FAIL"] * 2


def test_early_stopping_looks_at_the_whole_batch_that_a_killed_process_was_in(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(ownership, "PERIOD", 0.1)
    monkeypatch.setattr(ownership, "PATIENCE", 1.0)  # until the process that is gone counts as dead
    (tmp_path / "killed").mkdir()
    whole = searched(line_study(tmp_path), trials=40, rounds=4)
    assert whole.stopped_by == "earlyStopping" and len(whole.trials) % 4 == 0
    assert len(whole.trials) - whole.best.number >= 6  # one trial less would have been enough
    study = line_study(tmp_path / "killed")
    searched(study, trials=len(whole.trials) - 4)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("socket.gethostname", lambda: "gone")
        for point in study.ask(4)[:3]:
            study.tell(point.number, [point.params["x"]], 0.0)
    resumed = searched(line_study(tmp_path / "killed"), trials=40, rounds=4)
    assert resumed.stopped_by == "earlyStopping"
    assert resumed.trials == whole.trials
    assert "RUNNING" not in states(tmp_path / "killed", "s")


def test_the_first_batch_is_tried_whatever_the_timeout(tmp_path):
    found = searched(line_study(tmp_path), timeout=1e-9)
    assert found.stopped_by == "timeout" and len(found.trials) == 4


class Busy(Recited):
    """Ctrl-C comes while trial 5 is at work, in a place where Python loses exceptions."""

    def run(self, numbered, done, beat, interrupted):
        for number, param_map in numbered:
            if number == 5:
                thing = Recited()
                watch = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
                del thing
                assert watch() is None
            if interrupted.is_set():
                raise KeyboardInterrupt
            done(Candidate(number, param_map, [param_map["x"]], [None]))


@pytest.fixture
def sigint():
    """Python's own answer to Ctrl-C; jobs in a shell's background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_not_lost_where_python_loses_exceptions(tmp_path, sigint):
    found = searched(line_study(tmp_path), Busy())
    assert found.stopped_by == "interrupt"
    assert len(found.trials) == 5
    assert signal.getsignal(signal.SIGINT) is sigint


def test_ctrl_c_stays_ignored_in_the_background(tmp_path, sigint):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert searched(line_study(tmp_path), Busy()).stopped_by == "numTrials"
