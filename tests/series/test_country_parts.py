"""Holidays of a state or region, against the `holidays` package and a genuine Prophet."""

import holidays
import numpy as np
import pandas as pd
import pytest

from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import components, forecast
from sparkprophet.series.genuine_prophet import prophet_of
from sparkprophet.series.holidays import check_country, days

DAYS = np.datetime64("2022-01-01", "us") + np.arange(800) * np.timedelta64(1, "D")
RNG = np.random.default_rng(3)
SERIES = Series(DAYS, 50 + np.sin(np.arange(800) / 7) + RNG.normal(0, 0.5, 800), {})


@pytest.mark.parametrize(
    ("country", "part"), [("US", "CA"), ("DE", "BY"), ("UnitedKingdom", "SCT")]
)
def test_days_are_those_of_the_package(country, part):
    found = days(Config(countryHolidays=f"{country}-{part}"), DAYS)
    calendar = getattr(holidays, country)(subdiv=part, years=[2022, 2023, 2024], language="en_US")
    expected = {(name, date) for date in calendar for name in calendar.get_list(date)}
    mine = {
        (column.rpartition("_delim_")[0], pd.Timestamp(int(day), unit="D").date())
        for column, values in found.items()
        for day in values
    }
    assert mine == {(name, date) for name, date in expected if date.year in (2022, 2023, 2024)}
    whole = days(Config(countryHolidays=country), DAYS)
    assert set(found) != set(whole)


@pytest.mark.parametrize("solver", ["native", "stan"])
def test_a_fit_and_the_genuine_prophet_of_it_agree(solver):
    config = Config(countryHolidays="US-CA", uncertaintySamples=0, solver=solver)
    state = fit(SERIES, config).state
    ahead = DAYS[-1] + np.arange(1, 300) * np.timedelta64(1, "D")
    future = Series(ahead, np.full(299, np.nan), {})
    predicted = prophet_of(state, config).predict(pd.DataFrame({"ds": ahead.astype("M8[ns]")}))
    np.testing.assert_allclose(forecast(state, config, future, 0).yhat, predicted.yhat, rtol=1e-9)
    assert "Cesar Chavez Day" in components(state, config, future)


@pytest.mark.parametrize("country", ["US-XX", "US-", "XX-CA", "NO-99", "US-California"])
def test_unknown_parts_are_refused_by_name(country):
    with pytest.raises(SeriesError, match=f"country '{country}'"):
        check_country(Config(), country)
