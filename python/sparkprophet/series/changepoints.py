"""Where the trend of a series may change its rate (`Prophet.set_changepoints`)."""

from __future__ import annotations

import numpy as np

from sparkprophet.numerics.arrays import Floats, Times
from sparkprophet.series import scaling
from sparkprophet.series.config import Config
from sparkprophet.series.state import Scales


def place(ds: Times, config: Config) -> Times:
    """The dates of the potential changepoints.

    Those that the config gives, else `nChangepoints` rows of the history at even distances (in
    rows, not in time) within its first part of `changepointRange`, without its first row; fewer
    where that part has fewer rows.

    Parameters
    ----------
    ds : ndarray of datetime64[us], shape (T,)
        The history's timestamps, sorted, repeated ones included.
    config : Config

    Returns
    -------
    ndarray of datetime64[us], shape (S,)
        Sorted; empty where there are none.
    """
    if config.changepoints is not None:
        return np.sort(np.array(config.changepoints, dtype="datetime64[us]"))
    rows = int(np.floor(len(ds) * config.changepointRange))
    count = min(config.nChangepoints, rows - 1)
    if count <= 0:
        return np.empty(0, dtype="datetime64[us]")
    # Half to even, as Prophet rounds.
    return ds[np.linspace(0, rows - 1, count + 1).round().astype(np.int64)[1:]]


def times(changepoints: Times, scales: Scales) -> Floats:
    """Dates of changepoints in scaled time, sorted (`Prophet.changepoints_t`).

    Parameters
    ----------
    changepoints : ndarray of datetime64[us], shape (S,)
        In any order: Stan's fits keep given ones as the user wrote them.
    scales : Scales

    Returns
    -------
    ndarray of float64, shape (max(1, S),)
        One dummy at 0 where there are none, as in Prophet: its rate change counts as zero.
    """
    return np.sort(scaling.time(changepoints, scales)) if len(changepoints) else np.zeros(1)
