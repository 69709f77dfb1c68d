"""Many fits of one fold: a trial of a search costs a solve and two products with a matrix.

What does not change between trials is made once. Of the dates: the design of the rows before and
after the cutoff, with its moments, shared by all series that have the same dates. Of the series:
its label's products with that design, and a mode to start from. A trial's priors, modes and
Fourier orders are no part of either: an order chooses among the columns of the largest one.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sparkprophet.numerics.basis import Basis
from sparkprophet.numerics.posterior import Point
from sparkprophet.numerics.solver import Prior, Response, solve
from sparkprophet.numerics.trend import trend
from sparkprophet.series import changepoints, checks, design, native, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.state import Scales

# Gain of the log posterior at which a trial's fit ends: its forecasts have six digits.
_TOLERANCE = 1e-4
# Prior scales of the mode that trials start from: Prophet's defaults.
_START_SIGMA, _START_TAU = 10.0, 0.05
# Designs that a process keeps; one of six years of days takes about 4 MB.
_KEPT_DESIGNS = 32
# Settings that a design depends on, besides seasonalities.
_DESIGN_SETTINGS = (
    "growth", "nChangepoints", "changepointRange", "changepoints", "scaling", "countryHolidays",
    "holidays", "regressors",
)  # fmt: skip


@dataclass(frozen=True)
class _Design:
    """Of one set of dates: columns and basis of the rows to fit, matrix of those to forecast."""

    layout: design.Layout
    basis: Basis
    ahead: np.ndarray
    ahead_t: np.ndarray


@dataclass
class _Target:
    """One series on a design, with the modes to start from by the columns' modes."""

    design: _Design
    scales: Scales
    response: Response
    ahead_floor: np.ndarray
    ahead_cap: np.ndarray | None
    starts: dict[bytes, Point]


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
        self._dates = (train.ds.tobytes(), test.ds.tobytes())

    def forecast(self, config: Config, seasonalities: tuple[Seasonality, ...]) -> np.ndarray:
        """yhat of the test rows in the label's unit, float64, shape (n,).

        The same as `forecast(estimate(train))` gives to about six digits; NaN in the same rows.

        Raises
        ------
        SeriesError
            As `native.estimate`.
        """
        target = self._target(config, seasonalities)
        prior = _prior(target.design.layout, config, seasonalities)
        start = self._start(target, prior.multiplicative)
        point = solve(target.response, prior, _TOLERANCE, start).point
        own, basis = target.design, target.design.basis
        g = trend(basis.growth, point, basis.changepoints, own.ahead_t, target.ahead_cap)
        scaled = np.where(prior.multiplicative, point.beta, 0.0)
        yhat = g * (1.0 + own.ahead @ scaled) + own.ahead @ (point.beta - scaled)
        return yhat * target.scales.y_scale + target.ahead_floor

    def _target(self, config: Config, seasonalities: tuple[Seasonality, ...]) -> _Target:
        orders = [max(s.order, self._largest.get(s.name, 0)) for s in seasonalities]
        shapes = tuple(
            (s.name, s.period, order, s.condition)
            for s, order in zip(seasonalities, orders, strict=True)
        )
        changed = [n for n in _DESIGN_SETTINGS if getattr(config, n) != getattr(self._config, n)]
        key = (shapes, json.dumps({name: getattr(config, name) for name in changed}))
        if key not in self._targets:
            pairs = zip(seasonalities, orders, strict=True)
            widest = tuple(replace(season, order=order) for season, order in pairs)
            self._targets[key] = self._make_target(config, widest, shapes)
        return self._targets[key]

    def _make_target(
        self, config: Config, widest: tuple[Seasonality, ...], shapes: Hashable
    ) -> _Target:
        train, test = self._train, self._test
        scales = scaling.scales_of(train, config)

        def make() -> _Design:
            return _make_design(train, test, config, widest, scales)

        if config.column_names:
            own = make()
        else:
            settings = json.dumps([getattr(config, name) for name in _DESIGN_SETTINGS])
            own = _designs.get((self._dates, shapes, settings), make)
        logistic = config.growth == "logistic"
        floor = scaling.floor(test, scales)
        floor = np.where(checks.forecastable(test, config, scales), floor, np.nan)
        return _Target(
            own,
            scales,
            Response(
                own.basis,
                scaling.label(train, scales),
                scaling.cap(train, scales) if logistic else None,
            ),
            floor,
            scaling.cap(test, scales) if logistic else None,
            {},
        )

    def _start(self, target: _Target, multiplicative: np.ndarray) -> Point:
        """The mode with Prophet's default priors and all columns, for these modes of them."""
        key = multiplicative.tobytes()
        if key not in target.starts:
            K = len(multiplicative)
            prior = Prior(np.arange(K), multiplicative, np.full(K, _START_SIGMA), _START_TAU)
            target.starts[key] = solve(target.response, prior, _TOLERANCE).point
        return target.starts[key]


class _Designs:
    """The designs that series of the same dates share, the least recently used dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Design] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], _Design]) -> _Design:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT_DESIGNS:
                self._kept.popitem(last=False)
        return made


_designs = _Designs()


def _make_design(
    train: Series,
    test: Series,
    config: Config,
    seasonalities: tuple[Seasonality, ...],
    scales: Scales,
) -> _Design:
    layout = design.layout(config, seasonalities, train.ds)
    X = design.matrix(layout, config, train, scales)
    native.check_finite(X, layout)
    dates = changepoints.place(train.ds, config)
    basis = Basis(
        scaling.time(train.ds, scales), X, changepoints.times(dates, scales), config.growth
    )
    ahead = design.matrix(layout, config, test, scales)
    return _Design(layout, basis, ahead, scaling.time(test.ds, scales))


def _prior(layout: design.Layout, config: Config, seasonalities: tuple[Seasonality, ...]) -> Prior:
    """The columns, modes and prior scales of one config on the layout of the largest orders."""
    K = len(layout.names)
    sigmas, multiplicative = np.empty(K), np.zeros(K, dtype=np.bool_)
    kept = np.ones(K, dtype=np.bool_)
    seasons = {season.name: season for season in seasonalities}
    scales = {entry["holiday"]: entry["priorScale"] for entry in config.holidays}
    scales |= {entry["name"]: entry["priorScale"] for entry in config.regressors}
    modes = {entry["name"]: entry["mode"] for entry in config.regressors}
    for term, block in layout.blocks():
        if term.kind == "seasonality":
            season = seasons[term.name]
            scale, mode = season.prior_scale, season.mode
            kept[block.start + 2 * season.order : block.stop] = False
        else:
            scale = scales.get(term.name) or config.holidaysPriorScale
            mode = modes.get(term.name) or config.seasonalityMode
        sigmas[block] = scale
        multiplicative[block] = mode == "multiplicative"
    columns = np.flatnonzero(kept)
    return Prior(columns, multiplicative, sigmas[columns], config.changepointPriorScale)
