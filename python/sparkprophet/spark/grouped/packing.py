"""Which groups share a task: keys into buckets by hash, buckets into bins by cost, one shuffle.

A key's bucket follows from its hash alone, so that the driver holds a fixed number of costs however
many groups there are. Buckets are packed into bins, one bin a task: the heaviest first, into bins
of falling size, so that the last tasks are short and all slots end together (Tzeng and Ni, 1993,
"Trapezoid self-scheduling"). A giant group, heavier than any bin, gets a bin to itself, the first.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Fine enough for bins of even cost on a thousand slots, few enough for a literal in a plan.
BUCKETS = 16_384
# Several tasks a slot: they even out what costs do not foresee, and progress shows in tasks.
BINS_PER_SLOT = 8
# What a group costs besides its rows, in rows: proposing and scoring its trials, its own row.
_ROWS_PER_GROUP = 1000
# The smallest bin's share of the mean one; the largest gets what is left to 2.
_SMALLEST = 1 / 8


def bucket(seed: Column) -> Column:
    """The bucket of a group by its hash: 0 to BUCKETS - 1."""
    return F.pmod(seed, F.lit(BUCKETS)).cast("int")


def costs(rows_per_bucket: dict[int, int]) -> np.ndarray:
    """Estimated cost of every bucket, in rows; shape (BUCKETS,), 0 where a bucket is empty."""
    estimates = np.zeros(BUCKETS)
    for number, rows in rows_per_bucket.items():
        estimates[number] = rows + _ROWS_PER_GROUP
    return estimates


def rows_per_bucket(data: DataFrame) -> dict[int, int]:
    """Rows of every bucket that has any, by a Spark job that reads the keys alone."""
    counted = data.groupBy(bucket(F.col("seed")).alias("bucket")).count()
    return {row["bucket"]: row["count"] for row in counted.collect()}


@dataclass(frozen=True)
class Packing:
    """Bins of buckets, in the order in which they should be worked on.

    Attributes
    ----------
    bin_of : int array, shape (BUCKETS,)
        Bin of every bucket, from 0; -1 for those that are left out.
    loads : float array, shape (bins,)
        Cost of every bin, falling.
    """

    bin_of: np.ndarray
    loads: np.ndarray


def pack(cost: np.ndarray, bins: int, falling: bool) -> Packing:
    """Put buckets into at most `bins` bins, the heaviest first, each where most room is left.

    Parameters
    ----------
    cost : float array, shape (BUCKETS,)
        At least 0; NaN leaves a bucket out. Those of cost 0 have a bin too: rows that came after
        the count are not lost.
    bins : int
        At least 1.
    falling : bool
        Aim at bins of falling size, for more bins than slots; else at bins of one size.

    Returns
    -------
    Packing
        Has no bins without cost, but one where all is empty.
    """
    known = np.nan_to_num(cost)
    order = np.argsort(-known, kind="stable")[: np.count_nonzero(known)]
    sizes = np.linspace(2 - _SMALLEST, _SMALLEST, bins) if falling else np.ones(bins)
    # Negated, for the heap's smallest is the bin with most room.
    room = [(-size * known.sum() / bins, number) for number, size in enumerate(sizes)]
    heapq.heapify(room)
    first_bins = np.zeros(BUCKETS, dtype=int)
    loads = np.zeros(bins)
    for heaviest in order:
        left, number = room[0]
        heapq.heapreplace(room, (left + known[heaviest], number))
        first_bins[heaviest] = number
        loads[number] += known[heaviest]
    kept = np.argsort(-loads, kind="stable")[: max(1, np.count_nonzero(loads))]
    rank = np.empty(bins, dtype=int)
    rank[kept] = np.arange(len(kept))
    bin_of = rank[first_bins]
    empty = np.flatnonzero(cost == 0)
    bin_of[empty] = np.arange(len(empty)) % len(kept)
    bin_of[np.isnan(cost)] = -1
    return Packing(bin_of, loads[kept])


def spread(data: DataFrame, packing: Packing) -> DataFrame:
    """`data` with the column `bin`, shuffled so that each bin is a partition, in order.

    Rows of buckets without a bin are left out. Grouping by `bin` and others needs no further
    shuffle.

    Parameters
    ----------
    data : DataFrame
        With the column `seed`.
    """
    bins = len(packing.loads)
    numbers = np.append(_numbers_of_partitions(bins), -1)[packing.bin_of]
    # One literal, as one a bucket would be thousands of calls into the JVM. In bytes and of one
    # width, so that a row costs a copy of its few: Spark evaluates rows of a local relation one by
    # one before it folds any constant, and a text would be split or counted through for each.
    width = max(len(str(number)) for number in numbers)
    table = "".join(f"{number:{width}}" for number in numbers).encode()
    place = bucket(F.col("seed")) * width + 1
    number = F.substring(F.lit(table), place, F.lit(width)).cast("string").cast("int")
    marked = data.withColumn("bin", number).filter(F.col("bin") >= 0)
    return marked.repartition(bins, "bin")


def _numbers_of_partitions(partitions: int) -> np.ndarray:
    """For every partition a number that Spark's hash partitioning sends there.

    Bins numbered 0, 1, ... would collide in some partitions and leave others empty.
    """
    enough, reached = partitions, np.empty(0)
    while len(reached) < partitions:
        enough *= 4
        places = spark_hash(np.arange(enough)) % partitions
        reached, first = np.unique(places, return_index=True)
    return first


def spark_hash(numbers: np.ndarray) -> np.ndarray:
    """Spark's `hash` of int columns: Murmur3 (Appleby 2008) of four bytes with the seed 42.

    Parameters
    ----------
    numbers : int array
        0 to 2**31 - 1.

    Returns
    -------
    int64 array, -2**31 to 2**31 - 1
    """

    def rotated(x: np.ndarray, bits: int) -> np.ndarray:
        return (x << np.uint32(bits)) | (x >> np.uint32(32 - bits))

    mixed = rotated(numbers.astype(np.uint32) * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)
    mixed = rotated(np.uint32(42) ^ mixed, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    mixed ^= np.uint32(4)  # bytes
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> np.uint32(shift))) * np.uint32(factor)
    return (mixed ^ (mixed >> np.uint32(16))).view(np.int32).astype(np.int64)
