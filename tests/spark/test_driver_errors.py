"""P7: a mistake that the driver can see raises before any job, and says what to do."""

import pytest
from pyspark.ml.regression import LinearRegression
from pyspark.sql import functions as F

from counted_jobs import counted_jobs
from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from sparkprophet.search import Choice, Int, SearchSpace, Uniform
from stage_checks import frame, grouped, refused


@pytest.fixture(scope="module")
def data(spark):
    rows = grouped(["a"], rows=30)
    rows["Store"] = rows.g
    return frame(spark, rows).cache()


def prophet(**params):
    return GroupedProphet(**{"groupCols": ["g"], "uncertaintySamples": 0} | params)


def test_the_job_counter_counts(spark, data):
    with counted_jobs(spark) as jobs:
        assert jobs() == 0
        data.count()
        assert jobs() >= 1


# What: (params, columns as SQL, error, words of its message)
WRONG = {
    "missing column": ({"labelCol": "sold"}, {}, ValueError, ("labelCol", "'sold'", "columns: ")),
    "near miss": ({"timestampCol": "dss"}, {}, ValueError, ("timestampCol", "'dss'", "'ds'")),
    "wrong case": ({"groupCols": ["store"]}, {}, ValueError, ("groupCols", "'store'", "'Store'")),
    "string label": ({}, {"y": "CAST(y AS string)"}, TypeError,
                     ("labelCol", "'y'", "string", "cast")),
    "boolean label": ({}, {"y": "y > 0"}, TypeError, ("labelCol", "boolean", "number")),
    "string time": ({}, {"ds": "CAST(ds AS string)"}, TypeError,
                    ("timestampCol", "'ds'", "string", "to_date")),
    "number as time": ({}, {"ds": "unix_timestamp(ds)"}, TypeError, ("timestampCol", "bigint")),
    "time as key": ({"groupCols": ["g", "ds"]}, {}, ValueError,
                    ("groupCols", "'ds'", "timestampCol")),
    "label as key": ({"groupCols": ["y"]}, {}, ValueError, ("groupCols", "'y'", "labelCol")),
    "array key": ({"groupCols": ["g"]}, {"g": "array(g)"}, TypeError,
                  ("groupCols", "array<string>", "text")),
    "map key": ({"groupCols": ["g"]}, {"g": "map(g, g)"}, TypeError, ("groupCols",)),
    "struct key": ({"groupCols": ["g"]}, {"g": "struct(g)"}, TypeError, ("groupCols", "struct")),
    "output exists": ({}, {"yhat": "1"}, ValueError, ("predictionCol", "'yhat'", "drop")),
    "output exists in another case": ({}, {"YHAT": "1"}, ValueError, ("predictionCol",)),
    "lower exists": ({}, {"yhat_lower": "1"}, ValueError, ("lowerCol", "'yhat_lower'")),
    "output is an input": ({"upperCol": "y"}, {}, ValueError, ("upperCol", "'y'")),
    "equal outputs": ({"lowerCol": "yhat"}, {}, ValueError, ("lowerCol", "three names")),
    "no cap": ({"growth": "logistic"}, {}, ValueError, ("growth", "'logistic'", "capCol")),
    "missing cap": ({"growth": "logistic", "capCol": "c"}, {}, ValueError, ("capCol", "'c'")),
    "string cap": ({"growth": "logistic", "capCol": "g"}, {}, TypeError, ("capCol", "string")),
    "string floor": ({"floorCol": "g"}, {}, TypeError, ("floorCol", "string")),
    "missing regressor": ({"regressors": ["price"]}, {}, ValueError, ("regressors", "'price'")),
    "string regressor": ({"regressors": ["g"]}, {}, TypeError, ("regressors", "'g'", "string")),
    "missing condition": (
        {"seasonalities": [{"name": "s", "period": 9, "fourierOrder": 1, "conditionCol": "open"}]},
        {}, ValueError, ("seasonalities", "'open'")),
    "missing overrides": ({"overridesCol": "own"}, {}, ValueError, ("overridesCol", "'own'")),
    "struct overrides": ({"overridesCol": "own"}, {"own": "struct(g)"}, TypeError,
                         ("overridesCol", "to_json")),
    "number as country": ({"countryHolidaysCol": "y"}, {}, TypeError, ("countryHolidaysCol",)),
    "unknown country": ({"countryHolidays": "XX"}, {}, ValueError,
                        ("countryHolidays", "'XX'", "ISO code")),
    "a name twice": ({"regressors": ["y2", "y2"]}, {"y2": "1"}, ValueError, ("'y2'", "twice")),
    "two keys, one missing": ({"groupCols": ["g", "h"]}, {}, ValueError, ("groupCols", "'h'")),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_fit_refuses(spark, data, mistake):
    params, columns, kind, words = WRONG[mistake]
    spoiled = data.withColumns({name: F.expr(sql) for name, sql in columns.items()})
    with refused(spark, kind, *words):
        prophet(**params).fit(spoiled)


def test_fit_refuses_a_pandas_frame(spark, data):
    rows = data.toPandas()
    with refused(spark, TypeError, "dataset", "pandas", "createDataFrame"):
        prophet().fit(rows)


def test_fit_and_transform_refuse_a_stream(spark, fitted):
    stream = spark.readStream.format("rate").load()
    stream = stream.selectExpr("'north' AS store", "timestamp AS ds", "CAST(value AS double) AS y")
    with refused(spark, ValueError, "dataset", "stream", "foreachBatch"):
        prophet(groupCols=["store"]).fit(stream)
    with refused(spark, ValueError, "dataset", "stream", "foreachBatch"):
        fitted.transform(stream)


@pytest.mark.parametrize("name", ["ds", "y", "g"])
def test_fit_refuses_two_columns_of_a_name(spark, data, name):
    doubled = data.select("*", F.col(name).alias(name))
    with refused(spark, ValueError, repr(name), "2 columns", "rename"):
        prophet().fit(doubled)


@pytest.mark.parametrize("name", ["ds", "y", "g"])
def test_fit_refuses_a_name_that_another_case_makes_ambiguous(spark, data, name):
    with refused(spark, ValueError, repr(name), "rename"):
        prophet().fit(data.select("*", F.col(name).alias(name.upper())))


def test_many_columns_do_not_make_a_long_message(spark, data):
    wide = data.select("*", *[F.lit(0).alias(f"column_number_{i}_" + "x" * 40) for i in range(60)])
    with refused(spark, ValueError, "labelCol", "'zzz'"):
        prophet(labelCol="zzz").fit(wide)


def test_transform_and_components_refuse(spark, fitted, days):
    good = days.withColumn("store", F.lit("north"))
    for method in (fitted.transform, fitted.components):
        with refused(spark, ValueError, "groupCols", "'store'"):
            method(days)
        with refused(spark, TypeError, "timestampCol", "'ds'", "string"):
            method(good.withColumn("ds", F.col("ds").cast("string")))
        with refused(spark, ValueError, "predictionCol", "'yhat'"):
            method(good.withColumn("yhat", F.lit(0.0)))
    with refused(spark, ValueError, "components", "'trend'"):
        fitted.components(good.withColumn("trend", F.lit(0.0)))


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, "7", None, 1_000_001, 10_000_000])
def test_forecast_refuses_a_horizon(spark, fitted, horizon):
    with refused(spark, ValueError, "horizon", repr(horizon), "from 1 to 1,000,000"):
        fitted.forecast(horizon)


