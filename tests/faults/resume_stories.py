"""Drivers that are killed (SIGKILL, with all of their processes) at random moments, and run again
until the job is done.

    python tests/faults/resume_stories.py [--seed 0]

Prints for each story what every run found, did and left. A story raises AssertionError where a
promise is broken: a run loses what was kept, the result is not that of a run that nobody disturbed,
or a trial is left at work.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from own_processes import Program

JOB = Path(__file__).with_name("resume_job.py")
MOST_RUNS = 14
PATIENCE = 400  # seconds: far more than any run takes
# Every so many runs one is killed at any time at all, in its beginning too.
AT_ANY_TIME = 3
LONGEST = 20.0  # seconds, of those
KILLS = 5  # after which a run may go on to its end


def tuner_story(place: Path, seed: int) -> list[dict[str, Any]]:
    """GroupedProphetTuner with checkpointDir, in an empty folder: the rows of the table."""

    def kept() -> dict[str, float]:
        found = {}
        for file in (place / "checkpoint").glob("*/run-*/part-*.parquet"):
            for row in pq.read_table(file, columns=["key_0", "started_at"]).to_pylist():
                found.setdefault(row["key_0"], row["started_at"].timestamp())
        return found

    rows = _story("tuner", place, seed, kept, 5)
    found, whole = _result(place, "disturbed"), _result(place, "undisturbed")
    assert found.keys() == whole.keys(), "the groups are not those of an undisturbed run"
    different = [
        key for key in whole for part in ("fit", "trials") if found[key][part] != whole[key][part]
    ]
    assert not different, f"groups that differ from an undisturbed run: {different}"
    return rows


def search_story(place: Path, seed: int) -> list[dict[str, Any]]:
    """BayesianTrainValidationSplit with a study in SQLite, in an empty folder."""
    file = place / "disturbed.db"

    def kept() -> dict[int, float]:
        query = (
            "SELECT number, value FROM trials JOIN trial_values USING (trial_id) "
            "WHERE state = 'COMPLETE'"
        )
        return dict(_read(file, query))

    rows = _story("search", place, seed, kept, 3)
    assert _result(place, "disturbed") == _result(place, "undisturbed"), "not as if undisturbed"
    states = dict(_read(file, "SELECT state, count(*) FROM trials GROUP BY state"))
    assert states == {"COMPLETE": _result(place, "disturbed")["count"]}, f"states: {states}"
    return rows


def _story(
    kind: str, place: Path, seed: int, kept: Callable[[], Mapping[Any, Any]], most: int
) -> list[dict[str, Any]]:
    """Run the job until it is done; a run is killed after up to `most` further things are kept."""
    random, rows = np.random.default_rng(seed), []
    result = place / "disturbed.json"
    while not result.exists():
        number = len(rows) + 1
        assert number <= MOST_RUNS, f"not done after {MOST_RUNS} runs: {rows}"
        before, began = kept(), time.monotonic()
        with Program([JOB, kind, place, "disturbed"], place / f"{kind}-{number}.log") as program:
            if number > KILLS:
                program.wait_for(lambda: False, PATIENCE)
            elif number % AT_ANY_TIME == 0:
                until = time.monotonic() + random.uniform(0, LONGEST)
                program.wait_for(lambda end=until: time.monotonic() > end, PATIENCE)
            else:
                goal = len(before) + random.integers(1, most + 1)
                if program.wait_for(lambda goal=goal: len(kept()) >= goal, PATIENCE):
                    time.sleep(random.uniform(0, 0.5))
            ended = program.process.poll()
            program.kill_all()
            assert ended in (None, 0), f"a run has failed: {program.said()}"
        after = kept()
        lost = [key for key in before if after.get(key) != before[key]]
        assert not lost, f"run {number} has lost or done again what was kept: {lost}"
        rows.append(
            {
                "run": number,
                "seconds": round(time.monotonic() - began, 1),
                "ended": "its end" if ended == 0 else "SIGKILL",
                "found": len(before),
                "done": len(after) - len(before),
                "kept": len(after),
            }
        )
    with Program([JOB, kind, place, "undisturbed"], place / f"{kind}-undisturbed.log") as program:
        program.wait_for(lambda: False, PATIENCE)
        assert program.process.wait() == 0, program.said()
    return rows


def _result(place: Path, name: str) -> dict[str, Any]:
    return json.loads((place / f"{name}.json").read_text())


def _read(file: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the database; none where it is not made yet or is being written."""
    until = time.monotonic() + 10
    while file.exists():
        try:
            with closing(sqlite3.connect(file)) as connection:
                return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            assert time.monotonic() < until, error
    return []


def main() -> None:
    """Tell both stories as tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    titles = {
        tuner_story: "GroupedProphetTuner, checkpointDir: 48 groups",
        search_story: "BayesianTrainValidationSplit, SQLite: 20 trials",
    }
    for story, title in titles.items():
        with tempfile.TemporaryDirectory(prefix="story-") as folder:
            rows = story(Path(folder), seed)
        print(f"\n{title}\n" + " | ".join(rows[0]))
        for row in rows:
            print(" | ".join(map(str, row.values())))


if __name__ == "__main__":
    main()
