"""Instants, and what a clock on the wall shows in a time zone.

A model knows wall-clock times alone: days, weeks and holidays are those of people. In most zones an
hour of them comes twice a year, and one does not come.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from sparkprophet.numerics.arrays import Times

_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?")


def zone_of(name: str) -> str:
    """A time zone as pandas names it.

    Parameters
    ----------
    name : str
        As Spark takes it: a region such as "Europe/Berlin", or an offset such as "+02:00".

    Raises
    ------
    ValueError
        For one that Python does not know, as the three letters of some regions are for Java alone.
    """
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        zone = f"{offset[1]}{int(offset[2]):02d}:{offset[3] or '00'}"
    else:
        zone = "UTC" if name == "Z" else name
    try:
        pd.DatetimeIndex([]).tz_localize(zone)
    except (KeyError, ValueError) as error:  # of zoneinfo and of pytz
        raise ValueError(
            f"spark.sql.session.timeZone: found {name!r}, which Python does not know; set it to a "
            "region such as 'America/Los_Angeles'"
        ) from error
    return zone


def instants(wall_clock: Times, zone: str) -> Times:
    """The instants in UTC at which a clock shows sorted times; datetime64[us].

    Of an hour that comes twice the first is meant, and the second one by the second of two equal
    times. A time that does not come is the first one after it.
    """
    second = np.zeros(len(wall_clock), dtype=bool)
    second[1:] = wall_clock[1:] == wall_clock[:-1]
    local = pd.DatetimeIndex(wall_clock).tz_localize(
        zone, ambiguous=~second, nonexistent="shift_forward"
    )
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")


def shown(instants: Times, zone: str) -> Times:
    """What a clock shows at instants in UTC; datetime64[us]."""
    local = pd.DatetimeIndex(instants, tz="UTC").tz_convert(zone)
    return local.tz_localize(None).to_numpy().astype("datetime64[us]")
