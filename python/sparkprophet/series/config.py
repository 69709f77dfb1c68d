"""The settings of one series: one table of names, defaults, ranges and docs.

The stage's Params, the JSON of a group's own values, the `config` column of the models table and
the page of params in docs/ are all made from the fields of `Config`. Names are camelCase because
they are the Params' names: one name everywhere.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from sparkprophet.messages import nearest
from sparkprophet.numerics.trend import GROWTHS
from sparkprophet.series import terms
from sparkprophet.series.ranges import LONGEST, Number, OneOf, Whole, country, instants, switch

Convert = Callable[[Any, str], Any]
Shapes = Literal["basis", "scaling"]

FORECAST_SETTINGS = ("intervalWidth", "uncertaintySamples", "groupTimeout", "groupMemoryInMB")
"""What a fitted model's forecasts can be asked to do otherwise than its fit said."""

CHANGEPOINTS = ("nChangepoints", "changepointRange", "changepoints")
"""Where a trend may bend."""

TREND_FORECASTS = ("prophet", "holt", "theta", "holtWinters")
"""How a trend can go on after the history."""

COMBINATIONS = ("none", "folds")
"""What a forecast can be combined of."""

FALLBACKS = ("seasonalNaive", "naive", "mean")
"""What can forecast a group whose fit failed; `sparkprophet.series.naive` has their formulas."""


def _terms(convert: Callable[[Any], dict[str, Any]]) -> Convert:
    return lambda value, what: terms.terms(value, convert, what)


def setting(default: Any, convert: Convert, doc: str, shapes: Shapes | None = None) -> Any:
    """One row of the table.

    Parameters
    ----------
    default
        In canonical form; None means unset.
    convert : callable
        Gives a value's canonical form, or raises an error with the name that it is called with.
    doc : str
        For users, in one sentence or more.
    shapes : str, optional
        What the setting shapes of a fit, besides what it does to the seasonalities: "basis" for
        the design's columns or the trend's changepoints, "scaling" for the label's scale alone.
        Fits share what has the same settings of that kind (`shaping`), so a setting without its
        mark gives one config the basis of another.
    """
    metadata = {"convert": convert, "doc": doc, "shapes": shapes}
    return dataclasses.field(default=default, metadata=metadata)


