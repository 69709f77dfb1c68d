"""Search one series' settings, then fit it with the best: the work for one key of a tuner.

Nothing here needs Spark: `tune_series` is a plain function of a series, for any engine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sparkprophet.messages import clip
from sparkprophet.numerics import solver
from sparkprophet.search import sampler as search_sampler
from sparkprophet.search.dimensions import Choice, Int
from sparkprophet.search.race import Halving
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.study import Pruned, Study, run_study
from sparkprophet.series import backtest, checks, combination
from sparkprophet.series import fit as fitting
from sparkprophet.series.config import Config, as_param_value
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.record import Fit

# Share of groupTimeout after which no trial starts; the rest is for the final fit.
_SEARCH_SHARE = 0.9
# Trials whose params a final fit is tried with.
_FINALISTS = 3
_Finalist = tuple[int | None, dict[str, Any], float | None]
"""A trial's number, if it is one, its params and value."""


@dataclass(frozen=True)
class Search:
    """How every series is searched: the params of GroupedProphetTuner, with its defaults.

    Attributes
    ----------
    space_json : str
        Of SearchSpace.toJson.
    horizon, num_folds, period, initial : int
        Of the holdouts: see `backtest.make_folds`.
    metric : str
        The loss that is minimised.
    num_trials, sampler, num_startup_trials, early_stopping_rounds, min_delta
        As in `run_study`.
    warm_start : bool
        Whether the estimator's own values are a candidate, tried first.
    collect_trials : bool
        Whether the trials are kept.
    combination : str
        As `Config.combination`: folds combines what it combines without a search and the best
        trials, by their errors on the holdouts.
    num_members : int
        Most trials in a combination.
    pruner : str
        Of `race.PRUNERS`. halving: a race over the folds, the newest first.
    group_timeout : float
        Seconds for one series, 0 for no limit.
    until : float or None
        The `time.time()` at which the whole job's timeout ends.
    starts_json : str
        A list of points to try first, after the estimator's own values.
    """

    space_json: str
    horizon: int
    metric: str = "mae"
    num_folds: int = 3
    period: int | None = None
    initial: int | None = None
    num_trials: int = 50
    sampler: str = "tpe"
    num_startup_trials: int = 10
    early_stopping_rounds: int = 0
    min_delta: float = 0.0
    warm_start: bool = True
    collect_trials: bool = True
    combination: str = "folds"
    num_members: int = 3
    pruner: str = "halving"
    group_timeout: float = 0.0
    until: float | None = None
    starts_json: str = "[]"


def warm_up(sampler: str) -> None:
    """What a process does once, before the first series, that no series' time should count."""
    solver.warm_up()
    search_sampler.warm_up(sampler)


def tune_series(series: Series, config: Config, seed: int, search: Search, threads: int = 1) -> Fit:
    """Search the config of one series on its last rows, then fit all of them with the best.

    A series too short for a holdout is fitted with `config` as it is, and says
    stopped_by=noHoldout; one where every trial failed says allTrialsFailed, or timeout.

    Parameters
    ----------
    series : Series
    config : Config
        What is not searched, and where a search starts from.
    seed : int
        Of the sampler and of what a fit draws.
    search : Search
    threads : int
        Most folds that are worked on at one time; the result does not depend on it.

    Returns
    -------
    Fit
        Its `search` has best_value, n_trials, stopped_by, untuned_value, naive_value and trials,
        or the two of n_trials and stopped_by where there was no holdout. Where the series has room
        for one more, older holdout, holdout_value, holdout_untuned_value and holdout_naive_value
        are what the fit, the config that the search started from and seasonal naive are worth on
        it: neither the search nor the weights saw it.

    Raises
    ------
    SeriesError
        Where the series itself cannot be used.
    """
    started = time.monotonic()
    end = started + search.group_timeout if search.group_timeout else None
    facts: dict[str, Any] = {"n_trials": 0, "stopped_by": "noHoldout"}
    if search.combination == "folds":
        config = config.replace(_folds_of(search))
    try:
        used = checks.usable(series, config)
        folds = backtest.make_folds(
            used, search.horizon, search.num_folds, search.period, search.initial
        )
    except SeriesError:
        # The fit finds the same fault again and makes the failed or fallback row of it.
        return _fit(series, config, end, facts)
    if not folds:
        return _fit(series, config, end, facts)
    space = SearchSpace.fromJson(search.space_json)
    with backtest.fold_threads(min(threads, len(folds))) as each:
        tests = backtest.Backtest(
            used, config, folds, search.metric, seed, _largest_orders(space), each
        )
        race = Halving() if search.pruner == "halving" else None
        objective = _Objective(tests, config, tuple(space.keyed()), end, race)
        untuned = objective.untuned()
        study = _study(objective, space, config, seed, search, started)
        best = _combined_fit(series, used, config, study, tests, folds, end, search)
    fitted, value, errors = best or _final_fit(
        series, config, study, untuned, end, search.warm_start
    )
    facts |= {
        "n_trials": len(study.trials),
        "stopped_by": study.stopped_by if study.best else _failed_by(end),
        "best_value": value,
        "untuned_value": untuned,
        "naive_value": backtest.backtest_naive(folds, search.metric, config),
        "trials": _trial_rows(study, errors) if search.collect_trials else [],
    }
    # Before the oldest fold, so that none of its rows was forecast in the search.
    for older in backtest.make_folds(
        folds[0].train, search.horizon, 1, search.period, search.initial
    ):
        facts |= _unseen(older, used, fitted, config, search.metric, seed)
    return replace(fitted, search=facts)


