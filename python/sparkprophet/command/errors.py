"""The error that means that the command was called wrongly, and Spark's errors in a line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from sparkprophet.series.errors import clip

SPARK_ERRORS = (PySparkException, Py4JJavaError)


class UsageError(Exception):
    """A wrong argument, config value or file, exit code 2: where, what was found, the remedy."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, else all of them."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def in_a_line(error: BaseException, limit: int = 800) -> str:
    """An error's text without the stack of the JVM."""
    java = getattr(error, "java_exception", None)
    text = str(error) if java is None else str(java.toString())
    return clip(text.split("\n\tat ")[0], limit)
