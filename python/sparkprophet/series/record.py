"""The record of one series' fit: one typed row, whatever happened."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparkprophet.series.config import Config
from sparkprophet.series.state import State


@dataclass
class Fit:
    """The outcome for one series.

    Attributes
    ----------
    status : str
        "ok", "fallback" (the fit failed, a naive method forecasts) or "failed".
    config : Config
        What the series was fitted with.
    solver : str or None
        "stan" or "native"; of a fallback the naive method.
    state : State or None
        None where nothing can be forecast.
    error_code, error_message : str or None
        Of the failure, kept by a fallback too.
    n_obs : int
        Rows with a label.
    start, end : datetime64[us] or None
        First and last timestamp of those rows.
    log_posterior : float or None
        Of the solution, as the solver gives it; None where nothing was optimised.
    members : list of dict, or None
        Of a combination: settings, method, weight and error of what it is made of.
    search : dict
        What a search before the fit adds to the series' row, by column; empty without one.
    """

    status: str
    config: Config
    solver: str | None = None
    state: State | None = None
    error_code: str | None = None
    error_message: str | None = None
    n_obs: int = 0
    start: np.datetime64 | None = None
    end: np.datetime64 | None = None
    log_posterior: float | None = None
    members: list[dict[str, Any]] | None = None
    search: dict[str, Any] = field(default_factory=dict)


def where() -> tuple[str, int]:
    """Host name and process id of this worker."""
    return socket.gethostname(), os.getpid()
