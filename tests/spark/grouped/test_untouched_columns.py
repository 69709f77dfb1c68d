"""transform gives back every row and every column of its input as they were."""

import datetime
from decimal import Decimal

import pytest
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet import GroupedProphet

SCHEMA = (
    "g string, ds timestamp, y double, m map<string,int>, s struct<a:int,b:array<string>>, "
    "b binary, d decimal(30,12), n timestamp_ntz, t date, f float, l bigint, z boolean, "
    "nan double, names array<struct<x:double>>, nothing string"
)


@pytest.fixture(scope="module")
def rich(spark):
    """Rows with every kind of column, NULLs in each, two rows equal, keys unknown or NULL too."""
    rows = []
    for i in range(24):
        day = datetime.datetime(2024, 1, 1 + i)
        full = (
            ["a", "b", None, "unknown"][i % 4], day, float(i), {"k": i, "": None},
            (i, ["x", None]), bytearray([0, i]), Decimal(i) / 7, day, day.date(), 0.1 * i,
            2**53 + i, i % 2 == 0, float("nan"), [(0.1,), None], None,
        )  # fmt: skip
        # Every fourth row has nothing but its key and its time.
        rows.append(full if i % 5 else (*full[:2], *[None] * (len(full) - 2)))
    rows += [rows[3], rows[3]]
    data = spark.createDataFrame(rows, T.StructType.fromDDL(SCHEMA))
    data = data.withColumn("y2", F.coalesce("y", F.lit(0.5)))
    assembled = VectorAssembler(inputCols=["y2"], outputCol="v").transform(data)
    sparse = spark.createDataFrame([(Vectors.sparse(9, [3], [-0.0]),)], ["w"])
    return assembled.crossJoin(sparse).repartition(3)


@pytest.fixture(scope="module")
def model(rich):
    # Fallbacks are enough here: what is looked at are the columns.
    stage = GroupedProphet(groupCols=["g"], minObservations=999, fallback="mean", parallelism=2)
    return stage.fit(rich.filter("g IS NULL OR g <> 'unknown'"))


def texts(frame):
    return sorted(repr(tuple(row)) for row in frame.collect())


def test_every_column_and_row_comes_back(model, rich):
    found = model.transform(rich)
    assert found.columns == [*rich.columns, "yhat", "yhat_lower", "yhat_upper"]
    same = found.select(*rich.columns)
    assert texts(same) == texts(rich)
    assert [f.dataType.simpleString() for f in same.schema] == [
        f.dataType.simpleString() for f in rich.schema
    ]


def test_metadata_of_vector_columns_is_kept(model, rich):
    assert rich.schema["v"].metadata["ml_attr"]["num_attrs"] == 1
    assert model.transform(rich).schema["v"].metadata == rich.schema["v"].metadata


def test_rows_are_counted_whatever_their_key_is(model, rich):
    found = model.transform(rich)
    by_key = found.groupBy("g").agg(F.count("*").alias("n"), F.count("yhat").alias("known"))
    counts = {row.g: (row.n, row.known) for row in by_key.collect()}
    expected = {row.g: row["count"] for row in rich.groupBy("g").count().collect()}
    assert counts == {key: (n, 0 if key == "unknown" else n) for key, n in expected.items()}


def test_components_keep_them_too(model, rich):
    found = model.components(rich)
    assert found.columns == [*rich.columns, "trend", "components"]
    assert texts(found.select(*rich.columns)) == texts(rich)


def test_no_rows_no_columns_lost(model, rich):
    found = model.transform(rich.limit(0))
    assert found.count() == 0
    assert found.columns == [*rich.columns, "yhat", "yhat_lower", "yhat_upper"]


def test_two_columns_of_one_name_that_nothing_uses(model, rich):
    doubled = rich.select("*", F.col("l").alias("f"))
    found = model.transform(doubled)
    assert found.columns == [*doubled.columns, "yhat", "yhat_lower", "yhat_upper"]
    assert found.count() == rich.count()
