"""Stored studies that several processes use, that kills have left, or that are damaged."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import optuna
import pytest

import sparkprophet.search
from sparkprophet.search.batched import ownership
from test_batched_study import as_optuna_has_them, in_batches, made, scores, states, stored, told

HERE = Path(__file__).parent


def python(script, *arguments):
    source = Path(sparkprophet.search.__file__).parents[2]
    path = os.pathsep.join([str(source), str(HERE)])
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        text=True,
    )


def results(trials):
    return [(t.number, t.params, t.state, t.value, t.scores) for t in trials]


# Several processes


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(ownership, "PERIOD", 0.1)
    monkeypatch.setattr(ownership, "PATIENCE", 1.0)


def asked_elsewhere(folder, monkeypatch, count=2):
    """A study of another machine with points at work."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "elsewhere")
        study = stored(folder)
        return study, study.ask(count)


def test_another_machines_search_that_shows_life_keeps_its_trials(tmp_path, monkeypatch, hurried):
    theirs, points = asked_elsewhere(tmp_path, monkeypatch)
    end = threading.Event()

    def live():
        while not end.wait(0.05):
            theirs.beat()

    life = threading.Thread(target=live)
    life.start()
    try:
        ours = stored(tmp_path)
        asked = ours.ask(2)
        assert [point.number for point in asked] == [2, 3]
    finally:
        end.set()
        life.join()
    told(ours, asked)
    assert states(tmp_path) == ["RUNNING", "RUNNING", "COMPLETE", "COMPLETE"]
    time.sleep(1.5 * ownership.PATIENCE)
    assert ours.ask(1) == points  # they are dead now; no new process had to begin for that


def test_another_machines_dead_search_is_taken_over_at_once(tmp_path, monkeypatch):
    _, points = asked_elsewhere(tmp_path, monkeypatch)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3600)
    assert stored(tmp_path).ask(1) == points


def test_a_point_that_two_processes_have_tried_is_told_once(tmp_path):
    first, second = stored(tmp_path), None
    asked = first.ask(3)
    first.close()  # as the second one sees it
    second = stored(tmp_path)
    assert second.ask(3) == asked
    told(second, asked)
    before = results(second.trials())
    told(first, asked)
    first.fail(1, "interrupted", interrupted=True)
    assert results(stored(tmp_path).trials()) == before
    assert states(tmp_path) == ["COMPLETE"] * 3


def test_what_a_search_left_at_work_is_the_next_ones_in_the_same_process(tmp_path):
    study = stored(tmp_path)
    asked = study.ask(2)
    assert [point.number for point in stored(tmp_path).ask(1)] == [2]
    study.close()
    assert stored(tmp_path).ask(2)[:2] == asked


def test_a_search_that_ends_leaves_nothing_of_dead_ones(tmp_path):
    ours, dead = stored(tmp_path), stored(tmp_path)
    told(ours, ours.ask(2))
    dead.ask(2)
    ours.end_abandoned()
    assert states(tmp_path) == ["COMPLETE"] * 2 + ["RUNNING"] * 2
    dead.close()
    ours.end_abandoned()
    assert states(tmp_path) == ["COMPLETE"] * 2 + ["FAIL"] * 2
    assert len(ours.trials()) == 2


def test_a_trial_whose_interruption_was_not_told_counts_once_it_is_done(tmp_path):
    study = stored(tmp_path)
    (asked,) = study.ask(1)
    trial = study._frozen()[0]
    # Killed in the middle of telling that it was interrupted.
    study._study._storage.set_trial_user_attr(trial._trial_id, "sparkprophet.interrupted", True)
    study.close()
    again = stored(tmp_path)
    assert again.ask(1) == [asked]
    again.tell(0, scores(asked.params), 1.0)
    assert [trial.state for trial in again.trials()] == ["COMPLETE"]


BEGINNING = """
import sys
from test_batched_study import stored
stored(sys.argv[1])
"""


def test_processes_may_make_the_storage_at_one_time(tmp_path):
    children = [python(BEGINNING, tmp_path) for _ in range(3)]
    assert [child.wait(timeout=600) for child in children] == [0] * 3
    assert in_batches(stored(tmp_path), 1) == in_batches(made(), 1)


# Kills

DYING = """
import os, signal, sys
import sqlalchemy
from test_batched_study import in_batches, stored

folder, log = sys.argv[1:]

def end_after(count):
    left = [count]

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def count_down(*_):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

in_batches(stored(folder, "warm"), 1)
statement, ended = 1, False
while not ended:
    child = os.fork()
    if child == 0:
        target = f"{folder}/{statement}"
        os.mkdir(target)
        end_after(statement)
        in_batches(stored(target), 2)
        os._exit(0)
    ended = os.waitpid(child, 0)[1] == 0
    statement += int(sys.argv[2])
"""


@pytest.mark.slow
def test_a_kill_at_any_statement_loses_nothing(tmp_path):
    child = python(DYING, tmp_path, 23)
    assert child.wait(timeout=6000) == 0
    places = [place for place in tmp_path.iterdir() if place.is_dir()]
    assert len(places) > 5
    whole = in_batches(made(), 4)
    for place in places:
        study = stored(place)
        while len(study.trials()) < 16:
            told(study, study.ask(4 - len(study.trials()) % 4))
        assert results(study.trials()) == results(whole)
        assert "RUNNING" not in states(place)


