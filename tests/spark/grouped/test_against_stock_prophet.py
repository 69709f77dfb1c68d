"""Forecasts of the stage equal those of Prophet, fitted by hand to a group's rows.

By the same solver: stock Prophet where Stan fits, FastProphet where the exact solver does.
"""

import json

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

import by_hand
from percentiles import assert_percentile
from sparkprophet import GroupedProphet
from stage_checks import assert_by_hand, assert_close, frame, grouped, series

SOLVERS = ["native", "stan"]


def transformed(spark, stage, rows):
    """Pandas rows of the stage's transform of the rows it was fitted to."""
    data = frame(spark, rows)
    stage.setParallelism(1)
    return stage.fit(data).transform(data).toPandas()


def test_each_group_equals_prophet(fitted, spark, stores):
    found = fitted.transform(frame(spark, stores)).toPandas()
    assert len(found) == len(stores)
    for key in ("north", "süd 🍊", None):
        mine = found[found.store.isna() if key is None else found.store == key]
        given = stores[stores.store.isna() if key is None else stores.store == key]
        assert_close(mine.sort_values("ds").y, given.sort_values("ds").y, 0)
        assert_by_hand(mine.yhat, given[["ds", "y"]], mine[["ds"]])
        assert mine.yhat_lower.isna().all() and mine.yhat_upper.isna().all()
        assert set(mine.note) == set(given.note)


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_group_columns_is_one_series(spark, solver):
    rows = series(seed=3)
    found = transformed(spark, GroupedProphet(solver=solver, uncertaintySamples=0), rows)
    assert_by_hand(found.yhat, rows, found[["ds"]], solver=solver)


def test_future_rows_in_any_order_and_twice(fitted, spark, stores):
    future = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=40)})
    future = pd.concat([future, future.head(5)]).assign(store="north")
    future = future.sample(frac=1, random_state=1)
    found = fitted.transform(frame(spark, future)).toPandas()
    given = stores[stores.store == "north"][["ds", "y"]]
    assert len(found) == 45
    assert_by_hand(found.yhat, given, found[["ds"]])


OWN = {
    "flat": ({"growth": "flat"}, {"growth": "flat"}),
    "changepoints": (
        {"nChangepoints": 5, "changepointRange": 0.6, "changepointPriorScale": 0.5},
        {"n_changepoints": 5, "changepoint_range": 0.6, "changepoint_prior_scale": 0.5},
    ),
    "own changepoints": (
        {"changepoints": ["2024-01-20", "2024-02-10"], "changepointPriorScale": 2.0},
        {"changepoints": ["2024-01-20", "2024-02-10"], "changepoint_prior_scale": 2.0},
    ),
    "multiplicative": (
        {"seasonalityMode": "multiplicative", "seasonalityPriorScale": 0.5},
        {"seasonality_mode": "multiplicative", "seasonality_prior_scale": 0.5},
    ),
    "switches": (
        {"yearlySeasonality": True, "weeklySeasonality": 2, "dailySeasonality": "false"},
        {"yearly_seasonality": True, "weekly_seasonality": 2, "daily_seasonality": False},
    ),
    "minmax": ({"scaling": "minmax"}, {"scaling": "minmax"}),
    "holidays": (
        {"holidays": [{"holiday": "fair", "ds": d, "upperWindow": 1, "priorScale": 3.0}
                      for d in ("2024-01-15", "2024-02-19")]},
        {"holidays": pd.DataFrame({
            "holiday": "fair", "ds": pd.to_datetime(["2024-01-15", "2024-02-19"]),
            "lower_window": 0, "upper_window": 1, "prior_scale": 3.0})},
    ),
    "no values": ({}, {}),
}  # fmt: skip
ADDED = {
    "weekly order": (
        {"weeklyFourierOrder": 2, "weeklyPriorScale": 0.7},
        lambda m: m.add_seasonality("weekly", 7, 2, 0.7),
    ),
    "monthly order": (
        {"monthlyFourierOrder": 3},
        lambda m: m.add_seasonality("monthly", 30.5, 3),
    ),
    "seasonalities": (
        {"seasonalities": [{"name": "ten", "period": 10, "fourierOrder": 2, "priorScale": 4.0,
                            "mode": "multiplicative"}]},
        lambda m: m.add_seasonality("ten", 10, 2, 4.0, "multiplicative"),
    ),
    "country": (
        {"countryHolidays": "US"},
        lambda m: m.add_country_holidays("US"),
    ),
}  # fmt: skip


