"""The same data through Python's stages and through Scala's: equal to the last bit."""

import json

import pandas as pd
import pytest
from pyspark.sql import functions as F

from jvm_stages import Scala
from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from stage_checks import bits, frame, grouped

MACHINE = ["fit_seconds", "cpu_seconds", "host", "pid", "started_at"]
HOLIDAYS = [{"holiday": "fair", "ds": "2024-02-10", "lowerWindow": -1, "upperWindow": 1}]


@pytest.fixture(scope="module")
def scala(spark):
    return Scala(spark)


@pytest.fixture(scope="module")
def shops(spark):
    """Five groups of two keys, one of them NULL, and every column that a param can name."""
    rows = grouped(["a", "b", "c", None, "short"], name="shop")
    rows = rows[(rows["shop"] != "short") | (rows.ds < pd.Timestamp("2024-01-03"))].copy()
    rows["item"] = [1 if shop == "a" else 2 for shop in rows["shop"]]
    rows["price"] = rows.index % 5 + 0.5
    rows["weekend"] = rows.ds.dt.dayofweek >= 5
    rows["cap"], rows["floor"] = 60.0, 1.0
    rows["country"] = ["US" if shop == "a" else "DE" for shop in rows["shop"]]
    own = '{"changepointPriorScale": 0.3, "seasonalityMode": "multiplicative"}'
    rows["own"] = [own if shop == "b" else None for shop in rows["shop"]]
    rows.loc[rows.index[7], "y"] = float("nan")
    return frame(spark, rows).cache()


STAGES = {
    "plain": {},
    "one_series": {"groupCols": []},
    "seeded": {"seed": 2**40, "parallelism": 2, "intervalWidth": 0.95, "uncertaintySamples": 50},
    "columns": {
        "regressors": [{"name": "price", "priorScale": 2.0, "mode": "multiplicative"}],
        "seasonalities": [{"name": "free", "period": 7, "fourierOrder": 2,
                           "conditionCol": "weekend"}],
        "holidays": HOLIDAYS, "weeklySeasonality": "false",
        "predictionCol": "p", "lowerCol": "lo", "upperCol": "hi",
    },
    "logistic": {"growth": "logistic", "capCol": "cap", "floorCol": "floor"},
    "own": {"countryHolidaysCol": "country", "overridesCol": "own", "changepoints": ["2024-02-01"]},
    "fallback": {"minObservations": 5, "fallback": "mean", "handleInvalid": "skip"},
}  # fmt: skip


def both(stage, scala, data):
    """Python's and Scala's model of one stage."""
    return stage.fit(data), scala.fit(stage, data)


def assert_same_table(model, jvm_model, scala):
    found = scala.frame(jvm_model.models())
    assert found.schema == model.models.schema
    assert bits(found.drop(*MACHINE)) == bits(model.models.drop(*MACHINE))


@pytest.mark.parametrize("name", STAGES)
def test_models_and_forecasts_are_equal(scala, shops, name):
    keys = {"groupCols": ["shop", "item"], "uncertaintySamples": 20}
    data = shops if STAGES[name].get("groupCols") is None else shops.filter("shop = 'a'")
    model, jvm_model = both(GroupedProphet(**keys | STAGES[name]), scala, data)
    assert_same_table(model, jvm_model, scala)
    assert bits(scala.transform(jvm_model, data)) == bits(model.transform(data))
    if name in ("columns", "plain"):
        found = scala.frame(jvm_model.components(data._jdf))
        assert bits(found) == bits(model.components(data))
    later = data.withColumn("ds", F.col("ds") + F.expr("INTERVAL 60 DAYS"))
    ahead = model.forecast(9, regressors=later, includeHistory=True)
    assert bits(scala.frame(jvm_model.forecast(9, later._jdf, True))) == bits(ahead)
    if name != "columns":
        assert bits(scala.frame(jvm_model.forecast(4))) == bits(model.forecast(4))


