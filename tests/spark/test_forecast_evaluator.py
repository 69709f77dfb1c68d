"""ForecastEvaluator against Spark's own evaluator and numbers made by hand."""

import datetime
import math

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PySparkException
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.param import Param
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet import ForecastEvaluator
from stage_checks import refused

INF, NAN = math.inf, math.nan
SCHEMA = "g string, ds date, y double, yhat double, yhat_lower double, yhat_upper double, w double"


def table(spark, rows):
    """Rows as pandas gives them; NaN stays NaN and None is NULL."""
    records = [
        tuple(v.date() if isinstance(v, pd.Timestamp) else v for v in row)
        for row in rows.itertuples(index=False, name=None)
    ]
    return spark.createDataFrame(records, T.StructType.fromDDL(SCHEMA)).repartition(3)


@pytest.fixture(scope="module")
def clean():
    """Three groups of unequal size, one with a NULL key; some labels are 0."""
    rng, parts = np.random.default_rng(5), []
    for key, size in (("a", 12), ("b", 5), (None, 8)):
        y = rng.normal(10, 4, size)
        y[2] = 0.0
        yhat = y + rng.normal(0, 2, size)
        spread = rng.uniform(0, 3, size)
        parts.append(
            pd.DataFrame(
                {
                    "g": key,
                    "ds": pd.date_range("2024-01-01", periods=size),
                    "y": y,
                    "yhat": yhat,
                    "yhat_lower": yhat - spread,
                    "yhat_upper": yhat + spread,
                    "w": rng.uniform(0.5, 2, size),
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True).sample(frac=1, random_state=2)
    return rows.astype({"g": object}).assign(g=rows.g.where(rows.g.notna(), None))


@pytest.fixture(scope="module")
def data(spark, clean):
    return table(spark, clean).cache()


def by_hand(name, rows, weights=None):
    """The metric of some rows in numpy, straight from its definition."""
    rows = rows.sort_values("ds")
    y, yhat = rows.y.to_numpy(), rows.yhat.to_numpy()
    w = np.ones(len(y)) if weights is None else rows[weights].to_numpy()
    e, some = np.abs(y - yhat), y != 0
    if name == "rmse":
        return math.sqrt(np.average(e**2, weights=w))
    if name == "mae":
        return np.average(e, weights=w)
    if name == "wape":
        return np.sum(w * e) / np.sum(w * np.abs(y))
    if name == "mape":
        return np.average(e[some] / np.abs(y[some]), weights=w[some])
    if name == "mdape":
        return np.median(e[some] / np.abs(y[some]))
    if name == "smape":
        return np.average(2 * e / (np.abs(y) + np.abs(yhat)), weights=w)
    if name == "mase":
        return np.average(e, weights=w) / np.abs(np.diff(y)).mean()
    lower, upper = rows.yhat_lower.to_numpy(), rows.yhat_upper.to_numpy()
    if name == "coverage":
        return np.average((lower <= y) & (y <= upper), weights=w)
    losses = [
        np.where(y >= bound, q * (y - bound), (1 - q) * (bound - y))
        for bound, q in ((lower, 0.1), (upper, 0.9))
    ]
    return np.average((losses[0] + losses[1]) / 2, weights=w)


METRICS = ["rmse", "mae", "wape", "mape", "mdape", "smape", "mase", "pinball", "coverage"]


def in_groups(rows):
    return [rows[rows.g.isna()], *[rows[rows.g == key] for key in ("a", "b")]]


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_over_all_rows_and_over_groups(data, clean, metric):
    evaluator = ForecastEvaluator(metricName=metric)
    groups = [by_hand(metric, rows) for rows in in_groups(clean)]
    macro = evaluator.copy({evaluator.groupCols: ["g"]}).evaluate(data)
    assert macro == pytest.approx(np.mean(groups), rel=1e-12)
    if metric != "mase":  # over all rows at once, rows of several groups have no order
        assert evaluator.evaluate(data) == pytest.approx(by_hand(metric, clean), rel=1e-12)


@pytest.mark.parametrize("metric", [m for m in METRICS if m != "mdape"])
def test_each_metric_with_weights(data, clean, metric):
    evaluator = ForecastEvaluator(metricName=metric, weightCol="w", groupCols=["g"])
    groups = [by_hand(metric, rows, "w") for rows in in_groups(clean)]
    assert evaluator.evaluate(data) == pytest.approx(np.mean(groups), rel=1e-12)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_equals_sparks_regression_evaluator(data, metric, weights):
    options = {"labelCol": "y", "predictionCol": "yhat", "metricName": metric}
    options |= {"weightCol": weights} if weights else {}
    expected = RegressionEvaluator(**options).evaluate(data)
    assert ForecastEvaluator(**options).evaluate(data) == pytest.approx(expected, rel=1e-12)


def test_micro_is_one_metric_of_all_rows(data, clean):
    evaluator = ForecastEvaluator(metricName="rmse", groupCols=["g"], average="micro")
    assert evaluator.evaluate(data) == pytest.approx(by_hand("rmse", clean), rel=1e-12)


def test_micro_mase_scales_by_changes_within_groups(data, clean):
    evaluator = ForecastEvaluator(metricName="mase", groupCols=["g"], average="micro")
    changes = [np.abs(np.diff(rows.sort_values("ds").y)) for rows in in_groups(clean)]
    expected = by_hand("mae", clean) / np.concatenate(changes).mean()
    assert evaluator.evaluate(data) == pytest.approx(expected, rel=1e-12)


@pytest.fixture(scope="module")
def gappy(spark, clean):
    """`clean` with a NULL and a NaN prediction, a NULL label and a whole group without any."""
    day = datetime.date(2024, 2, 1)
    extra = spark.createDataFrame(
        [
            ("a", day, 50.0, None),
            ("a", day, 50.0, NAN),
            ("b", day, None, 5.0),
            ("b", day, NAN, 5.0),
            ("c", day, 1.0, None),
        ],
        "g string, ds date, y double, yhat double",
    )
    others = ("yhat_lower", "yhat_upper", "w")
    extra = extra.withColumns({name: F.lit(float(i)) for i, name in enumerate(others)})
    return table(spark, clean).union(extra)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_without_a_value_are_left_out_and_counted(gappy, clean, metric):
    evaluator = ForecastEvaluator(metricName=metric, groupCols=["g"])
    expected = np.mean([by_hand(metric, rows) for rows in in_groups(clean)])
    assert evaluator.evaluate(gappy) == pytest.approx(expected, rel=1e-12)
    assert evaluator.counts(gappy) == {"rows": 30, "used": 25, "ignored": 5}


@pytest.mark.parametrize("metric", [m for m in METRICS if m not in ("pinball", "coverage")])
def test_an_infinite_forecast_is_the_worst_there_is(spark, clean, metric):
    worse = clean.copy()
    worse.loc[worse.index[worse.y != 0][0], "yhat"] = INF
    found = ForecastEvaluator(metricName=metric).evaluate(table(spark, worse))
    # A median withstands a single one; smape is at most 2 for each row.
    assert found == INF or metric in ("mdape", "smape")


def test_an_undefined_metric_is_the_worst_value(spark, clean, data):
    none = data.withColumn("yhat", F.lit(None).cast("double"))
    for metric in METRICS:
        evaluator = ForecastEvaluator(metricName=metric)
        worst = -INF if evaluator.isLargerBetter() else INF
        assert evaluator.evaluate(none) == worst
        assert evaluator.evaluate(data.limit(0)) == worst
    zeros = data.withColumn("y", F.lit(0.0))
    for metric in ("mape", "mdape", "wape", "mase"):
        assert ForecastEvaluator(metricName=metric).evaluate(zeros) == INF
    weightless = data.withColumn("w", F.lit(0.0))
    assert ForecastEvaluator(metricName="mae", weightCol="w").evaluate(weightless) == INF


def test_smape_of_nothing_on_nothing_is_no_error(data):
    zeros = data.withColumn("y", F.lit(0.0)).withColumn("yhat", F.lit(0.0))
    assert ForecastEvaluator(metricName="smape").evaluate(zeros) == 0.0


@pytest.mark.parametrize("metric", METRICS)
def test_only_coverage_is_better_when_larger(metric):
    assert ForecastEvaluator(metricName=metric).isLargerBetter() == (metric == "coverage")


def test_numbers_of_other_types_and_columns_of_other_names(data, clean):
    other = data.select(
        F.col("g").alias("the `key`"),
        F.col("ds").alias("at.day"),
        F.col("y").cast("decimal(20,10)").alias("sold units"),
        F.col("yhat").alias("y.hat"),
    )
    evaluator = ForecastEvaluator(
        metricName="mase",
        labelCol="sold units",
        predictionCol="y.hat",
        timestampCol="at.day",
        groupCols=["the `key`"],
    )
    expected = np.mean([by_hand("mase", rows) for rows in in_groups(clean)])
    assert evaluator.evaluate(other) == pytest.approx(expected, rel=1e-8)


def test_nan_and_minus_zero_keys(spark):
    rows = [(NAN, 1.0, 2.0), (NAN, 1.0, 4.0), (0.0, 1.0, 1.0), (-0.0, 1.0, 1.0), (None, 0.0, 7.0)]
    data = spark.createDataFrame(rows, "k double, y double, yhat double")
    evaluator = ForecastEvaluator(metricName="mae", groupCols=["k"])
    assert evaluator.evaluate(data) == pytest.approx((2 + 0 + 7) / 3)


def test_evaluate_takes_a_param_map(data, clean):
    evaluator = ForecastEvaluator()
    assert all(isinstance(param, Param) for param in evaluator.params)
    found = evaluator.evaluate(data, {evaluator.metricName: "mae"})
    assert found == pytest.approx(by_hand("mae", clean), rel=1e-12)
    assert evaluator.getMetricName() == "wape"


def test_mistakes_raise_before_any_job(spark, data):
    wrong = [
        ({"labelCol": "sold"}, ValueError, ("labelCol", "'sold'")),
        ({"predictionCol": "yhta"}, ValueError, ("predictionCol", "'yhta'", "'yhat'")),
        ({"weightCol": "g"}, TypeError, ("weightCol", "'g'", "string")),
        ({"groupCols": ["h"]}, ValueError, ("groupCols", "'h'")),
        ({"metricName": "mase", "timestampCol": "y"}, TypeError, ("timestampCol", "'y'")),
        ({"metricName": "coverage", "lowerCol": "low"}, ValueError, ("lowerCol", "'low'")),
        ({"metricName": "mdape", "weightCol": "w"}, ValueError, ("weightCol", "median")),
    ]
    for params, kind, words in wrong:
        with refused(spark, kind, *words):
            ForecastEvaluator(**params).evaluate(data)


def test_a_negative_weight_raises(data):
    negative = data.withColumn("w", F.lit(-1.0))
    with pytest.raises(PySparkException, match="negative weight"):
        ForecastEvaluator(weightCol="w").evaluate(negative)
