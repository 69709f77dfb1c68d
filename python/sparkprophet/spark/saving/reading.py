"""What reading the files of a save refuses, and which of them it looks at."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from py4j.protocol import Py4JJavaError

from sparkprophet.messages import clip

READ_LIMIT = 64 * 2**20
"""Bytes; larger files are not read into memory."""
HIDDEN = (".", "_")


class NotWholeError(ValueError):
    """A folder is not all of a save: it is damaged, or another writer is at work."""


def exact(path: str) -> str:
    """`path` for what reads patterns, as Spark's readers do: it names itself and nothing else."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", path)


def check_length(path: str, length: int) -> None:
    """Look at a file's bytes before it is read into memory.

    Raises
    ------
    ValueError
        For more than READ_LIMIT.
    """
    if length > READ_LIMIT:
        raise ValueError(
            f"{path}: has {length} bytes, more than the {READ_LIMIT} that are read; this is no "
            "saved stage, or it is damaged: save it again or restore it from a backup"
        )


def visible(lengths: dict[str, int]) -> dict[str, int]:
    """Those whose path has no hidden step, as Spark sees them."""
    return {
        name: length
        for name, length in lengths.items()
        if not any(part.startswith(HIDDEN) for part in name.split("/"))
    }


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Errors of Hadoop as one line each: NotWholeError where there is nothing."""
    try:
        yield
    except Py4JJavaError as error:
        cause = error.java_exception
        name, message = cause.getClass().getSimpleName(), cause.getMessage()
        if name in ("FileNotFoundException", "NoSuchFileException"):
            raise NotWholeError(f"{path}: is not there; check the path") from error
        raise ValueError(
            clip(
                f"{path}: cannot be read ({name}: {message}); save the model again or restore it "
                "from a backup"
            )
        ) from error
