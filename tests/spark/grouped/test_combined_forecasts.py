"""Combined forecasts as stages: the models table, other layouts, a saved folder, the tuner."""

import json

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from sparkprophet import (
    BayesianParamGridBuilder,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
)
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import forecast
from stage_checks import bits, fit_bits, frame, grouped


@pytest.fixture(scope="module")
def rows():
    made = grouped(["a", "b"])
    return pd.concat([made, made[made.g == "a"].head(1).assign(g="short")])


def stage(**settings):
    return GroupedProphet(
        groupCols=["g"], combination="folds", horizon=7, uncertaintySamples=0, **settings
    )


@pytest.fixture(scope="module")
def model(spark, rows):
    return stage().fit(frame(spark, rows))


def test_each_group_is_as_the_series_alone(model, rows):
    config = Config(combination="folds", horizon=7, uncertaintySamples=0)
    shown = {row.g: row for row in model.models.collect()}
    for name in ("a", "b"):
        own = rows[rows.g == name]
        ds, y = own.ds.to_numpy("datetime64[us]"), own.y.to_numpy(float)
        outcome = fit(Series(ds, y), config)
        assert [row.asDict() for row in shown[name].members] == outcome.members
        ahead = ds[-1] + np.arange(1, 6) * np.timedelta64(1, "D")
        expected = forecast(outcome.state, config, Series(ahead, np.full(5, np.nan)), 0).yhat
        found = model.forecast(5).filter(F.col("g") == name).orderBy("ds").toPandas()["yhat"]
        assert found.to_numpy().tobytes() == expected.tobytes()
    assert shown["short"].status == "failed" and shown["short"].members is None


def test_the_layout_of_the_data_changes_no_bit(spark, model, rows):
    shuffled = frame(spark, rows.sample(frac=1, random_state=1)).repartition(3)
    assert fit_bits(stage(parallelism=1).fit(shuffled)) == fit_bits(model)


def test_it_comes_back(model, tmp_path):
    model.save(str(tmp_path / "model"))
    loaded = GroupedProphetModel.load(str(tmp_path / "model"))
    assert bits(loaded.models) == bits(model.models)
    assert bits(loaded.forecast(4)) == bits(model.forecast(4))
    prophet = loaded.prophet(g="a")
    assert len(prophet.history) == 80


def test_components_add_up_to_the_forecast(spark, model, rows):
    data = frame(spark, rows)
    parts = model.components(data).toPandas()
    total = [
        trend + entry["additive_terms"]
        for trend, entry in zip(parts["trend"], parts["components"], strict=True)
        if entry is not None
    ]
    yhat = model.transform(data).toPandas()
    known = yhat[yhat.yhat.notna()].sort_values(["g", "ds"])["yhat"]
    np.testing.assert_allclose(np.sort(total), np.sort(known), rtol=1e-9)


def test_a_tuner_combines(spark, rows):
    inner = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    space = BayesianParamGridBuilder().addUniform(inner.changepointPriorScale, 0.01, 0.5).space()
    tuner = GroupedProphetTuner(
        estimator=inner,
        searchSpace=space,
        horizon=7,
        numFolds=2,
        numTrials=4,
        combination="folds",
        numMembers=2,
    )
    model = tuner.fit(frame(spark, rows))
    shown = {row.g: row for row in model.models.collect()}
    trials = model.trials.toPandas()
    for name in ("a", "b"):
        settings = {row.settings for row in shown[name].members} - {None}
        own = trials[trials.g == name].sort_values("value").head(3)["params"]
        best = {json.loads(text)["changepointPriorScale"] for text in own}
        fitted = {json.loads(text)["changepointPriorScale"] for text in settings}
        assert 0.05 in fitted and len(fitted) == 3 and fitted - {0.05} <= best
        assert sum(row.weight for row in shown[name].members) == pytest.approx(1)
    assert model.forecast(3).filter("yhat IS NULL").count() == 0


def test_rows_may_not_ask_for_more_folds_than_the_stage_allows(spark, rows):
    own = rows.assign(own=[None if g != "b" else '{"numFolds": 1000}' for g in rows.g])
    found = stage(overridesCol="own").fit(frame(spark, own)).models
    codes = {row.g: (row.status, row.error_code) for row in found.collect()}
    assert codes["a"] == ("ok", None) and codes["b"] == ("failed", "OVERRIDES_INVALID")
