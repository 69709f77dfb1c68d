"""What a series must be before anything is fitted to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats, Times
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.state import Scales

# pandas holds nanoseconds in 64 bits: 1677-09-21 to 2262-04-11, and 292 years between two of them.
_FIRST = np.datetime64("1678-01-01", "us")
CALENDAR_END = np.datetime64("2262-01-01", "us")
_LONGEST = np.timedelta64(292 * 365, "D")
# Squares of the label and of its inverse must stay finite.
_LARGEST = 1e150
_SMALLEST = 1e-150
_REMEDIES = {
    "REGRESSOR_INVALID": "fill or drop them",
    "CONDITION_INVALID": "it must be true or false",
    "CAP_INVALID": "cap must be finite and above the floor (without floorCol: 0, or the smallest "
    "label with scaling minmax)",
}


def usable(series: Series, config: Config) -> Series:
    """The rows that a fit uses, in canonical order.

    Rows without a label are left out, as Prophet does; anything else that is wrong with a row
    that is used raises.

    Raises
    ------
    SeriesError
        With one of the codes of `sparkprophet.series.errors.CODES`.
    """
    used = series.take(~np.isnan(series.y))
    if np.isnat(used.ds).any():
        raise SeriesError(
            "DS_NULL",
            f"{int(np.isnat(used.ds).sum())} rows have a value but no timestamp; drop or fill them",
        )
    if len(used) < config.minObservations:
        raise SeriesError(
            "TOO_SHORT",
            f"{len(used)} usable rows, {config.minObservations} needed; lower minObservations, "
            "set a fallback, or leave the group out",
        )
    _check_timestamps(used.ds, config)
    _check_label(used.y)
    _check_columns(used, config)
    return used.ordered()


def forecastable(series: Series, config: Config, scales: Scales) -> Flags:
    """Mask of the rows that have all that a forecast needs; bool, shape (n,).

    Raises
    ------
    SeriesError
        Where a column is missing altogether.
    """
    floor = np.full(len(series), scales.y_min)
    if scales.own_floor:
        floor = _column(series, "floor", "CAP_INVALID")
    # False for a missing timestamp too.
    good = (series.ds >= _FIRST) & (series.ds < CALENDAR_END)
    good &= abs(series.ds - scales.start) <= _LONGEST
    for _, _, bad in _column_faults(series, config, floor):
        good &= ~bad
    return good


def _check_columns(used: Series, config: Config) -> None:
    """Raise for the first bad regressor, condition, cap or floor."""
    lowest = used.y.min() if config.scaling == "minmax" else 0.0
    floor = used.columns.get("floor", np.full(len(used), lowest))
    for code, name, bad in _column_faults(used, config, floor):
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise SeriesError(
                code,
                f"column {name!r} holds {used.columns[name][at]:g} at {used.ds[at]} and is "
                f"unusable in {int(bad.sum())} of {len(used)} rows; {_REMEDIES[code]}",
            )


def _column_faults(
    series: Series, config: Config, floor: Floats
) -> Iterator[tuple[str, str, Flags]]:
    """Code, column and mask of the unusable rows, for every column the config names."""
    for term in config.regressors:
        values = _column(series, term["name"], "REGRESSOR_INVALID")
        yield "REGRESSOR_INVALID", term["name"], ~np.isfinite(values)
    for name in filter(None, (term["conditionCol"] for term in config.seasonalities)):
        values = _column(series, name, "CONDITION_INVALID")
        yield "CONDITION_INVALID", name, ~np.isin(values, (0.0, 1.0))
    if config.growth == "logistic":
        cap = _column(series, "cap", "CAP_INVALID")
        yield "CAP_INVALID", "cap", ~(np.isfinite(cap) & np.isfinite(floor) & (cap > floor))


def _check_timestamps(ds: Times, config: Config) -> None:
    first, last = ds.min(), ds.max()
    if first < _FIRST or last >= CALENDAR_END:
        outside = first if first < _FIRST else last
        raise SeriesError(
            "DS_OUT_OF_RANGE",
            f"timestamp {outside} lies outside the years 1678 to 2261; correct or drop the row",
        )
    if last - first > _LONGEST:
        raise SeriesError(
            "DS_OUT_OF_RANGE",
            f"timestamps from {first} to {last} span more than 292 years; correct or drop rows",
        )
    if first == last:
        raise SeriesError(
            "DS_CONSTANT", f"all {len(ds)} timestamps are {first}; at least two must differ"
        )
    if config.changepoints:
        given = np.array(config.changepoints, dtype="datetime64[us]")
        outside = given[(given < first) | (given > last)]
        if len(outside):
            raise SeriesError(
                "CHANGEPOINTS_OUTSIDE",
                f"changepoint {outside[0]} lies outside the history {first} to {last}; give the "
                "group its own changepoints through overridesCol",
            )


def _check_label(y: Floats) -> None:
    if np.isinf(y).any():
        raise SeriesError(
            "Y_INFINITE",
            f"{int(np.isinf(y).sum())} of {len(y)} labels are infinite; replace them by NULL",
        )
    largest = np.abs(y).max()
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        raise SeriesError(
            "Y_OUT_OF_RANGE",
            f"the largest label is {largest:g}; scale the label into 1e-150 to 1e150",
        )


def _column(series: Series, name: str, code: str) -> Floats:
    if name not in series.columns:
        raise SeriesError(
            code,
            f"column {name!r} is not among those the stage reads; name it in the stage's own "
            "regressors, seasonalities or capCol",
        )
    return series.columns[name]
