"""Data and comparisons for the tests of the Spark stages."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import types as T

import by_hand
from counted_jobs import counted_jobs

ROWS = 80
MACHINE = ["fit_seconds", "cpu_seconds", "host", "pid", "started_at"]


# Of a tuner: a search by one holdout, whose best trial is fitted by itself.
BEST_ALONE = {"metric": "rmse", "numFolds": 1, "combination": "none", "pruner": "none"}


def series(seed=0, rows=ROWS, start="2024-01-01", freq="D", level=20.0):
    """Rows of one series with a trend, a week and noise: columns ds, y."""
    t = np.arange(rows)
    noise = np.random.default_rng(seed).normal(0, 1, rows)
    y = level + 0.05 * t + 3 * np.sin(2 * np.pi * t / 7) + noise
    return pd.DataFrame({"ds": pd.date_range(start, periods=rows, freq=freq), "y": y})


def grouped(keys, name="g", **options):
    """Rows of a series for each key, each from a seed of its own."""
    parts = [series(seed=i, **options).assign(**{name: key}) for i, key in enumerate(keys)]
    return pd.concat(parts, ignore_index=True)


def frame(spark, rows):
    """A Spark frame of pandas rows in which nothing missing is NaN: it is NULL."""
    clean = rows.astype(object).where(rows.notna(), None)
    schema = T.StructType([T.StructField(n, _KINDS[rows[n].dtype.kind]) for n in rows.columns])
    records = [
        tuple(v.to_pydatetime() if isinstance(v, pd.Timestamp) else v for v in record)
        for record in clean.itertuples(index=False, name=None)
    ]
    return spark.createDataFrame(records, schema)


_KINDS = {
    "M": T.TimestampType(),
    "f": T.DoubleType(),
    "i": T.LongType(),
    "b": T.BooleanType(),
    "O": T.StringType(),
}


def assert_close(found, expected, tolerance=1e-9):
    """Equal up to a share `tolerance` of the size of the values."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert found.shape == expected.shape
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def assert_by_hand(yhat, rows, future=None, prepare=None, solver="native", **settings):
    """Forecasts of `future` (by default of the fitted rows) are those of Prophet by hand."""
    expected = by_hand.yhat(rows, future, prepare, solver, **settings)
    assert_close(yhat, expected, by_hand.TOLERANCE[solver])


def bits(frame, *columns):
    """The rows of a Spark frame as sorted texts: equal texts mean equal bits (NaN is one value)."""
    return sorted(repr(tuple(row)) for row in frame.select(*(columns or ["*"])).collect())


def fit_bits(model):
    """What P2 and P3 speak of: every column of `models` that does not tell of the machine."""
    return bits(model.models.drop(*MACHINE))


def with_days(spark, keys, days, name="g"):
    """The cross product of keys (a list) and `days`."""
    frame = spark.createDataFrame([(key,) for key in keys], f"`{name}` string")
    return frame.crossJoin(days)


@contextlib.contextmanager
def configured(spark, values):
    """Run a block under other Spark SQL settings."""
    before = {name: spark.conf.get(name, None) for name in values}
    for name, value in values.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            spark.conf.unset(name) if value is None else spark.conf.set(name, value)


@contextlib.contextmanager
def refused(spark, kind, *words):
    """The block raises `kind` before any job, with every one of `words`, in 500 characters."""
    with counted_jobs(spark) as jobs:
        with pytest.raises(kind) as caught:
            yield caught
        message = str(caught.value)
        for word in words:
            assert word in message
        assert len(message) <= 500
        assert jobs() == 0
