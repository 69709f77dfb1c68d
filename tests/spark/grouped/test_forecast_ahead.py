"""model.forecast: each key from its own end in its own step; components, prophet and plot."""

import datetime

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

import by_hand
from sparkprophet import GroupedProphet, GroupedProphetModel
from stage_checks import assert_by_hand, configured, frame, grouped, series

STEPS = {
    "daily": {"freq": "D", "rows": 60},
    "weekly": {"freq": "W-THU", "rows": 60},
    "monthly": {"freq": "MS", "rows": 40},
    "month ends": {"freq": "ME", "rows": 40},
    "business": {"freq": "B", "rows": 60},
    "hourly": {"freq": "h", "rows": 60},
    "quarters": {"freq": "QS", "rows": 30},
}


@pytest.fixture(scope="module")
def mixed_rows():
    """One group per step, of unequal ends, each with two missing dates in its middle."""
    parts = []
    for i, (name, options) in enumerate(STEPS.items()):
        rows = series(seed=i, start=f"2020-01-{i + 1:02d}", **options)
        parts.append(rows.drop(index=[10, 20]).assign(g=name))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def mixed_model(spark, mixed_rows):
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0, parallelism=2)
    return stage.fit(frame(spark, mixed_rows))


def test_each_key_goes_on_in_its_own_step(mixed_model, mixed_rows):
    found = mixed_model.forecast(5).toPandas()
    assert list(found.columns) == ["g", "ds", "yhat", "yhat_lower", "yhat_upper"]
    for name, options in STEPS.items():
        given = mixed_rows[mixed_rows.g == name]
        expected = pd.date_range(given.ds.max(), periods=6, freq=options["freq"])[1:]
        mine = found[found.g == name].sort_values("ds")
        assert mine.ds.tolist() == expected.tolist(), name
        assert_by_hand(mine.yhat, given[["ds", "y"]], pd.DataFrame({"ds": expected}))


def test_a_given_frequency_counts_from_each_keys_end(mixed_model, mixed_rows):
    found = mixed_model.forecast(3, freq="W-MON").toPandas()
    for name in STEPS:
        end = mixed_rows[mixed_rows.g == name].ds.max()
        expected = [d for d in pd.date_range(end, periods=4, freq="W-MON") if d > end][:3]
        assert found[found.g == name].ds.sort_values().tolist() == expected


def test_history_comes_with_it_on_request(mixed_model, mixed_rows):
    found = mixed_model.forecast(2, includeHistory=True).toPandas()
    for name in ("daily", "weekly"):
        given = mixed_rows[mixed_rows.g == name][["ds", "y"]]
        mine = found[found.g == name].sort_values("ds")
        assert len(mine) == len(given) + 2
        assert mine.ds.tolist()[:-2] == given.ds.tolist()
        assert_by_hand(mine.yhat, given, mine[["ds"]])


def test_failed_keys_have_no_rows_and_fallbacks_do(mixed):
    counts = {row.g: row["count"] for row in mixed.forecast(4).groupBy("g").count().collect()}
    assert counts == {"a": 4, "b": 4, "short": 4}


@pytest.mark.parametrize("handle", ["keep", "skip", "error"])
def test_a_key_that_cannot_go_so_far_is_told_of(mixed, handle):
    """90,000 days reach beyond the calendar from each key's end."""
    model = mixed.copy({mixed.handleInvalid: handle})
    if handle == "error":
        with pytest.raises(Exception, match=r'group {"g":"\w+"} cannot .*horizon: 90,000 steps'):
            model.forecast(90_000).collect()
    else:
        rows = sorted(tuple(row) for row in model.forecast(90_000).collect())
        kept = [(g, None, None, None, None) for g in ("a", "b", "short")]
        assert rows == (kept if handle == "keep" else [])


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamp_ntz"])
def test_the_timestamps_type_is_kept(spark, kind):
    rows = series(seed=1, rows=40)
    data = frame(spark, rows).withColumn("ds", F.col("ds").cast(kind))
    model = GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data)
    found = model.forecast(2)
    for schema in (found.schema["ds"], model.models.schema["start"], model.models.schema["end"]):
        assert schema.dataType == data.schema["ds"].dataType
    expected = [pd.Timestamp("2024-02-10"), pd.Timestamp("2024-02-11")]
    days = [pd.Timestamp(row.ds) for row in found.orderBy("ds").collect()]
    assert days == expected
    assert pd.Timestamp(model.models.first().end) == pd.Timestamp("2024-02-09")
    assert model.transform(data).schema["ds"].dataType == data.schema["ds"].dataType


