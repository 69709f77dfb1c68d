"""Training and validation frames that depend on the rows alone, not on how they are partitioned.

Spark's own `CrossValidator` splits by `rand(seed)`, which numbers the rows of each partition: the
same data in other partitions gives other folds. Here a row's hash decides. Copies of a row differ
by their rank among themselves, so that they spread over the folds too.

The data is kept once, with the fold as a column, and each frame is a filter over that.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.spark.columns import quoted
from sparkprophet.spark.input_checks import type_of
from sparkprophet.spark.jobs import release

STORAGE_LEVELS = (
    "NONE",
    "DISK_ONLY",
    "MEMORY_ONLY",
    "MEMORY_AND_DISK",
    "MEMORY_AND_DISK_DESER",
    "OFF_HEAP",
)
# Bits of a double's mantissa: the hash as a number in [0, 1).
_BITS = 53

_logger = logging.getLogger("sparkprophet")


@dataclass(frozen=True)
class Fold:
    """One training frame and the validation frame that goes with it."""

    train: DataFrame
    validation: DataFrame


@contextlib.contextmanager
def hashed_folds(
    dataset: DataFrame, shares: Sequence[float], seed: int, level: str
) -> Iterator[list[Fold]]:
    """Folds by a hash of the row and the seed.

    Parameters
    ----------
    dataset : DataFrame
    shares : sequence of float
        Part of the rows that each fold validates, at most 1 in sum.
    seed : int
    level : str
        One of STORAGE_LEVELS, for the time of the block.

    Yields
    ------
    list of Fold
        One per share.
    """
    name, rank = _unused("fold"), _unused("rank")
    with contextlib.ExitStack() as stack:
        hashed = dataset.withColumn(name, _hash(dataset, seed))
        stack.enter_context(_kept(hashed, level))
        rows = hashed.agg(F.count("*"), F.count_distinct(name)).collect()[0]
        if rows[0] > rows[1]:
            # By the texts, as rows that differ only in where they are NULL have one hash.
            texts = [quoted(column).cast("string") for column in dataset.columns]
            copies = Window.partitionBy(name).orderBy(*texts)
            ranked = hashed.withColumn(rank, F.row_number().over(copies))
            first, hashed = hashed, ranked.withColumn(name, F.xxhash64(name, rank)).drop(rank)
            stack.enter_context(_kept(hashed, level))
            hashed.count()
            release(first)
        share = F.shiftrightunsigned(name, 64 - _BITS) / F.lit(2.0**_BITS)
        # Rounded, or seven sevenths would leave out rows just below 1.
        ends = [round(sum(shares[: i + 1]), 12) for i in range(len(shares))]
        starts = [0.0, *ends[:-1]]
        held = [(share >= a) & (share < b) for a, b in zip(starts, ends, strict=True)]
        yield _folds(hashed, [~h for h in held], held, "hash of the row", name)


@contextlib.contextmanager
def given_folds(dataset: DataFrame, column: str, count: int, level: str) -> Iterator[list[Fold]]:
    """Folds by a column of whole numbers from 0 to count - 1, the fold that validates the row.

    Raises
    ------
    ValueError
        Where the column is missing, is no whole number, or holds NULL or another number.
    """
    kind = type_of(dataset, "foldCol", column)
    if not isinstance(kind, T.IntegralType):
        raise ValueError(
            f"foldCol: column {column!r} is {kind.simpleString()}, must be whole numbers; cast it"
        )
    fold = quoted(column)
    with _kept(dataset, level):
        wrong = F.coalesce((fold < 0) | (fold >= count), F.lit(True))
        bad = dataset.filter(wrong).select(fold).first()
        if bad is not None:
            raise ValueError(
                f"foldCol: column {column!r} holds {bad[0]}, must be from 0 to {count - 1}; "
                "filter such rows out, or set numFolds"
            )
        held = [fold == i for i in range(count)]
        yield _folds(dataset, [~h for h in held], held, f"column {column!r}")


@contextlib.contextmanager
def rolling_folds(
    dataset: DataFrame, column: str, horizon: int, count: int, level: str
) -> Iterator[list[Fold]]:
    """Folds that train on the past and validate the steps after it, the last fold the newest.

    A step is one distinct value of the column, over all rows. Each fold validates `horizon` steps,
    and no step is validated twice. Rows without a timestamp are in no frame; how many there are is
    logged as a warning.

    Raises
    ------
    ValueError
        Where the column is missing, or has not `count * horizon` steps after its first.
    """
    type_of(dataset, "timestampCol", column)
    stamp = _ordered(dataset, column)
    with _kept(dataset, level):
        wanted = count * horizon
        steps = dataset.filter(stamp.isNotNull()).select(stamp.alias("step")).distinct()
        newest = steps.orderBy(F.desc("step")).limit(wanted + 1).orderBy("step")
        if newest.count() <= wanted:
            raise ValueError(
                f"horizon: found {newest.count()} different values in column {column!r}, but "
                f"{count} folds of {horizon} steps need {wanted + 1}; lower numFolds or horizon"
            )
        unknown = dataset.filter(stamp.isNull()).count()
        if unknown:
            _logger.warning("%d rows have no %s and are in no fold", unknown, column)
        values = [F.lit(row.step) for row in newest.collect()[1:]]
        firsts, lasts = values[::horizon], values[horizon - 1 :: horizon]
        held = [
            (stamp >= first) & (stamp <= last) for first, last in zip(firsts, lasts, strict=True)
        ]
        yield _folds(dataset, [stamp < first for first in firsts], held, f"column {column!r}")


def _ordered(dataset: DataFrame, column: str) -> Column:
    """The column in a form that no time zone of a driver changes on its way there and back."""
    kind = dataset.schema[column].dataType
    if isinstance(kind, (T.ArrayType, T.MapType, T.StructType, T.BinaryType, T.UserDefinedType)):
        raise ValueError(
            f"timestampCol: column {column!r} is {kind.simpleString()}, must be dates, timestamps, "
            "numbers or text in the order of time"
        )
    if isinstance(kind, T.TimestampType):
        return F.unix_micros(quoted(column))
    if isinstance(kind, (T.FloatType, T.DoubleType)):
        return F.nanvl(quoted(column), F.lit(None).cast(kind))
    return quoted(column).cast("string") if isinstance(kind, T.TimestampNTZType) else quoted(column)


def _folds(
    data: DataFrame, train: list[Column], held: list[Column], by: str, *added: str
) -> list[Fold]:
    """One fold per pair of conditions, each with rows on both sides."""
    sums = [F.count_if(condition) for condition in (*train, *held)]
    counts = data.agg(*sums).collect()[0]
    for position, count in enumerate(counts):
        if count == 0:
            fold, side = position % len(train), ("training", "validation")[position // len(train)]
            raise ValueError(
                f"fold {fold}, by the {by}, has no {side} rows; give more rows or fewer folds"
            )
    return [
        Fold(data.filter(t).drop(*added), data.filter(h).drop(*added))
        for t, h in zip(train, held, strict=True)
    ]


@contextlib.contextmanager
def _kept(data: DataFrame, level: str) -> Iterator[None]:
    # What the caller keeps already is not ours to give back.
    if level == "NONE" or data.storageLevel != StorageLevel.NONE:
        yield
        return
    data.persist(getattr(StorageLevel, level))
    try:
        yield
    finally:
        release(data)


def _hash(dataset: DataFrame, seed: int) -> Column:
    """64 bits of the row's values; maps, which cannot be hashed, by their JSON."""
    values = [(quoted(field.name), field.dataType) for field in dataset.schema.fields]
    return F.xxhash64(
        F.lit(seed).cast("long"), *(F.to_json(v) if _has_map(kind) else v for v, kind in values)
    )


def fingerprint(dataset: DataFrame) -> dict[str, Any]:
    """What tells whether data is the same: names of columns, number of rows, a hash of all values.

    Neither the order of the rows nor their partitions matter.
    """
    marks = [quoted(name).isNull() for name in dataset.columns]
    of_row = F.xxhash64(_hash(dataset, 0), *marks).cast("decimal(20,0)")
    rows, total = dataset.agg(F.count("*"), F.sum(of_row)).collect()[0]
    return {"columns": dataset.columns, "number of rows": rows, "values": str(total)}


def _has_map(kind: T.DataType) -> bool:
    if isinstance(kind, T.MapType):
        return True
    if isinstance(kind, T.ArrayType):
        return _has_map(kind.elementType)
    if isinstance(kind, T.StructType):
        return any(_has_map(field.dataType) for field in kind.fields)
    return False


def _unused(what: str) -> str:
    return f"sparkprophet_{what}_{uuid.uuid4().hex[:12]}"
