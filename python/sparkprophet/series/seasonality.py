"""Which seasonalities a series gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.series.config import Config

_DAY = np.timedelta64(1, "D")
_DEFAULT_ORDER = {"yearly": 10, "weekly": 3, "daily": 4}
_PERIOD = {"yearly": 365.25, "monthly": 30.5, "weekly": 7.0, "daily": 1.0}


@dataclass(frozen=True)
class Seasonality:
    """One Fourier seasonality with nothing left on "auto".

    `period` in days; `mode` additive or multiplicative; `condition` a column or None.
    """

    name: str
    period: float
    order: int
    prior_scale: float
    mode: str
    condition: str | None = None


def resolve(config: Config, ds: np.ndarray) -> tuple[Seasonality, ...]:
    """The seasonalities of a series with sorted timestamps `ds`, in Prophet's order of columns.

    The rules for "auto" are those of `Prophet.set_auto_seasonalities`. An order of its own
    (`yearlyFourierOrder`) wins over the switch; a seasonality of the same name in
    `config.seasonalities` wins over both (in Prophet only over a switch left on "auto").
    """
    found = [
        Seasonality(
            term["name"],
            term["period"],
            term["fourierOrder"],
            term["priorScale"] or config.seasonalityPriorScale,
            term["mode"] or config.seasonalityMode,
            term["conditionCol"],
        )
        for term in config.seasonalities
    ]
    taken = {season.name for season in found}
    for name in ("monthly", "yearly", "weekly", "daily"):
        order = 0 if name in taken else _order(config, name, ds)
        if order:
            prior = getattr(config, f"{name}PriorScale") or config.seasonalityPriorScale
            found.append(Seasonality(name, _PERIOD[name], order, prior, config.seasonalityMode))
    return tuple(found)


def _order(config: Config, name: str, ds: np.ndarray) -> int:
    order = getattr(config, f"{name}FourierOrder")
    if order is not None:
        return order
    switch = "false" if name == "monthly" else getattr(config, f"{name}Seasonality")
    if switch == "auto":
        return _DEFAULT_ORDER[name] if _long_enough(name, ds) else 0
    if switch in ("true", "false"):
        return _DEFAULT_ORDER[name] if switch == "true" else 0
    return int(switch)


def _long_enough(name: str, ds: np.ndarray) -> bool:
    gaps = np.diff(ds)
    step = gaps[gaps > np.timedelta64(0)].min()
    span = ds[-1] - ds[0]
    if name == "yearly":
        return bool(span >= 730 * _DAY)
    if name == "weekly":
        return bool(span >= 14 * _DAY and step < 7 * _DAY)
    return bool(span >= 2 * _DAY and step < _DAY)
