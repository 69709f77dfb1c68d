"""All cases of the card, in its order."""

from __future__ import annotations

import importlib

from card import COUNTS, Case

MODULES = (
    "labels", "sizes", "timestamps", "keys", "params", "workers", "driver", "storage", "files",
    "scales", "surroundings",
)  # fmt: skip


def cases() -> list[Case]:
    """Those of every module, by part."""
    found = [case for name in MODULES for case in importlib.import_module(name).CASES]
    parts = list(COUNTS)
    return sorted(found, key=lambda case: parts.index(case.part))
