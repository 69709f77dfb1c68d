"""What the tests of single series share."""

import numpy as np
import pytest

from sparkprophet.series.data import Series


@pytest.fixture
def daily():
    """Makes a daily series with trend, week and noise from its length."""

    def make(n, start="2021-03-01", seed=0):
        ds = np.datetime64(start, "us") + np.arange(n) * np.timedelta64(1, "D")
        rng = np.random.default_rng(seed)
        week = np.sin(2 * np.pi * np.arange(n) / 7)
        return Series(ds, 20 + 0.05 * np.arange(n) + 2 * week + rng.normal(0, 0.5, n))

    return make
