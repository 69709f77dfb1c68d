"""Prophet called by hand on pandas rows: what forecasts of the stages are compared with."""

import logging

import numpy as np
from prophet import Prophet

from sparkprophet.series import FastProphet

for _name in ("prophet", "cmdstanpy"):
    logging.getLogger(_name).disabled = True

# The class whose preprocessing and predict are all Prophet's own, by what solves it.
KINDS = {"native": FastProphet, "stan": Prophet}

# Shares by which a stage's forecast may differ from that of the class above. Both solvers are
# deterministic, but the stage's design is not Prophet's own code: where it differs in a last bit,
# the exact solver may reach its tolerance a step earlier or later. Designs rounded at random moved
# the forecasts of 1260 series such as these by up to 5e-8; Stan's differ from them by 2e-5 or more.
TOLERANCE = {"native": 1e-6, "stan": 1e-9}


def fitted(rows, prepare=None, solver="native", **settings):
    """A fitted Prophet; `prepare` may add to the unfitted model."""
    model = KINDS[solver](**{"uncertainty_samples": 0} | settings)
    if prepare is not None:
        prepare(model)
    return model.fit(rows)


def yhat(rows, future=None, prepare=None, solver="native", **settings):
    """Forecasts of `future` (by default of the fitted rows) in its own row order."""
    future = rows if future is None else future
    model = fitted(rows, prepare, solver, **settings)
    found = model.predict(future.reset_index(drop=True)).set_index("ds")["yhat"]
    return found[~found.index.duplicated()].loc[future["ds"]].to_numpy()


def futures(model, rows, seed):
    """Prophet's simulated labels of rows: shape (n, samples), with numpy's global generator."""
    np.random.seed(seed)
    return model.predictive_samples(rows)["yhat"]