NEW_YORK = {"spark.sql.session.timeZone": "America/New_York"}


def hourly(spark, start, hours):
    """Hourly instants from a UTC time, as a Spark frame and as wall-clock pandas rows."""
    utc = pd.date_range(start, periods=hours, freq="h", tz="UTC")
    y = series(seed=3, rows=hours).y
    wall = utc.tz_convert("America/New_York").tz_localize(None)
    seconds = [(int(moment.timestamp()), float(v)) for moment, v in zip(utc, y, strict=True)]
    data = spark.createDataFrame(seconds, "s bigint, y double")
    return data.select(F.timestamp_seconds("s").alias("ds"), "y"), pd.DataFrame(
        {"ds": wall, "y": y}
    )


@pytest.mark.parametrize(("what", "start"), [("fold", "2024-11-01"), ("gap", "2024-03-08")])
def test_hours_over_a_change_of_clocks_are_wall_clock_hours(spark, what, start):
    with configured(spark, NEW_YORK):
        data, wall = hourly(spark, start, 96)
        assert wall.ds.is_unique == (what == "gap")
        model = GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data)
        found = model.transform(data).select(F.unix_timestamp("ds").alias("s"), "yhat").toPandas()
    found = found.sort_values("s")
    assert len(found) == 96 and found.s.is_unique
    assert_by_hand(found.yhat, wall)


@pytest.mark.parametrize("freq", [None, "h"])
@pytest.mark.parametrize(
    ("start", "hours"), [("2024-03-07", 60), ("2024-11-01", 60), ("2024-11-01", 55)]
)
def test_hours_ahead_are_every_hour_once(spark, start, hours, freq):
    """Over the gap of New York's spring, over its fold, and from the middle of the fold on."""
    with configured(spark, NEW_YORK):
        data, wall = hourly(spark, start, hours)
        model = GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data)
        found = model.forecast(24, freq).select(F.unix_timestamp("ds").alias("s"), "yhat")
        given = model.forecast(24, freq, includeHistory=True).select(F.unix_timestamp("ds"))
        seconds = sorted(row[0] for row in given.collect())
    found = found.toPandas().sort_values("s")
    whole = pd.date_range(start, periods=hours + 24, freq="h", tz="UTC")
    assert found.s.tolist() == [int(moment.timestamp()) for moment in whole[hours:]]
    assert seconds == [int(moment.timestamp()) for moment in whole]
    ahead = whole[hours:].tz_convert("America/New_York").tz_localize(None)
    assert_by_hand(found.yhat, wall, pd.DataFrame({"ds": ahead}))


def test_days_ahead_are_days_of_people(spark):
    """Midnights of New York, 23 hours apart where the clocks change."""
    midnights = pd.date_range("2024-02-01", "2024-03-20", tz="America/New_York")
    rows = [(int(day.timestamp()), float(day.day_of_week)) for day in midnights]
    with configured(spark, NEW_YORK):
        data = spark.createDataFrame(rows[:-12], "s bigint, y double")
        data = data.select(F.timestamp_seconds("s").alias("ds"), "y")
        model = GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data)
        for freq in (None, "D"):
            found = model.forecast(12, freq).select(F.unix_timestamp("ds")).collect()
            assert sorted(row[0] for row in found) == [second for second, _ in rows[-12:]]


