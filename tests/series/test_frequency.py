"""The step of a series, against pandas' date ranges and offsets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkprophet.series.frequency import DAY, Frequency, MonthDate, infer

# pandas' name -> steps in a seasonal cycle, as in FPP3, section 2.1.
SEASONS = {
    "5min": 288, "15min": 96, "h": 24, "6h": 4, "D": 7, "B": 5, "W-THU": 52, "W-SUN": 52,
    "2W-MON": 1, "10D": 1, "28D": 1, "30D": 1, "MS": 12, "ME": 12, "QS": 4, "QE": 4,
    "QS-FEB": 4, "YS": 1, "YE": 1, "YS-JUL": 1,
    "2MS": 6, "6MS": 2, "6ME": 2, "4MS": 3, "5MS": 1, "2QE": 2, "2YS": 1, "2YE": 1,
    "BME": 12, "BMS": 12, "BQE": 4, "BQS": 4, "BYE": 1, "WOM-3FRI": 12, "WOM-1MON": 12,
    "SMS": 24, "SME": 24,
}  # fmt: skip


DATES = [
    *((MonthDate("day", number),) for number in (1, 28, 30, 31)),
    *((MonthDate("business", number),) for number in (1, -1)),
    (MonthDate("weekday", 4, 6),),
    (MonthDate("day", 1), MonthDate("day", 15)),
    (MonthDate("day", 15), MonthDate("day", 31)),
]


def stamps(freq, n=60, start="2019-01-29 00:00"):
    return pd.date_range(start, periods=n, freq=freq).to_numpy().astype("datetime64[us]")


@pytest.mark.parametrize("freq", SEASONS)
@pytest.mark.parametrize("start", ["2019-01-29", "2016-02-29", "1999-12-31 06:30"])
def test_infer_and_shift_as_pandas(freq, start):
    ds = stamps(freq, start=start)
    step = infer(ds[:40])
    assert step.season == SEASONS[freq]
    np.testing.assert_array_equal(step.shift(ds[39], np.arange(1, 21)), ds[40:])
    np.testing.assert_array_equal(step.shift(ds[39], -np.arange(1, 40)), ds[38::-1])
    assert step.shift(ds[39], 0) == ds[39]
    assert step.shift(ds[10], 5) == ds[15]
    np.testing.assert_array_equal(step.position(ds, ds[20]), np.arange(60) - 20)


@pytest.mark.parametrize("freq", SEASONS)
def test_gaps_and_duplicates_change_nothing(freq):
    ds = stamps(freq)
    kept = np.delete(ds[:45], [3, 4, 5, 20, 31, 40])
    kept = np.sort(np.concatenate([kept, kept[[0, 7, 7, 30]]]))
    assert infer(kept) == infer(ds[:45])
    np.testing.assert_array_equal(infer(kept).shift(kept[-1], np.arange(1, 16)), ds[45:])
    expected = np.searchsorted(ds, kept)
    np.testing.assert_array_equal(infer(kept).position(kept, ds[0]), expected)


@pytest.mark.parametrize("freq", ["h", "D", "W-THU", "MS", "ME", "QS"])
def test_a_stray_timestamp_changes_nothing(freq):
    ds = stamps(freq)
    stray = np.sort(np.append(ds[:40], ds[9] + (ds[10] - ds[9]) // 3))
    assert infer(stray) == infer(ds[:40])


@pytest.mark.parametrize(
    ("ds", "following"),
    [
        (["2021-01-01", "2022-01-01", "2023-01-01"], "2024-01-01 2025-01-01"),
        (["2023-07-01", "2023-08-01", "2023-09-01"], "2023-10-01 2023-11-01"),
        (["2023-07-31", "2023-08-31"], "2023-09-30 2023-10-31"),
        (["2022-12-28", "2023-01-28", "2023-02-28"], "2023-03-28 2023-04-28"),
        (["2022-12-30", "2023-01-30", "2023-02-28"], "2023-03-30 2023-04-30"),
        (["2023-01-31", "2023-02-28"], "2023-03-31 2023-04-30"),
        (["2020-02-29", "2021-02-28", "2022-02-28"], "2023-02-28 2024-02-29"),
        (["2023-03-10 07:30", "2023-04-10 07:30", "2023-05-10 07:30"],
         "2023-06-10T07:30 2023-07-10T07:30"),
        (["2023-01-02", "2023-01-30", "2023-02-27"], "2023-03-27 2023-04-24"),
        (["2023-01-02", "2023-01-16", "2023-01-30", "2023-02-13"], "2023-02-27 2023-03-13"),
        (["2023-01-01", "2023-01-16", "2023-01-31", "2023-02-15"], "2023-03-02 2023-03-17"),
        (["2023-03-31", "2023-04-28", "2023-05-31", "2023-06-30"], "2023-07-31 2023-08-31"),
        (["2020-06-05", "2022-06-05"], "2024-06-05 2026-06-05"),
    ],
)  # fmt: skip
def test_short_calendar_series(ds, following):
    ds = np.array([d.replace(" ", "T") for d in ds], dtype="datetime64[us]")
    expected = np.array(following.split(), dtype="datetime64[us]")
    np.testing.assert_array_equal(infer(ds).shift(ds[-1], np.array([1, 2])), expected)


def test_days_without_weekends_in_less_than_two_weeks_are_days():
    ds = stamps("B", 10, "2024-01-01")
    assert infer(ds) == Frequency(microseconds=DAY)
    assert infer(stamps("B", 12, "2024-01-01")).business


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_timestamps_are_daily(n):
    assert infer(stamps("h", 5)[:n].repeat(3)) == Frequency(microseconds=DAY)


def test_most_common_distance_wins_and_the_smaller_of_equals():
    base = np.datetime64("2024-01-01", "us")
    hours = np.cumsum([0, 2, 2, 2, 1, 1, 5])
    assert infer(base + hours * np.timedelta64(1, "h")).microseconds == 2 * 3_600_000_000
    hours = np.cumsum([0, 2, 2, 1, 1])
    assert infer(base + hours * np.timedelta64(1, "h")).microseconds == 3_600_000_000


@settings(max_examples=100, deadline=None)
@given(
    step=st.one_of(
        st.builds(
            Frequency, months=st.sampled_from([1, 2, 3, 7, 12, 120]), dates=st.sampled_from(DATES)
        ),
        st.just(Frequency(business=True)),
        st.builds(Frequency, microseconds=st.integers(1, 40 * DAY)),
    ),
    day=st.dates(pd.Timestamp("1950-01-01").date(), pd.Timestamp("2050-01-01").date()),
    steps=st.integers(-300, 300),
)
def test_position_is_the_inverse_of_shift(step, day, steps):
    origin = np.datetime64(day, "us")
    if step.business:
        origin = np.busday_offset(origin.astype("datetime64[D]"), 0, "forward")
        origin = origin.astype("datetime64[us]")
    shifted = np.atleast_1d(step.shift(origin, steps))
    assert step.position(shifted, origin).tolist() == [steps]


@settings(max_examples=50, deadline=None)
@given(
    day=st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2040-01-01").date()),
    steps=st.integers(-50, 50),
)
def test_months_as_pandas_offsets(day, steps):
    origin = pd.Timestamp(day)
    step = Frequency(months=1, dates=(MonthDate("day", origin.day),))
    assert step.shift(origin.to_datetime64(), steps) == origin + pd.DateOffset(months=steps)


def test_real_series(shared_data):
    minute = 60_000_000
    expected = {
        "D": Frequency(),
        "MS": Frequency(months=1),
        "h": Frequency(microseconds=60 * minute),
        "5min": Frequency(microseconds=5 * minute),
        "sub": Frequency(microseconds=5 * minute),
    }
    table = pd.read_parquet(shared_data / "prophet_examples.parquet").dropna(subset=["y"])
    for (name, freq), rows in table.groupby(["series", "freq"]):
        ds = np.sort(rows["ds"].to_numpy().astype("datetime64[us]"))
        traded = freq == "D" and rows["ds"].dt.day_of_week.max() < 5
        assert infer(ds) == (Frequency(business=True) if traded else expected[freq]), name
