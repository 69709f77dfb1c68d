"""Ctrl-C, a session that is stopped, and jobs that are cancelled, while workers are at work."""

import contextlib
import json
import time
from pathlib import Path

import pytest

from own_processes import Program

JOB = Path(__file__).with_name("interrupted_job.py")
PATIENCE = 580
LATER = 30  # seconds: nothing of a fit is at work so long after it was interrupted
SAYS = {
    "sigint": {"fit": "", "tuner": "", "search": ""},
    "cancel": {
        "fit": "fit: its Spark job was cancelled", "tuner": "tune: its Spark job was cancelled",
        "search": "all Spark jobs were cancelled in the middle of the search; call fit again",
    },
    "stop": {
        "fit": "fit: the Spark session was stopped", "tuner": "tune: the Spark session was",
        "search": "the Spark session has ended in the middle of the search",
    },
}  # fmt: skip


def used(pids):
    """CPU ticks of processes, those of them that are there."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found[pid] = int(fields[11]) + int(fields[12])
    return found


def names(pids):
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("event", SAYS)
def test_an_interrupted_fit_says_so_and_leaves_nothing_at_work(event, tmp_path):
    with Program([JOB, event, tmp_path], tmp_path / "log.txt") as program:
        assert program.wait_for((tmp_path / f"{event}.json").exists, PATIENCE), program.said()
        time.sleep(LATER)
        running = names(program.all())
        before = used(running)
        time.sleep(2)
        after = used(program.all())
        (tmp_path / "end").touch()
        program.process.wait(timeout=60)
    results = json.loads((tmp_path / f"{event}.json").read_text())
    assert results.pop("states") == ["FAIL"]  # not one is RUNNING
    for name, found in results.items():
        if event == "sigint":
            assert found["error"] == "KeyboardInterrupt", found
        else:
            assert found["error"] not in (None, "KeyboardInterrupt"), found
        assert SAYS[event][name] in found["message"]
        if event != "stop":
            assert (found["kept"], found["frames"], found["jobs"]) == (0, False, [])
    assert not [command for command in running.values() if "prophet_model" in command]
    workers = [pid for pid, command in running.items() if "pyspark.daemon" in command]
    assert event != "stop" or not workers, running
    assert all(after.get(pid, before[pid]) - before[pid] <= 2 for pid in workers), running
    assert list(tmp_path.rglob("_temporary")) == []
