"""Ways to fit one series, each as our settings and as Prophet's arguments and calls."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sparkprophet.series.data import Series

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
    "holidays_multiplicative_alone": Case(
        {"holidays": HOLIDAYS, "holidaysMode": "multiplicative"},
        {"holidays": HOLIDAYS, "holidays_mode": "multiplicative"},
    ),
    "holidays_additive_alone": Case(
        {
            "countryHolidays": "US", "holidaysMode": "additive",
            "seasonalityMode": "multiplicative",
        },
        {"holidays_mode": "additive", "seasonality_mode": "multiplicative"},
        lambda m: m.add_country_holidays("US"),
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
    "changepoints_in_any_order": Case(
        {"changepoints": MARKS[::-1]},
        {"changepoints": pd.to_datetime(MARKS[::-1], format="ISO8601")},
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


def history_of(case):
    """The rows of a case that are fitted."""
    history = rows(case).take(np.arange(case.n))
    return history if case.change is None else case.change(history)