_FOURIER = "Fourier order of the {0} seasonality (period {1} days); a value switches it on."
_PRIOR = "Prior scale of the {0} seasonality. Unset: seasonalityPriorScale."
_SEASON = (
    "{0} seasonality: auto, true, false or a Fourier order. auto: on for {1} (Prophet's rule)."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """One series' settings, checked and in canonical form.

    Every field is documented in its own `doc`; docs/params.md shows them all. Values are those of
    `prophet.Prophet` unless the doc says otherwise. Lists are kept as tuples.

    Raises
    ------
    TypeError, ValueError
        Naming the field, what was found and what it must be.
    """

    growth: str = setting(
        "linear", OneOf(*GROWTHS), "Trend: linear, logistic (needs capCol) or flat.", shapes="basis"
    )
    nChangepoints: int = setting(
        25,
        Whole(0),
        "Number of potential changepoints. Not used where changepoints is set.",
        shapes="basis",
    )
    changepointRange: float = setting(
        0.8,
        Number(0, 1, open_ends=False),
        "Share of the history, from its start, in which changepoints are placed; 0 to 1.",
        shapes="basis",
    )
    changepointPriorScale: float = setting(
        0.05, Number(0), "Prior scale of the changepoints; larger is more flexible; > 0."
    )
    changepoints: tuple[str, ...] | None = setting(
        None,
        instants,
        "Dates of the changepoints (ISO text). Unset: placed evenly.",
        shapes="basis",
    )
    trendForecast: str = setting(
        "prophet",
        OneOf(*TREND_FORECASTS),
        "How the trend goes on after the history: prophet, or by exponential smoothing of what is "
        "left without the seasonal, holiday and regressor parts: holt (damped), theta, holtWinters "
        "(damped, with a season of its own).",
    )
    trendDamping: float = setting(
        1.0,
        Number(0, 1, open_ends=False),
        "What is left of Prophet's slope after each step past the end of the history, 0 to 1; 1: "
        "all of it, as in Prophet; 0: the trend stays level. Not used by a smoothed trend.",
    )
    seasonalityMode: str = setting(
        "additive", OneOf(*terms.MODES), "additive or multiplicative seasonality."
    )
    yearlySeasonality: str = setting(
        "auto", switch, _SEASON.format("Yearly", "two years of history")
    )
    weeklySeasonality: str = setting(
        "auto", switch, _SEASON.format("Weekly", "two weeks of history in steps under a week")
    )
    dailySeasonality: str = setting(
        "auto", switch, _SEASON.format("Daily", "two days of history in steps under a day")
    )
    yearlyFourierOrder: int | None = setting(None, Whole(1), _FOURIER.format("yearly", "365.25"))
    monthlyFourierOrder: int | None = setting(None, Whole(1), _FOURIER.format("monthly", "30.5"))
    weeklyFourierOrder: int | None = setting(None, Whole(1), _FOURIER.format("weekly", "7"))
    dailyFourierOrder: int | None = setting(None, Whole(1), _FOURIER.format("daily", "1"))
    yearlyPriorScale: float | None = setting(None, Number(0), _PRIOR.format("yearly"))
    monthlyPriorScale: float | None = setting(None, Number(0), _PRIOR.format("monthly"))
    weeklyPriorScale: float | None = setting(None, Number(0), _PRIOR.format("weekly"))
    dailyPriorScale: float | None = setting(None, Number(0), _PRIOR.format("daily"))
    seasonalityPriorScale: float = setting(
        10.0, Number(0), "Prior scale of every seasonality without one of its own; > 0."
    )
    holidaysPriorScale: float = setting(
        10.0, Number(0), "Prior scale of every holiday and regressor without one of its own; > 0."
    )
    seasonalities: tuple[dict[str, Any], ...] = setting(
        (),
        _terms(terms.seasonality_term),
        "Further seasonalities: a list of objects with name, period (days), fourierOrder, "
        "priorScale, mode, conditionCol (a boolean column).",
    )
    countryHolidays: str | None = setting(
        None,
        country,
        "Country whose holidays are used for every group, such as 'US', or one of its states or "
        "regions by the code of the `holidays` package, such as 'US-CA'.",
        shapes="basis",
    )
    holidaysMode: str | None = setting(
        None, OneOf(*terms.MODES), "additive or multiplicative holidays. Unset: seasonalityMode."
    )
    holidays: tuple[dict[str, Any], ...] = setting(
        (),
        _terms(terms.holiday_term),
        "Holidays: a list of objects with holiday, ds, lowerWindow (<= 0), upperWindow (>= 0), "
        "priorScale; or Prophet's holidays frame.",
        shapes="basis",
    )
    regressors: tuple[dict[str, Any], ...] = setting(
        (),
        _terms(terms.regressor_term),
        "Extra regressors: column names, or objects with name, priorScale, standardize "
        "('auto', true, false), mode.",
        shapes="basis",
    )
    scaling: str = setting(
        "absmax",
        OneOf("absmax", "minmax"),
        "Scaling of the label before the fit.",
        shapes="scaling",
    )
    combination: str = setting(
        "none",
        OneOf(*COMBINATIONS),
        "none: Prophet's forecast. folds: the weighted mean of two fits, as configured and with "
        "seasonalities that are held down, each with its trend carried on in every way of "
        "trendForecast, and of two seasonal naive forecasts; weights by errors on rolling-origin "
        "folds.",
    )
    horizon: int | None = setting(
        None,
        Whole(1),
        "Steps of each fold of a combination. Unset: one season, at most a tenth of the rows.",
    )
    numFolds: int = setting(3, Whole(1), "Most folds of a combination; the last ones that fit.")
    period: int | None = setting(
        None, Whole(1), "Steps between two cutoffs of folds. Unset: horizon."
    )
    initial: int | None = setting(
        None, Whole(1), "Steps of history before the first cutoff. Unset: horizon."
    )
    intervalWidth: float = setting(
        0.8, Number(0, 1), "Width of the uncertainty interval; between 0 and 1."
    )
    uncertaintySamples: int = setting(
        1000, Whole(0), "Simulated futures behind the interval; 0: no interval, fastest."
    )
    solver: str = setting(
        "auto",
        OneOf("auto", "native", "stan"),
        "native: the exact mode, in this process; stan: stock Prophet's, which stops early; auto: "
        "native, but stan for a seasonality with less than two periods of history.",
    )
    minObservations: int = setting(
        2, Whole(2), "A group with fewer usable rows fails with code TOO_SHORT; >= 2."
    )
    fallback: str = setting(
        "none",
        OneOf("none", *FALLBACKS),
        "What forecasts a group whose fit failed; its row says status=fallback and keeps the "
        "error.",
    )
    groupTimeout: float = setting(
        0.0,
        Number(0, LONGEST, open_ends=False),
        "Seconds that one group's work may take; 0: no limit. A group that is still at work a "
        "second later is ended, whatever it does, and has the code TIMEOUT.",
    )
    groupMemoryInMB: int = setting(
        0,
        Whole(0),
        "MiB that one group's work may take besides its rows; 0: no limit. A group that needs more "
        "has the code OUT_OF_MEMORY. On Linux only.",
    )

    def __post_init__(self) -> None:
        self._settle(self.__dataclass_fields__)

    def _settle(self, names: Iterable[str]) -> None:
        """Bring these settings into canonical form, and check that all fit together."""
        for name in names:
            field, value = self.__dataclass_fields__[name], getattr(self, name)
            if value is not None or field.default is not None:
                object.__setattr__(self, name, field.metadata["convert"](value, name))
        self._check_names()
        self._check_holiday_priors()

    def _check_names(self) -> None:
        if not (self.seasonalities or self.regressors or self.holidays):
            return
        names = [term["name"] for term in self.seasonalities + self.regressors]
        if self.monthlyFourierOrder and "monthly" not in names[: len(self.seasonalities)]:
            names.append("monthly")
        names += {term["holiday"] for term in self.holidays}
        # Several seasonalities may share a condition.
        names += {term["conditionCol"] for term in self.seasonalities} - {None}
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"seasonalities, regressors, holidays: the name {twice[0]!r} is used twice; "
                "give each its own name"
            )

    def _check_holiday_priors(self) -> None:
        scales: dict[str, float] = {}
        for term in self.holidays:
            scale = term["priorScale"] or self.holidaysPriorScale
            if scales.setdefault(term["holiday"], scale) != scale:
                raise ValueError(
                    f"holidays[{term['holiday']}].priorScale: found {scale:g} and "
                    f"{scales[term['holiday']]:g}, must be the same on all of its days"
                )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Columns besides timestamp, label, cap and floor that a fit needs, in order."""
        conditions = [term["conditionCol"] for term in self.seasonalities]
        names = [term["name"] for term in self.regressors] + [c for c in conditions if c]
        return tuple(dict.fromkeys(names))

    def replace(self, values: Mapping[str, Any]) -> Config:
        """A copy with other values; None takes a setting back to unset.

        Raises
        ------
        TypeError, ValueError
            For an unknown name (with the nearest known one) or a value out of range.
        """
        check_names(values)
        # A search asks for one per trial: what does not change is not converted again.
        changed = copy.copy(self)
        changed.__dict__.update(values)
        changed._settle(values)
        return changed

    def to_json(self) -> str:
        """All settings as one JSON object, in the table's order."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Config:
        """The config that `to_json` wrote."""
        return Config().replace(json.loads(text))


SETTINGS: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(Config)


def shaping(*shapes: Shapes) -> tuple[str, ...]:
    """Names of the settings that shape one of these, in the table's order; see `setting`."""
    return tuple(field.name for field in SETTINGS if field.metadata["shapes"] in shapes)


def check_names(values: Mapping[str, Any]) -> None:
    """Raise ValueError for the first name that is not a setting, with the nearest that is."""
    known = [field.name for field in SETTINGS]
    for name in values:
        if name not in known:
            raise ValueError(f"{name}: not a setting of a series; {nearest(name, known)}")


def as_param_value(value: Any) -> Any:
    """A setting's canonical value as Spark's Params and JSON hold it: tuples become lists."""
    if not isinstance(value, tuple):
        return value
    return [dict(entry) if isinstance(entry, dict) else entry for entry in value]
