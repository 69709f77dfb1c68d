"""The Spark session, and fitted models that several files look at (a fit costs a second)."""

import pandas as pd
import pytest
from pyspark.sql import functions as F

from sparkprophet import GroupedProphet
from stage_checks import frame, grouped


@pytest.fixture(scope="session")
def spark(spark_session):
    """pytest-spark's session, with quiet logs."""
    spark_session.sparkContext.setLogLevel("ERROR")
    return spark_session


@pytest.fixture(scope="session")
def stores():
    """Three groups as pandas rows: shuffled, with missing dates, a NULL key and another column."""
    rows = grouped(["north", "süd 🍊", None], name="store")
    rows = rows.drop(index=rows.index[[3, 4, 30, 91, 150]])
    rows["note"] = [f"row {i}" for i in range(len(rows))]
    return rows.sample(frac=1, random_state=7)


@pytest.fixture(scope="session")
def fitted(spark, stores):
    """A model of `stores` without intervals."""
    stage = GroupedProphet(groupCols=["store"], uncertaintySamples=0, parallelism=2)
    return stage.fit(frame(spark, stores))


@pytest.fixture(scope="session")
def mixed(spark):
    """A model with groups of every status: a and b ok, inf failed, short a fallback.

    Fallbacks are a group's own choice here, by overridesCol.
    """
    rows = grouped(["a", "b", "inf", "short"])
    rows = rows[(rows.g != "short") | (rows.ds < pd.Timestamp("2024-01-04"))].copy()
    rows.loc[rows.index[rows.g == "inf"][5], "y"] = float("inf")
    own = '{"fallback": "mean", "minObservations": 5}'
    rows["own"] = [own if g == "short" else None for g in rows.g]
    stage = GroupedProphet(
        groupCols=["g"], overridesCol="own", uncertaintySamples=30, parallelism=2
    )
    return stage.fit(frame(spark, rows))


@pytest.fixture(scope="session")
def days(spark):
    """A frame of ten days after the rows of `grouped`, without a label: column ds."""
    return spark.range(10).select(
        F.date_add(F.lit("2024-03-21").cast("date"), F.col("id").cast("int"))
        .cast("timestamp")
        .alias("ds")
    )
