"""Prophet called by hand: what the series package is compared with."""

import logging

import numpy as np
import pandas as pd
from prophet import Prophet

for _name in ("prophet", "cmdstanpy"):
    logging.getLogger(_name).setLevel(logging.ERROR)


def frame(series, with_y=True):
    """A series as the frame that a user would give Prophet."""
    table = pd.DataFrame({"ds": series.ds.astype("datetime64[ns]")})
    if with_y:
        table["y"] = series.y
    for name, values in series.columns.items():
        table[name] = values
    return table


def fitted(series, prepare=None, **settings):
    """A fitted Prophet; `prepare` gets the model before the fit."""
    model = Prophet(**settings)
    if prepare is not None:
        prepare(model)
    return model.fit(frame(series))


def predicted(model, rows, seed):
    """Prophet's forecast of rows, with numpy's global generator seeded as given."""
    np.random.seed(seed)
    return model.predict(frame(rows, with_y=False))


def futures(model, rows, seed):
    """Prophet's simulated labels of rows: shape (n, samples)."""
    np.random.seed(seed)
    return model.predictive_samples(frame(rows, with_y=False))["yhat"]


def share_bound(share, drawn, samples):
    """How far a share of `samples` draws may lie from `share`, at a percentile of `drawn` others.

    The draws below that percentile are a share whose standard deviation is
    sqrt(share (1 - share) (1 / drawn + 1 / samples)), whatever the distribution: either part is
    the error of a share in a sample of a uniform variable. Six of them are met by chance once in
    5e8 comparisons. One draw more of either sample is a matter of interpolation.
    """
    deviation = np.sqrt(share * (1 - share) * (1 / drawn + 1 / samples))
    return 6 * deviation + 1 / drawn + 1 / samples


def assert_percentile(values, share, drawn, futures):
    """Each of `values` (n,) is a percentile, found from `drawn` draws, of what Prophet draws.

    `futures` (n, samples) are Prophet's; those that equal a value but for rounding lie on either
    side of it.
    """
    at = np.asarray(values)[:, None]
    rounding = 1e-9 * np.abs(at)
    below = (futures < at - rounding).mean(axis=1)
    up_to = (futures <= at + rounding).mean(axis=1)
    missed = np.maximum(below - share, share - up_to)
    np.testing.assert_array_less(missed, share_bound(share, drawn, futures.shape[1]))
