"""The design of a fit: Fourier terms, holidays and regressors as columns of one matrix.

Source: `Prophet.make_all_seasonality_features`, `Prophet.fourier_series` and
`Prophet.make_holiday_features`; columns, their names and their order are Prophet's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats, Times
from sparkprophet.series import holidays
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.state import FittedState, Scales

_SECONDS_A_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Term:
    """Columns of one component that stand next to each other.

    What a fit believes of their coefficients is no part of it: see `modes_and_priors`.

    Attributes
    ----------
    name : str
        The component: that of the seasonality, the holiday or the regressor.
    kind : str
        "seasonality", "holiday" or "regressor".
    columns : tuple of str
        As Prophet names them, such as "weekly_delim_1" or "fair_delim_-1".
    period : float or None
        Of a seasonality, in days.
    condition : str or None
        Of a seasonality: the column that switches it on and off.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    period: float | None = None
    condition: str | None = None


@dataclass(frozen=True)
class Layout:
    """The columns of a design, without rows.

    Attributes
    ----------
    terms : tuple of Term
        In the order of columns: seasonalities, holidays sorted by column, regressors.
    holiday_names : tuple of str
        In the order in which Prophet meets them; that of the columns is another one.
    """

    terms: tuple[Term, ...]
    holiday_names: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all K columns."""
        return tuple(column for term in self.terms for column in term.columns)

    @cached_property
    def holiday_columns(self) -> tuple[str, ...]:
        """Names of the columns of holidays."""
        return tuple(c for term in self.terms if term.kind == "holiday" for c in term.columns)

    def blocks(self) -> Iterator[tuple[Term, slice]]:
        """Every term with the slice of its columns."""
        start = 0
        for term in self.terms:
            yield term, slice(start, start + len(term.columns))
            start += len(term.columns)


def layout(config: Config, seasonalities: tuple[Seasonality, ...], ds: Times) -> Layout:
    """The columns of a fit.

    Parameters
    ----------
    config : Config
    seasonalities : tuple of Seasonality
        As `seasonality.resolve` gives them.
    ds : ndarray of datetime64[us], shape (T,)
        The history's timestamps; their years decide which holidays of a country there are.

    Raises
    ------
    SeriesError
        HOLIDAYS_INVALID, from `holidays.check_country`.
    """
    if config.countryHolidays is not None:
        holidays.check_country(config, config.countryHolidays)
    columns = holidays.days(config, ds)
    names = tuple(dict.fromkeys(map(holidays.holiday_of, columns)))
    return _layout(config, seasonalities, names, sorted(columns))


def layout_of(state: FittedState, config: Config) -> Layout:
    """The columns of the fit that gave a state."""
    return _layout(config, state.seasonalities, state.holiday_names, state.holiday_columns)


def modes_and_priors(
    layout: Layout, config: Config, seasonalities: tuple[Seasonality, ...]
) -> tuple[Flags, Floats]:
    """What a config says of the coefficients of a layout's columns.

    Parameters
    ----------
    layout : Layout
        Its Fourier orders may be larger than those of `seasonalities`.
    config : Config
    seasonalities : tuple of Seasonality
        As `seasonality.resolve` gives them.

    Returns
    -------
    multiplicative : ndarray of bool, shape (K,)
        Whether a column multiplies the trend; else it is added to it.
    prior_scales : ndarray of float64, shape (K,)
    """
    seasons = {season.name: season for season in seasonalities}
    regressors = {entry["name"]: entry for entry in config.regressors}
    of_holidays = {entry["holiday"]: entry["priorScale"] for entry in config.holidays}
    multiplicative = np.empty(len(layout.names), dtype=np.bool_)
    prior_scales = np.empty(len(layout.names))
    for term, block in layout.blocks():
        mode, scale = None, None
        if term.kind == "seasonality":
            mode, scale = seasons[term.name].mode, seasons[term.name].prior_scale
        elif term.kind == "regressor":
            mode, scale = regressors[term.name]["mode"], regressors[term.name]["priorScale"]
        else:
            mode, scale = config.holidaysMode, of_holidays.get(term.name)
        multiplicative[block] = (mode or config.seasonalityMode) == "multiplicative"
        prior_scales[block] = scale or config.holidaysPriorScale
    return multiplicative, prior_scales


def matrix(layout: Layout, config: Config, rows: Series, scales: Scales) -> Floats:
    """The design matrix of rows, past or future.

    Parameters
    ----------
    layout : Layout
        Holidays that it does not know are left out, as in a forecast of Prophet's.
    config : Config
    rows : Series
        In any order, shape (n,), with the columns that the config names.
    scales : Scales
        Of the fit; its means and deviations standardise the regressors.

    Returns
    -------
    ndarray of float64, shape (n, K), Fortran order
        K may be 0, where Prophet has one column of zeros.
    """
    # A column's values side by side, as the solver wants them.
    X = np.zeros((len(layout.names), len(rows))).T
    # Nanoseconds, as Prophet has them: the last bit of an angle is then the same.
    seconds = rows.ds.astype("datetime64[ns]").astype(np.int64) / 1e9
    angles = 2 * np.pi * (seconds / _SECONDS_A_DAY)
    for term, block in layout.blocks():
        if term.period is not None:
            _fill_fourier(X[:, block], angles, term.period)
            if term.condition is not None:
                X[rows.columns[term.condition] == 0, block] = 0
        elif term.kind == "regressor":
            mean, deviation = scales.regressors[term.name]
            # A deviation that has vanished or overflowed: the solver refuses what comes of it.
            with np.errstate(all="ignore"):
                X[:, block.start] = (rows.columns[term.name] - mean) / deviation
    if layout.holiday_columns:
        first = layout.names.index(layout.holiday_columns[0])
        days = holidays.days(config, rows.ds)
        _mark_holidays(X[:, first:], layout.holiday_columns, days, rows.ds)
    return X


def _layout(
    config: Config,
    seasonalities: tuple[Seasonality, ...],
    holiday_names: tuple[str, ...],
    holiday_columns: Iterable[str],
) -> Layout:
    terms = [
        Term(
            season.name,
            "seasonality",
            tuple(f"{season.name}_delim_{i + 1}" for i in range(2 * season.order)),
            season.period,
            season.condition,
        )
        for season in seasonalities
    ]
    # Runs of one holiday's columns: sorting does not promise that it has only one.
    for name, columns in itertools.groupby(holiday_columns, holidays.holiday_of):
        terms.append(Term(name, "holiday", tuple(columns)))
    terms += [Term(entry["name"], "regressor", (entry["name"],)) for entry in config.regressors]
    return Layout(tuple(terms), holiday_names)


def _fill_fourier(X: Floats, angles: Floats, period: float) -> None:
    """Sine and cosine of each order, side by side."""
    # Each order from its own angle: these reach 1e5 and more, so that sums of angles would lose
    # the digits in which a fit is compared with Prophet's.
    for i in range(X.shape[1] // 2):
        angle = (i + 1) / period * angles
        X[:, 2 * i] = np.sin(angle)
        X[:, 2 * i + 1] = np.cos(angle)


def _mark_holidays(X: Floats, columns: tuple[str, ...], days: holidays.Days, ds: Times) -> None:
    """1 in the rows of each column's days; columns start at X's first one."""
    known = [(i, days[column]) for i, column in enumerate(columns) if column in days]
    if not known:
        return
    at = np.repeat([i for i, _ in known], [len(values) for _, values in known])
    day = np.concatenate([values for _, values in known])
    of_row = ds.astype("datetime64[D]").astype(np.int64)
    order = np.argsort(of_row, kind="stable")
    first, last = (np.searchsorted(of_row, day, side, order) for side in ("left", "right"))
    rows = last - first
    # Positions first..last of every day, end to end.
    steps = np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows)
    X[order[np.repeat(first, rows) + steps], np.repeat(at, rows)] = 1.0
