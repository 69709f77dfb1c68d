"""Groups that failed, keys that are unknown and rows that lack something."""

import json

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from sparkprophet import FitFailedError, GroupedProphet
from stage_checks import assert_by_hand, assert_close, frame, grouped, series, with_days

KEYS = ["a", "inf", "short", "unknown"]


@pytest.fixture(scope="module")
def future(spark, days):
    return with_days(spark, KEYS, days)


def by_key(frame):
    """Key -> (rows, rows with a forecast)."""
    counted = frame.groupBy("g").agg(F.count("*").alias("n"), F.count("yhat").alias("known"))
    return {row.g: (row.n, row.known) for row in counted.collect()}


def handling(model, how):
    return model.copy({model.handleInvalid: how})


def test_keep_gives_nulls(mixed, future):
    found = handling(mixed, "keep").transform(future)
    assert by_key(found) == {"a": (10, 10), "inf": (10, 0), "short": (10, 10), "unknown": (10, 0)}
    nulls = found.filter("g IN ('inf', 'unknown')").collect()
    assert {(row.yhat, row.yhat_lower, row.yhat_upper) for row in nulls} == {(None, None, None)}


def test_skip_drops_the_rows(mixed, future):
    found = handling(mixed, "skip").transform(future)
    assert by_key(found) == {"a": (10, 10), "short": (10, 10)}


@pytest.mark.parametrize("key", ["inf", "unknown", None])
def test_error_names_the_group_and_the_remedy(spark, mixed, days, key):
    found = handling(mixed, "error").transform(with_days(spark, [key], days))
    with pytest.raises(PySparkException) as caught:
        found.collect()
    shown = "null" if key is None else f'"{key}"'
    message = str(caught.value)
    for word in ('"g":' + shown, "2024-03-2", "handleInvalid", "failures"):
        assert word in message


def test_error_lets_good_rows_pass(spark, mixed, days):
    good = with_days(spark, ["a", "short"], days)
    assert by_key(handling(mixed, "error").transform(good)) == {"a": (10, 10), "short": (10, 10)}


def test_fallback_rows_keep_their_error_and_forecast(mixed, future):
    row = mixed.models.filter("g = 'short'").first()
    assert (row.status, row.solver, row.error_code) == ("fallback", "mean", "TOO_SHORT")
    assert row.n_obs == 3 and row.log_posterior is None
    assert "3 usable rows, 5 needed" in row.error_message
    expected = series(seed=3).y[:3].mean()
    found = mixed.transform(future).filter("g = 'short'").toPandas()
    assert_close(found.yhat, np.full(10, expected))
    # FPP3, section 5.5: the mean's interval is 1.2816 sigma sqrt(1 + 1/T) wide at 80 %.
    sigma = np.sqrt(np.sum((series(seed=3).y[:3] - expected) ** 2) / (3 - 1))
    half = 1.2815515655446004 * sigma * np.sqrt(1 + 1 / 3)
    assert_close(found.yhat_upper - found.yhat, np.full(10, half))


def test_a_group_with_bad_values_of_its_own_falls_back(spark):
    rows = grouped(["a", "b"], rows=40)
    rows["own"] = rows.g.map({"a": '{"changepointPriorScale": -1}', "b": "{}"})
    stage = GroupedProphet(groupCols=["g"], overridesCol="own", fallback="naive")
    model = stage.setUncertaintySamples(0).fit(frame(spark, rows))
    found = {row.g: row for row in model.models.collect()}
    assert (found["a"].status, found["a"].error_code) == ("fallback", "OVERRIDES_INVALID")
    assert found["a"].n_obs == 40 and "changepointPriorScale" in found["a"].error_message
    assert found["b"].status == "ok"
    ahead = model.forecast(1).filter("g = 'a'").first()
    assert ahead.yhat == rows[rows.g == "a"].y.iloc[-1]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("naive", lambda y: [y[-1]] * 10),
        ("seasonalNaive", lambda y: [y[-7 + i % 7] for i in range(10)]),
        ("mean", lambda y: [sum(y) / len(y)] * 10),
    ],
)
def test_each_fallback_by_hand(spark, days, method, expected):
    rows = series(seed=4)
    stage = GroupedProphet(fallback=method, minObservations=500, parallelism=1)
    model = stage.fit(frame(spark, rows))
    found = model.transform(days).orderBy("ds").toPandas()
    assert_close(found.yhat, expected(rows.y.tolist()))
    assert model.summary.by_solver == {method: 1}


def test_a_fallback_needs_one_label(spark):
    rows = grouped(["a", "empty"], rows=3)
    rows.loc[rows.g == "empty", "y"] = None
    stage = GroupedProphet(groupCols=["g"], fallback="naive", minObservations=9, parallelism=1)
    model = stage.fit(frame(spark, rows))
    statuses = {row.g: (row.status, row.error_code) for row in model.models.collect()}
    assert statuses == {"a": ("fallback", "TOO_SHORT"), "empty": ("failed", "TOO_SHORT")}


