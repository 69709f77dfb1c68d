"""Fit one series."""

from __future__ import annotations

import time

import numpy as np

from sparkprophet.messages import clip
from sparkprophet.series import checks, combination
from sparkprophet.series.combination import Combined
from sparkprophet.series.config import FALLBACKS, Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError, as_series_error
from sparkprophet.series.estimate import choose, estimate
from sparkprophet.series.record import Fit
from sparkprophet.series.seasonality import resolve
from sparkprophet.series.state import State


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
        if config.combination == "folds":
            _set(outcome, combination.of_config(used, config, deadline))
        else:
            outcome.state, outcome.log_posterior = estimate(
                used, config, seasonalities, outcome.solver, deadline
            )
    except Exception as error:
        _fail(outcome, series, as_series_error(error))
    return outcome


def of_combination(series: Series, config: Config, combined: Combined) -> Fit:
    """The outcome of a series that several fits forecast together."""
    outcome = _outcome(series, config)
    _set(outcome, combined)
    return outcome


def failed(series: Series, config: Config, error: Exception) -> Fit:
    """The outcome of a series that `error` kept from being fitted: failed, or the fallback's."""
    outcome = _outcome(series, config)
    _fail(outcome, series, as_series_error(error))
    return outcome


def _outcome(series: Series, config: Config) -> Fit:
    observed = ~np.isnan(series.y)
    known = series.ds[observed & ~np.isnat(series.ds)]
    outcome = Fit("ok", config, n_obs=int(observed.sum()))
    if len(known):
        outcome.start, outcome.end = known.min(), known.max()
    return outcome


def _set(outcome: Fit, combined: Combined) -> None:
    outcome.solver, outcome.log_posterior = combined.solver, combined.log_posterior
    outcome.state, outcome.members = combined.state, combined.rows()


def _fail(outcome: Fit, series: Series, error: SeriesError) -> None:
    outcome.status, outcome.solver = "failed", None
    outcome.error_code, outcome.error_message = error.code, clip(error.message)
    method = outcome.config.fallback
    history = series.take(np.isfinite(series.y) & ~np.isnat(series.ds)).ordered()
    if method in FALLBACKS and len(history):
        outcome.status, outcome.solver = "fallback", method
        outcome.state = State(method, history)
