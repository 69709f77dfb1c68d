"""The number of rows: what is too small (5 cases)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from card import Case, broken_unless
from groups import (
    GOOD,
    MESSAGE_LIMIT,
    Batch,
    Group,
    check_good,
    check_keys,
    fitted,
    frame,
    good,
    series,
)

SIZE = Batch("size")


def empty_frame(system: Any, place: Path) -> str:
    """One error that says so, or nothing in and nothing out."""
    try:
        found = fitted(system, frame(good()).limit(0))
    except ValueError as error:
        broken_unless("has no rows" in str(error), f"the message does not say it: {error}")
        broken_unless("check its source" in str(error), f"no remedy: {error}")
        broken_unless(len(str(error)) <= MESSAGE_LIMIT, "a long message")
        return f"ValueError: {error}"
    check_keys(found, set())
    return "an empty table"


def empty_partition(system: Any, place: Path) -> str:
    """40 partitions for 2 keys."""
    found = fitted(system, frame(good()).repartition(40, "g"))
    check_keys(found, {(key,) for key in GOOD})
    check_good(system, found)
    return "no difference"


CASES = [
    Case("size", "empty frame", "P1 P7", empty_frame),
    Case("size", "empty partition", "P1 P2 P3", empty_partition),
    SIZE.case(
        "1 row",
        Group("1 row", series(rows=1), "TOO_SHORT", ("1 usable rows, 2 needed", "minObservations")),
    ),
    SIZE.case("2 rows", Group("2 rows", series(rows=2))),
    SIZE.case("fewer rows than changepoints", Group("few rows", series(rows=9))),
]