def test_failures_and_summary_are_equal(scala, shops):
    model, jvm_model = both(GroupedProphet(groupCols=["shop", "item"]), scala, shops)
    assert bits(scala.frame(jvm_model.failures())) == bits(model.failures)
    counted = {c.error_code(): c.groups() for c in _seq(jvm_model.summary().counts())}
    assert {code.get() if code.isDefined() else None: n for code, n in counted.items()} == {
        c.error_code: c.groups for c in model.summary.counts
    }


def _seq(found):
    return [found.apply(i) for i in range(found.size())]


def test_a_date_column_stays_one(scala, spark):
    data = frame(spark, grouped(["a"])).withColumn("ds", F.to_date("ds"))
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    model, jvm_model = both(stage, scala, data)
    assert_same_table(model, jvm_model, scala)
    assert bits(scala.frame(jvm_model.forecast(3))) == bits(model.forecast(3))


@pytest.fixture(scope="module")
def tuner(shops):
    stage = GroupedProphet(groupCols=["shop", "item"], uncertaintySamples=0)
    space = (
        BayesianParamGridBuilder()
        .addUniform(stage.changepointPriorScale, 0.001, 0.5, log=True)
        .addChoice(stage.seasonalityMode, ["additive", "multiplicative"])
        .space()
    )
    return GroupedProphetTuner(
        estimator=stage, searchSpace=space, horizon=7, numTrials=13, numFolds=2, seed=5
    )


@pytest.mark.parametrize("options", [{}, {"warmStartGroups": 1, "collectTrials": False},
                                     {"sampler": "random", "timeout": 60.0, "metric": "mase"}])  # fmt: skip
def test_searches_are_equal(scala, shops, tuner, options):
    model, jvm_model = both(tuner.copy().setParams(**options), scala, shops)
    machine = ["trials"]
    found, expected = scala.frame(jvm_model.models()), model.models
    assert found.schema == expected.schema
    assert bits(found.drop(*MACHINE, *machine)) == bits(expected.drop(*MACHINE, *machine))
    times = ["seconds", "cpu_seconds"]
    assert bits(scala.frame(jvm_model.trials()).drop(*times)) == bits(model.trials.drop(*times))
    assert bits(scala.frame(jvm_model.comparison())) == bits(model.comparison)


def test_a_killed_search_goes_on_where_it_was(scala, shops, tuner, tmp_path):
    undisturbed = tuner.fit(shops)
    kept = tuner.copy().setParams(checkpointDir=str(tmp_path), parallelism=2)
    first = scala.fit(kept, shops)
    files = sorted(tmp_path.glob("*/*.parquet"))
    files[0].unlink()  # as if the driver had been killed before this task's end
    before = {f.name for f in files[1:]}
    second = scala.fit(kept, shops)
    for jvm_model in (first, second):
        assert_same_table_but_trials(undisturbed, jvm_model, scala)
    after = {f.name for f in tmp_path.glob("*/*.parquet")}
    assert before < after  # those that were there were not done again
    third = scala.fit(kept, shops)
    assert {f.name for f in tmp_path.glob("*/*.parquet")} == after
    assert bits(scala.frame(third.models())) == bits(scala.frame(second.models()))


def assert_same_table_but_trials(model, jvm_model, scala):
    found = scala.frame(jvm_model.models()).drop(*MACHINE)
    assert bits(found) == bits(model.models.drop(*MACHINE))


def test_configs_are_those_that_were_set(scala, shops):
    """Against Prophet's own defaults, not against the other language."""
    jvm_model = scala.fit(GroupedProphet(groupCols=["shop", "item"]), shops)
    rows = scala.frame(jvm_model.models()).filter("shop = 'b'").collect()
    config = json.loads(rows[0].config)
    assert (config["nChangepoints"], config["changepointPriorScale"]) == (25, 0.05)
    assert (rows[0].status, rows[0].n_obs) == ("ok", 80)
