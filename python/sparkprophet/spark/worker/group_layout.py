"""Between a group's Arrow table and a series with its own config."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sparkprophet.messages import clip
from sparkprophet.series.bounds import check_bounds
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError


@dataclass(frozen=True)
class GroupLayout:
    """Which internal column of a group's table is what.

    Attributes
    ----------
    key_names : tuple of str
        The users' names of key_0, key_1, ...
    column_names : tuple of str
        The users' names of x_0, x_1, ...
    """

    key_names: tuple[str, ...]
    column_names: tuple[str, ...]

    def series(self, table: pa.Table) -> Series:
        """The group's rows as arrays; NULL and NaN numbers are both NaN."""
        ds = table.column("ds").combine_chunks().cast(pa.int64())
        y = _doubles(table, "y") if "y" in table.column_names else np.full(len(table), np.nan)
        names = {f"x_{i}": name for i, name in enumerate(self.column_names)}
        names |= {name: name for name in ("cap", "floor") if name in table.column_names}
        columns = {name: _doubles(table, internal) for internal, name in names.items()}
        times = ds.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)
        return Series(times.astype("datetime64[us]"), y, columns)

    def label(self, values: list[Any]) -> str:
        """The group as messages name it: store=2, province=NULL."""
        texts = ["NULL" if value is None else str(value) for value in values]
        pairs = [f"{n}={v}" for n, v in zip(self.key_names, texts, strict=False)]
        return clip(", ".join(pairs), 150) or "all rows"

    def config(self, table: pa.Table, base: Config) -> Config:
        """The group's own config: the base, the country of its column, its overrides.

        Raises
        ------
        SeriesError
            NOT_CONSTANT or OVERRIDES_INVALID.
        """
        values: dict[str, Any] = {}
        country = _single(table, "country")
        if country is not None:
            values["countryHolidays"] = country
        overrides = _single(table, "overrides")
        if overrides is not None:
            values |= _overrides(overrides)
        try:
            config = base.replace(values) if values else base
            if values:
                check_bounds(config, base)
        except (TypeError, ValueError) as error:
            raise SeriesError("OVERRIDES_INVALID", f"{error}") from error
        missing = set(config.column_names) - set(self.column_names)
        if missing:
            raise SeriesError(
                "OVERRIDES_INVALID",
                f"column {sorted(missing)[0]!r} is not among those the stage reads; name it in "
                "the stage's own regressors or seasonalities",
            )
        return config


def _doubles(table: pa.Table, name: str) -> np.ndarray:
    values = table.column(name).combine_chunks().fill_null(float("nan"))
    return values.to_numpy(zero_copy_only=False)


def _single(table: pa.Table, name: str) -> Any:
    """The one value of a column that must be constant; None where there is no such column."""
    if name not in table.column_names:
        return None
    values = table.column(name).unique().to_pylist()
    if len(values) > 1:
        raise SeriesError(
            "NOT_CONSTANT",
            f"{name}: found {len(values)} values ({str(values[:2])[1:-1]}, ...), must be one per "
            "group; make it constant",
        )
    return values[0]


def _overrides(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise SeriesError("OVERRIDES_INVALID", f"{_not_an_object(text)} ({error})") from error
    if not isinstance(values, dict):
        raise SeriesError("OVERRIDES_INVALID", _not_an_object(text))
    return values


def _not_an_object(text: str) -> str:
    return f"overridesCol: found {clip(text, 80)!r}, must be a JSON object; make it with to_json"
