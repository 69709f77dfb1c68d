"""Many fits of one fold: a trial of a search costs a solve and two products with a matrix.

What does not change between trials is made once. Of the dates before the cutoff: a basis, shared by
all series that have them. Of the series: its label's products with that basis, the design of the
rows after the cutoff, and a mode to start from. A trial's priors, modes and
Fourier orders are no part of either: an order chooses among the columns of the largest one.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats
from sparkprophet.numerics.posterior import Point
from sparkprophet.numerics.smoothing import Smoothed
from sparkprophet.numerics.solver import Linearisation, Prior, Response, Solution, solve, usual_mode
from sparkprophet.numerics.trend import trend
from sparkprophet.series import checks, design, frequency, native, scaling, smoothed_trend
from sparkprophet.series.config import CHANGEPOINTS, Config, shaping
from sparkprophet.series.data import Series
from sparkprophet.series.dated_basis import dated_basis
from sparkprophet.series.decomposition import damped_time, smoothed_ahead
from sparkprophet.series.frequency import Frequency
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.state import Scales

# Gain of the log posterior at which a trial's fit ends: far less than one config is better than
# another by, while forecasts have four digits or more.
_TOLERANCE = 1e-4
# Settings that configs of one target have in common.
_SHAPING = shaping("basis", "scaling")
# Those of flat growth, which has no changepoints.
_SHAPING_FLAT = tuple(n for n in _SHAPING if n not in CHANGEPOINTS)


@dataclass
class _Target:
    """One series on a basis, the rows to forecast, and modes to start from by columns' modes."""

    layout: design.Layout
    scales: Scales
    response: Response
    ahead: Floats
    ahead_t: Floats
    ahead_floor: Floats
    ahead_cap: Floats | None
    starts: dict[bytes, Point | Linearisation | None]


class FoldSolver:
    """Fits the rows before a cutoff and forecasts those after it, for one config after another.

    Parameters
    ----------
    train, test : Series
        Sorted and usable; `train` with at least two different timestamps.
    config : Config
        The one that trials vary.
    largest : mapping of str to int
        Fourier orders by seasonality that trials may reach. A larger one works as well, with a
        design of its own.
    """

    def __init__(
        self, train: Series, test: Series, config: Config, largest: Mapping[str, int]
    ) -> None:
        self._train, self._test = train, test
        self._config, self._largest = config, largest
        self._targets: dict[Hashable, _Target] = {}

    def forecast(self, config: Config, seasonalities: tuple[Seasonality, ...]) -> Floats:
        """yhat of the test rows in the label's unit, float64, shape (n,).

        The same as `forecast(estimate(train))` gives to four digits or more; NaN in the same rows.

        Raises
        ------
        SeriesError
            As `native.estimate`.
        """
        yhat: Floats = self.forecasts(config, seasonalities, (config.trendForecast,))[0]
        return yhat

    def forecasts(
        self, config: Config, seasonalities: tuple[Seasonality, ...], methods: tuple[str, ...]
    ) -> Floats:
        """As `forecast`, of one fit with its trend carried on in several ways.

        Parameters
        ----------
        methods : tuple of str
            Of `config.TREND_FORECASTS`.

        Returns
        -------
        ndarray of float64, shape (len(methods), n)
        """
        target = self._target(config, seasonalities)
        prior = native.told_prior(target.layout, config, seasonalities, target.response)
        point = self._mode(target, prior).point
        scaled = np.where(prior.multiplicative, point.beta, 0.0)
        added = point.beta - scaled
        gain, additive = 1.0 + target.ahead @ scaled, target.ahead @ added
        unit = target.scales.y_scale
        result = np.empty((len(methods), len(self._test)))
        for row, method in zip(result, methods, strict=True):
            smoothed = self._smoothed(target, scaled, added, method)
            if smoothed is None:
                basis = target.response.basis
                t = self._ahead_time(target, config.trendDamping)
                g = trend(basis.growth, point, basis.changepoints, t, target.ahead_cap)
                row[:] = g * gain + additive
            else:
                level, season = smoothed_ahead(
                    smoothed, self._steps[1], target.ahead_floor, unit, target.ahead_cap
                )
                row[:] = (level + season) * gain + additive
        result *= unit
        result += target.ahead_floor
        return result

    @functools.cached_property
    def _steps(self) -> tuple[Frequency, Floats]:
        """The step of the training rows, and how many of them the test rows lie ahead."""
        step = frequency.infer(self._train.ds)
        return step, step.distance(self._test.ds, self._train.ds[-1])

    def _ahead_time(self, target: _Target, damping: float) -> Floats:
        """Scaled time of the test rows, damped."""
        if damping == 1.0:
            return target.ahead_t
        return damped_time(target.ahead_t, self._steps[1], damping)

    def _smoothed(
        self, target: _Target, scaled: Floats, added: Floats, method: str
    ) -> Smoothed | None:
        """The trend of the training rows, smoothed by a method, in the label's unit."""
        if method == "prophet":
            return None
        step = self._steps[0]
        rows = smoothed_trend.tail_of(len(self._train), step.season)
        XT, unit = target.response.basis.XT[:, rows], target.scales.y_scale
        ds, y = self._train.ds[rows], self._train.y[rows]
        return smoothed_trend.smooth(method, ds, y, added @ XT * unit, 1.0 + scaled @ XT, step)

    def _target(self, config: Config, seasonalities: tuple[Seasonality, ...]) -> _Target:
        widest = tuple(
            replace(season, order=max(season.order, self._largest.get(season.name, 0)))
            for season in seasonalities
        )
        names = _SHAPING if config.growth != "flat" else _SHAPING_FLAT
        changed = [n for n in names if getattr(config, n) != getattr(self._config, n)]
        shapes = tuple(season.shape for season in widest)
        key = (shapes, json.dumps({name: getattr(config, name) for name in changed}))
        if key not in self._targets:
            self._targets[key] = self._make_target(config, widest)
        return self._targets[key]

    def _make_target(self, config: Config, widest: tuple[Seasonality, ...]) -> _Target:
        train, test = self._train, self._test
        scales = scaling.scales_of(train, config)
        dated = dated_basis(config, widest, train, scales)
        logistic = config.growth == "logistic"
        cap = scaling.cap(train, scales) if logistic else None
        floor = scaling.floor(test, scales)
        return _Target(
            dated.layout,
            scales,
            Response(dated.basis, scaling.label(train, scales), cap),
            design.matrix(dated.layout, config, test, scales),
            scaling.time(test.ds, scales),
            np.where(checks.forecastable(test, config, scales), floor, np.nan),
            scaling.cap(test, scales) if logistic else None,
            {},
        )

    def _mode(self, target: _Target, prior: Prior) -> Solution:
        """The mode, from where all trials with these modes of columns start."""
        start = self._start(target, prior.multiplicative)
        solution = solve(target.response, prior, _TOLERANCE, start)
        if native.is_finite(solution):
            return solution
        return native.mode(target.response, prior, _TOLERANCE)

    def _start(self, target: _Target, multiplicative: Flags) -> Point | Linearisation | None:
        key = multiplicative.tobytes()
        if key not in target.starts:
            target.starts[key] = usual_mode(target.response, multiplicative)
        return target.starts[key]
