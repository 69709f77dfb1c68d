"""What a case of the reliability card is; the cases are in the modules named after its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROMISES = {
    "P1": "exactly one row per key of the input, with a status and, where it failed, a code",
    "P2": "a bad group changes no other group's result by one bit",
    "P3": "the same results for any partitioning, batch size, order and parallelism",
    "P4": "a save is there whole or not at all; a failed or killed save leaves the old model",
    "P5": "loading runs no code from the file: no pickle, allow-listed classes, no newer format",
    "P6": "a killed driver loses only what was in flight; the same call again finishes the rest",
    "P7": "every message names the group, column, value and remedy in at most 500 characters",
    "P8": "memory and time of a group are bounded; the driver's memory does not grow with groups",
    "P9": "what cannot work is refused before the job; no failure in a worker is missing rows",
    "P10": "results and files do not depend on the session's settings, or a warning tells",
    "P11": "a resumed search is of the same data, features and params, or refused by what changed",
    "P12": "no secret, such as a storage URL's password, is in a saved file, a message or a log",
}

COUNTS = {"y": 12, "size": 5, "ds": 12, "keys": 8, "params": 7, "workers": 5, "driver": 5,
          "storage": 6, "files": 4, "scale": 4, "surroundings": 6}  # fmt: skip


class Broken(AssertionError):
    """A promise does not hold; the text says in one line what happened instead."""


@dataclass(frozen=True)
class Case:
    """One line of the card.

    Attributes
    ----------
    part : str
        y, size, ds, keys, params, workers, driver, storage, files, scale or surroundings.
    name : str
        What is wrong, such as "NaN" or "executor SIGKILL".
    promise : str
        The promises that it tests, such as "P1 P2 P7".
    run : callable
        (system, place) -> a line on what was seen; raises, best of all Broken, where the promise
        does not hold. `system` is one of `systems.SYSTEMS`' values, `place` an empty folder.
    slow : bool
        Not in `make test`.
    """

    part: str
    name: str
    promise: str
    run: Callable[[Any, Path], str]
    slow: bool = False


def broken_unless(holds: Any, what: str) -> None:
    """Raise Broken(what) unless `holds`."""
    if not holds:
        raise Broken(what)
