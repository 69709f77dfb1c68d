"""A Spark session for a program of its own: the one that is there, else a quiet local one."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

# What the JVM and Spark say at every start, before a log level can be set. A real error starts
# otherwise and is passed on.
_START_NOISE = re.compile(
    r"WARNING: Using incubator modules|Using Spark's default log4j profile"
    r"|Setting default log level to|To adjust logging level use"
    r"|\d\d/\d\d/\d\d \d\d:\d\d:\d\d (WARN|INFO) "
)
_QUIET = {"spark.ui.showConsoleProgress": "false", "spark.ui.enabled": "false"}


@contextlib.contextmanager
def quiet_session(app_name: str) -> Iterator[SparkSession]:
    """The session of spark-submit, of Spark Connect or of the caller, else a local one.

    A local one has a slot per core and logs errors only; `PYSPARK_SUBMIT_ARGS` and Spark's own
    config files are heeded. A session that was made here is stopped at the end.

    Parameters
    ----------
    app_name : str
        Name of the application if a session has to be made.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        yield active
        return
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    ours = not (_submitted() or "SPARK_REMOTE" in os.environ)
    if ours:
        _start_jvm()
    spark = SparkSession.builder.appName(app_name).getOrCreate()
    try:
        if ours:
            spark.sparkContext.setLogLevel("ERROR")
        yield spark
    finally:
        spark.stop()


@contextlib.contextmanager
def own_stderr() -> Iterator[None]:
    """Within the block `sys.stderr` is the program's stderr, under spark-submit too.

    spark-submit joins a Python program's stderr to its stdout, which a program that reads the
    result would trip over.
    """
    if not _submitted():
        yield
        return
    SparkContext._ensure_initialized()
    with contextlib.redirect_stderr(_JvmStderr()):
        yield


class _JvmStderr(io.TextIOBase):
    """Writes to the stderr of the JVM that spark-submit runs in."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        jvm: Any = SparkContext._jvm
        jvm.System.err.print(text)
        return len(text)


@contextlib.contextmanager
def shipped(spark: SparkSession) -> Iterator[None]:
    """Within the block Spark's workers have this package, installed on their nodes or not.

    For a program that was started from the package's own folder, which its workers may not see.

    Parameters
    ----------
    spark : SparkSession
    """
    package = Path(__file__).resolve().parents[1]
    # Spark serves the file from where it lies, so it stays as long as the work goes on.
    with tempfile.TemporaryDirectory(prefix="sparkprophet-") as folder:
        archive = shutil.make_archive(
            f"{folder}/{package.name}", "zip", package.parent, package.name
        )
        spark.sparkContext.addPyFile(archive)
        yield


def _submitted() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _start_jvm() -> None:
    """Start Spark's JVM as pyspark would, its stderr read through a filter."""
    if SparkContext._gateway is not None:
        return
    conf = SparkConf(loadDefaults=False)
    for name, value in _QUIET.items():
        conf.set(name, value)
    reading, writing = os.pipe()
    threading.Thread(target=_pass_on, args=(reading,), daemon=True).start()
    try:
        gateway = launch_gateway(conf, {"stderr": writing})  # type: ignore[no-untyped-call]
        SparkContext._ensure_initialized(gateway=gateway)
    finally:
        os.close(writing)


def _pass_on(descriptor: int) -> None:
    with open(descriptor, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not _START_NOISE.match(line):
                sys.stderr.write(line)
                sys.stderr.flush()