LEAVING = """
import os, signal, sqlite3, sys
from test_batched_study import in_batches, stored

folder, mode = sys.argv[1:]
in_batches(stored(folder), 2)
connection = sqlite3.connect(f"{folder}/search.db", isolation_level=None)
connection.execute(f"PRAGMA journal_mode={mode}")
if mode == "wal":
    in_batches(stored(folder), 1)
else:
    connection.execute("PRAGMA cache_size=1")  # so that pages are written before the commit
    connection.execute("BEGIN")
    connection.execute("UPDATE trial_values SET value = value + 1")
    connection.execute("CREATE TABLE other AS SELECT * FROM trial_user_attributes")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("mode", "left", "batches"), [("delete", "-journal", 2), ("wal", "-wal", 3)]
)
def test_what_sqlite_leaves_of_a_killed_process_is_used(tmp_path, mode, left, batches):
    assert python(LEAVING, tmp_path, mode).wait(timeout=600) == -signal.SIGKILL
    assert (tmp_path / f"search.db{left}").stat().st_size > 0
    assert results(stored(tmp_path).trials()) == results(in_batches(made(), batches))


# Damage


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a study of two batches and two points at work."""
    folder = tmp_path_factory.mktemp("whole")
    study = stored(folder)
    in_batches(study, 2)
    study.ask(2)
    study.close()
    return folder


def assert_refused_or_unharmed(folder):
    """Whether a study was refused; it may be found as it was, or not at all."""
    try:
        study = stored(folder)
        told(study, study.ask(4 - len(study.trials()) % 4))
    except ValueError as error:
        message = str(error)
        assert len(message) <= 500 and "\n" not in message
        named = "storage: the file" in message and f"{folder}/search.db" in message
        assert named and "delete it" in message or "give another studyName" in message
        return True
    found = results(study.trials())
    expected = results(in_batches(made(), 3))
    assert found in (expected[:12], expected[:4], expected[:10])
    return False


def copied(whole, tmp_path, name="copy"):
    folder = tmp_path / name
    shutil.copytree(whole, folder)
    return folder, folder / "search.db"


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_refused(whole, tmp_path, share):
    folder, file = copied(whole, tmp_path)
    found = file.read_bytes()
    file.write_bytes(found[: int(len(found) * share)])
    assert assert_refused_or_unharmed(folder)


def test_a_file_of_something_else_is_refused(whole, tmp_path):
    folder, file = copied(whole, tmp_path)
    file.write_text("number,value\n0,1.5\n" * 500)
    assert assert_refused_or_unharmed(folder)
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE trials (colour TEXT)")
    connection.commit()
    connection.close()
    shutil.move(tmp_path / "other.db", file)
    assert assert_refused_or_unharmed(folder)


def test_an_empty_file_is_a_new_search(whole, tmp_path):
    folder, file = copied(whole, tmp_path)
    file.write_bytes(b"")
    assert stored(folder).trials() == []


@pytest.mark.parametrize("rounds", [30, pytest.param(400, marks=pytest.mark.slow)])
def test_flipped_bytes_are_refused_or_do_no_harm(whole, tmp_path, rounds):
    random = np.random.default_rng(rounds)
    original = (whole / "search.db").read_bytes()
    used = [i for i, byte in enumerate(original) if byte]  # most of the others are in no use
    refused = 0
    for number in range(rounds):
        found = bytearray(original)
        found[random.choice(used)] ^= 1 << random.integers(8)
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "search.db").write_bytes(found)
        refused += assert_refused_or_unharmed(folder)
        shutil.rmtree(folder)
    assert refused > rounds / 10


def test_changed_scores_and_params_are_refused(whole, tmp_path):
    changes = [
        "UPDATE trial_values SET value = value * (1 + 1e-12) WHERE trial_id = 3",
        "UPDATE trial_params SET param_value = param_value + 1e-9 WHERE param_id = 5",
        "UPDATE trial_user_attributes SET value_json = '[1.0, 2.0]' "
        "WHERE trial_id = 2 AND key = 'sparkprophet.scores'",
        "DELETE FROM trial_user_attributes WHERE trial_id = 4 AND key = 'sparkprophet.checksum'",
        "DELETE FROM trials WHERE trial_id = 2",
        "UPDATE trials SET number = 3 WHERE trial_id = 3",
    ]
    for number, change in enumerate(changes):
        folder, file = copied(whole, tmp_path, str(number))
        connection = sqlite3.connect(file)
        connection.execute(change)
        connection.commit()
        connection.close()
        assert assert_refused_or_unharmed(folder), change


def test_trials_that_others_told_are_taken_as_they_are(tmp_path):
    stored(tmp_path)
    storage = f"sqlite:///{tmp_path}/search.db"
    study = optuna.load_study(study_name="s", storage=storage)
    ours = stored(tmp_path)
    ours.ask(1)
    ours.close()
    study.tell(0, state=optuna.trial.TrialState.FAIL)
    assert [t.error for t in stored(tmp_path).trials()] == ["failed in another process"]
    assert len(as_optuna_has_them(tmp_path)) == 1


def test_a_locked_storage_is_no_damage(whole, tmp_path, monkeypatch):
    folder, file = copied(whole, tmp_path)
    study = stored(folder)
    (asked, *_) = study.ask(1)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RuntimeError, match="^storage: cannot be .*locked.* call fit again"):
        study.tell(asked.number, [1.0], 0.0)
    connection.execute("ROLLBACK")
    connection.close()
    study.close()
    assert stored(folder).ask(2)[0] == asked
