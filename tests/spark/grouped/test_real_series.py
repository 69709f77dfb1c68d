"""Real data: keys with NULLs and odd characters, constant series, missing weeks, regressors."""

import pandas as pd
import pytest
from pyspark.sql import functions as F

from sparkprophet import GroupedProphet
from stage_checks import assert_by_hand

KEYS = ["metric", "country", "province"]
WEEKS = {"price": "price1", "deal": "deal", "feat": "feat"}


@pytest.fixture(scope="module")
def covid(spark, shared_data):
    """The last 200 days of 40 groups: odd names, constant ones, NULL provinces among them."""
    everything = spark.read.parquet(str(shared_data / "jhu_covid_daily.parquet"))
    recent = everything.filter("ds >= '2022-08-22'")
    facts = recent.groupBy(*KEYS).agg(
        (F.min("y") == F.max("y")).alias("constant"), F.min("y").alias("low")
    )
    odd = F.col("country").rlike("[^A-Za-z ]") | F.col("province").rlike("[^A-Za-z ]")
    order = [F.desc("constant"), F.desc(odd), F.xxhash64(*KEYS)]
    constant = facts.filter("constant").orderBy(F.xxhash64(*KEYS)).limit(8)
    others = facts.filter("NOT constant").orderBy(*order[1:]).limit(16)
    falling = facts.filter("low < 0").orderBy(F.xxhash64(*KEYS)).limit(24)
    chosen = constant.union(others).union(falling).select(*KEYS).distinct().orderBy(*KEYS).limit(40)
    chosen = chosen.toPandas()
    pairs = [recent[k].eqNullSafe(F.col(f"c_{k}")) for k in KEYS]
    schema = ", ".join(f"c_{k} string" for k in KEYS)
    wanted = spark.createDataFrame(chosen.astype(object).where(chosen.notna(), None), schema)
    joined = recent.join(F.broadcast(wanted), pairs).select(*recent.columns)
    return joined.cache(), set(map(tuple, wanted.collect()))


@pytest.mark.slow  # hundreds of series, of which the weekly sales have all but the gaps
def test_every_key_of_covid_has_its_row(covid):
    data, keys = covid
    assert len(keys) == 40 and any(province is None for _, _, province in keys)
    stage = GroupedProphet(groupCols=KEYS, uncertaintySamples=0)
    model = stage.fit(data)
    rows = model.models.collect()
    assert len(rows) == 40 and {tuple(row[:3]) for row in rows} == keys
    assert model.summary.by_status == {"ok": 40}
    counts = data.groupBy(*KEYS).agg(F.count("y").alias("n")).collect()
    assert {(*row[:3], row.n_obs) for row in rows} == {tuple(row) for row in counts}
    found = model.transform(data)
    assert found.count() == data.count() == found.filter("yhat IS NOT NULL").count()
    sample = sorted(keys, key=repr)[::9]
    pandas_rows = found.toPandas()
    for key in sample:
        mine = pandas_rows
        for name, value in zip(KEYS, key, strict=True):
            mine = mine[mine[name].isna() if value is None else mine[name] == value]
        assert_by_hand(mine.yhat, mine[["ds", "y"]])


@pytest.fixture(scope="module")
def juice(spark, shared_data):
    """Six series of weekly sales, with missing weeks, a price and two promotion columns."""
    everything = spark.read.parquet(str(shared_data / "dominicks_oj_weekly.parquet"))
    # The file has floats of 32 bits, in which pandas would standardise them by hand.
    columns = [F.col(source).cast("double").alias(name) for name, source in WEEKS.items()]
    picked = everything.filter("store IN (2, 5, 8) AND brand IN (1, 4)")
    return picked.select("store", "brand", F.col("ds").cast("date").alias("ds"), "y", *columns)


@pytest.mark.slow
def test_weekly_sales_with_regressors(juice):
    cutoff = "1992-06-01"
    train, test = juice.filter(f"ds < '{cutoff}'"), juice.filter(f"ds >= '{cutoff}'")
    stage = GroupedProphet(
        groupCols=["store", "brand"],
        regressors=[*WEEKS],
        uncertaintySamples=0,
        seasonalityMode="multiplicative",
    )
    model = stage.fit(train)
    assert model.summary.by_status == {"ok": 6}
    found = model.forecast(8, regressors=test).toPandas()
    held = test.toPandas().astype({"ds": "datetime64[ns]"}).sort_values("ds")
    given = train.toPandas().astype({"ds": "datetime64[ns]"}).sort_values("ds")

    def prepare(unfitted):
        for name in WEEKS:
            unfitted.add_regressor(name)

    for (store, brand), mine in found.groupby(["store", "brand"]):
        ahead = held[(held.store == store) & (held.brand == brand)].head(8)
        own = given[(given.store == store) & (given.brand == brand)]
        mine = mine.sort_values("ds")
        assert list(pd.to_datetime(mine.ds)) == list(ahead.ds)
        assert_by_hand(mine.yhat, own, ahead, prepare, seasonality_mode="multiplicative")
    assert len(found) == 48


@pytest.mark.slow
def test_frequencies_of_the_examples_that_prophet_ships(spark, shared_data):
    data = spark.read.parquet(str(shared_data / "prophet_examples.parquet"))
    small = data.filter("freq IN ('MS', 'D')").groupBy("series").count().filter("count < 2000")
    picked = data.join(small.select("series"), "series").select("series", "freq", "ds", "y")
    stage = GroupedProphet(groupCols=["series"], uncertaintySamples=0, yearlySeasonality="false")
    model = stage.fit(picked)
    found = model.forecast(3).toPandas()
    known = picked.filter("y IS NOT NULL").toPandas()
    assert set(found.series) == set(known.series)
    for name, mine in found.groupby("series"):
        own = known[known.series == name]
        # The one called daily holds days of a stock exchange.
        freq = "B" if name == "tests_data" else own.freq.iloc[0]
        expected = pd.date_range(own.ds.max(), periods=4, freq=freq)[-3:]
        assert mine.ds.sort_values().tolist() == expected.tolist(), name
