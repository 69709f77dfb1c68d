"""What a fit is made of, against Prophet's own `preprocess`, and rows to forecast as well."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from prophet import Prophet
from prophet.make_holidays import get_holiday_names, make_holidays_df

import stock
from cases import AHEAD, CASES, HOLIDAYS, Case, history_of, repeated
from sparkprophet.series import changepoints, checks, design, holidays, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.seasonality import resolve

WINDOWS = pd.DataFrame(
    {
        # Of names that begin alike, one after the other in the order of columns; two digits of
        # days; a day of the country's; days outside of the history.
        "holiday": ["sale", "sale early", "sale", "Christmas Day", "sale-", "long ago", "Ä-Fest"],
        "ds": pd.to_datetime(
            ["2021-12-01", "2021-12-01 17:30", "2022-03-01", "2022-01-07", "2022-01-01",
             "1960-02-29", "2022-02-02"],
            format="ISO8601",
        ),
        "lower_window": [-2, 0, -1, -1, -11, 0, -1],
        "upper_window": [1, 3, 2, 0, 1, 2, 0],
    }
)  # fmt: skip
FUTURE = pd.DataFrame(
    {"holiday": ["never", "seen"], "ds": pd.to_datetime(["2040-01-01", "2022-04-02"])}
)


def country(name):
    return lambda model: model.add_country_holidays(name)


def regressors(model):
    for name, standardize in (("temperature", True), ("open", True), ("summer", "auto")):
        model.add_regressor(name, standardize=standardize)
    model.add_regressor("winter", standardize=False)
    model.add_regressor("constant", standardize=True)


def with_floor(changing):
    def change(series):
        columns = dict(series.columns)
        columns["floor"] = 5 + 0.01 * np.arange(len(series)) if changing else columns["floor"]
        return Series(series.ds, series.y, columns)

    return change


def before_1970(series):
    return Series(series.ds - np.timedelta64(60 * 365, "D"), series.y, series.columns)


def odd_times(series):
    """Times of day down to the microsecond, some rows on one day."""
    drift = np.arange(len(series)) ** 2 * np.timedelta64(7_654_321, "us")
    return Series(series.ds + drift, series.y, series.columns)


LOGISTIC = {"growth": "logistic"}
MINMAX = LOGISTIC | {"scaling": "minmax"}
NOTHING = {"weeklySeasonality": False}
MORE = {
    "floor_minmax": Case(MINMAX, MINMAX, columns=("cap", "floor")),
    "floor_changes": Case(LOGISTIC, LOGISTIC, columns=("cap", "floor"), change=with_floor(True)),
    "floor_changes_minmax": Case(MINMAX, MINMAX, columns=("cap", "floor"), change=with_floor(True)),
    "minmax_negative": Case(
        {"scaling": "minmax"}, {"scaling": "minmax"},
        change=lambda s: Series(s.ds, s.y - 100, s.columns),
    ),
    "zeros": Case(change=lambda s: Series(s.ds, np.zeros(len(s)))),
    "constant_minmax": Case(
        {"scaling": "minmax"}, {"scaling": "minmax"},
        change=lambda s: Series(s.ds, np.full(len(s), 3.5)),
    ),
    "windows": Case({"holidays": WINDOWS}, {"holidays": WINDOWS}),
    "windows_with_country": Case(
        {"holidays": WINDOWS, "countryHolidays": "US"}, {"holidays": WINDOWS}, country("US")
    ),
    "windows_every_hour": Case(
        {"holidays": WINDOWS, "countryHolidays": "US"}, {"holidays": WINDOWS}, country("US"),
        n=1500, minutes=60,
    ),
    "outside_of_the_history": Case({"holidays": FUTURE}, {"holidays": FUTURE}),
    "country_with_many_names_a_day": Case({"countryHolidays": "IN"}, {}, country("IN"), n=900),
    "country_by_name": Case({"countryHolidays": "UnitedStates"}, {}, country("UnitedStates")),
    "turkey": Case({"countryHolidays": "TU"}, {}, country("TU"), n=800),
    "country_before_1970": Case(
        {"countryHolidays": "DE"}, {}, country("DE"), n=900, change=before_1970
    ),
    "standardize": Case(
        {
            "regressors": [
                {"name": "temperature", "standardize": True},
                {"name": "open", "standardize": True},
                "summer",
                {"name": "winter", "standardize": False},
                {"name": "constant", "standardize": True},
            ]
        },
        {}, regressors, columns=("temperature", "open", "summer", "winter", "constant"),
    ),
    "nothing_but_a_trend": Case(NOTHING, {"weekly_seasonality": False}),
    "nothing_flat": Case(
        NOTHING | {"growth": "flat"}, {"weekly_seasonality": False, "growth": "flat"}
    ),
    "odd_times": Case({"holidays": HOLIDAYS}, {"holidays": HOLIDAYS}, change=odd_times),
    "no_range": Case({"changepointRange": 0}, {"changepoint_range": 0}),
    "whole_range": Case(
        {"changepointRange": 1, "nChangepoints": 400},
        {"changepoint_range": 1, "n_changepoints": 400},
    ),
    "repeated_with_holidays": Case({"holidays": WINDOWS}, {"holidays": WINDOWS}, change=repeated),
}  # fmt: skip
EVERY = CASES | MORE


@pytest.fixture(scope="module", params=EVERY)
def both(request):
    """Settings, checked rows, Prophet after its `preprocess`, and what that gave."""
    case = EVERY[request.param]
    config = Config(**case.ours)
    history = history_of(case)
    model = Prophet(**case.theirs)
    if case.prepare is not None:
        case.prepare(model)
    inputs = model.preprocess(stock.frame(history))
    return config, checks.usable(history, config), model, inputs


def equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_scales(both):
    config, used, model, _ = both
    scales = scaling.scales_of(used, config)
    assert scales.start == model.start
    assert pd.Timedelta(scales.span, "us") == model.t_scale
    assert scales.own_floor == model.logistic_floor
    equal([scales.y_min, scales.y_scale], [model.y_min, model.y_scale])
    assert list(scales.regressors) == list(model.extra_regressors)
    for name, pair in scales.regressors.items():
        equal(pair, [model.extra_regressors[name][part] for part in ("mu", "std")])


def test_scaled_rows(both):
    config, used, model, inputs = both
    scales = scaling.scales_of(used, config)
    np.testing.assert_array_equal(scaling.time(used.ds, scales), inputs.t)
    equal(scaling.floor(used, scales), model.history["floor"])
    # Of rows with the same time, Prophet keeps the order in which they came.
    order = np.lexsort([inputs.y, inputs.t])
    equal(scaling.label(used, scales), np.asarray(inputs.y)[order])
    if config.growth == "logistic":
        equal(scaling.cap(used, scales), np.asarray(inputs.cap)[order])


def test_changepoints(both):
    config, used, model, inputs = both
    found = changepoints.place(used.ds, config)
    assert found.dtype == "datetime64[us]"
    np.testing.assert_array_equal(found, np.sort(np.asarray(model.changepoints)))
    scaled = changepoints.times(found, scaling.scales_of(used, config))
    assert scaled.dtype == np.float64
    np.testing.assert_array_equal(scaled, inputs.t_change)


def test_columns(both):
    config, used, model, inputs = both
    seasonalities = resolve(config, used.ds)
    layout = design.layout(config, seasonalities, used.ds)
    multiplicative, prior_scales = design.modes_and_priors(layout, config, seasonalities)
    if list(inputs.X.columns) == ["zeros"]:
        assert (layout.names, layout.terms) == ((), ())
        assert len(prior_scales) == len(multiplicative) == 0
        return
    assert list(layout.names) == list(inputs.X.columns)
    np.testing.assert_array_equal(prior_scales, inputs.sigmas)
    np.testing.assert_array_equal(multiplicative, inputs.s_m == 1)
    np.testing.assert_array_equal(~multiplicative, inputs.s_a == 1)
    expected = model.train_holiday_names
    assert list(layout.holiday_names) == ([] if expected is None else list(expected))
    members = model.train_component_cols
    for term, block in layout.blocks():
        at = np.flatnonzero(members[term.name])
        assert list(range(block.start, block.stop)) == list(at), term.name


def test_matrix(both):
    config, used, _, inputs = both
    layout = design.layout(config, resolve(config, used.ds), used.ds)
    found = design.matrix(layout, config, used, scaling.scales_of(used, config))
    assert found.flags.f_contiguous and found.dtype == np.float64
    assert found.shape == (len(used), len(layout.names))
    for i, name in enumerate(layout.names):
        equal(found[:, i], inputs.X[name])


def test_rows_to_forecast(both):
    """In the order given, over years that the history has none of, each row as Prophet has it."""
    config, used, model, _ = both
    layout = design.layout(config, resolve(config, used.ds), used.ds)
    days = np.array([3, 1, 1, 400, 700, 1500]) * np.timedelta64(1, "D")
    last = used.take(np.full(6, len(used) - 1))
    wanted = replace(last, ds=last.ds + days)
    if not len(layout.names):
        assert design.matrix(layout, config, wanted, scaling.scales_of(used, config)).size == 0
        return
    prepared = model.setup_dataframe(stock.frame(wanted, with_y=False))
    expected = model.make_all_seasonality_features(prepared)[0]
    found = design.matrix(layout, config, wanted, scaling.scales_of(used, config))
    assert list(layout.names) == list(expected.columns)
    equal(found[np.argsort(wanted.ds, kind="stable")], expected)


@pytest.mark.parametrize("name", ["windows_with_country", "standardize", "custom_seasonalities"])
def test_the_layout_of_a_state_is_that_of_its_fit(name):
    case = EVERY[name]
    config = Config(solver="stan", **case.ours)
    history = history_of(case)
    seasonalities = resolve(config, history.ds)
    expected = design.layout(config, seasonalities, history.ds)
    state = fit(history, config).state
    found = design.layout_of(state, config)
    assert found == expected
    pairs = zip(
        design.modes_and_priors(found, config, state.seasonalities),
        design.modes_and_priors(expected, config, seasonalities),
        strict=True,
    )
    for values, of_the_fit in pairs:
        np.testing.assert_array_equal(values, of_the_fit)


def test_a_holiday_that_was_not_fitted_has_no_column():
    """Prophet drops it too; the fit's own columns stay, in years that have none of them."""
    ds = np.datetime64("2021-08-01", "us") + np.arange(60) * np.timedelta64(1, "D")
    config = Config(countryHolidays="US")
    layout = design.layout(config, (), ds)
    assert "Labor Day_delim_+0" in layout.names
    early = Series(ds.astype("datetime64[us]") - np.timedelta64(365 * 300, "D"), np.zeros(60))
    scales = scaling.scales_of(Series(ds, np.ones(60)), Config())
    assert not design.matrix(layout, config, early, scales).any()
    assert design.matrix(layout, config, Series(ds, np.ones(60)), scales).sum() == 1


