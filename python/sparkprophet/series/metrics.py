"""Errors of a forecast on a holdout.

Definitions are those of `prophet.diagnostics` where it has one, else of Hyndman and
Athanasopoulos, Forecasting: Principles and Practice (FPP3), section 5.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sparkprophet.numerics.arrays import Floats


@dataclass(frozen=True)
class Holdout:
    """A forecast beside what came.

    Attributes
    ----------
    y, yhat, lower, upper : ndarray of float64, shape (n,)
        In the label's unit; bounds are NaN without intervals.
    width : float
        The interval's nominal width, between 0 and 1.
    scale : float
        Mean absolute one-step change of the training rows, the unit of MASE (Hyndman and Koehler
        2006).
    """

    y: Floats
    yhat: Floats
    lower: Floats
    upper: Floats
    width: float
    scale: float


def _mse(h: Holdout) -> float:
    return float(np.mean((h.y - h.yhat) ** 2))


def _mae(h: Holdout) -> float:
    return float(np.mean(np.abs(h.y - h.yhat)))


def _relative(h: Holdout) -> Floats:
    """|e/y| of the rows with y != 0; empty where there is none."""
    rows = h.y != 0
    return abs((h.y[rows] - h.yhat[rows]) / h.y[rows])


def _smape(h: Holdout) -> float:
    size = (np.abs(h.y) + np.abs(h.yhat)) / 2
    error = np.abs(h.y - h.yhat)
    return float(np.mean(np.divide(error, size, out=np.zeros_like(error), where=size != 0)))


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")


def _pinball(h: Holdout) -> float:
    """Mean pinball loss of the two bounds as quantiles of the nominal width."""
    losses = []
    for bound, quantile in ((h.lower, (1 - h.width) / 2), (h.upper, (1 + h.width) / 2)):
        miss = h.y - bound
        losses.append(np.mean(np.maximum(quantile * miss, (quantile - 1) * miss)))
    return float(np.mean(losses))


def coverage_miss(h: Holdout) -> float:
    """How far the share of labels inside the interval is from the interval's nominal width.

    The evaluator's metric "coverage" is the share itself, of which more is better.
    """
    inside = (h.lower <= h.y) & (h.y <= h.upper)
    known = ~np.isnan(h.lower + h.upper)
    return abs(float(np.mean(np.where(known, inside, np.nan))) - h.width)


METRICS: dict[str, Callable[[Holdout], float]] = {
    "rmse": lambda h: _mse(h) ** 0.5,
    "mae": _mae,
    "mape": lambda h: float(np.mean(_relative(h))) if (h.y != 0).any() else float("nan"),
    "smape": _smape,
    "mase": lambda h: _ratio(_mae(h), h.scale),
    "wape": lambda h: _ratio(_mae(h), float(np.mean(np.abs(h.y)))),
    "mdape": lambda h: float(np.median(_relative(h))) if (h.y != 0).any() else float("nan"),
    "pinball": _pinball,
    "coverage": coverage_miss,
}
"""Param value -> loss, smaller is better; that of "coverage" is `coverage_miss`. Undefined (NaN): a
relative error where every label is 0, and any loss of a forecast that is NaN somewhere."""

NEEDS_INTERVALS = frozenset({"pinball", "coverage"})
