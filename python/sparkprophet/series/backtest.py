"""Rolling-origin evaluation of one series, in Prophet's terms, counted in steps.

Hyndman and Athanasopoulos, FPP3, section 5.10; `prophet.diagnostics.cross_validation`.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkprophet.numerics.arrays import Floats
from sparkprophet.series import frequency, naive
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.estimate import choose, estimate
from sparkprophet.series.fold_solver import FoldSolver
from sparkprophet.series.forecast import forecast
from sparkprophet.series.metrics import METRICS, NEEDS_INTERVALS, Holdout
from sparkprophet.series.seasonality import Seasonality, long_enough, of_config
from sparkprophet.series.smoothed_trend import carried


@dataclass(frozen=True)
class Fold:
    """Rows up to a cutoff to fit, and the rows of the horizon after it to forecast.

    Attributes
    ----------
    cutoff : datetime64[us]
    train, test : Series
    """

    cutoff: np.datetime64
    train: Series
    test: Series

    @functools.cached_property
    def scale(self) -> float:
        """Mean absolute one-step change of the training rows, the unit of MASE; NaN of one row."""
        y = self.train.y
        return float(np.mean(np.abs(np.diff(y)))) if len(y) > 1 else float("nan")


def make_folds(
    used: Series, horizon: int, num_folds: int, period: int | None, initial: int | None
) -> tuple[Fold, ...]:
    """The last `num_folds` cutoffs that leave enough history, oldest first.

    Parameters
    ----------
    used : Series
        As `checks.usable` gives it.
    horizon : int
        Steps that are forecast after each cutoff; the last one lies `horizon` steps before the
        end.
    period : int or None
        Steps between cutoffs; None: the horizon, so that folds do not overlap. (Prophet takes half
        of it.)
    initial : int or None
        Steps of history that the first cutoff needs; None: one horizon. (Prophet takes three, or
        the longest seasonal period where that is longer, which leaves short series no fold.)

    Returns
    -------
    tuple of Fold
        Empty where the series is too short for any.
    """
    step = frequency.infer(used.ds)
    period = period or horizon
    earliest = step.shift(used.ds[0], horizon if initial is None else initial)
    folds: list[Fold] = []
    cutoff = step.shift(used.ds[-1], -horizon)
    while len(folds) < num_folds and cutoff >= earliest:
        after = (used.ds > cutoff) & (used.ds <= step.shift(cutoff, horizon))
        before = used.ds <= cutoff
        if not after.any():
            # Prophet's rule for a gap: end the horizon at the last row before the cutoff.
            cutoff = step.shift(used.ds[before][-1], -horizon)
            continue
        if used.ds[before][0] == used.ds[before][-1]:
            break
        folds.append(Fold(cutoff, used.take(before), used.take(after)))
        cutoff = step.shift(cutoff, -period)
    return tuple(reversed(folds))


@contextlib.contextmanager
def fold_threads(count: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """What a Backtest maps its folds with: `map`, or with more than one thread that of a pool.

    The kernels of the native solver hold no lock, so threads pay for long series; for a few
    thousand rows a fold takes less time than handing it over.
    """
    if count < 2:
        yield map
        return
    with ThreadPoolExecutor(count) as pool:
        yield pool.map


class Backtest:
    """The loss of one config after another on the same folds of one series.

    Seasonalities left on "auto" and the solver are decided on the whole series, as in Prophet's
    cross_validation; given changepoints that a fold's rows do not reach are left out of it.

    Parameters
    ----------
    used : Series
        As `checks.usable` gives it.
    config : Config
        The one that others will differ from; what is prepared is prepared for it.
    folds : tuple of Fold
        As `make_folds` gives them.
    metric : str
        Of `sparkprophet.series.metrics.METRICS`.
    seed : int
        Of the simulated futures behind intervals.
    largest : mapping of str to int
        Fourier orders by seasonality that configs may reach; one design then serves them all.
    each : callable
        As `map`; see `fold_threads`. The loss does not depend on it.

    Attributes
    ----------
    count : int
        Of the folds.
    """

    def __init__(
        self,
        used: Series,
        config: Config,
        folds: tuple[Fold, ...],
        metric: str,
        seed: int,
        largest: Mapping[str, int],
        each: Callable[..., Iterable[Any]] = map,
    ) -> None:
        self._ds, self._folds, self._each = used.ds, folds, each
        self._metric, self._seed = metric, seed
        self._automatic = long_enough(used.ds)
        self.count = len(folds)
        self._solvers = [FoldSolver(f.train, f.test, config, largest) for f in folds]

    def loss(self, config: Config, deadline: float | None = None) -> float:
        """Mean of the metric over the folds.

        Raises
        ------
        SeriesError
            Where a fold cannot be fitted or the deadline (`time.monotonic()`) passes.
        """
        losses = self._each(lambda i: self.fold_loss(config, i, deadline), range(len(self._folds)))
        return float(np.mean(list(losses)))

    def fold_loss(self, config: Config, index: int, deadline: float | None = None) -> float:
        """The metric on one fold, the oldest is 0; as `loss`."""
        seasonalities = of_config(config, self._automatic)
        solver = choose(config, seasonalities, self._ds)
        _check_time(deadline)
        fold = self._folds[index]
        reached = changepoints_before(fold.train.ds[-1], config)
        if solver == "native" and self._metric not in NEEDS_INTERVALS:
            yhat = self._solvers[index].forecast(reached, seasonalities)
            bounds = np.full(len(yhat), np.nan)
            return score(self._metric, fold, yhat, bounds, bounds, config)
        return self._stepwise(fold, reached, seasonalities, solver, deadline)

    def forecasts(
        self, config: Config, methods: tuple[str, ...], deadline: float | None = None
    ) -> list[Floats]:
        """Forecasts of each fold by one fit with its trend carried on in several ways.

        Parameters
        ----------
        config : Config
        methods : tuple of str
            Of `config.TREND_FORECASTS`.
        deadline : float, optional
            As in `loss`.

        Returns
        -------
        list of ndarray of float64, shape (len(methods), n)
            In the order of the folds.

        Raises
        ------
        SeriesError
            As `loss`.
        """
        seasonalities = of_config(config, self._automatic)
        solver = choose(config, seasonalities, self._ds)

        def one(fold: Fold, fold_solver: FoldSolver) -> Floats:
            _check_time(deadline)
            reached = changepoints_before(fold.train.ds[-1], config)
            if solver == "native":
                return fold_solver.forecasts(reached, seasonalities, methods)
            plain = reached.replace({"trendForecast": "prophet", "uncertaintySamples": 0})
            state, _ = estimate(fold.train, plain, seasonalities, solver, deadline)
            ways = (carried(state, plain, {method: 1.0}) for method in methods)
            return np.array([forecast(way, plain, fold.test, self._seed).yhat for way in ways])

        return list(self._each(one, self._folds, self._solvers))

    def _stepwise(
        self,
        fold: Fold,
        config: Config,
        seasonalities: tuple[Seasonality, ...],
        solver: str,
        deadline: float | None,
    ) -> float:
        """One fold's loss by a fit and a forecast of their own."""
        if self._metric not in NEEDS_INTERVALS:
            config = config.replace({"uncertaintySamples": 0})
        state, _ = estimate(fold.train, config, seasonalities, solver, deadline)
        ahead = forecast(state, config, fold.test, self._seed)
        return score(self._metric, fold, ahead.yhat, ahead.lower, ahead.upper, config)


def backtest_naive(folds: tuple[Fold, ...], metric: str, config: Config) -> float:
    """The same metric of the seasonal naive forecast on the same folds."""
    width = config.intervalWidth
    values = [
        score(
            metric, fold, *naive.forecast("seasonalNaive", fold.train, fold.test.ds, width), config
        )
        for fold in folds
    ]
    return float(np.mean(values))


def score(
    metric: str, fold: Fold, yhat: Floats, lower: Floats, upper: Floats, config: Config
) -> float:
    """A metric of `METRICS` of a forecast of a fold's test rows."""
    holdout = Holdout(fold.test.y, yhat, lower, upper, config.intervalWidth, fold.scale)
    return METRICS[metric](holdout)


def _check_time(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise SeriesError("TIMEOUT", "the backtest used up groupTimeout; raise it")


def changepoints_before(end: np.datetime64, config: Config) -> Config:
    """The config without given changepoints that rows up to `end` do not reach."""
    if not config.changepoints:
        return config
    kept = [c for c in config.changepoints if np.datetime64(c, "us") < end]
    return config.replace({"changepoints": kept})