def test_all_failed_raises_with_the_model_and_the_top_codes(spark):
    rows = grouped(["a", "b", "c"], rows=20)
    rows.loc[rows.g != "a", "y"] = float("inf")
    rows.loc[rows.g == "a", "y"] = None
    with pytest.raises(FitFailedError) as caught:
        GroupedProphet(groupCols=["g"], parallelism=1).fit(frame(spark, rows))
    message = str(caught.value)
    words = "3 of 3 groups", "2 x Y_INFINITE", "1 x TOO_SHORT", "group g=", "maxFailedFraction"
    assert all(word in message for word in words)
    failures = {row.g: row.error_code for row in caught.value.model.failures.collect()}
    assert failures == {"a": "TOO_SHORT", "b": "Y_INFINITE", "c": "Y_INFINITE"}


@pytest.mark.parametrize(
    ("allowed", "raises"), [(0.5, False), (0.49, True), (0.0, True), (1, False)]
)
def test_max_failed_fraction(spark, allowed, raises):
    rows = grouped(["a", "b"], rows=3).assign(own=None)
    rows.loc[rows.g == "b", "y"] = None
    stage = GroupedProphet(
        groupCols=["g"],
        fallback="mean",
        minObservations=5,
        maxFailedFraction=allowed,
        parallelism=1,
    )
    data = frame(spark, rows)
    if not raises:
        assert stage.fit(data).summary.by_status == {"fallback": 1, "failed": 1}
        return
    with pytest.raises(FitFailedError, match="1 of 2 groups failed") as caught:
        stage.fit(data)
    assert caught.value.model.models.count() == 2


@pytest.mark.parametrize("groups", [[], ["g"]])
def test_a_frame_without_rows(spark, groups):
    empty = spark.createDataFrame([], "g string, ds date, y double")
    with pytest.raises(ValueError, match="no rows"):
        GroupedProphet(groupCols=groups).fit(empty)


def test_an_empty_partition_does_no_harm(spark):
    data = frame(spark, series(rows=30)).repartition(40, "ds")
    assert GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data).models.count() == 1


@pytest.fixture(scope="module")
def with_price(spark):
    rows = grouped(["a", "b"])
    rows["price"] = np.random.default_rng(3).uniform(1, 2, len(rows))
    stage = GroupedProphet(
        groupCols=["g"], regressors=["price"], uncertaintySamples=20, parallelism=2
    )
    return rows, stage.fit(frame(spark, rows))


@pytest.fixture(scope="module")
def gappy(with_price):
    """Future rows of a: one without a price, one with NaN, one infinite, one without a time."""
    rows = pd.DataFrame({"ds": pd.date_range("2024-03-21", periods=10), "g": "a"})
    rows["price"] = np.linspace(1, 2, 10)
    rows.loc[2, "price"] = None
    rows.loc[5, "price"] = float("inf")
    rows.loc[7, "ds"] = pd.NaT
    return rows


def test_rows_that_lack_something_are_null_and_the_others_right(spark, with_price, gappy):
    rows, model = with_price
    found = model.transform(frame(spark, gappy)).orderBy("ds").toPandas()
    assert len(found) == 10
    lacking = found.ds.isna() | found.price.isna() | np.isinf(found.price)
    assert lacking.sum() == 3
    assert (found.yhat.isna() == lacking).all()
    assert (found.yhat_lower.isna() == lacking).all()
    good = found[~lacking]
    assert_by_hand(
        good.yhat, rows[rows.g == "a"], good[["ds", "price"]], lambda m: m.add_regressor("price")
    )


def test_nan_is_no_regressor_either(spark, with_price):
    _, model = with_price
    day = "timestamp'2024-03-21' AS ds, 'a' AS g"
    found = spark.sql(f"SELECT {day}, double('NaN') AS price UNION ALL SELECT {day}, 1.5D")
    assert [row.yhat is None for row in model.transform(found).orderBy("price").collect()] == [
        False,
        True,
    ]


def test_such_rows_are_dropped_or_raise_too(spark, with_price, gappy):
    _, model = with_price
    data = frame(spark, gappy)
    assert handling(model, "skip").transform(data).count() == 7
    with pytest.raises(PySparkException, match="missing regressor, cap or timestamp"):
        handling(model, "error").transform(data).collect()


def test_a_group_timeout_is_a_row_not_a_failed_job(spark):
    rows = grouped(["a", "slow"], rows=900)
    rows["own"] = rows.g.map({"a": None, "slow": json.dumps({"groupTimeout": 1e-9})})
    # Stan is a program that can be ended; the exact solver is done before anybody would.
    stage = GroupedProphet(
        groupCols=["g"], overridesCol="own", solver="stan", uncertaintySamples=0, parallelism=1
    )
    model = stage.fit(frame(spark, rows))
    found = {row.g: (row.status, row.error_code) for row in model.models.collect()}
    assert found == {"a": ("ok", None), "slow": ("failed", "TIMEOUT")}
    assert "raise it" in model.failures.first().error_message
