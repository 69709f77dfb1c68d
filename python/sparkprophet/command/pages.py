"""The file of a report's page."""

from __future__ import annotations

import os

from sparkprophet.command.errors import UsageError
from sparkprophet.report.shown.page import GENERATOR


def check(path: str) -> None:
    """Look at where a page is to be.

    Raises
    ------
    UsageError
        Where none can be written, or something else than a page of this program would go.
    """
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"--html: there is no folder {folder}; make it, or choose another path")
    if os.path.isdir(path):
        raise UsageError(f"--html: {path} is a folder, must be a file such as {path}/report.html")
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        if GENERATOR.encode() not in file.read(1000):
            raise UsageError(
                f"--html: {path} is there and no report of this program; choose another path"
            )


def write(path: str, page: str) -> None:
    """Write the page, or leave what was there."""
    beside = f"{path}.{os.getpid()}.new"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.remove(beside)
