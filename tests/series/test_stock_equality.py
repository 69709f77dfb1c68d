"""Fit, forecast, components and record of one series, against stock Prophet called by hand."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from prophet.serialize import model_from_json, model_to_json

import stock
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit, prophet_of
from sparkprophet.series.forecast import components, forecast
from sparkprophet.series.state import State

SEED = 11
N, AHEAD = 130, 20


@dataclass
class Case:
    """One way to fit: our settings, Prophet's arguments and calls, and what the series is like."""

    ours: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    prepare: Any = None
    columns: tuple[str, ...] = ()
    n: int = N
    minutes: int = 1440
    change: Any = None  # of the series, before both fits


def rows(case):
    """History and future of a case as one series, by fixed formulas."""
    n = case.n + AHEAD
    i = np.arange(n)
    ds = np.datetime64("2021-11-20", "us") + i * np.timedelta64(case.minutes, "m")
    rng = np.random.default_rng(5)
    temperature = 10 * np.sin(2 * np.pi * i / 90) + rng.normal(size=n)
    open_ = (i % 5 != 0).astype(float)
    every = {
        "temperature": temperature,
        "open": open_,
        "price_upper": rng.uniform(1, 2, n),
        "constant": np.full(n, 3.0),
        "summer": (i % 60 > 25).astype(float),
        "winter": (i % 60 <= 25).astype(float),
        "cap": 40 + 0.02 * i,
        "floor": np.full(n, 5.0),
    }
    y = 20 + 0.06 * i + 2 * np.sin(2 * np.pi * i / 7) + 0.1 * temperature + open_
    y += rng.normal(0, 0.4, n)
    return Series(ds, y, {name: every[name] for name in case.columns})


def gaps(series):
    keep = np.ones(len(series), dtype=bool)
    keep[[3, 4, 5, 50, 77]] = False
    late = series.ds.copy()
    late[60:] += np.timedelta64(7, "h")
    return Series(late, series.y, series.columns).take(keep)


def missing(series):
    y = series.y.copy()
    y[[0, 10, 11, len(y) - 1]] = np.nan
    return Series(series.ds, y, series.columns)


def shuffled(series):
    return series.take(np.random.default_rng(1).permutation(len(series)))


def repeated(series):
    """Some timestamps twice, with another value, sorted as the series package sorts."""
    twice = np.sort(np.concatenate([np.arange(len(series)), [5, 5, 40, 41, 90]]))
    y = series.y[twice] + np.arange(len(twice)) % 2
    order = np.lexsort([y, series.ds[twice]])
    return Series(series.ds[twice][order], y[order])


HOLIDAYS = pd.DataFrame(
    {
        "holiday": ["fair", "fair", "storm", "later"],
        "ds": pd.to_datetime(["2021-12-05", "2022-02-06", "2022-01-10", "2022-04-05"]),
        "lower_window": [-1, -1, 0, 0],
        "upper_window": [1, 1, 2, 0],
        "prior_scale": [3.0, 3.0, np.nan, 1.0],
    }
)
MARKS = ["2021-12-10", "2022-01-15 12:00:00.5", "2022-02-20"]


def add_seasonalities(model):
    model.add_seasonality("pay", period=15.2, fourier_order=2, prior_scale=0.5)
    model.add_seasonality("on", 7, 2, mode="multiplicative", condition_name="summer")
    model.add_seasonality("off", 7, 3, prior_scale=2.0, condition_name="winter")


def add_regressors(model):
    model.add_regressor("temperature", prior_scale=0.5)
    model.add_regressor("open", mode="multiplicative")
    model.add_regressor("price_upper", standardize=False)
    model.add_regressor("constant")


