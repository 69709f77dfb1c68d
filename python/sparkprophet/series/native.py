"""Fit one series by the exact solver."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sparkprophet.numerics.arrays import Times
from sparkprophet.numerics.posterior import Point
from sparkprophet.numerics.solver import Prior, Response, Solution, identified, solve
from sparkprophet.series import changepoints, design, scaling
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.dated_basis import DatedBasis, dated_basis
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.state import FittedState, Parameters, Scales

# Prophet's noise of a series that has none.
_NO_NOISE = 1e-9


def estimate(
    used: Series, config: Config, seasonalities: tuple[Seasonality, ...]
) -> tuple[FittedState, float | None]:
    """The fitted state of checked rows and its log posterior, as `estimate.estimate` gives it.

    Raises
    ------
    SeriesError
        HOLIDAYS_INVALID, or SOLVER_FAILED where a number leaves the range of floats.
    """
    scales = scaling.scales_of(used, config)
    dated = dated_basis(config, seasonalities, used, scales)
    layout, dates = dated.layout, changepoints.place(used.ds, config)
    if config.growth != "logistic" and used.y.min() == used.y.max():
        point, log_posterior = _constant(used, scales, layout, dates), None
    else:
        response = _response(used, config, scales, dated)
        prior = told_prior(layout, config, seasonalities, response)
        solution = mode(response, prior)
        point, log_posterior = solution.point, solution.log_posterior
    state = FittedState(
        used,
        _parameters(point, len(dates)),
        scales,
        seasonalities,
        dates,
        layout.holiday_names,
        layout.holiday_columns,
    )
    return state, log_posterior


def prior_of(
    layout: design.Layout, config: Config, seasonalities: tuple[Seasonality, ...]
) -> Prior:
    """What a config lets a fit vary on a layout.

    The layout's Fourier orders may be larger than those of `seasonalities`; further columns of
    these are left out.
    """
    multiplicative, prior_scales = design.modes_and_priors(layout, config, seasonalities)
    orders = {season.name: season.order for season in seasonalities}
    kept = np.ones(len(layout.names), dtype=np.bool_)
    for term, block in layout.blocks():
        if term.kind == "seasonality":
            kept[block.start + 2 * orders[term.name] : block.stop] = False
    columns = np.flatnonzero(kept)
    return Prior(columns, multiplicative, prior_scales[columns], config.changepointPriorScale)


def told_prior(
    layout: design.Layout,
    config: Config,
    seasonalities: tuple[Seasonality, ...],
    response: Response,
) -> Prior:
    """As `prior_of`, without the columns of which the rows say nothing; see `solver.identified`."""
    prior = prior_of(layout, config, seasonalities)
    if any(term.condition for term in layout.terms):
        double = np.zeros(len(layout.names), dtype=np.bool_)
        for term, block in layout.blocks():
            if term.condition is not None and _is_double(layout, term, block, response):
                double[block] = True
        kept = ~double[prior.columns]
        prior = replace(prior, columns=prior.columns[kept], sigmas=prior.sigmas[kept])
    return identified(response, prior)


def _is_double(layout: design.Layout, term: design.Term, block: slice, response: Response) -> bool:
    """Whether a seasonality's condition was always true, and another of its period has none.

    The rows do not tell the two apart, and each would have a part of what happens in a period.
    """
    XT = response.basis.XT
    for other, at in layout.blocks():
        if other.kind == "seasonality" and other.period == term.period and not other.condition:
            common = min(block.stop - block.start, at.stop - at.start)
            if np.array_equal(XT[block][:common], XT[at][:common]):
                return True
    return False


def mode(response: Response, prior: Prior, tolerance: float = 1e-7) -> Solution:
    """The mode of one fit, as `solver.solve` gives it.

    Raises
    ------
    SeriesError
        SOLVER_FAILED where it is none: a number has left the range of floats.
    """
    solution = solve(response, prior, tolerance)
    if not is_finite(solution):
        raise SeriesError(
            "SOLVER_FAILED", "a parameter is not finite; simplify the model or set a fallback"
        )
    return solution


def is_finite(solution: Solution) -> bool:
    """Whether all of its numbers are."""
    point = solution.point
    # Of a sum: a trial of a search has no time for more.
    total = solution.log_posterior + point.k + point.m + point.s
    return math.isfinite(total + float(point.delta.sum()) + float(point.beta.sum()))


def _response(used: Series, config: Config, scales: Scales, dated: DatedBasis) -> Response:
    cap = scaling.cap(used, scales) if config.growth == "logistic" else None
    return Response(dated.basis, scaling.label(used, scales), cap)


def _constant(used: Series, scales: Scales, layout: design.Layout, dates: Times) -> Point:
    """A level line, as Prophet has it for a constant label: nothing is optimised."""
    level = float(scaling.label(used, scales)[0])
    return Point(0.0, level, _NO_NOISE, np.zeros(len(dates)), np.zeros(len(layout.names)))


def _parameters(point: Point, count: int) -> Parameters:
    """The point as Prophet keeps it: a dummy where there is no changepoint, or no column."""
    k, delta = point.k, point.delta
    if count == 0:
        k, delta = k + float(delta.sum()), np.zeros(1)
    elif len(delta) == 0:  # flat growth
        delta = np.zeros(count)
    beta = point.beta if len(point.beta) else np.zeros(1)
    return Parameters(k, point.m, point.s, delta, beta)
