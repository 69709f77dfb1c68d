"""The scaled units in which a series is fitted: time, label, cap and regressors.

Source: `Prophet.initialize_scales` and `Prophet.setup_dataframe`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparkprophet.numerics.arrays import Floats, Times
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.state import Scales


def scales_of(used: Series, config: Config) -> Scales:
    """How Prophet scales a series (`Prophet.initialize_scales`).

    With scaling "absmax" the label is divided by its largest distance from the floor (0, or the
    column "floor" with logistic growth); with "minmax" its range becomes 0..1, or, with a floor
    column, the range from the lowest floor to the highest cap does.

    Parameters
    ----------
    used : Series
        As `checks.usable` gives it: sorted by time, at least two different timestamps.
    config : Config

    Returns
    -------
    Scales
        A label without any spread to scale by has `y_scale` 1; a regressor that is not
        standardised has mean 0 and deviation 1.
    """
    own_floor = config.growth == "logistic" and "floor" in used.columns
    y_min, y_scale = _label_scale(used, config.scaling, own_floor)
    return Scales(
        used.ds[0],
        int((used.ds[-1] - used.ds[0]).astype("timedelta64[us]").astype(np.int64)),
        y_min,
        y_scale or 1.0,
        own_floor,
        {
            term["name"]: _standard(used.columns[term["name"]], term["standardize"])
            for term in config.regressors
        },
    )


def time(ds: Times, scales: Scales) -> Floats:
    """Timestamps in spans of the history since its start: 0..1 within it.

    Parameters
    ----------
    ds : ndarray of datetime64[us], shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    return (ds - scales.start).astype("timedelta64[us]").astype(np.int64) / scales.span


def floor(rows: Series, scales: Scales) -> Floats:
    """What is taken off the label before it is scaled, in its own unit; float64, shape (n,).

    The column "floor" where the fit had one, else the same for every row: 0, or the history's
    smallest label with scaling "minmax".
    """
    if scales.own_floor:
        return rows.columns["floor"]
    return np.full(len(rows), scales.y_min)


def label(used: Series, scales: Scales) -> Floats:
    """The scaled label; float64, shape (n,)."""
    return (used.y - floor(used, scales)) / scales.y_scale


def cap(rows: Series, scales: Scales) -> Floats:
    """The scaled capacity of logistic growth, from the column "cap"; float64, shape (n,)."""
    return (rows.columns["cap"] - floor(rows, scales)) / scales.y_scale


def _label_scale(used: Series, scaling: str, own_floor: bool) -> tuple[float, float]:
    """`y_min` and `y_scale`."""
    if own_floor and scaling == "minmax":
        lowest = used.columns["floor"].min()
        return float(lowest), float(used.columns["cap"].max() - lowest)
    if own_floor:
        distance = np.abs(used.y - used.columns["floor"])
        return float(distance.min()), float(distance.max())
    if scaling == "minmax":
        return float(used.y.min()), float(used.y.max() - used.y.min())
    return 0.0, float(np.abs(used.y).max())


def _standard(values: Floats, standardize: Any) -> tuple[float, float]:
    """Mean and deviation that are taken off a regressor; 0 and 1 where nothing is.

    "auto" leaves a regressor of zeros and ones as it is; a constant always stays.
    """
    constant = values.min() == values.max()
    binary = standardize == "auto" and bool(np.isin(values, (0.0, 1.0)).all())
    if constant or binary or not standardize:
        return 0.0, 1.0
    # Numbers near the ends of the range of floats: the solver refuses what comes of them.
    with np.errstate(over="ignore", invalid="ignore"):
        return float(values.mean()), float(values.std(ddof=1))
