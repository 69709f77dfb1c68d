"""Rolling-origin evaluation of one series, in Prophet's terms, counted in steps.

Hyndman and Athanasopoulos, FPP3, section 5.10; `prophet.diagnostics.cross_validation`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from sparkprophet.series import fit, frequency, naive
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.forecast import forecast
from sparkprophet.series.metrics import METRICS, NEEDS_INTERVALS, Holdout
from sparkprophet.series.seasonality import resolve


@dataclass(frozen=True)
class Fold:
    """Rows up to a cutoff to fit, and the rows of the horizon after it to forecast."""

    cutoff: np.datetime64
    train: Series
    test: Series


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
        Steps between cutoffs; None: half of the horizon, as Prophet has it.
    initial : int or None
        Steps of history that the first cutoff needs; None: three horizons. (Prophet takes the
        longest seasonal period where that is longer, which leaves few series a fold.)

    Returns
    -------
    tuple of Fold
        Empty where the series is too short for any.
    """
    step = frequency.infer(used.ds)
    period = period or max(1, horizon // 2)
    earliest = step.shift(used.ds[0], 3 * horizon if initial is None else initial)
    folds: list[Fold] = []
    cutoff = step.shift(used.ds[-1], -horizon)
    while len(folds) < num_folds and cutoff >= earliest:
        after = (used.ds > cutoff) & (used.ds <= step.shift(cutoff, horizon))
        before = used.ds <= cutoff
        if not after.any():
            # Prophet's rule for a gap: end the horizon at the last row before the cutoff.
            cutoff = step.shift(used.ds[before][-1], -horizon)
            continue
        if len(np.unique(used.ds[before])) < 2:
            break
        folds.append(Fold(cutoff, used.take(before), used.take(after)))
        cutoff = step.shift(cutoff, -period)
    return tuple(reversed(folds))


def backtest(
    used: Series,
    config: Config,
    folds: tuple[Fold, ...],
    metric: str,
    seed: int,
    deadline: float | None = None,
) -> float:
    """Mean over the folds of a metric of `sparkprophet.series.metrics.METRICS`.

    Seasonalities left on "auto" are decided on the whole series, as in Prophet's
    cross_validation; given changepoints that a fold's rows do not reach are left out of it.

    Raises
    ------
    SeriesError
        Where a fold cannot be fitted or the deadline (`time.monotonic()`) passes.
    """
    if metric not in NEEDS_INTERVALS:
        config = config.replace({"uncertaintySamples": 0})
    seasonalities = resolve(config, used.ds)
    values = []
    for fold in folds:
        if deadline is not None and time.monotonic() > deadline:
            raise SeriesError("TIMEOUT", "the backtest used up groupTimeout; raise it")
        own = _changepoints_before(fold.train.ds[-1], config)
        state, _ = fit.estimate(fold.train, own, seasonalities, deadline)
        found = forecast(state, own, fold.test, seed)
        values.append(_score(metric, fold, found.yhat, found.lower, found.upper, config))
    return float(np.mean(values))


def backtest_naive(folds: tuple[Fold, ...], metric: str, config: Config) -> float:
    """The same metric of the seasonal naive forecast on the same folds."""
    width = config.intervalWidth
    values = [
        _score(
            metric,
            fold,
            *naive.forecast("seasonalNaive", fold.train, fold.test.ds, width),
            config,
        )
        for fold in folds
    ]
    return float(np.mean(values))


def _score(
    metric: str,
    fold: Fold,
    yhat: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    config: Config,
) -> float:
    y = fold.train.y
    scale = float(np.mean(np.abs(np.diff(y)))) if len(y) > 1 else float("nan")
    return METRICS[metric](Holdout(fold.test.y, yhat, lower, upper, config.intervalWidth, scale))


def _changepoints_before(end: np.datetime64, config: Config) -> Config:
    if not config.changepoints:
        return config
    kept = [c for c in config.changepoints if np.datetime64(c, "us") < end]
    return config.replace({"changepoints": kept})
