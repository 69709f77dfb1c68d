"""Run the cases of the reliability card on both systems; write the results and the page.

    python tests/faults/make_card.py [--parts y,ds] [--systems ours,plain] [--limit SECONDS]

Each part of each system has a process of its own. A case that has not ended at its limit, or whose
process dies, is a result like others; the cases after it get a new process. Results of parts and
systems that were not asked for stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "benchmarks"), str(HERE)]

import machine  # noqa: E402
import spark_sessions  # noqa: E402

from card import COUNTS  # noqa: E402
from card_page import PAGE, RESULTS, page, readable, sentence  # noqa: E402
from groups import job_error  # noqa: E402
from own_processes import kill_marked  # noqa: E402
from parts import cases  # noqa: E402
from systems import SYSTEMS  # noqa: E402

SLOW = 4  # a slow case may take so many limits


def run_here(part: str, system: str, out: Path, done: int) -> None:
    """In a process of its own: the cases of a part from this one on, a line when each begins and
    one when it ends.
    """
    spark_sessions.session("local[2]", "OFF", driver_memory="2g", sql_shuffle_partitions="4")

    def tell(line: dict[str, Any]) -> None:
        with open(out, "a") as lines:
            lines.write(json.dumps(line) + "\n")

    for case in [case for case in cases() if case.part == part][done:]:
        tell({"began": case.name})
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="card-") as place:
            try:
                holds, seen = True, case.run(SYSTEMS[system], Path(place))
            except Exception as error:
                holds, seen = False, job_error(error)
        seconds = round(time.monotonic() - began, 1)
        tell({"holds": holds, "seen": readable(seen), "seconds": seconds})


def run_part(part: str, system: str, limit: float) -> list[dict[str, Any]]:
    """The results of a part's cases, in order."""
    own = [case for case in cases() if case.part == part]
    found: list[dict[str, Any]] = []
    while len(found) < len(own):
        with tempfile.TemporaryDirectory(prefix="card-") as folder:
            out = Path(folder, "results")
            name, _, value = (mark := f"FAULTS_CARD={uuid.uuid4().hex}").partition("=")
            process = subprocess.Popen(
                [sys.executable, __file__, "--here", part, system, str(out), str(len(found))],
                env=os.environ | {name: value},
                stdout=subprocess.DEVNULL,
                cwd=folder,
                stderr=open(Path(folder, "stderr"), "wb"),
                start_new_session=True,
            )
            try:
                found += watched(process, out, [case.slow for case in own[len(found) :]], limit)
            finally:
                kill_marked(mark)
                process.wait()
    return found


def watched(
    process: subprocess.Popen, out: Path, slow: list[bool], limit: float
) -> list[dict[str, Any]]:
    """The results of a process until it ends, dies, or a case in it has used its time."""
    found: list[dict[str, Any]] = []
    began, seen = time.monotonic(), 0
    while len(found) < len(slow):
        ended = process.poll() is not None
        lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
        found = [line for line in lines if "holds" in line]
        if len(lines) != seen:
            began, seen = time.monotonic(), len(lines)
        if len(found) == len(slow):
            break
        allowed = limit * (SLOW if slow[len(found)] else 1)
        seconds = time.monotonic() - began
        if ended or seconds > allowed:
            what = f"no end after {allowed:.0f} s"
            if ended:
                what = f"the process died with exit code {process.returncode}"
            return [*found, {"holds": False, "seen": what, "seconds": round(seconds, 1)}]
        time.sleep(0.1)
    return found


def merged(before: dict[str, Any], found: dict[tuple[str, str], list[dict[str, Any]]]) -> list:
    """All cases in order, each with the newest result of each system."""
    known = {(c["part"], c["case"]): c["systems"] for c in before.get("cases", [])}
    for (part, system), results in found.items():
        own = [case for case in cases() if case.part == part]
        for case, result in zip(own, results, strict=True):
            known.setdefault((part, case.name), {})[system] = result
    return [
        {"part": c.part, "case": c.name, "promise": c.promise, "systems": known[c.part, c.name]}
        for c in cases()
        if (c.part, c.name) in known
    ]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", default=",".join(dict.fromkeys(c.part for c in cases())))
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--limit", type=float, default=600, help="seconds of a case; slow ones: x4")
    parser.add_argument("--here", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        part, system, out, done = arguments.here
        run_here(part, system, Path(out), int(done))
        return
    parts, systems = arguments.parts.split(","), arguments.systems.split(",")
    for given, known in ((parts, COUNTS), (systems, SYSTEMS)):
        if wrong := [name for name in given if name not in known]:
            parser.error(f"{wrong[0]!r} is none of {', '.join(known)}")
    about = machine.description() | {"command": "make card"}
    about["versions"] |= machine.versions(["pyspark"])
    for part in parts:
        for system in systems:
            machine.progress(f"{part}, {system}")
            found = {(part, system): run_part(part, system, arguments.limit)}
            for result in found[part, system]:
                machine.progress(f"  {'holds' if result['holds'] else 'BROKEN'} {result['seen']}")
            before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            results = {"about": about, "seed": 0, "cases": merged(before, found)}
            machine.write_json(str(RESULTS), results)
    if all(set(c["systems"]) == set(SYSTEMS) for c in results["cases"]):
        PAGE.write_text(page(results))
        print(f"written to {PAGE.relative_to(HERE.parents[1])}; README: {sentence(results)}")


if __name__ == "__main__":
    main()
