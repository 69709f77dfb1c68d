"""P1, P2 and P3: one row per key, no group touches another, no layout of the data matters."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from sparkprophet import GroupedProphet
from stage_checks import bits, configured, fit_bits, frame, grouped, series

GOOD = ["a", "b"]
INF = float("inf")


def spoil(rows, column, value, at=slice(None)):
    """`rows` with `value` in some places of a column."""
    rows = rows.copy()
    rows.loc[rows.index[at], column] = value
    return rows


def base(rows=60, seed=9):
    given = series(seed=seed, rows=rows)
    given["x"] = np.random.default_rng(seed).uniform(1, 2, rows)
    return given


BAD = {
    # key: (rows, expected status, expected code)
    "all NaN": (spoil(base(), "y", float("nan")), "failed", "TOO_SHORT"),
    "infinite": (spoil(base(), "y", INF, slice(3, 4)), "failed", "Y_INFINITE"),
    "minus infinite": (spoil(base(), "y", -INF), "failed", "Y_INFINITE"),
    "too large": (spoil(base(), "y", 1e300), "failed", "Y_OUT_OF_RANGE"),
    "too small": (spoil(base(), "y", 1e-300), "failed", "Y_OUT_OF_RANGE"),
    "constant": (spoil(base(), "y", 5.0), "ok", None),
    "all zero": (spoil(base(), "y", 0.0), "ok", None),
    "one row": (base(1), "failed", "TOO_SHORT"),
    "two rows": (base(2), "ok", None),
    "few rows": (base(9), "ok", None),
    "no time": (spoil(base(), "ds", pd.NaT, slice(7, 8)), "failed", "DS_NULL"),
    "no time at all": (spoil(base(), "ds", pd.NaT), "failed", "DS_NULL"),
    "one time": (spoil(base(), "ds", pd.Timestamp("2024-01-01")), "failed", "DS_CONSTANT"),
    "doubled": (pd.concat([base(), base()]), "ok", None),
    "no regressor": (spoil(base(), "x", float("nan"), slice(4, 5)), "failed", "REGRESSOR_INVALID"),
    "infinite regressor": (spoil(base(), "x", INF, slice(4, 5)), "failed", "REGRESSOR_INVALID"),
}
FAULTS = {
    "OVERRIDES_INVALID": ["{", "[1]", '{"growht": "flat"}', '{"nChangepoints": -1}',
                          '{"regressors": ["other"]}', ""],
    "NOT_CONSTANT": ["varying"],
    "HOLIDAYS_INVALID": ['{"countryHolidays": "Utopia"}'],
    "CAP_INVALID": ['{"growth": "logistic"}'],
    "CHANGEPOINTS_OUTSIDE": ['{"changepoints": ["1999-01-01"]}'],
}  # fmt: skip


def good_rows():
    rows = grouped(GOOD)
    rows["x"] = np.random.default_rng(0).uniform(1, 2, len(rows))
    return rows


def stage(**params):
    given = {"groupCols": ["g"], "regressors": ["x"], "uncertaintySamples": 20, "parallelism": 2}
    return GroupedProphet(**given | params)


def as_frame(spark, rows):
    """NaN labels and regressors stay NaN here, as data from files has them; NaT is NULL."""
    data = frame(spark, rows.drop(columns=["y", "x"]).assign(row=range(len(rows))))
    numbers = spark.createDataFrame(
        [(i, float(y), float(x)) for i, (y, x) in enumerate(zip(rows.y, rows.x, strict=True))],
        "row int, y double, x double",
    )
    return data.join(numbers, "row").drop("row")


@pytest.fixture(scope="module")
def alone(spark):
    """The good groups without company: the frame, the model."""
    data = as_frame(spark, good_rows()).cache()
    return data, stage().fit(data)


@pytest.fixture(scope="module")
def alone_bits(alone):
    """The bits of that model, and those of its forecasts."""
    data, model = alone
    return fit_bits(model), bits(model.transform(data))


@pytest.fixture(scope="module")
def among_bad(spark):
    """The good groups among many bad ones: the frame, the model."""
    parts = [good_rows(), *[rows.assign(g=key) for key, (rows, _, _) in BAD.items()]]
    rows = pd.concat(parts, ignore_index=True).assign(own=None)
    for code, texts in FAULTS.items():
        for i, text in enumerate(texts):
            part = base().assign(g=f"{code} {i}", own=text)
            if code == "NOT_CONSTANT":
                part.loc[3, "own"] = None
            rows = pd.concat([rows, part], ignore_index=True)
    data = as_frame(spark, rows)
    return data, stage(overridesCol="own").fit(data)


def test_p1_one_row_per_key_with_status_and_code(among_bad):
    data, model = among_bad
    keys = sorted(row.g for row in data.select("g").distinct().collect())
    rows = model.models.collect()
    assert sorted(row.g for row in rows) == keys
    found = {row.g: (row.status, row.error_code) for row in rows}
    expected = dict.fromkeys(GOOD, ("ok", None))
    expected |= {key: (status, code) for key, (_, status, code) in BAD.items()}
    for code, texts in FAULTS.items():
        expected |= {f"{code} {i}": ("failed", code) for i in range(len(texts))}
    assert found == expected


def test_p1_rows_are_counted_and_labels_of_any_kind_kept(among_bad):
    data, model = among_bad
    usable = F.count_if(F.col("y").isNotNull() & ~F.isnan("y")).alias("n")
    expected = {row.g: row.n for row in data.groupBy("g").agg(usable).collect()}
    counted = {row.g: row.n_obs for row in model.models.collect()}
    assert counted == expected


def test_p7_messages_of_groups_name_group_and_remedy(among_bad):
    _, model = among_bad
    failures = model.failures.collect()
    assert failures
    for row in failures:
        assert row.error_message.startswith(f"group g={row.g}: ")
        assert len(row.error_message) <= 500 and "\n" not in row.error_message
        assert "INTERNAL" != row.error_code
    messages = {row.g: row.error_message for row in failures}
    assert "1 of 60 labels are infinite" in messages["infinite"]
    assert "'x'" in messages["no regressor"] and "fill or drop" in messages["no regressor"]
    assert "did you mean 'growth'" in messages["OVERRIDES_INVALID 2"]
    assert "'other'" in messages["OVERRIDES_INVALID 4"]
    assert "Utopia" in messages["HOLIDAYS_INVALID 0"]


def test_p2_bad_groups_change_no_bit_of_good_ones(spark, alone, among_bad):
    data, model = alone
    everyone, crowded = among_bad
    good = crowded.models.filter(F.col("g").isin(GOOD))
    columns = ["g", "status", "n_obs", "start", "end", "log_posterior", "config", "state"]
    assert bits(good, *columns) == bits(model.models, *columns)
    # The same at transform: rows of bad groups beside the good ones.
    together = crowded.transform(everyone)
    shown = ["g", "ds", "x", "yhat", "yhat_lower", "yhat_upper"]
    assert bits(together.filter(F.col("g").isin(GOOD)), *shown) == bits(
        model.transform(data), *shown
    )


def test_p2_unknown_keys_change_no_bit_of_known_ones(alone, alone_bits):
    data, model = alone
    unknown = data.filter("g = 'a'").withColumn("g", F.lit("never seen"))
    together = model.transform(data.union(unknown)).filter("g <> 'never seen'")
    assert bits(together) == alone_bits[1]


LAYOUTS = {
    "one partition": (lambda df: df.coalesce(1), {}, {}),
    "three, shuffled": (lambda df: df.orderBy(F.rand(1)).repartition(3), {}, {}),
    "seven, backwards": (lambda df: df.orderBy(F.desc("ds")).repartition(7), {}, {}),
    "parallelism 1": (lambda df: df, {"parallelism": 1}, {}),
    "parallelism 0": (lambda df: df, {"parallelism": 0}, {}),
    "small batches": (lambda df: df, {}, {"spark.sql.execution.arrow.maxRecordsPerBatch": "7"}),
    "no adaptive execution": (
        lambda df: df,
        {},
        {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "3"},
    ),
}


QUICK = ("seven, backwards", "parallelism 1", "small batches")


@pytest.mark.parametrize(
    "layout", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in LAYOUTS]
)
def test_p3_the_layout_of_the_data_changes_no_bit(spark, alone, alone_bits, layout):
    data, _ = alone
    arrange, params, settings = LAYOUTS[layout]
    with configured(spark, settings):
        arranged = arrange(data)
        other = stage(**params).fit(arranged)
        assert (fit_bits(other), bits(other.transform(arranged))) == alone_bits


def test_p3_another_seed_changes_intervals_only(alone):
    data, model = alone
    other = stage(seed=1).fit(data)
    names = ["g", "ds", "yhat"]
    assert bits(other.transform(data), *names) == bits(model.transform(data), *names)
    names = ["g", "ds", "yhat_lower"]
    assert bits(other.transform(data), *names) != bits(model.transform(data), *names)


def test_p3_transform_is_the_same_row_by_row_and_all_at_once(alone):
    data, model = alone
    one = data.filter("g = 'a' AND day(ds) = 5")
    shown = ["g", "ds", "yhat"]
    assert set(bits(model.transform(one), *shown)) <= set(bits(model.transform(data), *shown))
