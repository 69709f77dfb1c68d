"""Holidays as columns of a design: a country's calendar and a user's own days, with windows.

A column is named like "Christmas Day_delim_+0": the holiday and the days from it. Sources:
`Prophet.construct_holiday_dataframe`, `Prophet.make_holiday_features`, `prophet.make_holidays`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from sparkprophet.messages import clip
from sparkprophet.numerics.arrays import Ints, Times
from sparkprophet.series.config import Config
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.stan import quiet

# Column name -> the days on which it is 1: days since 1970, int64, shape (d,). In the order in
# which Prophet meets the holidays.
Days = Mapping[str, Ints]

# Prophet's own: "TU" used to be Turkey's code.
_RENAMED = {"TU": "TR"}
# The years over which a country's holidays count as known (prophet.make_holidays).
_KNOWN_YEARS = tuple(range(1995, 2045))


def days(config: Config, ds: Times) -> Days:
    """The days of every holiday column for rows at the timestamps `ds`.

    Parameters
    ----------
    config : Config
        Its own holidays are all there, also those outside of `ds`. Of its country, those of the
        years in `ds`; a day of one's own with the name of a country's holiday adds to it.
    ds : ndarray of datetime64[us], shape (n,)

    Returns
    -------
    mapping of str to ndarray of int64
        From columns to days since 1970; empty where the config has no holidays.
    """
    together: dict[str, list[Ints]] = {}
    sources = []
    if config.holidays:
        fields = ("holiday", "ds", "lowerWindow", "upperWindow")
        sources.append(_own_days(tuple(tuple(map(term.get, fields)) for term in config.holidays)))
    if config.countryHolidays is not None and len(ds):
        years = np.unique(ds.astype("datetime64[Y]")).astype(np.int64) + 1970
        sources.append(_country_days(config.countryHolidays, tuple(years.tolist())))
    if len(sources) == 1:
        return sources[0]
    for source in sources:
        for column, values in source.items():
            together.setdefault(column, []).append(values)
    return {column: np.concatenate(values) for column, values in together.items()}


def holiday_of(column: str) -> str:
    """The holiday of a holiday column."""
    return column.rpartition("_delim_")[0]


def check_country(config: Config, country: str) -> None:
    """Check a country and that its holidays can stand beside the config's other names.

    Raises
    ------
    SeriesError
        HOLIDAYS_INVALID for what Prophet.add_country_holidays and fit refuse: a country that the
        `holidays` package does not know, or one with a holiday that has the name of a seasonality,
        of a regressor, or of an own holiday with another prior scale.
    """
    name, subdivision = _parts(country)
    try:
        calendar = _country_class(name)
    except AttributeError:
        calendar = None
    # It takes the package's own helpers too, which have neither.
    if not (getattr(calendar, "country", None) or getattr(calendar, "market", None)):
        raise SeriesError(
            "HOLIDAYS_INVALID",
            f"country {country!r} is not one of the `holidays` package; use its ISO code or its "
            "name without spaces, such as 'US' or 'UnitedStates'",
        )
    if subdivision is not None and subdivision not in calendar.subdivisions:
        known = ", ".join(calendar.subdivisions) or "none"
        raise SeriesError(
            "HOLIDAYS_INVALID",
            f"country {country!r}: {subdivision!r} is no part of {name} that the `holidays` "
            f"package knows; it knows {clip(known, 200)}",
        )
    names = {term["name"] for term in config.seasonalities + config.regressors}
    # Prophet merges own days with the country's under one name, but only at one prior scale.
    names |= {
        term["holiday"]
        for term in config.holidays
        if term["priorScale"] not in (None, config.holidaysPriorScale)
    }
    taken = sorted(names & _holiday_names(country)) if names else []
    if taken:
        raise SeriesError(
            "HOLIDAYS_INVALID",
            f"{taken[0]!r} is a holiday of country {country!r} already; give the seasonality, "
            "regressor or holiday of that name another one",
        )


def has_subdivision(country: str) -> bool:
    """Whether a country is a part of one, such as "US-CA"."""
    return _parts(country)[1] is not None


@functools.cache
def known_days(country: str) -> tuple[tuple[str, np.datetime64], ...]:
    """Names and days of the holidays of a country, over the years that count as known."""
    with quiet():
        calendar = _calendar(country, _KNOWN_YEARS)
    return tuple(
        (name, np.datetime64(date, "ns")) for date in calendar for name in calendar.get_list(date)
    )


def _parts(country: str) -> tuple[str, str | None]:
    """A country and, if it is one's, the code of its part: "US-CA" is ("US", "CA")."""
    name, dash, subdivision = country.partition("-")
    return name, subdivision if dash else None


def _country_class(name: str) -> Any:
    """The class of a country in the `holidays` package; AttributeError for an unknown one."""
    import holidays

    return getattr(holidays, _RENAMED.get(name, name))


def _calendar(country: str, years: tuple[int, ...]) -> Any:
    """The days of these years and no others."""
    name, subdivision = _parts(country)
    part = {} if subdivision is None else {"subdiv": subdivision}
    return _country_class(name)(expand=False, language="en_US", years=years, **part)


@functools.cache
def _holiday_names(country: str) -> frozenset[str]:
    """Cached, since it lists 50 years of holidays."""
    with quiet():  # some countries warn of years that they do not have
        return frozenset(_calendar(country, _KNOWN_YEARS).values())


# Not a cache by single years: a holiday that is moved can reach into the next year, and is there
# only if that year is asked for too.
@functools.lru_cache(maxsize=256)
def _country_days(country: str, years: tuple[int, ...]) -> Days:
    with quiet():
        calendar = _calendar(country, years)
    days: dict[str, list[int]] = {}
    for date in calendar:
        since = int(np.datetime64(date, "D").astype(np.int64))
        for name in calendar.get_list(date):
            days.setdefault(_column(name, 0), []).append(since)
    return _frozen(days)


@functools.lru_cache(maxsize=256)
def _own_days(terms: tuple[tuple[str, str, int, int], ...]) -> Days:
    """Of holidays as (name, ISO text, lower window, upper window), with their windows."""
    days: dict[str, list[int]] = {}
    for name, text, lower, upper in terms:
        since = int(np.datetime64(text, "D").astype(np.int64))
        for offset in range(lower, upper + 1):
            days.setdefault(_column(name, offset), []).append(since + offset)
    return _frozen(days)


def _column(holiday: str, offset: int) -> str:
    return f"{holiday}_delim_{offset:+d}"


def _frozen(days: Mapping[str, list[int]]) -> Days:
    """Read-only, since it is shared by all who ask for the same days."""
    arrays = {column: np.array(values, dtype=np.int64) for column, values in days.items()}
    for values in arrays.values():
        values.flags.writeable = False
    return MappingProxyType(arrays)
