"""Searches that begin with what was found for a few groups, the same few in any layout."""

import json

import pytest
from pyspark.sql import functions as F

from sparkprophet import GroupedProphet, GroupedProphetTuner
from sparkprophet.search import Choice, SearchSpace, Uniform
from stage_checks import BEST_ALONE, bits, fit_bits, frame, grouped

KEYS = [*"abcdefgh", "short"]
SPACE = SearchSpace(
    (Uniform("changepointPriorScale", 0.001, 0.5), Choice("weeklySeasonality", [1, 2, 3]))
)
MACHINE = ("seconds", "cpu_seconds")


def tuner(**params):
    inner = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    given = {
        "estimator": inner,
        "searchSpace": SPACE,
        "horizon": 7,
        "numTrials": 5,
        "sampler": "random",
        "warmStart": False,
        "parallelism": 2,
        "initial": 21,
    }
    given |= BEST_ALONE
    return GroupedProphetTuner(**given | params)


@pytest.fixture(scope="module")
def data(spark):
    rows = grouped(KEYS, rows=60)
    return frame(spark, rows[(rows.g != "short") | (rows.ds < "2024-01-11")]).cache()


@pytest.fixture(scope="module")
def model(data):
    return tuner(warmStartGroups=3).fit(data)


def points(model):
    """Key -> the points that were tried, in order."""
    found = {}
    for row in model.trials.orderBy("g", "trial").collect():
        found.setdefault(row.g, []).append(json.loads(row.params))
    return found


def first_by_hash(data, count):
    """Keys of the lowest buckets; the low bits of the hash are the bucket."""
    hashed = F.xxhash64(F.lit(0).cast("long"), "g")
    rows = data.select("g", F.pmod(hashed, F.lit(2**14)).alias("place")).distinct()
    return [row.g for row in rows.orderBy("place").collect()][:count]


def test_all_groups_try_first_what_was_found_for_a_few(data, model):
    alone = tuner().fit(data)
    chosen = first_by_hash(data, 3)
    assert "short" not in chosen
    best = {
        row.g: row.value
        for row in alone.trials.groupBy("g")
        .agg(F.min_by("params", "value").alias("value"))
        .collect()
    }
    tried = points(model)
    assert set(tried) == set(KEYS) - {"short"}
    for own in tried.values():
        assert len(own) == 5
        assert sorted(map(str, own[:3])) == sorted(str(json.loads(best[key])) for key in chosen)


def test_the_layout_of_the_data_changes_nothing(data, model):
    expected = fit_bits(model), bits(model.trials.drop(*MACHINE))
    again = tuner(warmStartGroups=3, parallelism=0).fit(data.orderBy("y").repartition(5))
    assert (fit_bits(again), bits(again.trials.drop(*MACHINE))) == expected


def test_groups_without_a_holdout_give_no_point(data):
    short = data.filter("g = 'short'")
    only = tuner(warmStartGroups=2).fit(short)
    assert only.models.first().stopped_by == "noHoldout"
    both = tuner(warmStartGroups=2).fit(data.filter("g IN ('a', 'short')"))
    alone = tuner().fit(data.filter("g = 'a'"))
    best = alone.trials.orderBy("value").first().params
    assert points(both)["a"][0] == json.loads(best)


def test_more_groups_than_there_are(data):
    model = tuner(warmStartGroups=50).fit(data.filter("g = 'a'"))
    assert len(points(model)["a"]) == 5
