"""A Prophet for single series and no Spark, fitted by the exact solver."""

from __future__ import annotations

from typing import Any

import numpy as np
from prophet import Prophet
from prophet.models import CmdStanPyBackend, IStanBackend, TrendIndicator

from sparkprophet.numerics.arrays import Floats
from sparkprophet.numerics.basis import Basis
from sparkprophet.numerics.solver import Prior, Response, identified
from sparkprophet.numerics.trend import trend
from sparkprophet.series import native


class NativeBackend(IStanBackend):
    """Prophet's interface to a solver, with the exact one behind it.

    `stan_fit` is the `sparkprophet.numerics.solver.Solution` of the last fit. MCMC is Stan's.
    """

    @staticmethod
    def get_type() -> str:
        return "NATIVE"

    def load_model(self) -> None:
        return None

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Floats]:
        """The mode as Prophet's params, arrays of shape (1, n).

        Arguments for Stan's optimiser (algorithm, iter, seed, init) have no meaning here and are
        not looked at.

        Raises
        ------
        SeriesError
            SOLVER_FAILED where a number leaves the range of floats.
        """
        t, y, X, cap, changepoints = (
            np.asarray(stan_data[name], dtype=np.float64)
            for name in ("t", "y", "X", "cap", "t_change")
        )
        growth = TrendIndicator(stan_data["trend_indicator"]).name.lower()
        basis = Basis(t, X, changepoints, growth)
        prior = Prior(
            np.arange(X.shape[1]),
            np.asarray(stan_data["s_m"], dtype=bool),
            np.asarray(stan_data["sigmas"], dtype=np.float64),
            float(stan_data["tau"]),
        )
        response = Response(basis, y, cap)
        self.stan_fit = native.mode(response, identified(response, prior))
        point = self.stan_fit.point
        delta = point.delta if growth != "flat" else np.zeros(len(changepoints))
        g = trend(growth, point, basis.changepoints, t, cap)
        values: dict[str, float | Floats] = {
            "k": point.k,
            "m": point.m,
            "delta": delta,
            "sigma_obs": point.s,
            "beta": point.beta,
            "trend": g,
            "lp__": self.stan_fit.log_posterior,
        }
        return {name: np.reshape(value, (1, -1)) for name, value in values.items()}

    def sampling(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], samples: int, **kwargs: Any
    ) -> dict[str, Floats]:
        """Stan's samples, for models with mcmc_samples > 0."""
        stan = CmdStanPyBackend()
        params = stan.sampling(stan_init, stan_data, samples, **kwargs)
        self.stan_fit = stan.stan_fit
        return params


class FastProphet(Prophet):
    """`prophet.Prophet` whose `fit` takes milliseconds: the exact mode, found in this process.

    Everything else is Prophet's own, `prophet.diagnostics.cross_validation` and
    `prophet.serialize` included. Its mode has at least the log posterior of Stan's, which stops
    early. The argument `stan_backend` has no effect.
    """

    def _load_stan_backend(self, stan_backend: str | None) -> None:
        self.stan_backend = NativeBackend()
