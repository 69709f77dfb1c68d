"""Keys of any type and of any name come back as they were."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from stage_checks import assert_by_hand, configured, frame, grouped, refused, series

DATE, TIME = datetime.date, datetime.datetime
KEYS = {
    "int": ("int", [1, -5, 2147483647, None]),
    "long": ("bigint", [2**62 + 1, 2**62, -(2**63), None]),
    "short": ("smallint", [-32768, 0, 32767]),
    "byte": ("tinyint", [-128, 127, None]),
    "decimal": ("decimal(38,10)", [Decimal("1.0000000001"), Decimal("1.0000000002"), None]),
    "date": ("date", [DATE(1969, 12, 31), DATE(2024, 2, 29), None]),
    "ntz": ("timestamp_ntz", [TIME(2024, 3, 10, 2, 30), TIME(1960, 1, 1, 0, 0, 0, 1), None]),
    "boolean": ("boolean", [True, False, None]),
    "double": ("double", [math.nan, 0.1 + 0.2, 0.3, math.inf, -math.inf, None]),
    "float": ("float", [math.nan, 0.5, None]),
    "binary": ("binary", [bytearray(b"\x00\xff"), bytearray(b""), None]),
    "string": (
        "string",
        ["", None, "NULL", "nan", "a", "A", " a", "🍊👩‍👩‍👧", "é", "e\u0301", "../x", "a=b", "a/b",
         "two\nlines", "tab\t", "quote\"'", "%2F", "__HIVE_DEFAULT_PARTITION__", "\u0000"],
    ),
}  # fmt: skip


def identity(value):
    """Equal for equal keys only: NaN is one value, 0.0 and False differ, bytes compare."""
    value = bytes(value) if isinstance(value, bytearray) else value
    return type(value).__name__, repr(value)


def keyed_frame(spark, kind, keys):
    """Three days per key with y = its position; needs no solver to be forecast by its mean."""
    schema = T.StructType.fromDDL(f"k {kind}, y double, day int")
    rows = [(key, float(i), day) for i, key in enumerate(keys) for day in (1, 2, 3)]
    day = F.make_date(F.lit(2024), F.lit(1), F.col("day")).alias("ds")
    return spark.createDataFrame(rows, schema).select("k", "y", day)


def mean_stage(**params):
    """Every group is too short and forecast by its mean, so that keys are all there is to test."""
    given = {"groupCols": ["k"], "minObservations": 10, "fallback": "mean", "parallelism": 2}
    return GroupedProphet(**given | params)


QUICK = ("decimal", "ntz", "double")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[] if k in QUICK else [pytest.mark.slow]) for k in KEYS]
)
def test_keys_of_every_type_come_back_equal(spark, kind):
    ddl, keys = KEYS[kind]
    data = keyed_frame(spark, ddl, keys)
    model = mean_stage().fit(data)
    assert model.models.schema["k"].dataType == data.schema["k"].dataType
    fitted = [identity(row.k) for row in model.models.select("k").collect()]
    assert sorted(fitted) == sorted(identity(key) for key in keys)
    expected = {identity(key): float(i) for i, key in enumerate(keys)}
    rows = model.transform(data).union(
        model.forecast(1).select("k", F.lit(0.0), "ds", "yhat", "yhat_lower", "yhat_upper")
    )
    found = [(identity(row.k), row.yhat) for row in rows.collect()]
    assert sorted(found) == sorted(pair for pair in expected.items() for _ in range(4))


def test_minus_zero_and_zero_are_one_key_as_in_spark(spark):
    data = keyed_frame(spark, "double", [0.0, -0.0, 1.0])
    assert data.groupBy("k").count().count() == 2
    model = mean_stage().fit(data)
    rows = {row.k: row for row in model.models.collect()}
    assert set(rows) == {0.0, 1.0} and rows[0.0].n_obs == 6
    assert {(r.k, r.yhat) for r in model.transform(data).collect()} == {(0.0, 0.5), (1.0, 2.0)}


def test_instants_an_hour_apart_in_the_dst_fold_are_two_keys(spark):
    first = 1_730_611_800  # 2024-11-03 01:30 EDT; an hour later it is 01:30 EST
    with configured(spark, {"spark.sql.session.timeZone": "America/New_York"}):
        seconds = keyed_frame(spark, "bigint", [first, first + 3600, 0])
        data = seconds.withColumn("k", F.timestamp_seconds("k"))
        model = mean_stage().fit(data)
        back = model.models.select(F.unix_timestamp("k").alias("k"), "n_obs").collect()
        assert {(row.k, row.n_obs) for row in back} == {(first, 3), (first + 3600, 3), (0, 3)}
        found = model.transform(data).select(F.unix_timestamp("k").alias("k"), "yhat").collect()
        assert {tuple(row) for row in found} == {(first, 0.0), (first + 3600, 1.0), (0, 2.0)}


def test_several_key_columns_with_null_in_any(spark):
    pairs = [("a", None), (None, "a"), (None, None), ("a", "a"), ("", "a"), ("a", "")]
    rows = pd.concat(
        [series(i, rows=3).assign(k=k, j=j, y=float(i)) for i, (k, j) in enumerate(pairs)]
    )
    data = frame(spark, rows)
    model = mean_stage(groupCols=["j", "k"]).fit(data)
    assert model.models.columns[:2] == ["j", "k"]
    assert {(row.k, row.j) for row in model.models.collect()} == set(pairs)
    found = model.transform(data).collect()
    assert len(found) == 18
    assert {((row.k, row.j), row.yhat) for row in found} == {
        (pair, float(i)) for i, pair in enumerate(pairs)
    }


ODD_NAMES = ["a.b", "a b", "a`b", "`", "é🍊", "ds", "y", "key_0", "row", "rows", "input", "values",
             "seed", "model_0", "cap", "x_0", "answer", "pair", "v", "found", "trial", "value",
             "trend", "DS", "from", "1", "a.*"]  # fmt: skip


def test_key_columns_of_any_name(spark):
    # All of them in one frame: each is a key column, and none must hide another.
    names = [name for name in ODD_NAMES if name != "DS"]
    rows = pd.concat([series(i, rows=3).assign(k=f"k{i}", y=float(i)) for i in range(2)])
    data = frame(spark, rows).select(
        F.col("ds").alias("at time"),
        F.col("y").alias("sold.units"),
        *[F.concat(F.lit(name), F.col("k")).alias(name) for name in names],
    )
    stage = mean_stage(groupCols=names, timestampCol="at time", labelCol="sold.units")
    model = stage.fit(data)
    quoted = ["`" + name.replace("`", "``") + "`" for name in names]
    assert model.models.columns[: len(names)] == names
    expected = {tuple(f"{name}k{i}" for name in names) for i in range(2)}
    assert {tuple(row) for row in model.models.select(*quoted).collect()} == expected
    found = model.transform(data)
    assert found.columns == [*data.columns, "yhat", "yhat_lower", "yhat_upper"]
    assert {tuple(row) for row in found.select(*quoted).collect()} == expected
    for row in [*found.collect(), *model.forecast(1).collect()]:
        assert row["yhat"] == float(row["ds"][-1])
    assert model.failures.count() == 2


def test_odd_names_in_every_other_role(spark):
    rows = series(seed=2)
    rows["price"] = np.random.default_rng(4).uniform(1, 2, len(rows))
    rows["big"], rows["small"] = 90.0, 1.0
    names = {
        "ds": "time.stamp",
        "y": "the `label`",
        "price": "price.per kg",
        "big": "c a p",
        "small": "fl.oor",
    }
    data = frame(spark, rows.rename(columns=names)).withColumn("g h.i", F.lit("x"))
    stage = GroupedProphet(
        groupCols=["g h.i"],
        timestampCol=names["ds"],
        labelCol=names["y"],
        growth="logistic",
        capCol=names["big"],
        floorCol=names["small"],
        regressors=[names["price"]],
        predictionCol="y.hat",
        lowerCol="lower `end`",
        upperCol="1",
        uncertaintySamples=0,
        parallelism=1,
    )
    found = stage.fit(data).transform(data).toPandas()
    given = rows.rename(columns={"big": "cap", "small": "floor"})
    assert_by_hand(
        found["y.hat"],
        given,
        given.set_index("ds").loc[found["time.stamp"]].reset_index(),
        lambda m: m.add_regressor("price"),
        growth="logistic",
    )
    assert list(found.columns) == [*data.columns, "y.hat", "lower `end`", "1"]


@pytest.mark.parametrize("name", ["status", "state", "config", "start", "trials", "best_value"])
def test_names_of_the_models_table_are_refused_as_keys(spark, name):
    data = frame(spark, grouped(["a"], name=name, rows=3))
    with refused(spark, ValueError, "groupCols", repr(name), "rename"):
        mean_stage(groupCols=[name]).fit(data)


@pytest.mark.parametrize("name", ["Status", "STATE", "Start", "Trials"])
def test_such_names_in_another_case_are_the_same_name_to_spark(spark, name):
    data = frame(spark, grouped(["a"], name=name, rows=3))
    with refused(spark, ValueError, "groupCols", repr(name), "rename"):
        mean_stage(groupCols=[name]).fit(data)


def test_a_key_called_as_an_output_is_refused(spark):
    data = frame(spark, grouped(["a"], name="yhat", rows=3))
    with refused(spark, ValueError, "predictionCol", "'yhat'"):
        mean_stage(groupCols=["yhat"]).fit(data)
    renamed = mean_stage(groupCols=["yhat"], predictionCol="forecast").fit(data)
    assert [row.yhat for row in renamed.forecast(2).collect()] == ["a", "a"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("interval year to month", "make_ym_interval(1)"), ("variant", "parse_json('1')")],
)
def test_types_that_spark_cannot_group_are_refused(spark, kind, value):
    data = keyed_frame(spark, "long", [1, 2]).withColumn("k", F.expr(value))
    with pytest.raises(TypeError, match=f"groupCols: column 'k' is {kind}, must be text"):
        mean_stage().fit(data)


SAME = {"long": ("int", "smallint", "decimal(9,0)"), "string": ("varchar(9)",)}
OTHERS = {"long": ("string", "double", "boolean"), "double": ("float", "decimal(9,2)")}


@pytest.mark.parametrize("kind", sorted(SAME.keys() | OTHERS.keys()))
def test_keys_of_another_type_are_refused_and_of_another_width_are_not(spark, kind):
    data = keyed_frame(spark, "int", [1, 2]).withColumn("k", F.col("k").cast(kind))
    model = mean_stage().fit(data)
    for other in SAME.get(kind, ()):
        assert model.transform(data.withColumn("k", F.col("k").cast(other))).count() == 6
    for other in OTHERS.get(kind, ()):
        cast = data.withColumn("k", F.col("k").cast(other))
        with pytest.raises(TypeError, match="groupCols: column 'k' is .*, and was .* in the fit"):
            model.transform(cast)
        with pytest.raises(TypeError, match="groupCols: column 'k' is .*, and was .* in the fit"):
            model.forecast(2, regressors=cast)


INTERNAL = ["v", "steps", "row", "given", "model", "begins", "ds_", "y_"]


@pytest.mark.parametrize(
    "name", ["t", *(pytest.param(n, marks=pytest.mark.slow) for n in INTERNAL)]
)
def test_internal_names_are_names_of_keys_too(spark, name):
    data = keyed_frame(spark, "long", [1, 2]).withColumnRenamed("k", name)
    stage = mean_stage(groupCols=[name], uncertaintySamples=0)
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.1, 1.0).space()
    model = GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=1, numTrials=1).fit(
        data
    )
    assert model.trials.columns[:2] == [name, "trial"]
    assert model.comparison.columns[:2] == [name, "tuned"]
    for found in (model.trials, model.comparison, model.forecast(1), model.transform(data)):
        assert {row[name] for row in found.collect()} <= {1, 2}


@pytest.mark.parametrize("name", ["value", "TRIAL", "params", "seconds", "tuned", "seasonal_naive"])
def test_names_of_what_a_search_tells_are_refused_before_it(spark, name):
    data = keyed_frame(spark, "long", [1, 2]).withColumnRenamed("k", name)
    stage = mean_stage(groupCols=[name])
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.1, 1.0).space()
    tuner = GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=1)
    with pytest.raises(ValueError, match=f"groupCols: '{name}' is a column of `trials` or of"):
        tuner.fit(data)