def _unseen(
    fold: backtest.Fold, used: Series, fitted: Fit, config: Config, metric: str, seed: int
) -> dict[str, float | None]:
    """What is worth what on a fold that the search did not see; None where a fit fails."""
    own = config.replace({"combination": "none"})
    values: dict[str, float | None] = {
        "holdout_naive_value": backtest.backtest_naive((fold,), metric, config)
    }
    if fitted.state is not None and fitted.status == "ok":
        with suppress(SeriesError):
            values["holdout_value"] = combination.value_on(
                fold, used, fitted.state, fitted.config, metric, seed
            )
    with suppress(SeriesError):
        tests = backtest.Backtest(used, own, (fold,), metric, seed, {})
        values["holdout_untuned_value"] = tests.loss(own)
    return values


def _fit(series: Series, config: Config, deadline: float | None, facts: dict[str, Any]) -> Fit:
    """The fit without a search, with what there is to say of it."""
    return replace(fitting.fit(series, config, deadline), search=facts)


def _folds_of(search: Search) -> dict[str, Any]:
    """The settings by which a series' own fit makes the folds of a search."""
    return {
        "combination": search.combination,
        "horizon": search.horizon,
        "numFolds": search.num_folds,
        "period": search.period,
        "initial": search.initial,
    }


def _combined_fit(
    series: Series,
    used: Series,
    config: Config,
    study: Study,
    tests: backtest.Backtest,
    folds: tuple[backtest.Fold, ...],
    deadline: float | None,
    search: Search,
) -> tuple[Fit, float | None, dict[int, str]] | None:
    """As `_final_fit`, of what is combined without a search and the best trials together.

    None where it is not asked for, or no trial can be a part of it.
    """
    if search.combination != "folds" or study.best is None:
        return None
    ranked = sorted((t for t in study.trials if t.value is not None), key=lambda t: t.value or 0.0)
    names = list(SearchSpace.fromJson(search.space_json).keyed())

    def settings(params: dict[str, Any]) -> dict[str, Any]:
        """Of all that is searched, so that they say the same beside any config."""
        own = config.replace(params)
        return {name: as_param_value(getattr(own, name)) for name in names}

    candidates = [settings({}) | own for own in combination.without_search(used, config)]
    most = len(candidates) + search.num_members
    for trial in ranked:
        if len(candidates) < most and settings(trial.params) not in candidates:
            candidates.append(settings(trial.params))
    try:
        combined = combination.combined(used, config, candidates, tests, folds, deadline)
    except SeriesError:
        return None  # the final fit meets the same error, and tells it
    errors = {
        trial.number: clip(f"final fit: {error.code}: {error.message}")
        for failed, error in combined.errors
        for trial in ranked
        if settings(trial.params) == failed
    }
    best = config.replace(study.best.params)
    return fitting.of_combination(series, best, combined), study.best.value, errors


