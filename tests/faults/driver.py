"""Cases of the card: drivers that are killed, interrupted or lose their session (5 cases)."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from card import Broken, Case, broken_unless
from cluster import Job
from groups import MESSAGE_LIMIT, session
from workers import BAD, GOOD, alive, data_with, name_of, outcomes_of

# Nothing of a job that was given up may run longer.
SECONDS = 30


def killed_mid_tuning(system: Any, place: Path) -> str:
    """SIGKILL of everything while one group is at work and others are done; then again."""
    data, checkpoint = data_with(place, "wait"), place / "checkpoint"
    settings = {"trials": 3, "checkpoint": str(checkpoint)}
    with Job(place / "1", name_of(system), data, settings=settings) as job:
        job.found(lambda: job.flagged("began"))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and len(kept(checkpoint)) < len(GOOD):
            time.sleep(0.1)
        job.kill_all()
    before = kept(checkpoint)
    broken_unless(before, "nothing of the killed run is kept, the next one does all groups again")
    broken_unless(BAD not in before, "a group is kept that was never done")
    outcomes = tuned(system, data, place / "2", settings)
    broken_unless(sorted(outcomes) == sorted([*GOOD, BAD]), f"the keys are {sorted(outcomes)}")
    same = {key: moment for key, moment in kept(checkpoint).items() if key in before}
    broken_unless(same == before, "groups that were done are done again")
    undisturbed = tuned(system, data, place / "3", {"trials": 3})
    broken_unless(outcomes == undisturbed, "the result is not that of an undisturbed run")
    return f"{len(before)} of {len(outcomes)} groups were kept; the end is an undisturbed run's"


def tuned(system: Any, data: Path, place: Path, settings: dict) -> Mapping[str, Any]:
    """The outcomes of a run in which no group waits."""
    with Job(place, name_of(system), data, settings=settings) as job:
        job.go()
        return outcomes_of(job)


def kept(checkpoint: Path) -> dict[str, Any]:
    """Keys in a checkpoint's files, and when each was worked on."""
    found = {}
    for file in checkpoint.rglob("part-*.parquet"):
        # What a task is still writing is no kept group.
        if "_temporary" not in file.parts:
            table = pq.read_table(file, columns=["key_0", "started_at"]).to_pydict()
            found |= zip(table["key_0"], table["started_at"], strict=True)
    return found


def killed_mid_save(system: Any, place: Path) -> str:
    """SIGKILL of everything at three moments of saves over a model, again and again."""
    data = data_with(place, None)
    path = place / "model"
    with Job(place / "first", name_of(system), data, save=str(path)) as job:
        expected = forecasts(outcomes_of(job))
    for number, seconds in enumerate((0.2, 0.9, 1.7)):
        with Job(place / str(number), name_of(system), data, save=str(path), saves=200) as job:
            job.found(lambda job=job: job.flagged("saving"))
            time.sleep(seconds)
            job.kill_all()
        try:
            loaded = system.outcomes(system.load(session(), str(path)))
        except Exception as error:
            text = " ".join(str(error).split())[:150]
            raise Broken(f"after a kill the saved model cannot be read: {text}") from error
        found = {key[0]: outcome.forecast for key, outcome in loaded.items()}
        broken_unless(found == expected, "after a kill the saved model is another one")
    return "the model is whole after each of three kills"


def forecasts(outcomes: Mapping[str, Any]) -> dict[str, tuple]:
    return {key: tuple(own["forecast"]) for key, own in outcomes.items()}


def ended(job: Job, pids: list[int]) -> str:
    """That these processes are gone within SECONDS; how long it took."""
    began = time.monotonic()
    while left := [pid for pid in pids if alive(pid)]:
        if time.monotonic() > began + SECONDS:
            raise Broken(f"{len(left)} processes run on after {SECONDS} s")
        time.sleep(0.1)
    return f"nothing runs after {time.monotonic() - began:.0f} s"


def interrupted(system: Any, place: Path) -> str:
    """Ctrl-C while a group is at work."""
    with Job(place / "job", name_of(system), data_with(place, "wait")) as job:
        job.found(lambda: job.flagged("began"))
        running = job.processes()
        job.kill(job.process.pid, signal.SIGINT)
        seen = ended(job, [pid for pid in running if pid != job.process.pid])
        broken_unless(job.process.wait(SECONDS) != 0, "the driver ends as if all was well")
    return seen


def given_up(what: str) -> Any:
    """A case in which another thread of the driver does `what` while a group is at work."""

    def run(system: Any, place: Path) -> str:
        with Job(place / "job", name_of(system), data_with(place, "wait"), meanwhile=what) as job:
            at_work = job.found(lambda: job.flagged("began"))
            told = job.found(lambda: job.flags.joinpath("told").exists() and job.told())
            broken_unless("error" in told, "the fit does not say that it was given up")
            message = told["error"]
            broken_unless(
                len(message) <= MESSAGE_LIMIT and "\n" not in message,
                f"the error has {len(message)} characters and no remedy",
            )
            seen = ended(job, at_work)
            job.go()
            again = job.result()
            if what == "cancel":
                broken_unless("outcomes" in again, "the session is of no use afterwards")
        return f"one error, {seen}"

    return run


CASES = [
    Case("driver", "SIGKILL mid-tuning then resume", "P6", killed_mid_tuning, slow=True),
    Case("driver", "SIGKILL mid-save", "P4", killed_mid_save, slow=True),
    Case("driver", "Ctrl-C", "P6", interrupted, slow=True),
    Case("driver", "stopped session", "P6 P7", given_up("stop"), slow=True),
    Case("driver", "cancelled job", "P6 P7", given_up("cancel"), slow=True),
]