@pytest.mark.parametrize("code", ["US", "DE", "JP", "SA", "TU", "GB", "BR", "NYSE"])
def test_calendar_of_a_country(code):
    """Years made together and alone: a holiday that moves over New Year depends on it."""
    for years in ([2021], [2022], [2020, 2021, 2022, 2023], [2016, 2024, 2028]):
        ds = np.array([f"{year}-05-05" for year in years], "datetime64[us]")
        found = holidays.days(Config(countryHolidays=code), ds)
        table = make_holidays_df(years, code)
        since = table["ds"].to_numpy().astype("datetime64[D]").astype(int)
        expected = {
            f"{name}_delim_+0": since[part].tolist()
            for name, part in table.groupby("holiday").indices.items()
        }
        assert list(found) == [f"{name}_delim_+0" for name in table["holiday"].unique()]
        assert {column: values.tolist() for column, values in found.items()} == expected


def test_a_name_that_the_country_has_is_refused():
    name = min(get_holiday_names("US"))
    ds = np.array(["2022-01-01", "2022-01-02"], "datetime64[us]")
    config = Config(countryHolidays="US", regressors=[name])
    with pytest.raises(Exception, match="holiday of country 'US'") as caught:
        design.layout(config, (), ds)
    assert caught.value.code == "HOLIDAYS_INVALID"


