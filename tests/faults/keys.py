"""The key columns: what is odd about a key (8 cases)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from card import Case, broken_unless
from groups import (
    GOOD,
    Batch,
    Group,
    Rows,
    check_forecast,
    check_good,
    check_keys,
    deviation,
    fitted,
    frame,
    good,
    refused,
    series,
    session,
    stock,
)
from systems import Settings

KEYS = Batch("keys")


def odd_strings(name: str, *odd: str | None) -> Case:
    """String keys that must come back as they were, each with a forecast of its own."""
    return KEYS.case(name, *[Group(key, series(seed=20 + i)) for i, key in enumerate(odd)])


def of_keys(kind: str, keys: Sequence[Any]) -> DataFrame:
    """A group for each of `keys`, the first two the good ones."""
    rows = [(key, *row) for i, key in enumerate(keys) for row in at(i)]
    data = session().createDataFrame(rows, f"{kind}, ds timestamp_ntz, y double")
    return data.withColumn("ds", F.col("ds").cast("timestamp"))


def at(place: int) -> Rows:
    """Rows of the group in this place."""
    return good()[GOOD[place]] if place < len(GOOD) else series(seed=20 + place)


def nan_and_minus_zero(system: Any, place: Path) -> str:
    """NaN is one key, beside NULL; -0.0 and 0.0 are one, as in Spark's groupBy."""
    keys = [1.0, 2.0, math.nan, None, 0.0, -0.0]
    data = of_keys("g double", keys)
    # The rows of both zeros are one group: a time twice, which is no fault.
    found = fitted(system, data)
    shown = {shown_number(key): outcome for (key,), outcome in found.items()}
    expected = {shown_number(key) for key in keys}
    missing = expected - set(shown)
    rows = ", ".join(sorted(shown))
    broken_unless(not missing, f"no row for the key {', '.join(missing)}; there are {rows}")
    broken_unless(len(found) == len(expected), f"{len(found)} keys of {len(expected)}")
    check_good(system, found, [(1.0,), (2.0,)])
    for i, key in enumerate(keys[:4]):
        check_forecast(shown[shown_number(key)], stock(tuple(at(i))), deviation(at(i)))
    return "NaN, NULL and 0.0 are three keys"


def shown_number(key: float | None) -> str:
    """-0.0 as 0.0, NaN equal to NaN."""
    return "NULL" if key is None else str(key + 0.0)


def two_columns(system: Any, place: Path) -> str:
    """NULL and "" in either column."""
    pairs = [("a", "a"), ("a", None), (None, "a"), (None, None), ("", "a"), ("a", "")]
    data = of_keys("k struct<a:string, b:string>", pairs).select("k.*", "ds", "y")
    found = fitted(system, data, Settings(keys=("b", "a")))
    check_keys(found, {(b, a) for a, b in pairs})
    check_good(system, found, [("a", "a"), (None, "a")])
    broken_unless(len({o.forecast for o in found.values()}) == len(pairs), "forecasts are mixed up")
    return "6 pairs come back as they were"


NAMES = ("cap", "floor", "t", "trend", "holidays", "row", "key_0", "index")


def names_of_ours_and_prophets(system: Any, place: Path) -> str:
    """Key columns called as columns of Prophet's frames and of internal tables."""
    data = frame(good()).select(*[F.col("g").alias(name) for name in NAMES], "ds", "y")
    found = fitted(system, data, Settings(keys=NAMES))
    check_keys(found, {(key,) * len(NAMES) for key in GOOD})
    check_good(system, found, [(key,) * len(NAMES) for key in GOOD])
    # yhat is the name of an output: refused in time, or right.
    called = frame(good()).withColumnRenamed("g", "yhat")

    def transformed() -> list[Any]:
        model = system.fit(called, Settings(keys=("yhat",)))
        return system.transform(model, called.drop("y")).collect()

    error = refused(transformed, "predictionCol", "'yhat'")
    broken_unless(error is not None, "a key column yhat and the forecast yhat are one column")
    return f"{len(NAMES)} names come back; yhat: {error}"


def unseen(system: Any, place: Path) -> str:
    """A key that no model has, at transform: its rows stay, without a forecast."""
    model = system.fit(frame(good()), Settings())
    data = frame(good() | {"never seen": series()}).drop("y")
    expected = system.transform(model, data.filter("g <> 'never seen'")).toPandas()
    found = system.transform(model, data).toPandas()
    model.unpersist()
    new = found[found.g == "never seen"]
    broken_unless(len(new) == len(series()), f"{len(new)} of {len(series())} rows are left")
    broken_unless(new.yhat.isna().all(), "forecasts of a group that nobody fitted")
    order = ["g", "ds"]
    same = found[found.g != "never seen"].sort_values(order).reset_index(drop=True)
    columns = ["g", "ds", "yhat"]
    known = expected.sort_values(order).reset_index(drop=True)[columns]
    broken_unless(same[columns].equals(known), "forecasts of the others have changed")
    broken_unless(known.yhat.notna().all(), "the good groups have no forecast")
    return "its rows stay, yhat is NULL"


CASES = [
    odd_strings("NULL", None),
    odd_strings("empty string", ""),
    odd_strings("emoji and unnormalised Unicode", "🍊👩‍👩‍👧", "\u00e9", "e\u0301"),
    odd_strings("../ with = and newline", "../a=b", "two\nlines", "%2F", "a/b"),
    Case("keys", "NaN and -0.0", "P1 P2", nan_and_minus_zero),
    Case("keys", "two columns", "P1 P2", two_columns),
    Case("keys", "names such as yhat or cap as key columns", "P1 P2 P7",
         names_of_ours_and_prophets),
    Case("keys", "unseen at transform", "P1 P2", unseen),
]  # fmt: skip
