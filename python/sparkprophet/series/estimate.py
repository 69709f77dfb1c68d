"""Estimate one checked series by the solver that it calls for."""

from __future__ import annotations

import numpy as np

from sparkprophet.numerics.arrays import Times
from sparkprophet.series import genuine_prophet, native, stan
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import coded
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.smoothed_trend import carried
from sparkprophet.series.state import FittedState

_DAY = np.timedelta64(1, "D")
# Of a seasonal period; Prophet's own rule switches a yearly seasonality on from 730 days.
_PERIODS = 730 / 365.25


def choose(config: Config, seasonalities: tuple[Seasonality, ...], ds: Times) -> str:
    """The solver of a series with sorted timestamps `ds`: native or stan.

    What the config says; with "auto" native, but stan where a seasonality has less than two
    periods of history (730 days for a yearly one). Such a seasonality and the trend explain the
    same rows, the mode's forecast is arbitrary, and Stan's early stop is what users know.
    """
    if config.solver != "auto":
        return config.solver
    days = (ds[-1] - ds[0]) / _DAY
    short = any(season.period * _PERIODS > days for season in seasonalities)
    return "stan" if short else "native"


def estimate(
    used: Series,
    config: Config,
    seasonalities: tuple[Seasonality, ...],
    solver: str,
    deadline: float | None = None,
) -> tuple[FittedState, float | None]:
    """The fitted state of checked rows, trend carried on as configured, and its log posterior.

    Parameters
    ----------
    used : Series
        As `checks.usable` gives it.
    seasonalities : tuple of Seasonality
        As `seasonality.resolve` gives them for the series of which `used` may be a part.
    solver : str
        "native" or "stan", as `choose` gives it for that series.
    deadline : float, optional
        As in `fit`; the native solver takes milliseconds and does not look at it.

    Raises
    ------
    SeriesError
        Where the solver fails, the deadline passes or Prophet refuses.
    """
    if solver == "native":
        state, log_posterior = native.estimate(used, config, seasonalities)
    else:
        with coded(), stan.quiet():
            fitted = genuine_prophet.build(stan.prophet_class(), config, seasonalities)
            log_posterior = stan.fit(fitted, genuine_prophet.frame(used), deadline)
            state = genuine_prophet.state_of(fitted, used, seasonalities)
    return carried(state, config, {config.trendForecast: 1.0}), log_posterior
