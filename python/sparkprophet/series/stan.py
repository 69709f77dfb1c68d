"""Stock Prophet's own solver, made fit for thousands of fits in a worker.

The same CmdStan program with the same options, starting values and data as `prophet` uses; what
differs is around it: the temporary files of a fit go with the fit, the program is looked up once
per process, nothing is logged, and a time limit ends it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import tempfile
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from sparkprophet.series.errors import SeriesError

# Prophet loads matplotlib, which complains of a home that is not writable.
_LOGGERS = (
    "prophet",
    "prophet.models",
    "prophet.plot",
    "cmdstanpy",
    "matplotlib",
    "matplotlib.font_manager",
)
# Prophet logs, warns and draws random numbers through state of the whole process, so threads take
# turns; processes, such as Spark's workers, do not meet.
_TURN = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence Prophet, CmdStanPy and the warnings they cause in pandas, then restore.

    One thread at a time.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    with _TURN:
        # Not their levels: CmdStanPy resets its own when it first logs.
        before = [logger.disabled for logger in loggers]
        try:
            for logger in loggers:
                logger.disabled = True
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            for logger, disabled in zip(loggers, before, strict=True):
                logger.disabled = disabled


def scratch_directory() -> str | None:
    """Where temporary files go: inside a Spark worker, a folder that Spark removes itself.

    A worker that is killed runs no clean-up of its own; what it leaves in Spark's local folders
    goes with the executor. Elsewhere None, Python's default.
    """
    local = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]
    return local if local and os.access(local, os.W_OK) else None


@functools.cache
def _program() -> Any:
    # CmdStanPy makes a folder when it is imported and removes it at a normal exit, which a Spark
    # worker never has.
    default, tempfile.tempdir = tempfile.tempdir, scratch_directory() or tempfile.tempdir
    try:
        from prophet.models import CmdStanPyBackend

        backend = CmdStanPyBackend()
    finally:
        tempfile.tempdir = default
    return backend.model


@functools.cache
def prophet_class() -> type:
    """A Prophet whose Stan backend is this module's; made once, since prophet loads slowly."""
    with quiet():
        model = _program()
        from prophet import Prophet
        from prophet.models import CmdStanPyBackend

    class StanBackend(CmdStanPyBackend):
        """CmdStanPyBackend that leaves no file behind."""

        def load_model(self) -> Any:
            return model

        def fit(
            self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
        ) -> OrderedDict[str, Any]:
            with tempfile.TemporaryDirectory(
                prefix="sparkprophet-", dir=scratch_directory()
            ) as folder:
                return super().fit(stan_init, stan_data, output_dir=folder, **kwargs)

    class StanProphet(Prophet):
        """Prophet that loads only the backend above."""

        def _load_stan_backend(self, stan_backend: str | None) -> None:
            self.stan_backend = StanBackend()

    return StanProphet


def fit(model: Any, frame: Any, deadline: float | None) -> float | None:
    """Fit an unfitted model of `prophet_class` and return Stan's log posterior.

    Parameters
    ----------
    model : Prophet
    frame : pandas.DataFrame
        As `Prophet.fit` takes it.
    deadline : float or None
        `time.monotonic()` at which the fit is given up.

    Returns
    -------
    float or None
        Stan's lp__ (without Jacobian); None where Prophet needed no optimisation (constant
        labels).

    Raises
    ------
    SeriesError
        TIMEOUT or SOLVER_FAILED with Stan's own words.
    """
    limit = {} if deadline is None else {"timeout": deadline - time.monotonic()}
    try:
        if limit and limit["timeout"] <= 0:
            raise TimeoutError("no time is left")
        model.fit(frame, **limit)
    except TimeoutError as error:
        raise SeriesError(
            "TIMEOUT", "the fit used up groupTimeout; raise it or simplify the model"
        ) from error
    except RuntimeError as error:
        raise SeriesError(
            "SOLVER_FAILED",
            f"Stan: {' '.join(str(error).splitlines()[-1:])}; simplify the model, drop collinear "
            "regressors or set a fallback",
        ) from error
    lp = model.params.get("lp__")
    return None if lp is None else float(lp[0, 0])
