"""The form of what is written, whatever the session says of Parquet.

A session's settings say how a timestamp is written; one of milliseconds would cut off what a row's
checksum counts. They have no option of a single write, so they are set for the time of one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from pyspark.sql import SparkSession

_SETTINGS = {
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat": "false",
    # Dates before 1582 as they are in the calendar that Spark counts with.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}
_lock = threading.Lock()
# What a session's settings were before the first of the writers that are at work.
_before: dict[int, tuple[int, dict[str, str]]] = {}


@contextlib.contextmanager
def fixed_form(spark: SparkSession) -> Iterator[None]:
    """Settings of `spark` that files depend on are Spark's defaults in the block.

    Several threads can be in one at a time; the last one to leave gives the session its own back.
    """
    session = id(spark)
    with _lock:
        writers, before = _before.get(session, (0, {}))
        if not writers:
            before = {name: str(spark.conf.get(name)) for name in _SETTINGS}
        _before[session] = writers + 1, before
        for name, value in _SETTINGS.items():
            spark.conf.set(name, value)
    try:
        yield
    finally:
        with _lock:
            writers, before = _before.pop(session)
            if writers > 1:
                _before[session] = writers - 1, before
            else:
                for name, value in before.items():
                    spark.conf.set(name, value)
