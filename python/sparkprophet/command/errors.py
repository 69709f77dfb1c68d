"""What commands say on stderr: lines for people, wrong calls, and Spark's errors in a line."""

from __future__ import annotations

import sys

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from sparkprophet.messages import clip

SPARK_ERRORS = (PySparkException, Py4JJavaError)


class UsageError(Exception):
    """A wrong argument, config value or file, exit code 2: where, what was found, the remedy."""


def in_a_line(error: BaseException, limit: int = 800) -> str:
    """An error's text without the stack of the JVM."""
    java = getattr(error, "java_exception", None)
    text = str(error) if java is None else str(java.toString())
    return clip(text.split("\n\tat ")[0], limit)


def say(line: str) -> None:
    """Print a line on stderr, for people."""
    print(f"sparkprophet: {line}", file=sys.stderr, flush=True)
