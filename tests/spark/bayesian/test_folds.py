"""Folds that the rows alone decide, compared with plain Python over the collected rows."""

import contextlib
import datetime as dt
import logging
import math
import random
import re
from collections import Counter

import pytest
from pyspark import StorageLevel
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql import functions as F
from pyspark.sql import types as T
from tuning_cases import persisted

from sparkprophet.spark.bayesian.folds import (
    STORAGE_LEVELS,
    given_folds,
    hashed_folds,
    rolling_folds,
)
from stage_checks import configured

LEVEL = "MEMORY_AND_DISK"


def multiset(frame):
    """How often each row is in a frame."""
    return Counter(repr(tuple(row)) for row in frame.collect())


def hashed(frame, count=3, seed=0, level=LEVEL):
    """Fold -> multisets of its training and its validation rows."""
    with hashed_folds(frame, [1 / count] * count, seed, level) as found:
        return [(multiset(fold.train), multiset(fold.validation)) for fold in found]


def frames(spark, rows, schema, count=3):
    """The same rows `count` times, in other partitions and another order."""
    for partitions in (1, 7, 4)[:count]:
        order = random.Random(partitions).sample(rows, len(rows))
        frame = spark.createDataFrame(order, schema)
        yield frame.coalesce(1) if partitions == 1 else frame.repartition(partitions)


def assert_partition(folds, rows):
    """Each row validates once, and trains everywhere else."""
    assert sum((held for _, held in folds), Counter()) == rows
    for train, held in folds:
        assert train + held == rows


def test_every_row_validates_once_whatever_its_partition(spark):
    rows = [(i, math.sin(i)) for i in range(60)]
    first, *others = [hashed(frame) for frame in frames(spark, rows, "id long, x double")]
    assert len(first) == 3
    assert_partition(first, Counter(map(repr, rows)))
    assert all(not train & held for train, held in first)
    assert all(other == first for other in others)


def test_the_seed_decides(spark):
    found = [hashed(spark.range(0, 60, 1, 1), 2, seed) for seed in (1, 1, 2**40, -3)]
    assert found[0] == found[1]
    assert found[0] != found[2] != found[3] != found[0]


def test_shares_are_near_what_was_asked_for(spark):
    rows, shares = 4000, [0.5, 0.2, 0.05]
    with hashed_folds(spark.range(rows), shares, 3, LEVEL) as folds:
        for fold, share in zip(folds, shares, strict=True):
            held = fold.validation.count()
            # Five standard deviations of a binomial: once in two million.
            assert abs(held - rows * share) < 5 * math.sqrt(rows * share * (1 - share))
            assert fold.train.count() == rows - held


def test_copies_of_a_row_spread_over_the_folds(spark):
    rows = [(i % 5, "same") for i in range(50)]
    found = [hashed(frame, count=2) for frame in frames(spark, rows, "id long, note string", 2)]
    assert found[0] == found[1]
    assert_partition(found[0], Counter({repr((i, "same")): 10 for i in range(5)}))
    # All copies of a row on one side: once in 512.
    spread = [row for row in found[0][0][1] if 0 < found[0][0][1][row] < 10]
    assert len(spread) >= 4


NESTED = T.StructType([
    T.StructField("id", T.LongType()),
    T.StructField("number", T.DoubleType()),
    T.StructField("words", T.MapType(T.StringType(), T.LongType())),
    T.StructField("maps", T.ArrayType(T.MapType(T.LongType(), T.StringType()))),
    T.StructField("pair", T.StructType().add("a", T.LongType()).add("b", T.StringType())),
    T.StructField("deep", T.StructType().add("m", T.MapType(T.StringType(), T.DoubleType()))),
    T.StructField("features", VectorUDT()),
    T.StructField("a.b `c", T.DecimalType(9, 2)),
])  # fmt: skip


def nested_row(i):
    """Values of all kinds; every third one NULL, every seventh number NaN, each row twice."""
    i //= 2
    row = (
        i, math.nan if i % 7 == 0 else i / 3, {"a": i, "b": -i}, [{i: "x"}, None], (i, None),
        ({"k": math.nan},), Vectors.dense([i, 1.0]) if i % 2 else Vectors.sparse(2, {0: i}), None,
    )  # fmt: skip
    return tuple(None if (i + place) % 3 == 0 else value for place, value in enumerate(row))


def test_columns_of_all_kinds(spark):
    rows = [nested_row(i) for i in range(40)]
    found = [hashed(frame, count=2) for frame in frames(spark, rows, NESTED, 2)]
    assert found[0] == found[1]
    assert sum(found[0][0][1].values()) not in (0, 40)
    with hashed_folds(spark.createDataFrame(rows, NESTED), [0.5, 0.5], 0, LEVEL) as folds:
        assert folds[0].train.schema == folds[1].validation.schema == NESTED


