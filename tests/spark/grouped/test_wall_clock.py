"""Timestamps as microseconds of the wall clock, and back."""

import datetime

import pytest
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.spark import columns
from stage_checks import configured

EPOCH = datetime.datetime(1970, 1, 1)
TIMES = [
    datetime.datetime(1970, 1, 1),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2024, 3, 10, 2, 30, 0, 123456),  # an hour that New York does not have
    datetime.datetime(2024, 11, 3, 1, 30),  # an hour that it has twice
    datetime.datetime(1600, 2, 29, 12, 0, 0, 1),
    datetime.datetime(2500, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(1, 1, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
    None,
]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_both_ways_in_any_zone(spark, zone):
    with configured(spark, {"spark.sql.session.timeZone": zone}):
        schema = T.StructType([T.StructField("ds", T.TimestampNTZType())])
        data = spark.createDataFrame([(moment,) for moment in TIMES], schema)
        count = columns.microseconds(F.col("ds")).alias("us")
        back = columns.wall_clock(count).alias("back")
        rows = data.select("ds", count, back).collect()
    expected = [
        None if moment is None else (moment - EPOCH) // datetime.timedelta(microseconds=1)
        for moment in TIMES
    ]
    assert [row.us for row in rows] == expected
    assert [row.back for row in rows] == TIMES