# Switched on for less than two years of days: "auto" leaves such a group to Stan.
TOO_SHORT_FOR_ITS_SEASON = "switches"


@pytest.fixture(scope="module", params=["auto", "stan"])
def own_values(spark, request):
    """One group per entry of OWN and ADDED, each with its own overridesCol."""
    params = {name: own for name, (own, _) in (OWN | ADDED).items()}
    rows = grouped(list(params))
    rows["own"] = [json.dumps(params[name]) for name in rows.g]
    rows.loc[rows.g == "no values", "own"] = None
    stage = GroupedProphet(
        groupCols=["g"],
        overridesCol="own",
        uncertaintySamples=0,
        parallelism=2,
        solver=request.param,
    )
    model = stage.fit(frame(spark, rows))
    future = grouped(list(params), start="2024-03-01").drop(columns="y")
    return rows, model.transform(frame(spark, future)).toPandas(), model.models.toPandas()


@pytest.mark.parametrize("name", [*OWN, *ADDED])
def test_each_setting_equals_prophets(own_values, name):
    rows, found, models = own_values
    given, mine = rows[rows.g == name][["ds", "y"]], found[found.g == name]
    settings = OWN[name][1] if name in OWN else {}
    prepare = ADDED[name][1] if name in ADDED else None
    solver = models.set_index("g").solver[name]
    assert_by_hand(mine.yhat, given, mine[["ds"]], prepare, solver, **settings)
    if settings or prepare:
        plain = by_hand.yhat(given, mine[["ds"]], solver=solver)
        assert np.abs(mine.yhat - plain).max() > 1e-3


def test_auto_is_native_but_for_a_season_with_too_little_history(own_values):
    models = own_values[2]
    asked = {json.loads(config)["solver"] for config in models.config}
    expected = dict.fromkeys([*OWN, *ADDED], "stan")
    if asked == {"auto"}:
        expected = dict.fromkeys(expected, "native") | {TOO_SHORT_FOR_ITS_SEASON: "stan"}
    assert dict(zip(models.g, models.solver, strict=True)) == expected


