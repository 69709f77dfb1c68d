"""The step of a series: how far apart its timestamps are, and what lies a step ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from sparkprophet.numerics.arrays import Floats, Ints, Times

DAY = 86_400_000_000  # microseconds
_WEEKMASK = "1111100"
# Timestamps that are one of two dates of their month, of those of a series in half months: nearly
# all, so that steps of 14 or 15 days are none.
_HALVES = 0.9


@dataclass(frozen=True)
class MonthDate:
    """A date that every month has.

    Attributes
    ----------
    kind : str
        "day": of this number, or the last one of a month that is too short; "business": the first
        day from Monday to Friday, or the last one where the number is -1; "weekday": the first,
        second, ... of `weekday`.
    number : int
    weekday : int
        0 for Monday to 6 for Sunday.
    """

    kind: Literal["day", "business", "weekday"] = "day"
    number: int = 1
    weekday: int = 0

    def of(self, month: Times) -> Times:
        """The date in each of some months; datetime64[D]."""
        first = month.astype("datetime64[D]")
        last = first + _month_length(month) - 1
        date: Times
        if self.kind == "day":
            date = np.minimum(first + self.number - 1, last)
            return date
        if self.kind == "weekday":
            days = (self.weekday - _weekday(first)) % 7 + 7 * (self.number - 1)
            date = first + days.astype("timedelta64[D]")
            return date
        if self.number < 0:
            date = np.busday_offset(last, 0, "backward", weekmask=_WEEKMASK)
        else:
            date = np.busday_offset(first, 0, "forward", weekmask=_WEEKMASK)
        return date


@dataclass(frozen=True)
class Frequency:
    """A step along dates of the months, of business days, or of a fixed time.

    Attributes
    ----------
    months : int
        Of steps along dates of the months: how many of these dates a step is, so months where a
        month has one of them; 0 for the other two kinds.
    microseconds : int
        Length of a fixed step; one day for business days.
    business : bool
        Steps go from Monday to Friday and skip the weekend.
    dates : tuple of MonthDate
        On which steps of months fall, in their order: one in a month, or two for half months.
    """

    months: int = 0
    microseconds: int = DAY
    business: bool = False
    dates: tuple[MonthDate, ...] = (MonthDate(),)

    @property
    def season(self) -> int:
        """Steps in the natural seasonal cycle; 1 where there is none (FPP3, section 2.1).

        A day of steps under a day, a week of days, a year of weeks or of months, quarters, ...
        """
        if self.months:
            steps, rest = divmod(12 * len(self.dates), self.months)
            return 1 if rest else steps
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
        date = self._date(self._index(ds) + np.asarray(steps) * self.months)
        return date.astype("datetime64[us]") + (ds - ds.astype("datetime64[D]"))

    def position(self, ds: Times, origin: np.datetime64) -> Ints:
        """Steps from `origin` to each timestamp, rounded to whole ones; int64, shape of `ds`."""
        if self.months:
            passed: Ints = self._index(ds) - self._index(origin)
            return passed // self.months
        if self.business:
            days = ds.astype("datetime64[D]"), origin.astype("datetime64[D]")
            return np.busday_count(days[1], days[0], weekmask=_WEEKMASK)
        elapsed = (ds - origin).astype("timedelta64[us]").astype(np.int64)
        return np.rint(elapsed / self.microseconds).astype(np.int64)

    def distance(self, ds: Times, origin: np.datetime64) -> Floats:
        """Steps from `origin` to each timestamp; float64, shape of `ds`.

        Parts of a step count where steps are of a fixed time; else as `position`.
        """
        if self.months or self.business:
            return self.position(ds, origin).astype(np.float64)
        elapsed = (ds - origin).astype("timedelta64[us]").astype(np.int64)
        distance: Floats = elapsed / self.microseconds
        return distance

    def _index(self, ds: Any) -> Any:
        """The number of the date that a timestamp stands for, counted over all months."""
        month = ds.astype("datetime64[M]")
        index = month.astype(np.int64) * len(self.dates)
        if len(self.dates) == 2:
            index = index + (ds.astype("datetime64[D]") >= self.dates[1].of(month))
        return index

    def _date(self, index: Ints) -> Times:
        """The inverse of `_index`."""
        month = (index // len(self.dates)).astype("datetime64[M]")
        date = self.dates[0].of(month)
        if len(self.dates) == 2:
            date = np.where(index % 2, self.dates[1].of(month), date)
        return date


def infer(ds: Times) -> Frequency:
    """The step of sorted timestamps, in the presence of gaps and stray points.

    The most common distance decides (the smallest of several equally common ones). Distances
    of 28 days and more are months where more than half of the timestamps fall on the same date of
    their months: a day of this number, the last one, the first or last business day; or all of
    them on, say, the third Friday, as in pandas' `infer_freq`. Distances of 13 to 16 days are half
    months where nearly all fall on one of two days. Days without a single weekend in at least two
    weeks are business days. One day for fewer than two different timestamps.
    """
    unique = np.unique(ds.astype("datetime64[us]"))
    if len(unique) < 2:
        return Frequency()
    gaps, counts = np.unique(np.diff(unique).astype(np.int64), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    if step >= 13 * DAY:
        on_calendar = _along_months(unique, step)
        if on_calendar is not None:
            return on_calendar
    if step == DAY and unique[-1] - unique[0] >= np.timedelta64(14, "D"):
        return Frequency(business=bool(np.all(_weekday(unique.astype("datetime64[D]")) < 5)))
    return Frequency(microseconds=step)


def _along_months(ds: Times, step: int) -> Frequency | None:
    """The step along dates of the months, if timestamps so many microseconds apart have one."""
    days = ds.astype("datetime64[D]")
    if step <= 16 * DAY:
        halves = _halves(days)
        return Frequency(months=1, dates=halves) if halves else None
    if step < 28 * DAY:
        return None
    date = _month_date(days)
    if date is None:
        return None
    passed = np.diff(np.unique(days.astype("datetime64[M]"))).astype(np.int64)
    return Frequency(months=int(np.argmax(np.bincount(passed))), dates=(date,))


def _halves(days: Times) -> tuple[MonthDate, ...]:
    """The two dates of a month on which nearly all days are; none if there are no such two."""
    month = days.astype("datetime64[M]")
    number = _day(days)
    number[number == _month_length(month)] = 31
    counts = np.bincount(number, minlength=32)
    first, second = np.sort(np.argsort(-counts, kind="stable")[:2])
    both = counts[[first, second]]
    if len(days) < 4 or both.min() < 2 or both.sum() < _HALVES * len(days):
        return ()
    return MonthDate("day", int(first)), MonthDate("day", int(second))


def _month_date(days: Times) -> MonthDate | None:
    """The date of their months on which more than half of some days are, or all by weekday."""
    month, number = days.astype("datetime64[M]"), _day(days)
    known = [
        MonthDate("day", 31),
        MonthDate("day", int(np.argmax(np.bincount(number)))),
        MonthDate("business", -1),
        MonthDate("business", 1),
    ]
    shares = [np.mean(date.of(month) == days) for date in known]
    best = int(np.argmax(shares))  # the first of equals
    if shares[best] > 0.5:
        return known[best]
    # A step of 28 days is on one weekday too.
    weekday, week = _weekday(days), (number - 1) // 7 + 1
    regular = len(days) >= 4 and len(np.unique(np.diff(days))) > 1
    if regular and week[0] <= 4 and np.all((weekday == weekday[0]) & (week == week[0])):
        return MonthDate("weekday", int(week[0]), int(weekday[0]))
    return None


def _weekday(days: Times) -> Ints:
    """0 for Monday to 6 for Sunday; int64, shape of `days`."""
    weekday: Ints = (days.astype(np.int64) + 3) % 7
    return weekday


def _day(days: Times) -> Ints:
    """Days of the month, from 1; int64, shape of `days`."""
    number: Ints = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(
        np.int64
    ) + 1
    return number


def _month_length(month: Times) -> Any:
    """Days in each month; int64, shape of `month`."""
    length = (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    days: Ints = length.astype(np.int64)
    return days
