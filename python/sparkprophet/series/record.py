"""The record of one series' fit: one typed row, whatever happened."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from sparkprophet.series.config import Config
from sparkprophet.series.state import State


@dataclass
class Clock:
    """Wall and CPU seconds of a block of work, children that ended included."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @staticmethod
    @contextlib.contextmanager
    def measure() -> Iterator[Clock]:
        """Fills the clock it yields when the block ends, however it ends."""
        clock, wall, cpu = Clock(), time.perf_counter(), cpu_seconds()
        try:
            yield clock
        finally:
            clock.seconds = time.perf_counter() - wall
            clock.cpu_seconds = cpu_seconds() - cpu


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that ended, user and system."""
    # os.times() counts its own process in hundredths only, too coarse for fits of a millisecond.
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


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


def where() -> tuple[str, int]:
    """Host name and process id of this worker."""
    return socket.gethostname(), os.getpid()
