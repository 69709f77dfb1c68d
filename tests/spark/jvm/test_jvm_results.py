"""The same data through Python's stages and through Scala's: equal to the last bit."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from jvm_stages import Scala
from py4j.protocol import Py4JJavaError
from pyspark.errors import IllegalArgumentException
from pyspark.sql import functions as F

from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from stage_checks import MACHINE, bits, configured, fit_bits, frame, grouped

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
    "smoothed": {"trendForecast": "holtWinters", "trendDamping": 0.9},
    "combined": {"combination": "folds", "horizon": 7, "numFolds": 2, "period": 5, "initial": 20},
    "fallback": {"minObservations": 5, "fallback": "mean", "handleInvalid": "skip"},
}  # fmt: skip


def both(stage, scala, data):
    """Python's and Scala's model of one stage."""
    return stage.fit(data), scala.fit(stage, data)


def assert_same_table(model, jvm_model, scala):
    models = scala.frame(jvm_model.models())
    assert models.schema == model.models.schema
    assert bits(models.drop(*MACHINE)) == fit_bits(model)


# What is in this one is in most: the others are slow tests.
QUICK = "columns"


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == QUICK else [pytest.mark.slow]) for n in STAGES]
)
def test_models_and_forecasts_are_equal(scala, shops, name):
    keys = {"groupCols": ["shop", "item"], "uncertaintySamples": 20}
    data = shops if STAGES[name].get("groupCols") is None else shops.filter("shop = 'a'")
    model, jvm_model = both(GroupedProphet(**keys | STAGES[name]), scala, data)
    assert_same_table(model, jvm_model, scala)
    assert bits(scala.transform(jvm_model, data)) == bits(model.transform(data))
    if name == "columns":
        parts = scala.frame(jvm_model.components(data._jdf))
        assert bits(parts) == bits(model.components(data))
        later = data.withColumn("ds", F.col("ds") + F.expr("INTERVAL 60 DAYS"))
        steps = scala.frame(jvm_model.forecast(9, later._jdf, True))
        assert bits(steps) == bits(model.forecast(9, regressors=later, includeHistory=True))


@pytest.mark.slow
def test_settings_of_a_model_and_the_zone_of_its_fit(scala, spark, tmp_path):
    hours = spark.range(24 * 6).selectExpr(
        "timestamp_seconds(1729900800 + id * 3600) AS ds", "10 + sin(id * pi() / 12) AS y"
    )
    stage = GroupedProphet(uncertaintySamples=20, parallelism=1)
    with configured(spark, {"spark.sql.session.timeZone": "Europe/Berlin"}):
        model, jvm_model = both(stage, scala, hours)
    assert jvm_model.summary().timeZone().get() == model.summary.time_zone == "Europe/Berlin"
    model.setIntervalWidth(0.5).save(str(tmp_path / "model"))
    jvm_model.setIntervalWidth(0.5)
    with configured(spark, {"spark.sql.session.timeZone": "Asia/Tokyo"}):
        for of_scala in (jvm_model, scala.load(tmp_path / "model")):
            assert bits(scala.transform(of_scala, hours)) == bits(model.transform(hours))
            assert bits(scala.frame(of_scala.forecast(30))) == bits(model.forecast(30))
    jvm_model.setChangepointPriorScale(0.3)
    with pytest.raises(IllegalArgumentException, match="Scale: found 0.3, must be 0.05 as in the"):
        jvm_model.forecast(3)


@pytest.mark.slow
def test_failures_and_summary_are_equal(scala, shops):
    model, jvm_model = both(GroupedProphet(groupCols=["shop", "item"]), scala, shops)
    assert bits(scala.frame(jvm_model.failures())) == bits(model.failures)
    assert bits(scala.frame(jvm_model.forecast(4))) == bits(model.forecast(4))
    counted = {c.errorCode(): c.groups() for c in _seq(jvm_model.summary().counts())}
    assert {code.get() if code.isDefined() else None: n for code, n in counted.items()} == {
        c.error_code: c.groups for c in model.summary.counts
    }
    # Against Prophet's own defaults, not against the other language.
    (row,) = scala.frame(jvm_model.models()).filter("shop = 'b'").collect()
    config = json.loads(row.config)
    assert (config["nChangepoints"], config["changepointPriorScale"]) == (25, 0.05)
    assert (row.status, row.n_obs) == ("ok", 80)


def _seq(seq):
    return [seq.apply(i) for i in range(seq.size())]


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "options",
    [{}, pytest.param({"warmStartGroups": 1, "sampler": "random"}, marks=pytest.mark.slow)],
)
def test_searches_are_equal(scala, shops, tuner, options):
    model, jvm_model = both(tuner.copy().setParams(**options), scala, shops)
    assert_same_table(model, jvm_model, scala)
    times = ["seconds", "cpu_seconds"]
    assert bits(scala.frame(jvm_model.trials()).drop(*times)) == bits(model.trials.drop(*times))
    assert bits(scala.frame(jvm_model.comparison())) == bits(model.comparison)


@pytest.mark.slow  # Python's own is not, and the files are the same
def test_a_killed_search_goes_on_where_it_was(scala, shops, tuner, tmp_path):
    tuner = tuner.copy().setParams(numTrials=3, numFolds=1)
    undisturbed = tuner.fit(shops)
    kept = tuner.copy().setParams(checkpointDir=str(tmp_path))
    assert_same_table(undisturbed, scala.fit(kept, shops), scala)
    files = sorted(tmp_path.glob("*/run-*/part-*"))
    files[0].unlink()  # as if the driver had been killed before this task's end
    flipped = bytearray(files[1].read_bytes())
    flipped[len(flipped) // 3] ^= 0x10
    files[1].write_bytes(flipped)
    files[2].write_text("")
    (tmp_path / "run-killed").mkdir()
    before = {f.name for f in files[1:]}
    assert_same_table(undisturbed, scala.fit(kept, shops), scala)
    # Those that were there were not done again.
    after = sorted(tmp_path.glob("*/run-*/part-*"), key=lambda f: f.stat().st_mtime)
    assert before < {f.name for f in after}
    assert len(after) - len(before) == 3
    scala.fit(kept, shops)
    assert sorted(tmp_path.glob("*/run-*/part-*")) == sorted(after)


@pytest.mark.slow
def test_scala_names_a_checkpoint_folder_that_cannot_be_written(scala, shops, tuner, tmp_path):
    tuner = tuner.copy().setParams(numTrials=1, checkpointDir=str(tmp_path / "groups"))
    scala.fit(tuner, shops)
    (place,) = (tmp_path / "groups").iterdir()
    shutil.rmtree(place)
    place.write_text("")  # in the way of the job's folder
    with pytest.raises(Py4JJavaError, match="IOException: checkpointDir: .* failed .* again"):
        scala.fit(tuner, shops)


@pytest.mark.slow
def test_two_scala_drivers_of_one_job_do_each_other_no_harm(scala, shops, tuner, tmp_path):
    tuner = tuner.copy().setParams(numTrials=3, numFolds=1, checkpointDir=str(tmp_path))
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(scala.fit, tuner, shops) for _ in range(2)]
        models = [scala.frame(fit.result().models()) for fit in fits]
    assert bits(models[0].drop(*MACHINE)) == bits(models[1].drop(*MACHINE))
    assert len(models[0].collect()) == 5
    assert list(tmp_path.rglob("_temporary")) == []
