"""Spark may move what a query asks of the forecasts before them: the values stay the same."""

import pytest
from pyspark.sql import functions as F

from stage_checks import with_days

KEYS = ["a", "inf", "short", "unknown"]


@pytest.fixture(scope="module")
def forecasts(spark, mixed, days):
    return mixed.transform(with_days(spark, KEYS, days))


@pytest.fixture(scope="module")
def whole(forecasts):
    """(key, day) -> forecast, of all rows collected."""
    return {(row.g, row.ds): row.yhat for row in forecasts.collect()}


def values(found):
    return {(row.g, row.ds): row.yhat for row in found.collect()}


QUERIES = {
    "a key": lambda df: df.filter("g = 'a'"),
    "unknown keys": lambda df: df.filter("g IN ('unknown', 'inf')"),
    "a day": lambda df: df.filter(F.col("ds") == F.lit("2024-03-24").cast("timestamp")),
    "a forecast": lambda df: df.filter("yhat > 0"),
    "both": lambda df: df.filter("g = 'short' AND yhat IS NOT NULL"),
    "a join": lambda df: df.join(df.sparkSession.createDataFrame([("a",)], "g string"), "g"),
    "the last": lambda df: df.orderBy("g", F.desc("ds")).limit(7),
    "a sample": lambda df: df.sample(0.5, seed=1),
    "distinct": lambda df: df.select("g", "ds", "yhat").distinct(),
}


@pytest.mark.parametrize("query", QUERIES)
def test_rows_that_a_query_keeps_have_the_forecasts_of_all(forecasts, whole, query):
    found = values(QUERIES[query](forecasts))
    assert 0 < len(found) < len(whole) or query == "distinct" and len(found) == len(whole)
    assert found == {key: whole[key] for key in found}


def test_a_limit_gives_so_many_rows(forecasts, whole):
    found = values(forecasts.limit(13))
    assert len(found) == 13
    assert found == {key: whole[key] for key in found}


def test_rows_are_counted_without_a_forecast(forecasts, whole):
    assert forecasts.count() == len(whole)
    assert forecasts.select("g").distinct().count() == len(KEYS)
