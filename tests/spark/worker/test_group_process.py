"""Groups that end the process in which they are worked on: a row each, and no other group's row."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from sparkprophet.numerics import solver
from sparkprophet.series.config import Config
from sparkprophet.spark.worker.group_row import GroupLayout, GroupRow, fit_group, group_function
from sparkprophet.spark.worker.process import GroupProcess

ROWS = 40


def table(key, y=None):
    """The rows of a group as Spark hands them to a worker."""
    days = np.datetime64("2024-01-01", "us") + np.arange(ROWS) * np.timedelta64(1, "D")
    labels = np.arange(ROWS) + 5.0 if y is None else y
    columns = {"key_0": [key] * ROWS, "seed": [7] * ROWS, "ds": days, "y": labels}
    return pa.table(columns)


def faulty(folder, series, config, seed):
    """The fit, after the fault that the first label stands for."""
    fault = FAULTS.get(series.y[0])
    if fault is not None:
        fault(folder)
    return fit_group(series, config, seed)


def hang(folder):
    # Holds the interpreter's lock, as compiled code may: no thread or handler of Python runs.
    ctypes.PyDLL(None).sleep(100_000)


def kill(folder):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_once(folder):
    if not (folder / "killed").exists():
        (folder / "killed").touch()
        kill(folder)


def leave(folder):
    os._exit(3)


def hog(folder):
    taken = [np.ones(2**20) for _ in range(512)]  # 4 GiB
    raise AssertionError(f"nobody stopped it at {len(taken) * 8} MiB")


def hang_in_a_program(folder):
    child = subprocess.Popen(["sleep", "1000"])
    (folder / "program").write_text(str(child.pid))
    child.wait()


FAULTS = dict(enumerate((hang, kill, kill_once, leave, hog, hang_in_a_program), start=1000))
NUMBER = {fault.__name__: number for number, fault in FAULTS.items()}


def fit(tmp_path, fault, **settings):
    """The row, as a dict, of a group with a fault, and that the next group is fitted as ever."""
    function = group_function(
        GroupLayout(("g",), ()),
        Config(**settings).to_json(),
        partial(faulty, tmp_path),
        {},
        solver.warm_up,
    )
    labels = np.arange(ROWS) + 5.0
    labels[0] = NUMBER.get(fault, labels[0])
    (row,) = function(None, table("bad", labels)).to_pylist()
    (good,) = function(None, table("good")).to_pylist()
    assert (good["key_0"], good["status"], good["n_obs"]) == ("good", "ok", ROWS)
    assert good["state"] == undisturbed()["state"]
    return row


def undisturbed():
    """The row of the good group from its work in this very process."""
    row = GroupRow(GroupLayout(("g",), ()), Config().to_json(), fit_group, {}, solver.warm_up, None)
    return row(("", table("good")))[1].to_pylist()[0]


def test_rows_are_those_of_the_work_in_the_same_process(tmp_path):
    row = fit(tmp_path, "none")
    own = undisturbed()
    assert row["state"] == own["state"] and row["config"] == own["config"]
    assert row["pid"] != os.getpid() and row["host"] == own["host"]


@pytest.mark.parametrize("fault", ["hang", "hang_in_a_program"])
def test_a_group_that_hangs_is_ended_and_nothing_of_it_runs_on(tmp_path, fault):
    row = fit(tmp_path, fault, groupTimeout=0.2)
    assert (row["status"], row["error_code"], row["n_obs"]) == ("failed", "TIMEOUT", ROWS)
    assert row["error_message"].startswith("group g=bad: ") and "raise it" in row["error_message"]
    assert 0.2 <= row["fit_seconds"] and row["cpu_seconds"] >= 0
    if fault == "hang_in_a_program":
        assert gone(int((tmp_path / "program").read_text()))


def test_a_group_has_the_time_of_its_own_overrides(tmp_path):
    rows = table("bad", np.r_[NUMBER["hang"], np.arange(ROWS - 1.0)])
    rows = rows.append_column("overrides", pa.array(['{"groupTimeout": 0.1}'] * ROWS))
    function = group_function(
        GroupLayout(("g",), ()), Config().to_json(), partial(faulty, tmp_path), {}, solver.warm_up
    )
    assert function(None, rows).column("error_code").to_pylist() == ["TIMEOUT"]


@pytest.mark.parametrize(("fault", "by"), [("kill", "SIGKILL"), ("leave", "exit code 3")])
def test_a_group_that_ends_its_process_twice_is_a_row(tmp_path, fault, by):
    row = fit(tmp_path, fault)
    assert (row["status"], row["error_code"]) == ("failed", "WORKER_LOST")
    assert re.search(f"^group g=bad: .* ended twice, at last by {by}; ", row["error_message"])
    assert len(row["error_message"]) <= 500


def test_a_group_that_was_lost_has_its_fallback(tmp_path):
    row = fit(tmp_path, "kill", fallback="mean")
    assert (row["status"], row["solver"], row["error_code"]) == ("fallback", "mean", "WORKER_LOST")
    assert row["state"]["y"][1] == 6.0 and len(row["state"]["y"]) == ROWS


def test_a_second_try_makes_good_what_another_did(tmp_path):
    row = fit(tmp_path, "kill_once")
    assert (tmp_path / "killed").exists()
    assert (row["status"], row["error_code"]) == ("ok", None)


def test_memory_beyond_the_bound_is_a_row(tmp_path):
    row = fit(tmp_path, "hog", groupMemoryInMB=100)
    assert (row["status"], row["error_code"]) == ("failed", "OUT_OF_MEMORY")
    assert "groupMemoryInMB" in row["error_message"]


def test_an_error_in_the_making_of_a_row_is_not_swallowed():
    function = Wrong()
    with pytest.raises(RuntimeError, match="ZeroDivisionError: no row"):
        GroupProcess.ready(function).answer(("", table("a")))
    # The process is still there.
    with pytest.raises(RuntimeError, match="ZeroDivisionError: no row"):
        GroupProcess.ready(function).answer(("", table("a")))


class Wrong:
    """Work that cannot be done."""

    write, read = staticmethod(GroupRow.write), staticmethod(GroupRow.read)

    def warm_up(self):
        pass

    def __call__(self, request):
        raise ZeroDivisionError("no row")


class HangingSettings(GroupLayout):
    """A layout whose groups' own settings take for ever to read."""

    def config(self, table, base):
        hang(None)


