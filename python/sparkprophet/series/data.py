"""One group's data as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats, Ints, Times


@dataclass(frozen=True)
class Series:
    """The rows of one group.

    Attributes
    ----------
    ds : ndarray of datetime64[us], shape (T,)
        Wall-clock timestamps without a zone.
    y : ndarray of float64, shape (T,)
        The label in its own unit; NaN where there is none.
    columns : mapping of str to ndarray of float64, shape (T,)
        Everything else that a config can name: regressors, conditions (0 or 1), and "cap" and
        "floor" for logistic growth. NaN where there is no value.
    """

    ds: Times
    y: Floats
    columns: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ds)

    def take(self, rows: Flags | Ints | slice) -> Series:
        """The rows of a boolean mask, an index array or a slice, in that order."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Series(self.ds[rows], self.y[rows], columns)

    def ordered(self) -> Series:
        """Sorted by time and, within equal times, by every value.

        Sums of floating-point numbers depend on their order, so a canonical order is what makes
        a fit independent of the order in which rows arrive.
        """
        if (self.ds[1:] > self.ds[:-1]).all():
            return self
        keys = [self.columns[name] for name in sorted(self.columns, reverse=True)]
        return self.take(np.lexsort([*keys, self.y, self.ds]))