CASES = {
    "linear": Case(),
    "flat": Case({"growth": "flat"}, {"growth": "flat"}),
    "logistic": Case({"growth": "logistic"}, {"growth": "logistic"}, columns=("cap",)),
    "logistic_floor": Case(
        {"growth": "logistic"}, {"growth": "logistic"}, columns=("cap", "floor")
    ),
    "linear_with_cap_columns": Case(columns=("cap", "floor")),
    "multiplicative": Case(
        {"seasonalityMode": "multiplicative"}, {"seasonality_mode": "multiplicative"}
    ),
    "yearly": Case(n=740),
    "orders_and_priors": Case(
        {
            "weeklyFourierOrder": 2, "weeklyPriorScale": 0.2, "yearlySeasonality": "true",
            "seasonalityPriorScale": 5.0, "changepointPriorScale": 0.5, "intervalWidth": 0.5,
        },
        {
            "weekly_seasonality": False, "yearly_seasonality": False,
            "seasonality_prior_scale": 5.0, "changepoint_prior_scale": 0.5, "interval_width": 0.5,
        },
        lambda m: m.add_seasonality("yearly", 365.25, 10).add_seasonality("weekly", 7, 2, 0.2),
    ),
    "monthly": Case(
        {"monthlyFourierOrder": 3, "monthlyPriorScale": 1.5},
        prepare=lambda m: m.add_seasonality("monthly", 30.5, 3, 1.5),
    ),
    "custom_seasonalities": Case(
        {
            "seasonalities": [
                {"name": "pay", "period": 15.2, "fourierOrder": 2, "priorScale": 0.5},
                {
                    "name": "on", "period": 7, "fourierOrder": 2, "mode": "multiplicative",
                    "conditionCol": "summer",
                },
                {
                    "name": "off", "period": 7, "fourierOrder": 3, "priorScale": 2,
                    "conditionCol": "winter",
                },
            ]
        },
        prepare=add_seasonalities,
        columns=("summer", "winter"),
    ),
    "no_seasonality": Case(
        {"weeklySeasonality": False}, {"weekly_seasonality": False, "uncertainty_samples": 1000}
    ),
    "holidays": Case({"holidays": HOLIDAYS}, {"holidays": HOLIDAYS}),
    "holidays_multiplicative": Case(
        {"holidays": HOLIDAYS, "holidaysPriorScale": 0.7, "seasonalityMode": "multiplicative"},
        {"holidays": HOLIDAYS, "holidays_prior_scale": 0.7, "seasonality_mode": "multiplicative"},
    ),
    "country_holidays": Case(
        {"countryHolidays": "US"}, prepare=lambda m: m.add_country_holidays("US")
    ),
    "both_holidays": Case(
        {"countryHolidays": "DE", "holidays": HOLIDAYS.drop(columns="prior_scale")},
        {"holidays": HOLIDAYS.drop(columns="prior_scale")},
        lambda m: m.add_country_holidays("DE"),
    ),
    "regressors": Case(
        {
            "regressors": [
                {"name": "temperature", "priorScale": 0.5},
                {"name": "open", "mode": "multiplicative"},
                {"name": "price_upper", "standardize": False},
                "constant",
            ]
        },
        prepare=add_regressors,
        columns=("temperature", "open", "price_upper", "constant"),
    ),
    "changepoints": Case(
        {"changepoints": MARKS}, {"changepoints": pd.to_datetime(MARKS, format="ISO8601")}
    ),
    "empty_changepoints": Case({"changepoints": []}, {"changepoints": []}),
    "no_changepoints": Case({"nChangepoints": 0}, {"n_changepoints": 0}),
    "few_changepoints": Case(
        {"nChangepoints": 7, "changepointRange": 0.5},
        {"n_changepoints": 7, "changepoint_range": 0.5},
    ),
    "minmax": Case({"scaling": "minmax"}, {"scaling": "minmax"}),
    "minmax_logistic": Case(
        {"scaling": "minmax", "growth": "logistic"},
        {"scaling": "minmax", "growth": "logistic"},
        columns=("cap",),
    ),
    "hourly": Case(n=200, minutes=60),
    "hourly_holidays": Case(
        {"countryHolidays": "US"}, {}, lambda m: m.add_country_holidays("US"), n=200, minutes=180
    ),
    "weekly_rows": Case(n=120, minutes=7 * 1440),
    "irregular": Case(change=gaps),
    "missing_labels": Case(change=missing),
    "shuffled": Case(change=shuffled),
    "repeated_timestamps": Case(change=repeated),
    "negative_labels": Case(change=lambda s: Series(s.ds, s.y - 100, s.columns)),
    "newton": Case(n=40),
    "two_rows": Case(n=2),
}  # fmt: skip


@dataclass
class Both:
    """Our fit and Prophet's of one case, the rows to forecast and Prophet's forecast of them."""

    config: Config
    fit: Any
    model: Any
    wanted: Series
    table: pd.DataFrame


@pytest.fixture(scope="module", params=CASES)
def both(request):
    case = CASES[request.param]
    series = rows(case)
    history = series.take(np.arange(case.n))
    if case.change is not None:
        history = case.change(history)
    config = Config(**case.ours)
    model = stock.fitted(history, case.prepare, **case.theirs)
    wanted = series.take(np.arange(max(0, case.n - 15), case.n + AHEAD))
    outcome = fit(history, config)
    return Both(config, outcome, model, wanted, stock.predicted(model, wanted, SEED))


