"""The step of a series: how far apart its timestamps are, and what lies a step ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from sparkprophet.numerics.arrays import Ints, Times

DAY = 86_400_000_000  # microseconds
_WEEKMASK = "1111100"
# Steps in a seasonal cycle by the months of a step (FPP3, section 2.1).
_SEASON_BY_MONTHS = {1: 12, 3: 4}
# Months of a calendar step, and the fewest and most days that it can have.
_CALENDAR = ((1, 28, 31), (3, 89, 92), (12, 365, 366))


@dataclass(frozen=True)
class Frequency:
    """A step of whole months, of business days, or of a fixed time.

    Attributes
    ----------
    months : int
        Months in a step; 0 for the other two kinds.
    microseconds : int
        Length of a fixed step; one day for business days.
    business : bool
        Steps go from Monday to Friday and skip the weekend.
    month_day : int
        Of steps of months: the day of the month on which they fall, or the last one of a month
        that is too short; so 31 for ends of months.
    """

    months: int = 0
    microseconds: int = DAY
    business: bool = False
    month_day: int = 1

    @property
    def season(self) -> int:
        """Steps in the natural seasonal cycle; 1 where there is none.

        A day of steps under a day, a week of days, a year of weeks, months or quarters.
        """
        if self.months:
            return _SEASON_BY_MONTHS.get(self.months, 1)
        if self.business:
            return 5
        if self.microseconds < DAY:
            return max(1, round(DAY / self.microseconds))
        return {DAY: 7, 7 * DAY: 52}.get(self.microseconds, 1)

    @overload
    def shift(self, ds: np.datetime64, steps: int) -> np.datetime64: ...

    @overload
    def shift(self, ds: np.datetime64, steps: Ints) -> Times: ...

    def shift(self, ds: np.datetime64, steps: int | Ints) -> Any:
        """The timestamps `steps` steps after `ds` (before, where negative), datetime64[us]."""
        ds = ds.astype("datetime64[us]")
        if self.business:
            day = ds.astype("datetime64[D]")
            forward = np.busday_offset(day, steps, "preceding", weekmask=_WEEKMASK)
            return forward.astype("datetime64[us]") + (ds - day)
        if not self.months:
            return ds + np.asarray(steps) * np.timedelta64(self.microseconds, "us")
        return self._add_months(ds, np.asarray(steps) * self.months)

    def _add_months(self, ds: np.datetime64, months: Ints) -> Times:
        target = ds.astype("datetime64[M]") + months
        day = np.minimum(self.month_day, _month_length(target)) - 1
        date = (target.astype("datetime64[D]") + day).astype("datetime64[us]")
        moment: Times = date + (ds - ds.astype("datetime64[D]"))
        return moment

    def position(self, ds: Times, origin: np.datetime64) -> Ints:
        """Steps from `origin` to each timestamp, rounded to whole ones; int64, shape of `ds`."""
        if self.months:
            elapsed = ds.astype("datetime64[M]") - origin.astype("datetime64[M]")
            months: Ints = elapsed.astype(np.int64)
            return months // self.months
        if self.business:
            days = ds.astype("datetime64[D]"), origin.astype("datetime64[D]")
            return np.busday_count(days[1], days[0], weekmask=_WEEKMASK)
        elapsed = (ds - origin).astype("timedelta64[us]").astype(np.int64)
        return np.rint(elapsed / self.microseconds).astype(np.int64)


def infer(ds: Times) -> Frequency:
    """The step of sorted timestamps, in the presence of gaps and stray points.

    The most common distance decides (the smallest of several equally common ones). Distances
    of 28 to 31, 89 to 92 and 365 to 366 days are months, quarters and years where more than half
    of the timestamps have the same day of the month, or its last one; days without a single
    weekend in at least two weeks are business days. One day for fewer than two different
    timestamps.
    """
    unique = np.unique(ds.astype("datetime64[us]"))
    if len(unique) < 2:
        return Frequency()
    gaps, counts = np.unique(np.diff(unique).astype(np.int64), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    for months, low, high in _CALENDAR:
        if low * DAY <= step <= high * DAY:
            month_day = _month_day(unique)
            if month_day:
                return Frequency(months=months, month_day=month_day)
    if step == DAY and unique[-1] - unique[0] >= np.timedelta64(14, "D"):
        weekdays = (unique.astype("datetime64[D]").astype(np.int64) + 3) % 7
        return Frequency(business=bool(np.all(weekdays < 5)))
    return Frequency(microseconds=step)


def _month_day(ds: Times) -> int:
    """Day of the month of more than half of the timestamps, 31 for its last one; 0 for none."""
    month = ds.astype("datetime64[M]")
    day = (ds.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) + 1
    if np.mean(day == _month_length(month)) > 0.5:
        return 31
    counts = np.bincount(day)
    return int(np.argmax(counts)) if counts.max() > len(ds) / 2 else 0


def _month_length(month: Times) -> Ints:
    """Days in each month; int64, shape of `month`."""
    length = (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    days: Ints = length.astype(np.int64)
    return days
