"""Fit one series."""

from __future__ import annotations

import time

import numpy as np

from sparkprophet.messages import clip
from sparkprophet.numerics.arrays import Times
from sparkprophet.series import checks, genuine_prophet, native, stan
from sparkprophet.series.config import FALLBACKS, Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError, as_series_error, coded
from sparkprophet.series.record import Fit
from sparkprophet.series.seasonality import Seasonality, resolve
from sparkprophet.series.smoothed_trend import carried
from sparkprophet.series.state import FittedState, State

_DAY = np.timedelta64(1, "D")
# Of a seasonal period; Prophet's own rule switches a yearly seasonality on from 730 days.
_PERIODS = 730 / 365.25


def deadline_of(config: Config) -> float | None:
    """`time.monotonic()` at which the group's time is up if its work starts now; None: never."""
    return time.monotonic() + config.groupTimeout if config.groupTimeout else None


def fit(series: Series, config: Config, deadline: float | None = None) -> Fit:
    """Fit a series; a failure is an outcome, never an exception.

    Parameters
    ----------
    series : Series
        In any order; rows without a label are left out.
    config : Config
    deadline : float or None
        `time.monotonic()` at which the fit is given up with code TIMEOUT.

    Returns
    -------
    Fit
        With status ok, or failed, or fallback where `config.fallback` names a method and there is
        at least one finite label to forecast from.
    """
    outcome = _outcome(series, config)
    try:
        used = checks.usable(series, config)
        seasonalities = resolve(config, used.ds)
        outcome.solver = choose(config, seasonalities, used.ds)
        outcome.state, outcome.log_posterior = estimate(
            used, config, seasonalities, outcome.solver, deadline
        )
    except Exception as error:
        _fail(outcome, series, as_series_error(error))
    return outcome


def failed(series: Series, config: Config, error: Exception) -> Fit:
    """The outcome of a series that `error` kept from being fitted: failed, or the fallback's."""
    outcome = _outcome(series, config)
    _fail(outcome, series, as_series_error(error))
    return outcome


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
    return carried(state, config, config.trendForecast), log_posterior


def _outcome(series: Series, config: Config) -> Fit:
    observed = ~np.isnan(series.y)
    known = series.ds[observed & ~np.isnat(series.ds)]
    outcome = Fit("ok", config, n_obs=int(observed.sum()))
    if len(known):
        outcome.start, outcome.end = known.min(), known.max()
    return outcome


def _fail(outcome: Fit, series: Series, error: SeriesError) -> None:
    outcome.status, outcome.solver = "failed", None
    outcome.error_code, outcome.error_message = error.code, clip(error.message)
    method = outcome.config.fallback
    history = series.take(np.isfinite(series.y) & ~np.isnat(series.ds)).ordered()
    if method in FALLBACKS and len(history):
        outcome.status, outcome.solver = "fallback", method
        outcome.state = State(method, history)