def test_the_config_column_holds_the_groups_own_values(own_values):
    _, _, models = own_values
    configs = {row.g: json.loads(row.config) for row in models.itertuples()}
    assert configs["flat"]["growth"] == "flat"
    assert configs["minmax"]["scaling"] == "minmax"
    assert configs["no values"]["growth"] == "linear"
    assert configs["no values"]["uncertaintySamples"] == 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_regressors_and_conditional_seasonality(spark, solver):
    rows = series(seed=5)
    rows["price"] = np.random.default_rng(1).uniform(1, 2, len(rows))
    rows["promo"] = rows.index % 5 == 0
    rows["open"] = rows.index % 2 == 0
    rows.y += 3 * rows.promo - 4 * rows.price
    stage = GroupedProphet(
        solver=solver,
        uncertaintySamples=0,
        regressors=["price", {"name": "promo", "priorScale": 0.5, "mode": "multiplicative"}],
        seasonalities=[{"name": "ten", "period": 10, "fourierOrder": 2, "conditionCol": "open"}],
    )
    found = transformed(spark, stage, rows)

    def prepare(model):
        model.add_seasonality("ten", 10, 2, condition_name="open")
        model.add_regressor("price")
        model.add_regressor("promo", prior_scale=0.5, mode="multiplicative")

    given = rows.astype({"promo": float})
    wanted = given.set_index("ds").loc[found.ds].reset_index()
    assert_by_hand(found.yhat, given, wanted, prepare, solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_logistic_growth_with_cap_and_floor(spark, solver):
    rows = series(seed=6)
    rows["cap"], rows["ground"] = 40 + 0.1 * rows.index, 5.0
    stage = GroupedProphet(
        growth="logistic", capCol="cap", floorCol="ground", uncertaintySamples=0, solver=solver
    )
    found = transformed(spark, stage, rows)
    given = rows.rename(columns={"ground": "floor"})
    wanted = given.set_index("ds").loc[found.ds].reset_index()
    assert_by_hand(found.yhat, given, wanted, solver=solver, growth="logistic")


def test_country_holidays_by_group(spark):
    rows = grouped(["US", "DE", "none", "Utopia"], start="2023-12-10")
    rows["country"] = rows.g.where(rows.g != "none", None)
    stage = GroupedProphet(
        groupCols=["g"], countryHolidaysCol="country", uncertaintySamples=0, parallelism=2
    )
    data = frame(spark, rows)
    model = stage.fit(data)
    failed = model.failures.collect()
    assert [(row.g, row.error_code) for row in failed] == [("Utopia", "HOLIDAYS_INVALID")]
    assert "g=Utopia" in failed[0].error_message
    found = model.transform(data).toPandas()
    for key in ("US", "DE", "none"):
        given, mine = rows[rows.g == key][["ds", "y"]], found[found.g == key]
        prepare = None if key == "none" else lambda m, key=key: m.add_country_holidays(key)
        assert_by_hand(mine.yhat, given, mine[["ds"]], prepare)
    assert found[found.g == "Utopia"].yhat.isna().all()


def test_intervals_are_prophets(spark):
    rows = series(seed=8)
    data = frame(spark, rows)
    draws, width = 1000, 0.9
    stage = GroupedProphet(uncertaintySamples=draws, intervalWidth=width, parallelism=1)
    future = frame(spark, pd.DataFrame({"ds": pd.date_range("2024-03-21", periods=20)}))
    found = stage.fit(data).transform(future).toPandas().sort_values("ds")
    assert_by_hand(found.yhat, rows, found[["ds"]])
    futures = by_hand.futures(by_hand.fitted(rows, uncertainty_samples=5000), found[["ds"]], 0)
    assert_percentile(found.yhat_lower, (1 - width) / 2, draws, futures)
    assert_percentile(found.yhat_upper, (1 + width) / 2, draws, futures)
    assert ((found.yhat_lower < found.yhat) & (found.yhat < found.yhat_upper)).all()


def test_integer_and_decimal_labels(spark):
    rows = series(seed=9)
    rows.y = rows.y.round()
    base = frame(spark, rows)
    for kind in ("decimal(12,2)", "tinyint"):
        data = base.withColumn("y", F.col("y").cast(kind))
        model = GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data)
        assert_by_hand(model.transform(data).orderBy("ds").toPandas().yhat, rows)


def test_what_the_models_table_says_of_a_group(fitted, stores):
    rows = {row.store: row for row in fitted.models.collect()}
    assert set(rows) == set(stores.store.where(stores.store.notna(), None))
    for key, row in rows.items():
        given = stores[stores.store.isna() if key is None else stores.store == key]
        assert row.status == "ok" and row.solver == "native" and row.error_code is None
        assert row.n_obs == len(given)
        assert (row.start, row.end) == (given.ds.min(), given.ds.max())
        model = by_hand.fitted(given[["ds", "y"]])
        assert row.log_posterior == pytest.approx(model.params["lp__"].item(), rel=1e-9)
        assert list(row.state.y) == given.sort_values("ds").y.tolist()


def test_rows_without_a_label_are_left_out_as_in_prophet(spark):
    rows = series(seed=10)
    rows.loc[[2, 50, 51], "y"] = None
    found = transformed(spark, GroupedProphet(uncertaintySamples=0), rows)
    assert len(found) == len(rows)
    assert_by_hand(found.yhat, rows, found[["ds"]])