def _final_fit(
    series: Series,
    config: Config,
    study: Study,
    untuned: float | None,
    deadline: float | None,
    warm_start: bool,
) -> tuple[Fit, float | None, dict[int, str]]:
    """The fit of all rows with the best params that can be fitted to them, and their value.

    Params that were fine on the folds can fail on the whole series: then the next best ones are
    tried, _FINALISTS in all, and last the config without a search. With a warm start that one is a
    candidate even where it lies outside of the search space and so cannot be a trial. Also gives
    what became of trials whose fit failed, by number.
    """
    ranked = sorted((t for t in study.trials if t.value is not None), key=lambda t: t.value or 0.0)
    own: _Finalist = (None, {}, untuned if warm_start or ranked else None)
    finalists: list[_Finalist] = [(t.number, t.params, t.value) for t in ranked[:_FINALISTS]]
    best = ranked[0].value if ranked else None
    own_is_best = warm_start and untuned is not None and (best is None or untuned <= best)
    finalists = [own, *finalists] if own_is_best else [*finalists, own]
    errors: dict[int, str] = {}
    failures: list[Fit] = []
    for number, params, value in finalists:
        fitted = fitting.fit(series, config.replace(params), deadline)
        if fitted.status == "ok" or fitted.error_code == "TIMEOUT":
            return fitted, value, errors
        failures.append(fitted)
        if number is not None:
            errors[number] = clip(f"final fit: {fitted.error_code}: {fitted.error_message}")
    return failures[0], finalists[0][2], errors


def _failed_by(end: float | None) -> str:
    """What ended a study without a single success."""
    timed_out = end is not None and time.monotonic() > end
    return "timeout" if timed_out else "allTrialsFailed"


def _largest_orders(space: SearchSpace) -> dict[str, int]:
    """The largest Fourier order of every seasonality whose order is searched."""
    largest = {}
    for name, dimension in space.keyed().items():
        season, _, rest = name.partition("FourierOrder")
        if name.endswith("FourierOrder") and not rest and isinstance(dimension, (Int, Choice)):
            orders = dimension.values if isinstance(dimension, Choice) else (dimension.high,)
            largest[season] = max((o for o in orders if isinstance(o, int)), default=0)
    return largest


class _Objective:
    """Backtest of a config on fixed folds; remembers what it has seen."""

    def __init__(
        self,
        tests: backtest.Backtest,
        config: Config,
        names: tuple[str, ...],
        deadline: float | None,
        race: Halving | None,
    ) -> None:
        self._tests, self._config = tests, config
        self._names, self._deadline, self._race = names, deadline, race
        self._seen: dict[str, float | Pruned] = {}

    def __call__(self, params: dict[str, Any]) -> float:
        config = self._config.replace(params)
        key = repr([getattr(config, name) for name in self._names])
        if key not in self._seen:
            try:
                self._seen[key] = self._loss(config, to_the_end=not params)
            except Pruned as pruned:
                self._seen[key] = pruned
        seen = self._seen[key]
        if isinstance(seen, Pruned):
            raise seen
        return seen

    def _loss(self, config: Config, to_the_end: bool) -> float:
        """The mean of all folds; Pruned where the race is lost before."""
        if self._race is None:
            return self._tests.loss(config, self._deadline)
        total, values = 0.0, {}
        for step, index in enumerate(reversed(range(self._tests.count)), start=1):
            total += self._tests.fold_loss(config, index, self._deadline)
            values[step] = total / step
            last = step == self._tests.count
            if not (last or self._race.goes_on(step, values[step]) or to_the_end):
                raise Pruned(values)
        return total / self._tests.count

    def untuned(self) -> float | None:
        """The value of the config without a search; None where it cannot be fitted."""
        try:
            return self({})
        except SeriesError:
            return None


def _study(
    objective: _Objective,
    space: SearchSpace,
    config: Config,
    seed: int,
    search: Search,
    started: float,
) -> Study:
    limits = []
    if search.group_timeout:
        limits.append(started + _SEARCH_SHARE * search.group_timeout)
    if search.until is not None:
        limits.append(time.monotonic() + search.until - time.time())
    untuned = {name: getattr(config, name) for name in space.keyed()}
    return run_study(
        objective,
        space,
        num_trials=search.num_trials,
        seed=seed,
        sampler=search.sampler,
        num_startup_trials=search.num_startup_trials,
        early_stopping_rounds=search.early_stopping_rounds,
        min_delta=search.min_delta,
        deadline=min(limits, default=None),
        initial_points=[untuned] * search.warm_start + json.loads(search.starts_json),
    )


def _trial_rows(study: Study, errors: Mapping[int, str]) -> list[dict[str, Any]]:
    """What is kept of the trials; `errors` are those of final fits with their params."""
    return [
        {
            "trial": trial.number,
            "value": trial.value,
            "state": trial.state,
            "params": json.dumps(trial.params, separators=(",", ":")),
            "seconds": trial.seconds,
            "cpu_seconds": trial.cpu_seconds,
            "error": errors.get(trial.number, trial.error),
        }
        for trial in study.trials
    ]
