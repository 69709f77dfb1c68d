"""The timestamp: what is wrong with ds (12 cases)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from card import Case, broken_unless
from groups import (
    GOOD,
    START,
    Batch,
    Group,
    Rows,
    check_forecast,
    check_good,
    check_keys,
    days,
    deviation,
    fitted,
    frame,
    good,
    labels,
    refused,
    series,
    session,
    stock,
    time_zone,
)
from systems import HORIZON, Outcome, Settings

DS = Batch("ds")
HOUR = timedelta(hours=1)
NEW_YORK = "America/New_York"


def shuffled(rows: Rows) -> Rows:
    return random.Random(3).sample(rows, len(rows))


def at(place: int, ds: Any) -> Rows:
    return [(ds if i == place else own, y) for i, (own, y) in enumerate(series())]


def in_year(year: int) -> Rows:
    return list(zip(days(start=datetime(year, 1, 1)), labels(9), strict=True))


def weekly_from(place: int) -> Rows:
    """Daily rows, then one a week."""
    return [row for i, row in enumerate(series(rows=150)) if i < place or i % 7 == 0]


def two_sources() -> Rows:
    """Rows 0 to 59 of one source and 40 to 79 of another, which does not count quite the same."""
    other = [(ds, y + 0.5) for ds, y in series()[40:]]
    return [*series()[:60], *other]


def of_type(name: str, kind: str, *words: str) -> Case:
    """A timestamp column of another type: right forecasts, or one clear error before any job."""

    def run(system: Any, place: Path) -> str:
        data = frame(good(), ds=kind)
        seen: list[Any] = []
        error = refused(lambda: seen.append(fitted(system, data)), *words)
        if error is not None:
            broken_unless(words, error)
            return error
        check_keys(seen[0], {(key,) for key in GOOD})
        check_good(system, seen[0])
        for key, rows in good().items():
            check_forecast(seen[0][(key,)], stock(tuple(rows)), deviation(rows))
        return "forecasts as stock Prophet's"

    return Case("ds", name, "P7" if words else "P1 P2", run)


def across_clock_change(name: str, change: datetime) -> Case:
    """Hourly instants from three days before a change of the clock, in UTC, to three days after.

    Prophet's weeks and days are the wall clock's: the forecasts of the next hours must be those of
    stock Prophet on it.
    """

    def run(system: Any, place: Path) -> str:
        hours = 6 * 24
        zone = ZoneInfo(NEW_YORK)
        utc = days(hours + HORIZON, change - timedelta(days=3), HOUR)
        clock = [ds.astimezone(zone).replace(tzinfo=None) for ds in utc]
        y = labels(9, len(utc))
        with time_zone(NEW_YORK):
            known = instants(utc[:hours], y[:hours])
            model = system.fit(frame(good()).union(known), Settings())
            outcomes = system.outcomes(model)
            # The other groups have rows too: a cogroup gives its function those that have none.
            future = frame(good()).union(instants(utc[hours:], y[hours:])).drop("y")
            ahead = system.transform(model, future).filter("g = 'changed'").orderBy("ds")
            found = [row.yhat for row in ahead.collect()]
            model.unpersist()
        check_keys(outcomes, {(key,) for key in (*GOOD, "changed")})
        check_good(system, outcomes)
        broken_unless(len(found) == HORIZON, f"{len(found)} rows of {HORIZON} in transform")
        rows = list(zip(clock, y, strict=True))[:hours]
        right = stock(tuple(rows), tuple(clock[hours:]))
        outcome = Outcome("ok", None, None, tuple(found))
        check_forecast(outcome, right, deviation(rows))
        return "forecast as stock Prophet's on the wall clock"

    return Case("ds", name, "P1 P2", run)


def instants(utc: list[datetime], y: list[float]) -> DataFrame:
    """Rows of the group "changed"."""
    rows = [("changed", int(ds.timestamp()), value) for ds, value in zip(utc, y, strict=True)]
    data = session().createDataFrame(rows, "g string, s bigint, y double")
    return data.select("g", F.timestamp_seconds("s").alias("ds"), "y")


OUTSIDE = ("DS_OUT_OF_RANGE", ("lies outside the years 1678 to 2261", "correct or drop"))
CASES = [
    DS.case("duplicate", Group("duplicate", [*series(), *series()])),
    DS.case("unsorted", Group("unsorted", shuffled(series()), usable=series())),
    DS.case("NULL", Group("NULL", at(7, None), "DS_NULL", ("no timestamp", "drop or fill"))),
    DS.case("all equal", Group("all equal", [(START, y) for _, y in series()], "DS_CONSTANT",
                               ("at least two must differ",))),
    of_type("DateType", "date"),
    of_type("NTZ", "timestamp_ntz"),
    across_clock_change("DST fold", datetime(2024, 11, 3, 6, tzinfo=UTC)),
    across_clock_change("DST gap", datetime(2024, 3, 10, 7, tzinfo=UTC)),
    of_type("string", "string", "timestampCol", "'ds'", "string", "to_date"),
    DS.case("mixed frequency", Group("mixed frequency", weekly_from(60))),
    DS.case("years 1600 and 2500", Group("year 1600", in_year(1600), *OUTSIDE),
            Group("year 2500", in_year(2500), *OUTSIDE)),
    DS.case("overlapping sources", Group("overlapping sources", two_sources())),
]  # fmt: skip