def test_rows_that_differ_in_where_they_are_null(spark):
    # A hash leaves NULLs out, so that both rows of a pair have one hash.
    rows = [(i, None, [i, None]) for i in range(20)] + [(None, i, [None, i]) for i in range(20)]
    schema = "a long, b long, both array<long>"
    found = [hashed(frame, count=2) for frame in frames(spark, rows, schema, 2)]
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["int", "tinyint"])
def test_given_folds_are_the_columns(spark, kind):
    data = spark.range(12).withColumn("my.fold", (F.col("id") % 3).cast(kind))
    with given_folds(data, "my.fold", 3, LEVEL) as folds:
        for number, fold in enumerate(folds):
            held = [row.id for row in fold.validation.collect()]
            assert sorted(held) == list(range(number, 12, 3))
            assert {row.id for row in fold.train.collect()} == set(range(12)) - set(held)
            assert fold.train.columns == fold.validation.columns == ["id", "my.fold"]


@pytest.mark.parametrize(
    "expression, words",
    [
        ("cast(if(id = 3, NULL, id % 2) as int)", ["None", "0 to 1"]),
        ("cast(if(id = 3, 2, id % 2) as int)", ["2", "0 to 1"]),
        ("cast(if(id = 3, -1, id % 2) as int)", ["-1", "0 to 1"]),
        ("cast(id % 2 as double)", ["double", "whole numbers"]),
        ("cast(id % 2 as string)", ["string", "whole numbers"]),
    ],
)
def test_given_folds_refuse_other_values(spark, expression, words):
    data = spark.range(8).select("id", F.expr(expression).alias("fold"))
    before = persisted(spark)
    with pytest.raises(ValueError) as caught, given_folds(data, "fold", 2, LEVEL):
        pass
    assert all(word in str(caught.value) for word in ["foldCol", "'fold'", *words])
    assert persisted(spark) <= before


def test_missing_columns_are_named(spark):
    with pytest.raises(ValueError, match="foldCol: .*'fold'.* id"):
        with given_folds(spark.range(8), "fold", 2, LEVEL):
            pass
    with pytest.raises(ValueError, match="timestampCol: .*'ds'.* id"):
        with rolling_folds(spark.range(8), "ds", 1, 2, LEVEL):
            pass


def test_a_fold_without_rows_is_refused(spark):
    data = spark.range(8).select("id", (F.col("id") % 2).alias("fold"))
    with pytest.raises(ValueError, match="fold 2.* 'fold'.* validation"):
        with given_folds(data, "fold", 3, LEVEL):
            pass
    with pytest.raises(ValueError, match="fold 0.* 'fold'.* training"):
        with given_folds(data.filter("fold = 0"), "fold", 2, LEVEL):
            pass
    with pytest.raises(ValueError, match="hash.* no (training|validation) rows"):
        with hashed_folds(spark.range(1), [0.5, 0.5], 0, LEVEL):
            pass


STEPS, HORIZON, COUNT = 9, 2, 3
HALF_SECOND = dt.timedelta(seconds=0.5)
DAY = dt.date(2024, 2, 27)  # with a leap day, and a month that ends
TIMES = {
    "date": ("date", lambda i: DAY + dt.timedelta(i)),
    # Half seconds over 2024-03-10 02:00, when an hour of New York does not exist.
    "ntz": ("timestamp_ntz", lambda i: dt.datetime(2024, 3, 10, 1, 59, 58) + i * HALF_SECOND),
    "long": ("long", lambda i: 10 * i - 40 + 2**40),
    "double": ("double", lambda i: 0.1 * i - 0.3),
    "text": ("string", lambda i: f"2024-{i + 1:02}"),
}


def expected_rolling(step_of):
    """Fold -> ids of its training and validation rows, given each row's step."""
    steps = sorted(set(step_of.values()))
    found = []
    for fold in range(COUNT):
        start = len(steps) - (COUNT - fold) * HORIZON
        held = steps[start : start + HORIZON]
        found.append(
            (
                {i for i, step in step_of.items() if step < held[0]},
                {i for i, step in step_of.items() if step in held},
            )
        )
    return found


def rolled(data, column="ds"):
    with rolling_folds(data, column, HORIZON, COUNT, LEVEL) as folds:
        return [
            tuple({row.id for row in side.collect()} for side in (fold.train, fold.validation))
            for fold in folds
        ]


