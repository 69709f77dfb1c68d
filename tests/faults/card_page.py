"""docs/reliability.md, made from what `make card` measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from card import COUNTS, PROMISES
from systems import SYSTEMS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "reliability_card.json"
PAGE = ROOT / "docs" / "reliability.md"

SEEN = 200  # characters of a cell

_PARTS = {
    "y": "The label", "size": "The number of rows", "ds": "The timestamp", "keys": "The keys",
    "params": "The settings", "workers": "Workers and executors", "driver": "The driver",
    "storage": "Storage and parallel work", "files": "Saved files", "scale": "Scale",
    "surroundings": "Sessions, paths and sources",
}  # fmt: skip
_INTRODUCTION = """\
# Reliability

Made by `make card` from [what it measured](../benchmarks/results/reliability_card.json); do not
edit. {total} things that go wrong with many series on a cluster, each done to sparkprophet and to
what its users would write without it: stock Prophet in `applyInPandas`, models kept as JSON in a
table. One check judges both: did the promises hold, and was every forecast the right one?

| | cases | sparkprophet | stock Prophet in `applyInPandas` |
|---|---|---|---|
{counts}

## The promises
"""
_LIMITS = """
## How it is judged, and what it does not say

- Every input case has good groups beside the bad one. Their forecasts must be those without it, to
  the last bit. A group that can be forecast must be, within a twentieth of its labels' standard
  deviation of stock Prophet's forecast on the usable rows. Another must be a row with a code.
- A mistake that no data can make right must raise before any Spark job. Where a system copes with
  it instead, and the forecasts are right, the promise holds too: strings of numbers are an example.
- A job of `applyInPandas` ends with its first bad group, and no other group has a forecast then.
  It gets each case alone; sparkprophet gets all groups of a part in one fit, whose time stands at
  the first of them.
- A user can guard `applyInPandas` by hand: catch each group's errors, write a status column, and so
  on. What is compared is stock Prophet in one function, as its users begin.
- Labels beyond 1e150 or all below 1e-150 are refused with a code by sparkprophet; stock Prophet
  fits them.
- A fit of a million groups by stock Prophet is extrapolated from some hundred of them. That it is
  slow is all that is said of it: its driver's memory does not grow either.
- The faults are those that one machine can show: processes are killed, disks are full and sessions
  stop, but nobody has cut a network.
"""


def page(results: dict[str, Any]) -> str:
    """The whole page."""
    cases = results["cases"]
    groups = [(part, [c for c in cases if c["part"] == part]) for part in COUNTS]
    rows = [("All", cases), *[(_PARTS[part], own) for part, own in groups if own]]
    counts = "\n".join(_count(name, own) for name, own in rows)
    parts = [_INTRODUCTION.format(total=len(cases), counts=counts), "| | |\n|---|---|"]
    parts += [f"| {name} | {text} |" for name, text in PROMISES.items()]
    for part, own in groups:
        if own:
            parts += [f"\n## {_PARTS[part]}\n", _HEADER, *map(_line, own)]
    return "\n".join([*parts, _LIMITS, _machine(results)])


def readable(text: str) -> str:
    """One line without paths of this machine, addresses of objects and random ids."""
    paths = r"(?<![\w.<])(?<!:/)(/[\w.+=-]+){2,}"
    text = re.sub(paths, lambda found: found[0].rpartition("/")[2], text)
    text = re.sub(r"0x[0-9a-f]{4,}", "0x...", text)
    line = " ".join(re.sub(r"(?<=[a-z])_[0-9a-f]{12}\b", "", text).split())
    return line if len(line) <= SEEN else line[: SEEN - 3] + "..."


def sentence(results: dict[str, Any]) -> str:
    """What README says of it."""
    cases = results["cases"]
    ours, plain = (holding(cases, system) for system in SYSTEMS)
    return (
        f"Of {len(cases)} of them, each done to both and judged by the same check, sparkprophet "
        f"keeps its promises in **{ours}**, stock Prophet in `applyInPandas` in **{plain}**"
    )


def holding(cases: list[dict[str, Any]], system: str) -> int:
    """In how many cases the promises hold."""
    return sum(case["systems"][system]["holds"] for case in cases)


_HEADER = "| case | promise | sparkprophet | s | `applyInPandas` | s |\n|---|---|---|---|---|---|"


def _count(name: str, cases: list[dict[str, Any]]) -> str:
    found = [f"{holding(cases, system)} of {len(cases)}" for system in SYSTEMS]
    if name == "All":
        name, found = f"**{name}**", [f"**{text}**" for text in found]
    return f"| {name} | {len(cases)} | {found[0]} | {found[1]} |"


def _line(case: dict[str, Any]) -> str:
    cells = [case["case"], case["promise"]]
    for system in SYSTEMS:
        found = case["systems"][system]
        cells += [
            f"{'holds' if found['holds'] else '**broken**'}: {found['seen']}",
            f"{found['seconds']:.0f}",
        ]
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    """As a cell of a table."""
    for mark in "\\|<>_[]":
        text = text.replace(mark, f"\\{mark}")
    return text


def _machine(results: dict[str, Any]) -> str:
    about = results["about"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Seconds are of a shared machine ({about['processor']}, {about['cores']} cores, "
        f"{about['system']}); {versions}. Seed {results['seed']}.\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text())))
