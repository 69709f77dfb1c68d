"""The structured settings of a config: seasonalities, holidays and regressors.

Each `*_term` function takes one entry as a user writes it and gives its canonical form, a dict
of JSON values with every field present. Fields are named as the stage's params are; Prophet's own
snake_case names are understood too, so that a Prophet holidays frame can be passed as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sparkprophet.series.ranges import OneOf, instant, positive, whole

MODES = ("additive", "multiplicative")
_MODE = OneOf(*MODES)

# Component names that Prophet's forecast frame uses itself (Prophet.validate_column_name).
_RESERVED = {"ds", "y", "cap", "floor", "y_scaled", "cap_scaled"} | {
    name + suffix
    for suffix in ("", "_lower", "_upper")
    for name in (
        "trend",
        "additive_terms",
        "daily",
        "weekly",
        "yearly",
        "holidays",
        "zeros",
        "yhat",
        "extra_regressors_additive",
        "extra_regressors_multiplicative",
        "multiplicative_terms",
    )
}
_BUILT_IN = ("yearly", "monthly", "weekly", "daily")


def camel(name: str) -> str:
    """lower_window -> lowerWindow."""
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)


def seasonality_term(entry: Any) -> dict[str, Any]:
    """name, period (days), fourierOrder, priorScale, mode, conditionCol."""
    fields = _fields(
        entry,
        "seasonalities",
        ("name", "period", "fourierOrder"),
        ("priorScale", "mode", "conditionCol"),
    )
    name = _name(fields["name"], "seasonalities", allowed=_BUILT_IN)
    what = f"seasonalities[{name}]"
    condition = fields["conditionCol"]
    if condition is not None:
        condition = _name(condition, f"{what}.conditionCol")
    return {
        "name": name,
        "period": positive(fields["period"], f"{what}.period"),
        "fourierOrder": whole(fields["fourierOrder"], f"{what}.fourierOrder", 1),
        "priorScale": _optional_prior(fields, what),
        "mode": _optional_mode(fields, what),
        "conditionCol": condition,
    }


def regressor_term(entry: Any) -> dict[str, Any]:
    """name, priorScale, standardize ("auto", true or false), mode; a bare string is a name."""
    fields = _fields(
        {"name": entry} if isinstance(entry, str) else entry,
        "regressors",
        ("name",),
        ("priorScale", "standardize", "mode"),
    )
    name = _name(fields["name"], "regressors")
    what = f"regressors[{name}]"
    standardize = "auto" if fields["standardize"] is None else fields["standardize"]
    if standardize not in ("auto", True, False):
        raise ValueError(f"{what}.standardize: found {standardize!r}, must be 'auto', True, False")
    return {
        "name": name,
        "priorScale": _optional_prior(fields, what),
        "standardize": standardize if standardize == "auto" else bool(standardize),
        "mode": _optional_mode(fields, what),
    }


def holiday_term(entry: Any) -> dict[str, Any]:
    """holiday, ds, lowerWindow (<= 0 days), upperWindow (>= 0 days), priorScale."""
    if isinstance(entry, (list, tuple)) and not hasattr(entry, "_fields"):
        names = ("holiday", "ds", "lowerWindow", "upperWindow", "priorScale")
        entry = dict(zip(names, entry, strict=False))
    fields = _fields(
        entry, "holidays", ("holiday", "ds"), ("lowerWindow", "upperWindow", "priorScale")
    )
    name = _name(fields["holiday"], "holidays")
    what = f"holidays[{name}]"
    lower = whole(_none_to(fields["lowerWindow"], 0), f"{what}.lowerWindow")
    upper = whole(_none_to(fields["upperWindow"], 0), f"{what}.upperWindow", 0)
    if lower > 0:
        raise ValueError(f"{what}.lowerWindow: found {lower}, must be <= 0 (days before the day)")
    return {
        "holiday": name,
        "ds": instant(fields["ds"], f"{what}.ds"),
        "lowerWindow": lower,
        "upperWindow": upper,
        "priorScale": _optional_prior(fields, what),
    }


def terms(value: Any, convert: Any, what: str) -> tuple[dict[str, Any], ...]:
    """Every entry of a list, tuple or pandas DataFrame in canonical form."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        value = value.to_dict("records")
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"{what}: found {value!r}, must be a list")
    return tuple(convert(entry) for entry in value)


def _fields(
    entry: Any, what: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Any]:
    if hasattr(entry, "asDict"):
        entry = entry.asDict()
    if not isinstance(entry, Mapping):
        raise TypeError(f"{what}: found {entry!r}, must be an object with {', '.join(required)}")
    known = {camel(str(name)): value for name, value in entry.items()}
    known = {"conditionCol" if n == "conditionName" else n: v for n, v in known.items()}
    unknown = sorted(set(known) - set(required) - set(optional))
    missing = [name for name in required if known.get(name) is None]
    if unknown or missing:
        raise ValueError(
            f"{what}: found {dict(entry)!r}; "
            + (f"missing {', '.join(missing)}; " if missing else "")
            + (f"unknown {', '.join(unknown)}; " if unknown else "")
            + f"fields are {', '.join(required + optional)}"
        )
    return {name: _nan_to_none(known.get(name)) for name in required + optional}


def _nan_to_none(value: Any) -> Any:
    # A missing number in a pandas frame arrives as NaN.
    return None if isinstance(value, float) and math.isnan(value) else value


def _none_to(value: Any, default: Any) -> Any:
    return default if value is None else value


def _name(value: Any, what: str, allowed: tuple[str, ...] = ()) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what}: found name {value!r}, must be non-empty text")
    if "_delim_" in value or (value in _RESERVED and value not in allowed):
        raise ValueError(
            f"{what}: the name {value!r} is one that Prophet keeps for itself; rename the column"
        )
    return value


def _optional_prior(fields: Mapping[str, Any], what: str) -> float | None:
    value = fields["priorScale"]
    return None if value is None else positive(value, f"{what}.priorScale")


def _optional_mode(fields: Mapping[str, Any], what: str) -> str | None:
    mode = fields["mode"]
    return None if mode is None else _MODE(mode, f"{what}.mode")
