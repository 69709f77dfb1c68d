"""The timings of a model's table for its report, bounded on the driver."""

from __future__ import annotations

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sparkprophet.report.timings import Timings, timings
from sparkprophet.spark.grouped.summary import Summary

MOST_ENTRIES = 50_000
"""Groups up to which each is an entry of its own; above, about as many slices of time."""


def collect(models: DataFrame, summary: Summary, most: int = MOST_ENTRIES) -> Timings:
    """The timings behind a model's table and summary.

    Of more than `most` groups Spark adds up those that one process began within one slice of
    time; slices are as long as it takes to have about `most` of them.

    Raises
    ------
    ValueError
        Where no row has timings.
    """
    timed = models.filter("started_at IS NOT NULL AND fit_seconds IS NOT NULL").select(
        F.col("host"),
        F.col("pid"),
        # Less the job's beginning: a double of today's seconds since 1970 has 0.2 us left.
        (F.unix_micros("started_at") / 1e6 - F.lit(summary.began_at)).alias("start"),
        F.col("fit_seconds").alias("seconds"),
        F.coalesce("cpu_seconds", F.lit(0.0)).alias("cpu_seconds"),
    )
    timed = timed.withColumn("end", F.col("start") + F.col("seconds"))
    if summary.groups > most:
        timed = _sliced(timed, most)
    else:
        timed = timed.withColumns({"groups": F.lit(1), "longest": F.col("seconds")})
    rows = timed.collect()
    if not rows:
        raise ValueError(
            "report: no row of the models table has started_at and fit_seconds; only a table that "
            "fit or tune wrote has them"
        )
    names = timed.columns
    columns = {
        name: np.array([row[i] for row in rows], object if name == "host" else None)
        for i, name in enumerate(names)
    }
    missing = summary.groups - int(columns["groups"].sum())
    notes = [f"{missing} groups have no timings; they are left out."] if missing > 0 else []
    return timings(**columns, wall_seconds=summary.wall_seconds, slots=summary.slots, notes=notes)


def _sliced(timed: DataFrame, most: int) -> DataFrame:
    """Sums over the groups that one process began within one slice of time."""
    first, last, processes = timed.agg(
        F.min("start"), F.max("start"), F.count_distinct("host", "pid")
    ).collect()[0]
    if first is None:
        return _sums(timed, F.lit(0))
    each = max(1, most // processes)
    seconds = max((last - first) / each, 1e-6)
    return _sums(timed, F.floor((F.col("start") - F.lit(first)) / F.lit(seconds)))


def _sums(timed: DataFrame, slice_number: Column) -> DataFrame:
    return (
        timed.groupBy("host", "pid", slice_number.alias("slice"))
        .agg(
            F.min("start").alias("start"),
            F.max("end").alias("end"),
            F.sum("seconds").alias("seconds"),
            F.sum("cpu_seconds").alias("cpu_seconds"),
            F.count("*").alias("groups"),
            F.max("seconds").alias("longest"),
        )
        .drop("slice")
    )
