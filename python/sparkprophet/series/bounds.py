"""What the settings that come with a series' rows may not exceed.

A stage's owner bounds what one group may take. Who writes the rows can ask for less, and not for
more: the machines are everybody's.
"""

from __future__ import annotations

from sparkprophet.series import seasonality
from sparkprophet.series.config import Config

MOST_FOURIER_ORDERS = 100
"""The sum of a series' Fourier orders, where the stage's own is not more."""
MOST_CHANGEPOINTS = 500
"""Of a series, where the stage's own are not more."""

MOST_FOLDS = 20
"""Of a series' combination, where the stage's own are not more."""

_ALL = frozenset(["yearly", "weekly", "daily"])


def check_bounds(config: Config, base: Config) -> None:
    """Check a series' own settings against those of the stage.

    Raises
    ------
    ValueError
        For a groupTimeout, groupMemoryInMB or uncertaintySamples above the stage's, or Fourier
        orders, changepoints or folds above the stage's and the bounds of this module.
    """
    for name in ("groupTimeout", "groupMemoryInMB"):
        own, most = getattr(config, name), getattr(base, name)
        if most and not 0 < own <= most:  # 0 is no limit
            raise ValueError(
                f"{name}: found {own:g} in a group's own settings, must be above 0 and at most the "
                f"stage's {most:g}; a group can only lower it"
            )
    bounds = [
        ("uncertaintySamples", config.uncertaintySamples, base.uncertaintySamples),
        ("numFolds", config.numFolds, max(base.numFolds, MOST_FOLDS)),
        ("changepoints", _changepoints(config), max(_changepoints(base), MOST_CHANGEPOINTS)),
        ("Fourier orders", _orders(config), max(_orders(base), MOST_FOURIER_ORDERS)),
    ]
    for name, found, most in bounds:
        if found > most:
            raise ValueError(
                f"{name}: found {found:,} in a group's own settings, must be at most {most:,}; "
                "give the stage more"
            )


def _changepoints(config: Config) -> int:
    return config.nChangepoints if config.changepoints is None else len(config.changepoints)


def _orders(config: Config) -> int:
    return sum(season.order for season in seasonality.of_config(config, _ALL))
