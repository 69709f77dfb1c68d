"""Which seasonalities a series gets, against Prophet's own choice."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from prophet import Prophet

from sparkprophet.series.config import Config
from sparkprophet.series.seasonality import resolve

SWITCHES = ["auto", True, False, 6]


def stock_choice(model, ds):
    """Names with period, order, prior scale, mode and condition, in the order of columns."""
    model.history = pd.DataFrame({"ds": pd.to_datetime(ds)})
    model.set_auto_seasonalities()
    return [
        (
            name,
            float(p["period"]),
            p["fourier_order"],
            p["prior_scale"],
            p["mode"],
            p["condition_name"],
        )
        for name, p in model.seasonalities.items()
    ]


def our_choice(config, ds):
    return [
        (s.name, s.period, s.order, s.prior_scale, s.mode, s.condition) for s in resolve(config, ds)
    ]


def stamps(n, minutes, start="2020-01-01"):
    return np.datetime64(start, "us") + np.arange(n) * np.timedelta64(minutes, "m")


DAY, WEEK = 1440, 7 * 1440


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 1200),
    minutes=st.sampled_from([5, 60, 720, 1439, DAY, DAY + 1, WEEK - 1, WEEK, WEEK + 1, 30 * DAY]),
    yearly=st.sampled_from(SWITCHES),
    weekly=st.sampled_from(SWITCHES),
    daily=st.sampled_from(SWITCHES),
)
@example(731, DAY, "auto", "auto", "auto")  # 730 days to the minute
@example(730, DAY, "auto", "auto", "auto")
@example(15, DAY, "auto", "auto", "auto")  # two weeks
@example(14, DAY, "auto", "auto", "auto")
@example(49, 60, "auto", "auto", "auto")  # two days
@example(48, 60, "auto", "auto", "auto")
@example(106, WEEK, "auto", "auto", "auto")
def test_switches_as_prophet(n, minutes, yearly, weekly, daily):
    ds = stamps(n, minutes)
    stock = Prophet(yearly_seasonality=yearly, weekly_seasonality=weekly, daily_seasonality=daily)
    config = Config(yearlySeasonality=yearly, weeklySeasonality=weekly, dailySeasonality=daily)
    assert our_choice(config, ds) == stock_choice(stock, ds)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 900 * DAY), min_size=2, max_size=40))
def test_irregular_and_repeated_timestamps_as_prophet(minutes):
    assume(len(set(minutes)) > 1)
    ds = np.sort(np.datetime64("2019-05-05", "us") + np.array(minutes) * np.timedelta64(1, "m"))
    assert our_choice(Config(), ds) == stock_choice(Prophet(), ds)


@pytest.mark.parametrize("name", ["yearly", "weekly", "daily", "pay"])
def test_custom_seasonality_as_prophet(name):
    ds = stamps(800, DAY)
    stock = Prophet(seasonality_mode="multiplicative", seasonality_prior_scale=4.0)
    stock.add_seasonality("other", period=10, fourier_order=2, mode="additive")
    stock.add_seasonality(name, period=15.2, fourier_order=3, prior_scale=0.3, condition_name="c")
    config = Config(
        seasonalityMode="multiplicative",
        seasonalityPriorScale=4.0,
        seasonalities=[
            {"name": "other", "period": 10, "fourierOrder": 2, "mode": "additive"},
            {
                "name": name,
                "period": 15.2,
                "fourierOrder": 3,
                "priorScale": 0.3,
                "conditionCol": "c",
            },
        ],
    )
    assert our_choice(config, ds) == stock_choice(stock, ds)


def test_orders_and_prior_scales_of_its_own():
    config = Config(
        yearlySeasonality=False,
        yearlyFourierOrder=5,
        yearlyPriorScale=0.5,
        monthlyFourierOrder=4,
        monthlyPriorScale=0.25,
        weeklySeasonality=2,
        weeklyFourierOrder=1,
        dailyPriorScale=7.0,
        seasonalityPriorScale=3.0,
    )
    assert our_choice(config, stamps(40, DAY)) == [
        ("monthly", 30.5, 4, 0.25, "additive", None),
        ("yearly", 365.25, 5, 0.5, "additive", None),
        ("weekly", 7.0, 1, 3.0, "additive", None),
    ]


def test_a_given_seasonality_wins_over_an_order():
    term = {"name": "weekly", "period": 7, "fourierOrder": 2}
    config = Config(weeklyFourierOrder=9, weeklySeasonality=True, seasonalities=[term])
    assert our_choice(config, stamps(40, DAY)) == [("weekly", 7.0, 2, 10.0, "additive", None)]