@pytest.mark.parametrize(
    "zone", ["+05:30", *(pytest.param(z, marks=pytest.mark.slow) for z in ("Asia/Tokyo", "GMT-3"))]
)
def test_a_model_keeps_the_time_zone_of_its_fit(spark, tmp_path, caplog, zone):
    with configured(spark, {"spark.sql.session.timeZone": "Europe/Berlin"}):
        data, _ = hourly(spark, "2024-10-25", 60)
        fitted = GroupedProphet(uncertaintySamples=5, parallelism=1).fit(data)
        assert fitted.summary.time_zone == "Europe/Berlin"
        at_home = results_of(fitted, data)
    assert not caplog.records
    fitted.save(str(tmp_path / "model"))
    with configured(spark, {"spark.sql.session.timeZone": zone}):
        assert results_of(GroupedProphetModel.load(str(tmp_path / "model")), data) == at_home
    texts = [record.getMessage() for record in caplog.records]
    assert texts and all("Europe/Berlin" in text and zone in text for text in texts)


def results_of(model, data):
    """Forecasts as numbers, by instants in seconds."""
    seconds = F.unix_timestamp("ds").alias("ds")
    # Not by an interval: three days of Spark's are those of the session's time zone.
    further = data.withColumn("ds", F.timestamp_seconds(F.unix_timestamp("ds") + 72 * 3600))
    return [
        sorted(tuple(row) for row in frame.withColumn("ds", seconds).drop("y").collect())
        for frame in (
            model.transform(data),
            model.forecast(30),
            model.forecast(9, "D"),
            model.forecast(5, regressors=further),
            model.components(data).drop("components"),
        )
    ]


def test_a_zone_that_python_does_not_know_is_refused_by_name(spark):
    with configured(spark, {"spark.sql.session.timeZone": "PST"}):
        data, _ = hourly(spark, "2024-10-25", 60)
        model = GroupedProphet(uncertaintySamples=0, parallelism=1).fit(data)
        assert model.transform(data).filter("yhat IS NULL").count() == 0
        with pytest.raises(ValueError, match="timeZone: found 'PST'.*'America/Los_Angeles'"):
            model.forecast(3)


@pytest.fixture(scope="module")
def priced(spark):
    rows = grouped(["a", "b"])
    rows["price"] = np.random.default_rng(3).uniform(1, 2, len(rows))
    rows = rows[(rows.g == "a") | (rows.ds < "2024-03-01")]
    stage = GroupedProphet(
        groupCols=["g"], regressors=["price"], uncertaintySamples=0, parallelism=2
    )
    return rows, stage.fit(frame(spark, rows))


def test_regressors_are_asked_for_by_name(priced):
    _, model = priced
    with pytest.raises(ValueError, match="price") as caught:
        model.forecast(3)
    assert "DataFrame" in str(caught.value)


def test_regressors_give_the_days_to_forecast(spark, priced):
    rows, model = priced
    future = grouped(["a", "b", "unknown"], start="2024-02-20", rows=45).drop(columns="y")
    future["price"] = np.linspace(1, 2, len(future))
    found = model.forecast(7, regressors=frame(spark, future)).toPandas()
    assert list(found.columns) == ["g", "ds", "yhat", "yhat_lower", "yhat_upper"]
    assert set(found.g) == {"a", "b"}
    for key in ("a", "b"):
        given, mine = rows[rows.g == key], found[found.g == key].sort_values("ds")
        ahead = future[(future.g == key) & (future.ds > given.ds.max())].head(7)
        assert mine.ds.tolist() == ahead.ds.tolist()
        assert_by_hand(mine.yhat, given, ahead, lambda m: m.add_regressor("price"))
    with_history = model.forecast(2, includeHistory=True, regressors=frame(spark, future))
    ends = rows.groupby("g").ds.max()
    known = future[future.g.isin(["a", "b"])]
    expected = {key: sum(known[known.g == key].ds <= ends[key]) + 2 for key in ends.index}
    counts = with_history.groupBy("g").count().collect()
    assert {row.g: row["count"] for row in counts} == expected
    missing = frame(spark, future.drop(columns="price"))
    with pytest.raises(ValueError, match="'price'"):
        model.forecast(7, regressors=missing)


