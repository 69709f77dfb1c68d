"""Weighted forecasts of one series: several fits, each with its trend carried on in several ways.

The weight of a forecast is the inverse of its mean squared error on the folds (Bates and Granger
1969, The combination of forecasts, without the correlations of errors, whose estimates from a few
folds do more harm than good). What is kept is a parameter vector for each fit, not a history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparkprophet.messages import clip
from sparkprophet.numerics.arrays import Floats
from sparkprophet.series import frequency, naive
from sparkprophet.series.backtest import Backtest, Fold, changepoints_before, make_folds, score
from sparkprophet.series.config import TREND_FORECASTS, Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.estimate import choose, estimate
from sparkprophet.series.forecast import forecast
from sparkprophet.series.metrics import NEEDS_INTERVALS
from sparkprophet.series.seasonality import resolve
from sparkprophet.series.smoothed_trend import carried
from sparkprophet.series.state import CombinedState, FittedState, Member, State

SIMPLE = ("seasonalNaive", "seasonalMean")
"""Methods of `naive` that are in every combination."""

# Share of the label's mean square below which an error is none.
_LEAST_ERROR = 1e-9
# Of a series whose horizon is not given: one season, but not more than this part of its rows.
_LARGEST_HORIZON = 10
# A seasonality that the prior holds down, and its largest yearly orders by steps a year.
_SHRUNKEN = {"seasonalityMode": "multiplicative", "seasonalityPriorScale": 0.1}
_LARGEST_YEARLY = {12: 5, 6: 2, 4: 2, 3: 1, 2: 1, 1: 0}


@dataclass(frozen=True)
class _Candidate:
    """A fit of the whole series, and what it forecast on the folds."""

    settings: Mapping[str, Any]
    config: Config
    state: FittedState
    solver: str
    log_posterior: float | None
    forecasts: list[Floats]


@dataclass(frozen=True)
class Combined:
    """What became of the fits of a combination.

    Attributes
    ----------
    state : CombinedState
    solver : str
        Of the heaviest fit.
    log_posterior : float or None
        Of the heaviest fit.
    errors : tuple of (mapping of str to Any, SeriesError)
        Settings whose fit failed, and why.
    """

    state: CombinedState
    solver: str
    log_posterior: float | None
    errors: tuple[tuple[Mapping[str, Any], SeriesError], ...]

    def rows(self) -> list[dict[str, Any]]:
        """What is shown of it: a row for each weighted forecast, and one for each failed fit."""
        shown = []
        for member in self.state.members:
            settings = json.dumps(dict(member.settings), separators=(",", ":"))
            for method, (share, _) in zip(TREND_FORECASTS, member.state.trends, strict=True):
                shown.append(_shown(settings, method, member.weight * share))
        shown += [_shown(None, method, weight) for method, weight in self.state.simple]
        for failed, error in self.errors:
            settings = json.dumps(dict(failed), separators=(",", ":"))
            shown.append(_shown(settings, None, 0.0, clip(f"{error.code}: {error.message}")))
        return shown


def _shown(
    settings: str | None, method: str | None, weight: float, error: str | None = None
) -> dict[str, Any]:
    return {"settings": settings, "method": method, "weight": weight, "error": error}


def of_config(used: Series, config: Config, deadline: float | None = None) -> Combined:
    """The combination of a config that nothing is searched for; as `combined`."""
    step = frequency.infer(used.ds)
    horizon = config.horizon or max(1, min(step.season, len(used) // _LARGEST_HORIZON))
    folds = make_folds(used, horizon, config.numFolds, config.period, config.initial)
    tests = Backtest(used, config, folds, "mae", 0, {})
    return combined(used, config, without_search(used, config), tests, folds, deadline)


def without_search(used: Series, config: Config) -> list[dict[str, Any]]:
    """Settings of the fits of a combination that nothing was searched for.

    The config as it is, and one with multiplicative seasonalities that are held down, without
    yearly orders that so few steps a year cannot tell apart.

    Parameters
    ----------
    used : Series
        As `checks.usable` gives it.
    config : Config
    """
    step = frequency.infer(used.ds)
    yearly = next((s for s in resolve(config, used.ds) if s.name == "yearly"), None)
    largest = _LARGEST_YEARLY.get(step.season) if step.months else None
    shrunken: dict[str, Any] = dict(_SHRUNKEN)
    own = any(term["name"] == "yearly" for term in config.seasonalities)
    if yearly is not None and largest is not None and yearly.order > largest and not own:
        off = {"yearlySeasonality": "false", "yearlyFourierOrder": None}
        shrunken |= {"yearlyFourierOrder": largest} if largest else off
    return [{}, shrunken]


def combined(
    used: Series,
    config: Config,
    candidates: Sequence[Mapping[str, Any]],
    tests: Backtest,
    folds: tuple[Fold, ...],
    deadline: float | None = None,
) -> Combined:
    """The combination of fits with these settings.

    A fit that fails on a fold or on the whole series is left out.

    Parameters
    ----------
    used : Series
        As `checks.usable` gives it.
    config : Config
    candidates : sequence of mapping of str to Any
        Settings that take the place of the config's.
    tests : Backtest
    folds : tuple of Fold
        Those of `tests`. Without any all forecasts have the same weight.
    deadline : float, optional
        `time.monotonic()` at which the work is given up.

    Raises
    ------
    SeriesError
        Where no fit succeeds, the error of the first; TIMEOUT where the deadline passes.
    """
    errors: list[tuple[Mapping[str, Any], SeriesError]] = []
    fits: list[_Candidate] = []
    for settings in candidates:
        try:
            fits.append(_candidate(used, config, settings, tests, deadline))
        except SeriesError as error:
            if error.code == "TIMEOUT":
                raise
            errors.append((settings, error))
    if not fits:
        raise errors[0][1]
    width, methods = config.intervalWidth, range(len(TREND_FORECASTS))
    simple = [
        [naive.forecast(method, fold.train, fold.test.ds, width)[0] for fold in folds]
        for method in SIMPLE
    ]
    ways = [[fold[i] for fold in one.forecasts] for one in fits for i in methods]
    weights = _weights([*ways, *simple], folds)
    by_fit = weights[: len(ways)].reshape(len(fits), len(methods))
    ranked = sorted(zip(fits, by_fit, strict=True), key=lambda pair: -pair[1].sum())
    members = tuple(_member(one, shares) for one, shares in ranked if shares.sum() > 0)
    if not members:
        raise SeriesError("SOLVER_FAILED", "no forecast of a fold is finite; simplify the model")
    of_simple = tuple(zip(SIMPLE, weights[len(ways) :].tolist(), strict=True))
    heaviest = ranked[0][0]
    state = CombinedState(used, members, of_simple)
    return Combined(state, heaviest.solver, heaviest.log_posterior, tuple(errors))


def _candidate(
    used: Series,
    config: Config,
    settings: Mapping[str, Any],
    tests: Backtest,
    deadline: float | None,
) -> _Candidate:
    own = config.replace(dict(settings) | {"trendForecast": "prophet"})
    forecasts = tests.forecasts(own, TREND_FORECASTS, deadline)
    seasonalities = resolve(own, used.ds)
    solver = choose(own, seasonalities, used.ds)
    state, log_posterior = estimate(used, own, seasonalities, solver, deadline)
    return _Candidate(settings, own, state, solver, log_posterior, forecasts)


def _member(one: _Candidate, shares: Floats) -> Member:
    weight = float(shares.sum())
    methods = dict(zip(TREND_FORECASTS, (shares / weight).tolist(), strict=True))
    return Member(weight, one.settings, carried(one.state, one.config, methods))


def value_on(
    fold: Fold, used: Series, state: State, config: Config, metric: str, seed: int
) -> float:
    """A metric on a fold of what a state was made of, fitted again to the fold's training rows.

    Settings, weights and the choice of solvers stay those of the whole series.

    Parameters
    ----------
    fold : Fold
    used : Series
        The whole series.
    state : State
        Of a fit or of a combination.
    config : Config
        What the series was fitted with.
    metric : str
        Of `metrics.METRICS`.
    seed : int
        Of simulated futures.

    Raises
    ------
    SeriesError
        Where a fit fails.
    """
    if metric not in NEEDS_INTERVALS:
        config = config.replace({"uncertaintySamples": 0})
    config = changepoints_before(fold.train.ds[-1], config)

    def again(settings: Mapping[str, Any], weights: Mapping[str, float]) -> FittedState:
        own = config.replace(settings)
        seasonalities = resolve(own, used.ds)
        solver = choose(own, seasonalities, used.ds)
        plain = own.replace({"trendForecast": "prophet"})
        return carried(estimate(fold.train, plain, seasonalities, solver)[0], own, weights)

    if isinstance(state, CombinedState):
        members = []
        for member in state.members:
            shares = [share for share, _ in member.state.trends]
            fitted = again(member.settings, dict(zip(TREND_FORECASTS, shares, strict=True)))
            members.append(replace(member, state=fitted))
        refitted: State = CombinedState(fold.train, tuple(members), state.simple)
    else:
        refitted = again({}, {config.trendForecast: 1.0})
    ahead = forecast(refitted, config, fold.test, seed)
    return score(metric, fold, ahead.yhat, ahead.lower, ahead.upper, config)


def _weights(forecasts: Sequence[Sequence[Floats]], folds: tuple[Fold, ...]) -> Floats:
    """Weights of forecasts by their errors on the folds, of the sum 1; shape (len(forecasts),)."""
    if not folds:
        return np.full(len(forecasts), 1.0 / len(forecasts))
    y = np.concatenate([fold.test.y for fold in folds])
    least = _LEAST_ERROR * float(np.mean(y**2)) or 1.0
    errors = np.array([float(np.mean((np.concatenate(own) - y) ** 2)) for own in forecasts])
    finite = np.isfinite(errors)
    inverse = np.where(finite, 1.0 / (np.where(finite, errors, 1.0) + least), 0.0)
    weights: Floats = inverse / inverse.sum()
    return weights
