"""Forecast one series from its state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkprophet.series import checks, model, naive, stan
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import coded
from sparkprophet.series.state import State

# Columns of Prophet.predict without uncertainty that are no component.
_NO_COMPONENTS = ("ds", "cap", "floor", "yhat", "yhat_lower", "yhat_upper")


@dataclass(frozen=True)
class Forecast:
    """Forecast values in the label's unit: float64, shape (n,); NaN where there is none.

    `lower` and `upper` are NaN where the config asks for no samples.
    """

    yhat: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def forecast(state: State, config: Config, rows: Series, seed: int) -> Forecast:
    """Forecast the timestamps and columns of `rows`; its labels are not looked at.

    Parameters
    ----------
    rows : Series
        In any order, past or future, shape (n,). A row whose timestamp, regressor, condition, cap
        or floor is missing or wrong gets NaN.
    seed : int
        Of the simulated futures behind the interval.

    Raises
    ------
    SeriesError
        Where a column that the config needs is missing altogether, or Prophet refuses.
    """
    result = Forecast(*(np.full(len(rows), np.nan) for _ in range(3)))
    order = _in_time_order(state, config, rows)
    if not len(order):
        return result
    if state.method != "prophet":
        values = naive.forecast(state.method, state.history, rows.ds[order], config.intervalWidth)
    else:
        table = _predict(state, config, rows.take(order), seed)
        values = tuple(table[name].to_numpy() for name in ("yhat", "yhat_lower", "yhat_upper"))
    for target, found in zip((result.yhat, result.lower, result.upper), values, strict=True):
        target[order] = found
    return result


def components(state: State, config: Config, rows: Series) -> dict[str, np.ndarray]:
    """Trend and every component of the forecast; shape (n,) each, NaN as in `forecast`.

    Names and units are those of `Prophet.predict`: trend and additive components in the label's
    unit, multiplicative ones as a share of the trend. A fallback's whole forecast is its trend.
    """
    order = _in_time_order(state, config, rows)
    if not len(order):
        return {}
    if state.method != "prophet":
        yhat = naive.forecast(state.method, state.history, rows.ds[order], 0.5)[0]
        found = {"trend": yhat}
    else:
        plain = config.replace({"uncertaintySamples": 0})
        table = _predict(state, plain, rows.take(order), 0)
        found = {n: table[n].to_numpy() for n in table.columns if n not in _NO_COMPONENTS}
    spread = {}
    for name, values in found.items():
        spread[name] = np.full(len(rows), np.nan)
        spread[name][order] = values
    return spread


def _in_time_order(state: State, config: Config, rows: Series) -> np.ndarray:
    """Indices of the rows that can be forecast, sorted by time."""
    if state.method == "prophet":
        known = np.flatnonzero(checks.forecastable(rows, config, state.scales))
    else:
        known = np.flatnonzero(~np.isnat(rows.ds))
    return known[np.argsort(rows.ds[known], kind="stable")]


def _predict(state: State, config: Config, rows: Series, seed: int) -> Any:
    with coded(), stan.quiet():
        fitted = model.rebuild(stan.prophet_class(), state, config)
        with _numpy_seed(seed):
            table = fitted.predict(model.frame(rows, with_y=False))
    if not config.uncertaintySamples:
        table["yhat_lower"] = table["yhat_upper"] = np.nan
    return table


@contextlib.contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Prophet draws from numpy's global generator: seed it, and give it back as it was."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