class DeadlyRows(GroupLayout):
    """A layout of groups whose rows end every process that looks at them."""

    def series(self, table):
        kill(None)


@pytest.mark.parametrize(
    ("layout", "code", "status", "n_obs"),
    [(HangingSettings, "TIMEOUT", "fallback", ROWS), (DeadlyRows, "WORKER_LOST", "failed", 0)],
)
def test_what_ends_a_group_does_not_end_the_making_of_its_row(layout, code, status, n_obs):
    base = Config(groupTimeout=0.1, fallback="mean").to_json()
    function = group_function(layout(("g",), ()), base, fit_group, {}, solver.warm_up)
    (row,) = function(None, table("bad")).to_pylist()
    assert (row["key_0"], row["error_code"], row["status"]) == ("bad", code, status)
    assert (row["n_obs"], row["config"]) == (n_obs, base)
    assert row["fit_seconds"] > 0 and row["error_message"].startswith("group g=bad: ")


def test_the_process_ends_with_the_one_that_started_it(tmp_path):
    """As when Spark kills a worker whose task was cancelled."""
    program = f"""
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
from pathlib import Path
from test_group_process import fit, table, partial, faulty, NUMBER, np, ROWS, group_function
from test_group_process import GroupLayout, Config, solver, GroupProcess
function = group_function(GroupLayout(("g",), ()), Config().to_json(),
                          partial(faulty, Path({str(tmp_path)!r})), {{}}, solver.warm_up)
function(None, table("good"))
from sparkprophet.spark.worker import process
print(process._own._process.pid, flush=True)
function(None, table("bad", np.r_[NUMBER["hang"], np.arange(ROWS - 1.0)]))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        os.kill(child, 0)
        parent.kill()
        parent.wait()
        assert gone(child)


def gone(pid):
    """Whether a process has ended within 20 s; one that nobody waits for has."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False
