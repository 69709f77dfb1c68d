"""Which seasonalities a series gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparkprophet.numerics.arrays import Times
from sparkprophet.series.config import Config

_DAY = np.timedelta64(1, "D")
_DEFAULT_ORDER = {"yearly": 10, "weekly": 3, "daily": 4}
_PERIOD = {"yearly": 365.25, "monthly": 30.5, "weekly": 7.0, "daily": 1.0}


@dataclass(frozen=True)
class Seasonality:
    """One Fourier seasonality with nothing left on "auto".

    Attributes
    ----------
    name : str
    period : float
        In days.
    order : int
        Sine and cosine each of so many multiples of the frequency.
    prior_scale : float
        Of the coefficient of each of its columns.
    mode : str
        "additive" or "multiplicative".
    condition : str or None
        The column that switches it on and off.
    """

    name: str
    period: float
    order: int
    prior_scale: float
    mode: str
    condition: str | None = None

    @property
    def shape(self) -> tuple[str, float, int, str | None]:
        """Name, period, order and condition: all that its columns depend on, for a key."""
        return self.name, self.period, self.order, self.condition


def resolve(config: Config, ds: Times) -> tuple[Seasonality, ...]:
    """The seasonalities of a series with sorted timestamps `ds`, in Prophet's order of columns.

    The rules for "auto" are those of `Prophet.set_auto_seasonalities`. An order of its own
    (`yearlyFourierOrder`) wins over the switch; a seasonality of the same name in
    `config.seasonalities` wins over both (in Prophet only over a switch left on "auto").
    """
    return of_config(config, long_enough(ds))


def of_config(config: Config, automatic: frozenset[str]) -> tuple[Seasonality, ...]:
    """As `resolve`, for a series whose `long_enough` is `automatic`."""
    seasons = [
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
    taken = {season.name for season in seasons}
    for name in ("monthly", "yearly", "weekly", "daily"):
        order = 0 if name in taken else _order(config, name, automatic)
        if order:
            prior = getattr(config, f"{name}PriorScale") or config.seasonalityPriorScale
            seasons.append(Seasonality(name, _PERIOD[name], order, prior, config.seasonalityMode))
    return tuple(seasons)


def long_enough(ds: Times) -> frozenset[str]:
    """Which of yearly, weekly and daily have the history that "auto" asks for."""
    gaps = np.diff(ds)
    step = gaps[gaps > np.timedelta64(0)].min()
    span = ds[-1] - ds[0]
    enough = {
        "yearly": span >= 730 * _DAY,
        "weekly": span >= 14 * _DAY and step < 7 * _DAY,
        "daily": span >= 2 * _DAY and step < _DAY,
    }
    return frozenset(name for name, yes in enough.items() if yes)


def _order(config: Config, name: str, automatic: frozenset[str]) -> int:
    order: int | None = getattr(config, f"{name}FourierOrder")
    if order is not None:
        return order
    switch = "false" if name == "monthly" else getattr(config, f"{name}Seasonality")
    if switch == "auto":
        return _DEFAULT_ORDER[name] if name in automatic else 0
    if switch in ("true", "false"):
        return _DEFAULT_ORDER[name] if switch == "true" else 0
    return int(switch)
