"""The choice of a cluster, on jobs whose best setting is known, and on Spark."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "choose_cluster.py"


def choose(*arguments):
    """The finished process of the example."""
    command = [sys.executable, str(EXAMPLE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def job(code):
    """A job of Python code with the settings in it; its arguments come after all others."""
    return "--", sys.executable, "-S", "-c", code


@pytest.fixture
def timed(monkeypatch, capsys):
    """The example in this process, where a job takes what `seconds` of its cores says, at once.

    Gives the exit code and the lines printed.
    """
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import choose_cluster

    def run(seconds, *arguments):
        clock = [0.0]

        def run_job(command, **_):
            clock[0] += seconds(int(command[-1]))
            return SimpleNamespace(returncode=0, stderr="")

        monkeypatch.setattr(choose_cluster, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        monkeypatch.setattr(choose_cluster, "subprocess", SimpleNamespace(run=run_job))
        monkeypatch.setattr(sys, "argv", ["choose_cluster", *arguments, "--", "job", "{cores}"])
        return choose_cluster.main(), capsys.readouterr().out.splitlines()

    return run


def test_the_cheapest_setting_in_time(timed):
    # One core takes too long, two are as fast as more and cost the least by far.
    space = '{"cores": [1, 2, 20, 200], "word": ["{}"]}'
    code, lines = timed(
        lambda cores: 3 if cores == 1 else 0.3,
        "--space",
        space,
        "--deadline",
        "2",
        "--stop-after",
        "0",
    )
    assert code == 0
    assert "cores=2" in lines[-1] and lines[-1].startswith("best: ")
    late = [line for line in lines if line.endswith("late")]
    assert len(late) == 1 and "cores=1" in late[0]
    # Of the 12 proposals none ran twice.
    runs = [line.split()[3] for line in lines[1:-2]]
    assert len(runs) == len(set(runs)) <= 4


def test_it_stops_when_nothing_is_gained(timed):
    space = '{"cores": [1, 10, 100, 1000, 10000]}'
    code, lines = timed(lambda _: 0.3, "--space", space, "--stop-after", "3", "--trials", "50")
    assert code == 0
    # The first setting of all, one core, is the cheapest: three proposals later it ends.
    assert "in 4 proposals; ended by earlyStopping" in lines[-2]
    assert lines[-1].endswith("cores=1")


def test_no_setting_in_time(timed):
    code, lines = timed(lambda _: 0.1, "--space", '{"cores": [1, 2]}', "--deadline", "0.01")
    assert (code, lines[-1]) == (1, "no run was in time")


def test_settings_that_fail_are_left_out():
    code = "assert {cores} > 1, 'too small'"
    done = choose("--space", '{"cores": [1, 2]}', *job(code))
    assert done.returncode == 0, done.stderr
    assert "failed" in done.stdout and "cores=2" in done.stdout.splitlines()[-1]
    assert "too small" in done.stderr


def test_cores_have_to_be_named():
    done = choose("--space", '{"slots": [1, 2]}', *job("pass"))
    assert done.returncode == 2 and "cores" in done.stderr


@pytest.mark.slow
def test_its_own_job_on_spark():
    done = choose("--trials", "2", "--rows", "100000")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "cores=1, partitions=2" in lines[1] and "cores=2, partitions=64" in lines[2]
    assert lines[-2].startswith("2 of 6 settings run")
