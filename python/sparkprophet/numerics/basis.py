"""What fits on the same dates and columns share: the trend's basis, its segments, and moments.

A trend with changepoints is a straight line on each segment between two of them. So every weighted
Gram matrix that a fit needs is a combination, with scalars of that fit, of sums over segments that
depend on dates alone.
"""

from __future__ import annotations

import functools

import numpy as np

from sparkprophet.numerics.arrays import Flags, Floats

# Rows that are worked on at one time; bounds the memory that a long series takes.
_BLOCK = 65536
# Above this many bytes, or for fewer rows than this per segment, moments cost more than they save.
_LARGEST_MOMENTS = 256 * 2**20
_FEWEST_ROWS = 8


class Basis:
    """Dates, design columns and changepoints of any number of fits, with their moments.

    Parameters
    ----------
    t : ndarray of float64, shape (T,)
        Scaled time, sorted.
    X : ndarray of float64, shape (T, K)
        All design columns that a fit may choose from.
    changepoints : ndarray of float64, shape (S,)
        Sorted scaled times. Not used with flat growth.
    growth : str
        linear, logistic or flat.
    """

    def __init__(self, t: Floats, X: Floats, changepoints: Floats, growth: str) -> None:
        self.t = np.ascontiguousarray(t)
        # Transposed: the kernels take sums along a column.
        self.XT = np.ascontiguousarray(X.T)
        self.growth = growth
        self.changepoints = changepoints if growth != "flat" else np.empty(0)
        inner = np.searchsorted(self.t, self.changepoints)
        # Row where each segment begins, and the number of rows as the end of the last.
        self.segments = np.concatenate(([0], inner, [len(t)])).astype(np.int64)

    @property
    def most_bytes(self) -> int:
        """Memory that the basis takes once all of it has been asked for."""
        K, width = len(self.XT), 2 + len(self.XT) + len(self.changepoints)
        packed = 3 * (len(self.segments) - 1) * K * (K + 1) // 2
        return 8 * (self.XT.size + self.t.size + width * width + packed)

    @functools.cached_property
    def level_columns(self) -> Flags:
        """Columns of X that are a level rather than a change of it, shape (K,).

        Of their squares more is that of the mean.
        """
        flags: Flags = len(self.t) * self.XT.mean(axis=1) ** 2 > self.spreads
        return flags

    @functools.cached_property
    def has_levels(self) -> bool:
        """Whether there is a level column."""
        return bool(self.level_columns.any())

    @functools.cached_property
    def spreads(self) -> Floats:
        """Sums of squares of X's columns around their means, shape (K,)."""
        centred = self.XT - self.XT.mean(axis=1)[:, None]
        spreads: Floats = np.einsum("ij,ij->i", centred, centred)
        return spreads

    @functools.cached_property
    def gram(self) -> Floats:
        """B'B of the columns B = [t, 1, X, hinges (t - s_j)+], shape (2 + K + S,) squared.

        With flat growth the column t is zero.
        """
        return self._gram(self.XT)

    @functools.cached_property
    def trend_gram(self) -> Floats:
        """The part of `gram` without X, shape (2 + S,) squared."""
        return self._gram(self.XT[:0])

    def products(self, y: Floats) -> Floats:
        """B'y, shape (2 + K + S,), for y of shape (T,)."""
        after = np.maximum(self.segments[1:-1], 0)
        # Sums of y and t y from each changepoint on give those of y (t - s_j)+.
        tails = np.cumsum((y * np.vstack([np.ones(len(y)), self.t]))[:, ::-1], axis=1)[:, ::-1]
        tails = np.column_stack([tails, np.zeros(2)])[:, after]
        hinges = tails[1] - self.changepoints * tails[0]
        return np.concatenate(([self._time() @ y, y.sum()], self.XT @ y, hinges))

    @functools.cached_property
    def moments(self) -> Floats:
        """Sums over each segment of t^p x x', packed; shape (3, S + 1, K (K + 1) / 2), p first.

        The lower triangle is packed row by row. Shape (3, 0, 0) where weighing the rows of X
        anew is cheaper, or the moments would not fit.
        """
        K, T = self.XT.shape
        count = len(self.segments) - 1
        packed = K * (K + 1) // 2
        if T < _FEWEST_ROWS * count or 24 * count * packed > _LARGEST_MOMENTS:
            return np.empty((3, 0, 0))
        lower = np.tril_indices(K)
        result = np.empty((3, count, packed))
        for s in range(count):
            rows = slice(self.segments[s], self.segments[s + 1])
            XT, timed = self.XT[:, rows], self.XT[:, rows] * self.t[rows]
            for p, (left, right) in enumerate(((XT, XT), (timed, XT), (timed, timed))):
                result[p, s] = (left @ right.T)[lower]
        return result

    def _time(self) -> Floats:
        return self.t if self.growth != "flat" else np.zeros(len(self.t))

    def _gram(self, XT: Floats) -> Floats:
        width = 2 + len(XT) + len(self.changepoints)
        total, time = np.zeros((width, width)), self._time()
        for start in range(0, len(time), _BLOCK):
            rows = slice(start, start + _BLOCK)
            hinges = np.maximum(self.t[rows] - self.changepoints[:, None], 0.0)
            BT = np.vstack([time[rows], np.ones(len(time[rows])), XT[:, rows], hinges])
            total += BT @ BT.T
        return total