@pytest.mark.parametrize("freq", ["-1D", "0D", "-1MS", "-2h", "1ns", "999ns", "9999999D", ""])
def test_forecast_refuses_a_frequency_that_does_not_go_forward(spark, fitted, freq):
    with refused(spark, ValueError, "freq", repr(freq), "must be a pandas frequency"):
        fitted.forecast(3, freq=freq)


def test_forecast_refuses_other_arguments(spark, fitted, days):
    with refused(spark, ValueError, "freq", "'fortnight'", "pandas"):
        fitted.forecast(3, freq="fortnight")
    with refused(spark, ValueError, "freq", "regressors"):
        fitted.forecast(3, freq="D", regressors=days.withColumn("store", F.lit("a")))
    with refused(spark, ValueError, "groupCols", "'store'"):
        fitted.forecast(3, regressors=days)


def tuner(space=None, **params):
    inner = params.pop("estimator", prophet())
    space = space or SearchSpace((Uniform("changepointPriorScale", 0.01, 0.5),))
    given = {"estimator": inner, "searchSpace": space, "horizon": 5, "numTrials": 2}
    return GroupedProphetTuner(**given | params)


def other_stage():
    return BayesianParamGridBuilder().addUniform(LinearRegression().regParam, 0.0, 1.0).space()


def other_prophet():
    return BayesianParamGridBuilder().addInt(GroupedProphet().nChangepoints, 1, 9).space()


SPACES = {
    "another stage's param": (other_stage, ("searchSpace", "'regParam'")),
    "another estimator's": (other_prophet, ("searchSpace", "'nChangepoints'", "GroupedProphet_")),
    "not of the series": (lambda: SearchSpace((Int("parallelism", 1, 4),)), ("'parallelism'",)),
    "unknown": (lambda: SearchSpace((Int("nChangepoint", 1, 4),)), ("'nChangepoint'",)),
    "too low": (lambda: SearchSpace((Uniform("changepointPriorScale", -1, 1),)),
                ("changepointPriorScale", "-1")),
    "too high": (lambda: SearchSpace((Uniform("changepointRange", 0.5, 2),)),
                 ("changepointRange", "2")),
    "wrong choice": (lambda: SearchSpace((Choice("growth", ["flat", "cubic"]),)),
                     ("growth", "'cubic'")),
    "no cap": (lambda: SearchSpace((Choice("growth", ["flat", "logistic"]),)),
               ("growth", "'logistic'", "capCol")),
    "wrong fixed choice": (lambda: SearchSpace((Choice("nChangepoints", [1, 2.5]),)),
                           ("nChangepoints", "2.5")),
    "unread regressor": (lambda: SearchSpace((Choice("regressors", [["y2"], []]),)),
                         ("regressors", "'y2'")),
}  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_a_tuner_refuses_a_space(spark, data, name):
    make, words = SPACES[name]
    with refused(spark, (TypeError, ValueError), *words):
        tuner(make()).fit(data)


def test_a_tuner_refuses_other_mistakes(spark, data):
    with refused(spark, ValueError, "labelCol", "'sold'"):
        tuner(estimator=prophet(labelCol="sold")).fit(data)
    with refused(spark, ValueError, "metric", "'coverage'", "uncertaintySamples"):
        tuner(metric="coverage").fit(data)
    only_choices = SearchSpace((Choice("growth", ["flat", "linear"]),))
    with refused(spark, (ValueError, ImportError), "cmaes"):
        tuner(only_choices, sampler="cmaes").fit(data)
    for name in ("estimator", "searchSpace", "horizon"):
        incomplete = tuner()
        incomplete.clear(incomplete.getParam(name))
        with refused(spark, ValueError, name, "not set"):
            incomplete.fit(data)