@pytest.mark.parametrize("kind", TIMES)
def test_rolling_folds_by_hand(spark, kind):
    # Two rows of each step but one, in no order; the steps are not all as far apart.
    step_of = {i: (7 * i) % STEPS + (5 if (7 * i) % STEPS == 8 else 0) for i in range(2 * STEPS)}
    del step_of[4]
    schema, value = TIMES[kind]
    rows = [(i, value(step)) for i, step in step_of.items()]
    data = spark.createDataFrame(rows, f"id long, ds {schema}")
    with configured(spark, {"spark.sql.session.timeZone": "America/New_York"}):
        assert rolled(data) == expected_rolling(step_of)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_rolling_folds_of_instants_in_any_zone(spark, zone):
    # Half hours over 2024-10-27 01:00 UTC, when Berlin goes through 02:00 to 03:00 twice.
    first = int(dt.datetime(2024, 10, 26, 23, tzinfo=dt.UTC).timestamp())
    step_of = {i: first + 1800 * (i % STEPS) for i in range(2 * STEPS)}
    rows = spark.createDataFrame(list(step_of.items()), "id long, seconds long")
    with configured(spark, {"spark.sql.session.timeZone": zone}):
        data = rows.select("id", F.timestamp_seconds("seconds").alias("ds"))
        assert rolled(data) == expected_rolling(step_of)


def test_too_few_steps_are_refused(spark):
    data = spark.range(12).select("id", (F.col("id") % (HORIZON * COUNT)).alias("ds"))
    with pytest.raises(ValueError) as caught:
        rolled(data)
    words = ["horizon", "6 different", "'ds'", "3 folds of 2", "7", "lower numFolds or horizon"]
    assert all(word in str(caught.value) for word in words)
    assert len(rolled(data.union(spark.range(50, 51).select("id", F.lit(6))))) == COUNT


@pytest.mark.parametrize("missing", ["NULL", "double('NaN')"])
def test_rows_without_a_time_are_left_out_with_a_warning(spark, caplog, missing):
    data = spark.range(16).select("id", F.expr(f"if(id >= 13, {missing}, double(id))").alias("ds"))
    with caplog.at_level(logging.WARNING, "sparkprophet"):
        found = rolled(data)
    assert found == expected_rolling({i: i for i in range(13)})
    assert [re.findall(r"\d+", r.getMessage())[0] for r in caplog.records] == ["3"]
    assert "ds" in caplog.records[0].getMessage()


def test_times_must_have_an_order(spark):
    data = spark.range(9).select("id", F.create_map("id", "id").alias("ds"))
    with pytest.raises(ValueError, match="timestampCol: .*'ds'.*map<"):
        rolled(data)


def made(kind, data, level):
    if kind == "hashed":
        return hashed_folds(data, [0.5, 0.5], 0, level)
    if kind == "copies":
        return hashed_folds(data.select((F.col("id") % 10).alias("id")), [0.5, 0.5], 0, level)
    if kind == "given":
        return given_folds(data.withColumn("fold", F.col("id") % 2), "fold", 2, level)
    return rolling_folds(data, "id", 5, 2, level)


@pytest.mark.parametrize("kind", ["hashed", "copies", "given", "rolling"])
def test_nothing_stays_cached(spark, kind):
    before = persisted(spark)
    with contextlib.suppress(ArithmeticError), made(kind, spark.range(40), "MEMORY_ONLY") as folds:
        counts = [fold.validation.count() for fold in folds]
        assert len(persisted(spark) - before) == 1
        if kind in ("copies", "given"):
            raise ArithmeticError
    assert persisted(spark) <= before
    with made(kind, spark.range(40), "NONE") as folds:
        assert [fold.validation.count() for fold in folds] == counts
        assert persisted(spark) <= before


def test_storage_levels_are_sparks():
    assert all(isinstance(getattr(StorageLevel, name), StorageLevel) for name in STORAGE_LEVELS)


@pytest.mark.parametrize("kind", ["given", "rolling", "hashed"])
def test_what_the_caller_cached_stays_cached(spark, kind):
    data = spark.range(40).withColumn("fold", F.col("id") % 2).cache()
    data.count()
    try:
        kept = {"given": lambda: given_folds(data, "fold", 2, LEVEL)}
        kept["rolling"] = lambda: rolling_folds(data, "id", 5, 2, LEVEL)
        kept["hashed"] = lambda: hashed_folds(data, [0.5, 0.5], 0, LEVEL)
        with kept[kind]():
            pass
        assert data.storageLevel.useMemory
    finally:
        data.unpersist()