def test_cap_and_floor_stay_at_their_last_value(spark):
    rows = series(seed=6)
    rows["cap"], rows["floor"] = 40 + 0.1 * rows.index, 5.0
    stage = GroupedProphet(
        growth="logistic", capCol="cap", floorCol="floor", uncertaintySamples=0, parallelism=1
    )
    found = stage.fit(frame(spark, rows)).forecast(5).toPandas()
    future = found[["ds"]].assign(cap=rows.cap.iloc[-1], floor=5.0)
    assert_by_hand(found.yhat, rows, future, growth="logistic")


def test_components_are_prophets(fitted, spark, stores):
    future = frame(spark, stores[stores.store == "north"].drop(columns="y"))
    found = fitted.components(future).orderBy("ds").collect()
    given = stores[stores.store == "north"].sort_values("ds")[["ds", "y"]]
    expected = by_hand.fitted(given).predict(given[["ds"]].reset_index(drop=True))
    # A share of the label's size: components may be zero where it is not.
    near = by_hand.TOLERANCE["native"] * given.y.abs().max()
    np.testing.assert_allclose([row.trend for row in found], expected.trend, rtol=0, atol=near)
    for name in ("weekly", "additive_terms", "multiplicative_terms"):
        part = [row.components[name] for row in found]
        np.testing.assert_allclose(part, expected[name], rtol=0, atol=near)
    assert not any(name.endswith(("_lower", "_upper")) for name in found[0].components)


def test_components_of_rows_that_cannot_be_forecast_are_null(mixed, spark, days):
    data = days.crossJoin(spark.createDataFrame([("inf",), ("unknown",)], "g string"))
    rows = mixed.components(data).collect()
    assert len(rows) == 20
    assert {(row.trend, row.components) for row in rows} == {(None, None)}


@pytest.mark.parametrize("key", ["north", None])
def test_prophet_gives_a_genuine_one(fitted, stores, key):
    import prophet

    found = fitted.prophet(store=key)
    assert type(found) is prophet.Prophet
    given = stores[stores.store.isna() if key is None else stores.store == key]
    future = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=100)})
    assert_by_hand(found.predict(future).yhat, given[["ds", "y"]], future)


def test_prophet_refuses_other_keys(fitted, mixed):
    for key in ({}, {"shop": "north"}, {"store": "north", "item": 1}):
        with pytest.raises(KeyError, match="store"):
            fitted.prophet(**key)
    with pytest.raises(KeyError, match="nowhere"):
        fitted.prophet(store="nowhere")
    with pytest.raises(ValueError, match="Y_INFINITE"):
        mixed.prophet(g="inf")
    with pytest.raises(ValueError, match="TOO_SHORT"):
        mixed.prophet(g="short")


def test_prophet_finds_keys_of_other_types(spark):
    moment = datetime.date(2024, 2, 29)
    rows = [(moment, datetime.date(2024, 1, 1 + i), float(i % 3)) for i in range(20)]
    data = spark.createDataFrame(rows, "k date, ds date, y double")
    model = GroupedProphet(groupCols=["k"], uncertaintySamples=0, parallelism=1).fit(data)
    assert len(model.prophet(k=moment).history) == 20


def test_plot_is_a_figure_of_history_and_forecast(fitted, priced):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    figure = fitted.plot(store=None)
    assert isinstance(figure, Figure)
    with_regressor = priced[1].plot(g="a")
    assert isinstance(with_regressor, Figure)
    pyplot.close("all")
