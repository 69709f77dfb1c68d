"""One trial with stock Prophet: the least that a user can do, in a module that loads fast.

A fit of all but the last 90 days with US holidays, a forecast of these days without intervals, and
its RMSE. An engine that starts a process a trial imports this alone.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

HORIZON = 90
_PERIODS = {"monthly": 30.5, "yearly": 365.25, "weekly": 7}


def model(params: dict[str, Any]) -> Any:
    """The unfitted Prophet of a point of the paper's space."""
    from prophet import Prophet

    for name in ("prophet", "cmdstanpy"):  # a line a fit
        logging.getLogger(name).disabled = True
    made = Prophet(
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
        seasonality_mode=params["seasonalityMode"],
        changepoint_prior_scale=params["changepointPriorScale"],
        holidays_prior_scale=params["holidaysPriorScale"],
        uncertainty_samples=0,
    )
    for name, period in _PERIODS.items():
        order, prior = params[f"{name}FourierOrder"], params[f"{name}PriorScale"]
        made.add_seasonality(name, period, order, prior_scale=prior)
    made.add_country_holidays("US")
    return made


def rmse(forecast: Any, actual: Any) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean((np.asarray(forecast) - np.asarray(actual)) ** 2)))


def holdout_rmse(frame: Any, params: dict[str, Any]) -> float:
    """Fit, forecast, score; `frame` is a pandas frame of ds and y in order."""
    train, test = frame.iloc[:-HORIZON], frame.iloc[-HORIZON:]
    forecast = model(params).fit(train).predict(test[["ds"]])
    return rmse(forecast["yhat"], test["y"])
