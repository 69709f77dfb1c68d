"""Bases that series of the same dates share: a process makes each of them once.

All that a fit needs but the label depends on dates and settings alone, unless the config names
columns. In a table of many series most have the same dates.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from sparkprophet.numerics.basis import Basis
from sparkprophet.series import changepoints, design, scaling
from sparkprophet.series.config import Config, shaping
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.state import Scales

# Bytes that a process keeps; the basis of six years of days takes about 5 MB.
_MOST_BYTES = 256 * 2**20
# Settings that configs of one basis have in common.
_SHAPING = shaping("basis")
# Of a regressor's values, so that their squares can be summed.
_LARGEST = 1e150


@dataclass(frozen=True)
class DatedBasis:
    """The columns of a design and their basis, for the dates of one or more series."""

    layout: design.Layout
    basis: Basis


def dated_basis(
    config: Config, seasonalities: tuple[Seasonality, ...], rows: Series, scales: Scales
) -> DatedBasis:
    """The basis of sorted rows; the same object for all series of the same dates, if it can be.

    Raises
    ------
    SeriesError
        HOLIDAYS_INVALID, or SOLVER_FAILED for a regressor whose sums overflow.
    """
    if config.column_names:
        return _make(config, seasonalities, rows, scales)
    shapes = tuple(season.shape for season in seasonalities)
    settings = json.dumps([getattr(config, name) for name in _SHAPING])
    key = (rows.ds.tobytes(), shapes, settings)
    dated = _kept.get(key)
    if dated is None:
        dated = _make(config, seasonalities, rows, scales)
        _kept.put(key, dated)
    return dated


class _Kept:
    """The bases used last, up to `_MOST_BYTES` of them."""

    def __init__(self) -> None:
        self._bases: OrderedDict[Hashable, DatedBasis] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> DatedBasis | None:
        with self._lock:
            if key in self._bases:
                self._bases.move_to_end(key)
            return self._bases.get(key)

    def put(self, key: Hashable, dated: DatedBasis) -> None:
        with self._lock:
            if key in self._bases:  # another thread was faster
                return
            self._bases[key] = dated
            self._bytes += dated.basis.most_bytes
            while self._bytes > _MOST_BYTES:
                _, dropped = self._bases.popitem(last=False)
                self._bytes -= dropped.basis.most_bytes


_kept = _Kept()


def _make(
    config: Config, seasonalities: tuple[Seasonality, ...], rows: Series, scales: Scales
) -> DatedBasis:
    layout = design.layout(config, seasonalities, rows.ds)
    X = design.matrix(layout, config, rows, scales)
    for term, block in layout.blocks():
        if term.kind == "regressor" and not (abs(X[:, block]) < _LARGEST).all():
            raise SeriesError(
                "SOLVER_FAILED",
                f"column {term.name!r} is out of range after it was standardised: its values are "
                "too large, or too close to each other for their size; scale it",
            )
    times = changepoints.times(changepoints.place(rows.ds, config), scales)
    return DatedBasis(layout, Basis(scaling.time(rows.ds, scales), X, times, config.growth))
