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