def test_what_is_cached_cannot_be_changed():
    ds = np.array(["2022-01-01"], "datetime64[us]")
    found = holidays.days(Config(countryHolidays="US"), ds)
    with pytest.raises(ValueError, match="read-only"):
        found["Christmas Day_delim_+0"][:] = 0


def test_a_condition_switches_its_columns_off():
    n = AHEAD
    ds = np.datetime64("2022-01-01", "us") + np.arange(n) * np.timedelta64(1, "D")
    term = {"name": "on", "period": 7, "fourierOrder": 2, "conditionCol": "open"}
    plain = term | {"conditionCol": None}
    open_ = (np.arange(n) % 3 == 0).astype(float)
    series = Series(ds, np.ones(n), {"open": open_})
    found = []
    for entry in (term, plain):
        config = Config(seasonalities=[entry], weeklySeasonality=False)
        layout = design.layout(config, resolve(config, ds), ds)
        scales = scaling.scales_of(series, config)
        found.append(design.matrix(layout, config, series, scales))
    np.testing.assert_array_equal(found[0], found[1] * open_[:, None])


def test_neither_pandas_nor_prophet_is_loaded():
    """They take seconds to load and hundreds of megabytes, in every worker."""
    script = """
import sys
import numpy as np
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import components, forecast

ds = np.datetime64("2022-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
series = Series(ds, 5 + np.sin(np.arange(60.0)))
outcome = fit(series, Config(countryHolidays="US", solver="native"))
assert outcome.status == "ok", outcome.error_message
forecast(outcome.state, outcome.config, series, 1)
components(outcome.state, outcome.config, series)
print(*{"pandas", "prophet", "cmdstanpy", "matplotlib"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=600, check=True
    )
    assert (done.stdout, done.stderr) == ("\n", "")
