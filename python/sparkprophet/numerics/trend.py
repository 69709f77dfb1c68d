"""The trend of a fit in scaled units (Taylor and Letham, "Forecasting at scale", section 3.1)."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sparkprophet.numerics.arrays import Floats

GROWTHS = ("linear", "logistic", "flat")


class TrendParameters(Protocol):
    """Rate k, offset m, and changes of the rate `delta`, shape (S,)."""

    @property
    def k(self) -> float: ...

    @property
    def m(self) -> float: ...

    @property
    def delta(self) -> Floats: ...


def trend(
    growth: str, parameters: TrendParameters, changes: Floats, t: Floats, cap: Floats | None
) -> Floats:
    """The trend at scaled times, before it is brought back to the label's unit.

    flat: m; linear: k t + m + sum_j delta_j (t - s_j)+; logistic: `saturate` of `exponent`. That
    is `Prophet.piecewise_logistic` with its gammas summed up, so that no rate is divided by.

    Parameters
    ----------
    growth : str
        One of `GROWTHS`.
    parameters : TrendParameters
    changes : ndarray of float64, shape (S,)
        Scaled times s_j of the changepoints, sorted, as many as `parameters.delta`.
    t : ndarray of float64, shape (n,)
    cap : ndarray of float64, shape (n,), or None
        Scaled capacities, for logistic growth.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        For logistic growth without a cap.
    """
    if growth == "flat":
        return np.full(len(t), parameters.m)
    if growth == "linear":
        return parameters.k * t + parameters.m + _bends(parameters.delta, changes, t)
    if cap is None:
        raise ValueError("cap: found None, must be an array with logistic growth")
    return saturate(exponent(parameters, changes, t), cap)


def exponent(parameters: TrendParameters, changes: Floats, t: Floats) -> Floats:
    """k (t - m) + sum_j delta_j (t - s_j)+ of the logistic trend; float64, shape (n,)."""
    return parameters.k * (t - parameters.m) + _bends(parameters.delta, changes, t)


def saturate(z: Floats, cap: Floats) -> Floats:
    """cap / (1 + exp(-z)); z may overflow the exponential, which leaves 0."""
    with np.errstate(over="ignore"):
        values: Floats = cap / (1 + np.exp(-z))
    return values


def _bends(delta: Floats, changes: Floats, t: Floats) -> Floats:
    """sum_j delta_j (t - s_j)+, by the running sums up to the last changepoint before t."""
    rates = np.concatenate(([0.0], np.cumsum(delta)))
    offsets = np.concatenate(([0.0], np.cumsum(delta * changes)))
    passed = np.searchsorted(changes, t, side="right")
    bends: Floats = rates[passed] * t - offsets[passed]
    return bends
