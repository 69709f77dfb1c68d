"""What is set of a fitted model has an effect, or is refused by name."""

import re

import numpy as np
import pytest
from pyspark.sql import functions as F

from sparkprophet import GroupedProphet, GroupedProphetModel
from stage_checks import bits, frame, grouped


@pytest.fixture(scope="module")
def rows(spark):
    kept = frame(spark, grouped(["a", "b"])).cache()
    yield kept
    kept.unpersist()


@pytest.fixture(scope="module")
def model(rows):
    return GroupedProphet(groupCols=["g"], uncertaintySamples=300, parallelism=2).fit(rows)


@pytest.fixture(scope="module")
def wide(rows):
    stage = GroupedProphet(
        groupCols=["g"], uncertaintySamples=300, intervalWidth=0.99, parallelism=2
    )
    return stage.fit(rows)


def results(model, rows):
    return bits(model.transform(rows)), bits(model.forecast(5))


@pytest.mark.slow
def test_the_width_is_that_of_a_fit_with_it(model, wide, rows, tmp_path):
    expected = results(wide, rows)
    assert results(model, rows) != expected
    set_later = model.copy().setIntervalWidth(0.99)
    assert results(set_later, rows) == expected
    assert bits(model.transform(rows, {model.intervalWidth: 0.99})) == expected[0]
    set_later.save(str(tmp_path / "model"))
    loaded = GroupedProphetModel.load(str(tmp_path / "model"))
    assert results(loaded, rows) == expected
    assert results(loaded.setIntervalWidth(0.8), rows) == results(model, rows)


def test_intervals_can_be_switched_off(model, rows):
    found = model.copy().setUncertaintySamples(0).transform(rows)
    assert found.filter("yhat_lower IS NOT NULL OR yhat_upper IS NOT NULL").count() == 0
    names = ["g", "ds", "yhat"]
    assert bits(found.select(names)) == bits(model.transform(rows).select(names))


def test_limits_are_those_of_the_model(model):
    limited = model.copy().setUncertaintySamples(20_000_000).setGroupMemoryInMB(100)
    assert [tuple(row)[1:] for row in limited.forecast(2).collect()] == [(None,) * 4] * 2


@pytest.mark.parametrize(
    ("name", "value", "was"),
    [
        ("changepointPriorScale", 0.3, 0.05),
        ("seasonalityMode", "multiplicative", "'additive'"),
        ("regressors", ["price"], []),
        ("countryHolidays", "US", None),
        ("holidays", [{"holiday": "x", "ds": "2024-01-01"}], []),
    ],
)
def test_what_a_fit_decides_is_refused_by_name(model, rows, name, value, was):
    changed = model.copy()._set(**{name: value})
    for use in (changed.transform, changed.components, lambda _: changed.forecast(3)):
        with pytest.raises(ValueError, match=f"^{name}: .* must be {re.escape(f'{was}')} as in"):
            use(rows)
    default = model.getParam(name)
    if model.hasDefault(default):
        assert results(changed._set(**{name: model.getOrDefault(name)}), rows)


def test_names_of_columns_can_be_set(model, rows):
    renamed = model.copy().setPredictionCol("sold").setTimestampCol("day")
    found = renamed.transform(rows.withColumnRenamed("ds", "day")).select("sold").toPandas()
    np.testing.assert_array_equal(
        np.sort(found.sold), np.sort(model.transform(rows).select("yhat").toPandas().yhat)
    )


def test_a_groups_own_settings_stay_where_nothing_is_set(rows):
    own = rows.withColumn("own", F.when(F.col("g") == "a", '{"uncertaintySamples": 0}'))
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=20, overridesCol="own")
    found = stage.fit(own).forecast(1).orderBy("g").collect()
    assert [row.yhat_lower is None for row in found] == [True, False]
