"""Keys into tasks: balanced, in order, one shuffle; and no result depends on it."""

import heapq
import itertools

import numpy as np
import pytest
from pyspark.sql import functions as F

from sparkprophet import GroupedProphet, GroupedProphetTuner
from sparkprophet.search import SearchSpace, Uniform
from sparkprophet.spark.grouped import group_work, packing
from stage_checks import bits, configured, fit_bits, frame, grouped

EMPTY = np.zeros(packing.BUCKETS)


def costs(*values):
    """The costs of some buckets, far from each other."""
    found = EMPTY.copy()
    found[:: packing.BUCKETS // (len(values) + 1)][: len(values)] = values
    return found


def seconds(loads, slots):
    """When the last task ends, if each starts on the first free slot, in order."""
    free = [0.0] * slots
    for load in loads:
        heapq.heapreplace(free, free[0] + load)
    return max(free)


def shortest(values, slots):
    """The least time in which tasks can be done, by trying all ways."""
    ways = itertools.product(range(slots), repeat=len(values))
    return min(
        max(sum(v for v, own in zip(values, way, strict=True) if own == s) for s in range(slots))
        for way in ways
    )


def loads_of(packed, cost):
    return [cost[packed.bin_of == number].sum() for number in range(len(packed.loads))]


@pytest.mark.parametrize("falling", [True, False])
@pytest.mark.parametrize("bins", [1, 3, 16, 700])
def test_all_work_is_in_one_bin_and_bins_are_in_order(bins, falling):
    random = np.random.default_rng(bins)
    kinds = random.random(packing.BUCKETS)
    cost = np.where(kinds < 0.1, random.lognormal(5, 2, EMPTY.size), 0)
    cost[kinds > 0.95] = np.nan
    packed = packing.pack(cost, bins, falling)
    assert len(packed.loads) <= bins and (packed.loads > 0).all()
    assert ((packed.bin_of >= 0) == ~np.isnan(cost)).all()
    assert set(packed.bin_of) - {-1} == set(range(len(packed.loads)))
    np.testing.assert_allclose(packed.loads, loads_of(packed, cost))
    assert (np.diff(packed.loads) <= 0).all()
    assert packed.loads.sum() == pytest.approx(np.nansum(cost))


@pytest.mark.parametrize("slots", [2, 3, 8, 52])
def test_slots_end_together(slots):
    random = np.random.default_rng(slots)
    cost = np.bincount(
        random.integers(0, packing.BUCKETS, 20_000), random.lognormal(7, 1, 20_000), packing.BUCKETS
    )
    packed = packing.pack(cost, packing.BINS_PER_SLOT * slots, falling=True)
    ideal = cost.sum() / slots
    assert seconds(packed.loads, slots) < 1.02 * ideal
    # Also where some tasks take half as long again as was estimated.
    slower = packed.loads * random.choice([1, 1.5], len(packed.loads))
    assert seconds(slower, slots) < 1.05 * slower.sum() / slots


def test_a_giant_group_goes_first_and_alone():
    cost = costs(*[10.0] * 500, 4000.0, *[10.0] * 500)
    packed = packing.pack(cost, 32, falling=True)
    assert packed.loads[0] == 4000.0
    assert ((packed.bin_of == 0) & (cost > 0)).sum() == 1
    assert seconds(packed.loads, 4) == 4000.0


def test_few_groups_have_a_task_each():
    packed = packing.pack(costs(3.0, 1.0, 2.0), 64, falling=True)
    assert list(packed.loads) == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("case", range(20))
def test_bins_of_one_size_are_as_even_as_largest_first_makes_them(case):
    random = np.random.default_rng(case)
    values = random.integers(1, 30, 8).astype(float)
    packed = packing.pack(costs(*values), 3, falling=False)
    # Graham's bound for largest first (1969): 4/3 - 1/(3 m).
    assert packed.loads[0] <= (4 / 3 - 1 / 9) * shortest(values, 3) + 1e-9


def test_no_groups_are_one_empty_bin():
    packed = packing.pack(EMPTY, 16, falling=True)
    assert list(packed.loads) == [0.0] and (packed.bin_of == 0).all()


def test_a_longer_series_costs_more_and_none_is_free():
    found = packing.costs({3: 1, 5: 100_000})
    assert found[5] > 50 * found[3] > 0 and np.count_nonzero(found) == 2


@pytest.fixture(scope="module")
def seeded(spark):
    """Forty groups of 1 to 40 rows, with their hash as the stage makes it."""
    groups = spark.range(1, 41).select(F.col("id").alias("key_0"), F.xxhash64("id").alias("seed"))
    rows = F.explode(F.sequence(F.lit(1), F.col("key_0"))).alias("y")
    return groups.select("key_0", "seed", rows)


def test_rows_are_counted_by_bucket(seeded):
    found = packing.rows_per_bucket(seeded)
    seeds = {row.key_0: row.seed for row in seeded.distinct().collect()}
    assert sum(found.values()) == 40 * 41 // 2
    assert all(found[seeds[key] % packing.BUCKETS] >= key for key in seeds)


def test_the_hash_is_sparks(spark):
    numbers = np.unique(np.geomspace(1, 2**31 - 1, 3000).astype(np.int64)) - 1
    rows = spark.createDataFrame([(int(n),) for n in numbers], "number int")
    hashed = rows.select("number", F.hash("number").alias("hash")).collect()
    found = dict(zip(numbers.tolist(), packing.spark_hash(numbers).tolist(), strict=True))
    assert found == {row.number: row.hash for row in hashed}


@pytest.mark.parametrize("bins", [1, 5, 16, 100])
def test_a_bin_is_a_partition_in_order(seeded, bins):
    cost = packing.costs(packing.rows_per_bucket(seeded))
    packed = packing.pack(cost, bins, falling=True)
    spread = packing.spread(seeded, packed)
    where = spread.select("key_0", "seed", F.spark_partition_id().alias("place")).distinct()
    rows = where.collect()
    assert sorted(row.key_0 for row in rows) == list(range(1, 41))
    assert all(row.place == packed.bin_of[row.seed % packing.BUCKETS] for row in rows)


def test_grouping_needs_no_second_shuffle(seeded):
    packed = packing.pack(packing.costs(packing.rows_per_bucket(seeded)), 4, falling=True)
    counted = packing.spread(seeded, packed).groupBy("key_0", "bin")
    lazy = counted.applyInArrow(lambda table: table.slice(0, 1).select(["key_0"]), "key_0 long")
    plan = lazy._jdf.queryExecution().executedPlan().toString()
    assert plan.count("Exchange") == 1


def test_buckets_can_be_left_out(seeded):
    cost = packing.costs(packing.rows_per_bucket(seeded))
    cost[cost > 1020] = np.nan
    kept = packing.spread(seeded, packing.pack(cost, 4, falling=True))
    assert sorted({row.key_0 for row in kept.collect()}) == list(range(1, 21))


def test_rows_that_came_after_the_count_are_not_lost(seeded):
    counted = packing.costs(packing.rows_per_bucket(seeded.filter("key_0 <= 3")))
    packed = packing.pack(counted, 16, falling=True)
    assert len(packed.loads) == 3
    spread = packing.spread(seeded, packed)
    assert spread.count() == 40 * 41 // 2
    assert spread.rdd.getNumPartitions() == 3


@pytest.mark.parametrize("buckets", [1, 9, 10_001])
def test_the_bin_of_a_row_is_read_from_the_place_of_its_bucket(spark, buckets):
    """By brute force, for rows that Spark evaluates one by one and for those of a compiled plan."""
    packed = packing.pack(np.where(np.arange(EMPTY.size) % buckets, EMPTY, 5.0), 7, falling=True)
    seeds = [*range(-40, 40), 2**62 + 1, -(2**62), packing.BUCKETS - 1, packing.BUCKETS]
    local = spark.createDataFrame([(seed,) for seed in seeds], "seed long")
    stored = spark.range(-40, 40).withColumnRenamed("id", "seed").unionByName(local.limit(99))
    for rows in (local, stored):
        spread = packing.spread(rows, packed).select("seed", F.spark_partition_id().alias("place"))
        found = {row.seed: row.place for row in spread.collect()}
        assert found == {seed: packed.bin_of[seed % packing.BUCKETS] for seed in seeds}


def test_no_row_costs_a_whole_table(spark):
    """A text of all buckets that is split, or counted through, for a row of a local relation."""
    packed = packing.pack(EMPTY, 4, falling=True)
    local = spark.createDataFrame([(1,), (2,)], "seed long")
    plan = packing.spread(local, packed)._jdf.queryExecution().analyzed().toString()
    assert "substring(0x" in plan
    for costly in ("split(", "from_json", "element_at(", "array("):
        assert costly not in plan


@pytest.fixture(scope="module")
def uneven(spark):
    """A giant group among small ones, and a NULL key."""
    rows = grouped(["a", "b", "c", "d", "e", None], rows=30)
    giant = grouped(["giant"], rows=1000, start="2020-01-01")
    giant["y"] += 1
    return frame(spark, rows), frame(spark, giant)


@pytest.mark.slow  # further layouts of the data, as in test_promises
def test_fits_do_not_depend_on_the_packing(uneven):
    small, giant = uneven
    rows = small.union(giant)
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    packed = fit_bits(stage.fit(rows))
    assert len(packed) == 7
    assert fit_bits(stage.copy().setParams(parallelism=3).fit(rows.repartition(5))) == packed
    assert set(fit_bits(stage.fit(small))) < set(packed)


def test_keys_that_a_collation_makes_equal_are_one_group(spark):
    rows = grouped(["a", "A", "b"], rows=40)
    rows.loc[rows.g == "A", "ds"] += rows.ds.max() - rows.ds.min() + (rows.ds[1] - rows.ds[0])
    collated = frame(spark, rows).withColumn("g", F.collate("g", "UTF8_LCASE"))
    with configured(spark, {"spark.sql.shuffle.partitions": "3"}):
        models = GroupedProphet(groupCols=["g"], uncertaintySamples=0).fit(collated).models
        found = {row.g.lower(): row.n_obs for row in models.collect()}
    assert models.count() == 2 and found == {"a": 80, "b": 40}


@pytest.mark.parametrize(
    ("groups", "parallelism", "expected"),
    [(1, 0, 2), (2, 0, 1), (9, 0, 1), (0, 0, 2), (1, 1, 1), (1, 2, 2)],
)
def test_fewer_groups_than_slots_get_the_idle_ones(spark, groups, parallelism, expected):
    # Of local[2].
    assert group_work.threads(spark, GroupedProphet(parallelism=parallelism), groups) == expected


def test_folds_over_idle_slots_change_nothing(spark):
    rows = frame(spark, grouped(["a"], rows=120))
    stage = GroupedProphetTuner(
        estimator=GroupedProphet(groupCols=["g"], uncertaintySamples=0),
        horizon=7,
        numFolds=4,
        searchSpace=SearchSpace((Uniform("changepointPriorScale", 0.001, 0.5),)),
        numTrials=6,
    )
    spread, single = stage.fit(rows), stage.copy().setParams(parallelism=1).fit(rows)
    assert fit_bits(spread) == fit_bits(single)
    assert bits(spread.trials.drop("seconds", "cpu_seconds")) == bits(
        single.trials.drop("seconds", "cpu_seconds")
    )