def columns_of(found):
    return {"yhat": found.yhat, "yhat_lower": found.lower, "yhat_upper": found.upper}


def test_forecast_and_intervals(both):
    assert (both.fit.status, both.fit.error_message) == ("ok", None)
    found = forecast(both.fit.state, both.config, both.wanted, SEED)
    for name, values in columns_of(found).items():
        np.testing.assert_allclose(values, both.table[name], rtol=1e-9, err_msg=name)


def test_no_samples_no_intervals(both):
    config = both.config.replace({"uncertaintySamples": 0})
    found = forecast(both.fit.state, config, both.wanted, SEED)
    np.testing.assert_allclose(found.yhat, both.table["yhat"], rtol=1e-9)
    assert np.isnan(found.lower).all() and np.isnan(found.upper).all()


def test_components(both):
    both.model.uncertainty_samples, samples = 0, both.model.uncertainty_samples
    table = both.model.predict(stock.frame(both.wanted, with_y=False))
    both.model.uncertainty_samples = samples
    found = components(both.fit.state, both.config, both.wanted)
    expected = [name for name in table if name not in ("ds", "cap", "floor", "yhat")]
    assert sorted(found) == sorted(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], table[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_log_posterior_is_stans(both):
    lp = both.model.params.get("lp__")
    assert both.fit.log_posterior == (None if lp is None else lp[0, 0])
    assert both.fit.solver == "stan"


def test_facts_of_the_history(both):
    history = both.model.history
    assert both.fit.n_obs == len(history)
    assert both.fit.start == history["ds"].min()
    assert both.fit.end == history["ds"].max()
    np.testing.assert_array_equal(both.fit.state.history.y, history["y"])


def as_lists(record):
    """The record as JSON can hold it."""
    plain = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in record.items()}
    plain["columns"] = [values.tolist() for values in record["columns"]]
    return json.loads(json.dumps(plain))


def through_arrow(record):
    """The record as Spark's workers hand it on."""
    doubles = pa.list_(pa.float64())
    kind = pa.struct(
        [
            ("facts", pa.string()), ("parameters", doubles), ("ds", pa.list_(pa.int64())),
            ("y", doubles), ("columns", pa.list_(doubles)),
        ]
    )  # fmt: skip
    return pa.array([record], type=kind)[0].as_py()


@pytest.mark.parametrize("carry", [dict, as_lists, through_arrow])
def test_record_gives_the_same_bits(both, carry):
    state = State.from_record(carry(both.fit.state.to_record()))
    before = columns_of(forecast(both.fit.state, both.config, both.wanted, SEED))
    after = columns_of(forecast(state, both.config, both.wanted, SEED))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
    assert state.seasonalities == both.fit.state.seasonalities
    assert state.scales == both.fit.state.scales
    np.testing.assert_array_equal(state.changepoints, both.fit.state.changepoints)


def test_a_genuine_prophet(both):
    from prophet import Prophet

    model = prophet_of(both.fit.state, both.config)
    assert type(model) is Prophet
    table = stock.predicted(model, both.wanted, SEED)
    for name in both.table:
        assert name in table
    pd.testing.assert_frame_equal(table[both.table.columns], both.table, rtol=1e-9)


# What Prophet itself keeps in its JSON but a forecast does not need, or that says how a model was
# made: we name every seasonality and leave nothing on "auto".
INCIDENTAL = {
    "fit_kwargs", "history_dates", "yearly_seasonality", "weekly_seasonality",
    "daily_seasonality", "seasonalities", "params", "history", "changepoints", "holidays",
    "train_holiday_names",
}  # fmt: skip


def test_json_of_the_genuine_prophet(both):
    ours, theirs = (
        json.loads(model_to_json(m)) for m in (prophet_of(both.fit.state, both.config), both.model)
    )
    for name in set(theirs) - INCIDENTAL:
        assert ours[name] == theirs[name], name
    for name, values in ours["params"].items():
        assert values == theirs["params"][name], name
    again = model_from_json(json.dumps(ours))
    assert ours["seasonalities"][0] == theirs["seasonalities"][0]
    table = stock.predicted(again, both.wanted, SEED)
    np.testing.assert_allclose(table["yhat"], both.table["yhat"], rtol=1e-9)
