"""Labels, sizes and timestamps that break plain Prophet: an outcome each, never an exception."""

import numpy as np
import pandas as pd
import pytest

from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import CODES
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import forecast

N = 40
INF, NAN = float("inf"), float("nan")


def days(n=N, start="2024-01-01"):
    return np.datetime64(start, "us") + np.arange(n) * np.timedelta64(1, "D")


def wave(n=N):
    return 10 + np.arange(n) * 0.1 + np.sin(np.arange(n))


def with_y(changes):
    y = wave()
    for at, value in changes.items():
        y[at] = value
    return Series(days(), y)


def with_ds(changes):
    ds = days()
    for at, value in changes.items():
        ds[at] = np.datetime64(value, "us")
    return Series(ds, wave())


MIXED = np.cumsum(np.tile([1, 1, 24, 24 * 7, 24 * 31], 8)) * np.timedelta64(1, "h")

# name: (series, code; None where the fit has to be ok)
CARD = {
    "y NaN": (with_y({0: NAN, 5: NAN, 39: NAN}), None),
    "y all NaN": (Series(days(), np.full(N, NAN)), "TOO_SHORT"),
    "y +inf": (with_y({7: INF}), "Y_INFINITE"),
    "y -inf": (with_y({7: -INF}), "Y_INFINITE"),
    "y constant": (Series(days(), np.full(N, 3.5)), None),
    "y zero": (Series(days(), np.zeros(N)), None),
    "y negative": (Series(days(), -wave()), None),
    "y 1e300": (with_y({7: 1e300}), "Y_OUT_OF_RANGE"),
    "y all 1e300": (Series(days(), np.full(N, 1e300)), "Y_OUT_OF_RANGE"),
    "y 1e-300": (Series(days(), wave() * 1e-300), "Y_OUT_OF_RANGE"),
    "y 1e149": (Series(days(), wave() * 1e147), None),
    "y 1e-149": (Series(days(), wave() * 1e-149), None),
    "y one tiny": (with_y({7: 1e-300}), None),
    "size 0": (Series(days(0), wave(0)), "TOO_SHORT"),
    "size 1": (Series(days(1), wave(1)), "TOO_SHORT"),
    "size 2": (Series(days(2), wave(2)), None),
    "size below changepoints": (Series(days(9), wave(9)), None),
    "ds duplicate": (with_ds({5: "2024-01-05", 6: "2024-01-05"}), None),
    "ds unsorted": (Series(days()[::-1], wave()), None),
    "ds NaT": (with_ds({5: "NaT"}), "DS_NULL"),
    "ds all NaT": (with_ds(dict.fromkeys(range(N), "NaT")), "DS_NULL"),
    "ds all equal": (with_ds(dict.fromkeys(range(N), "2024-01-05")), "DS_CONSTANT"),
    "ds 1600": (with_ds({0: "1600-01-01"}), "DS_OUT_OF_RANGE"),
    "ds 2500": (with_ds({0: "2500-01-01"}), "DS_OUT_OF_RANGE"),
    "ds 1678": (Series(days(start="1678-01-01"), wave()), None),
    "ds 2261": (Series(days(start="2261-11-01"), wave()), None),
    "ds 290 years": (Series(np.sort(with_ds({0: "1735-01-01"}).ds), wave()), None),
    "ds 400 years": (with_ds({0: "1700-01-01", 1: "2200-01-01"}), "DS_OUT_OF_RANGE"),
    "ds mixed frequency": (Series(np.datetime64("2021-01-01", "us") + MIXED, wave()), None),
    "ds microseconds": (
        Series(np.datetime64("2024-01-01", "us") + np.arange(N), wave()), None,
    ),
    "ds two of many": (with_ds({i: f"2024-01-{1 + i % 2:02}" for i in range(N)}), None),
}  # fmt: skip

FITS = {
    "plain": {},
    "multiplicative": {"seasonalityMode": "multiplicative", "countryHolidays": "US"},
    "minmax": {"scaling": "minmax", "growth": "flat"},
}


@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("name", CARD)
def test_card(name, how):
    series, code = CARD[name]
    given = [series.ds.copy(), series.y.copy()]
    outcome = fit(series, Config(uncertaintySamples=0, **FITS[how]))
    assert outcome.error_code == code, outcome.error_message
    assert outcome.status == ("ok" if code is None else "failed")
    assert outcome.n_obs == int((~np.isnan(series.y)).sum())
    for now, before in zip((series.ds, series.y), given, strict=True):
        np.testing.assert_array_equal(now, before)
    if code is None:
        ahead = series.ds.max() + np.arange(1, 4) * np.timedelta64(1, "D")
        found = forecast(outcome.state, outcome.config, Series(ahead, np.full(3, NAN)), 0)
        known = series.y[~np.isnan(series.y)]
        assert np.isfinite(found.yhat).all()
        if np.ptp(known) == 0:
            np.testing.assert_allclose(found.yhat, known[0])
    else:
        assert code in CODES and len(outcome.error_message) <= 500


def test_start_and_end_are_those_of_labelled_rows():
    series = with_y({0: NAN, 1: NAN, 39: NAN})
    outcome = fit(Series(series.ds[::-1], series.y[::-1]), Config(uncertaintySamples=0))
    assert (outcome.start, outcome.end) == (series.ds[2], series.ds[38])
    nothing = fit(series.take(np.array([0])), Config())
    assert (nothing.start, nothing.end, nothing.n_obs) == (None, None, 0)


COLUMNS = {
    "constant regressor": {"x": np.full(N, 7.0)},
    "huge regressor": {"x": np.arange(N) * 1e300},
    "tiny regressor": {"x": np.arange(N) * 1e-300},
    "zero regressor": {"x": np.zeros(N)},
}


@pytest.mark.parametrize("name", COLUMNS)
def test_hard_regressors_end_in_a_result_or_a_code(name):
    outcome = fit(Series(days(), wave(), COLUMNS[name]), Config(regressors=["x"]))
    assert outcome.error_code in (None, "SOLVER_FAILED")
    if outcome.error_code is None:
        found = forecast(outcome.state, outcome.config, Series(days(), wave(), COLUMNS[name]), 0)
        assert np.isfinite(found.yhat).all()


def test_country_without_holidays_in_the_history_forecasts():
    """Prophet itself then refuses to predict a year that has some."""
    ds = days(start="1700-03-01")
    config = Config(countryHolidays="US", uncertaintySamples=0)
    outcome = fit(Series(ds, wave()), config)
    later = Series(days(400, start="1776-01-01"), np.full(400, NAN))
    assert outcome.status == "ok"
    assert np.isfinite(forecast(outcome.state, config, later, 0).yhat).all()


def test_real_hard_series(shared_data):
    """Series with outliers, gaps, zeros, negative or constant labels."""
    table = pd.read_parquet(shared_data / "jhu_covid_daily.parquet")
    keys = ["metric", "country", "province"]
    summary = table.groupby(keys, dropna=False)["y"].agg(["min", "max", "size"]).reset_index()
    constant = summary[summary["min"] == summary["max"]].iloc[0]
    negative = summary.sort_values("min").iloc[0]
    for row in (constant, negative):
        mask = np.ones(len(table), dtype=bool)
        for key in keys:
            mask &= (table[key] == row[key]) | (table[key].isna() & (row[key] != row[key]))
        part = table[mask].iloc[-200:]
        series = Series(part["ds"].to_numpy().astype("datetime64[us]"), part["y"].to_numpy(float))
        outcome = fit(series, Config(uncertaintySamples=0))
        assert (outcome.status, outcome.n_obs) == ("ok", 200)
