"""The codes with which one series can fail, and the exception that carries one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

CODES: dict[str, str] = {
    "TOO_SHORT": "fewer usable rows than minObservations",
    "DS_NULL": "a row with a value has no timestamp",
    "DS_CONSTANT": "all timestamps are equal, so there is no time axis",
    "DS_OUT_OF_RANGE": "timestamps outside the years, or the span, that nanosecond time can hold",
    "Y_INFINITE": "the label holds an infinite value",
    "Y_OUT_OF_RANGE": "the label is so large or small that sums over it overflow or vanish",
    "REGRESSOR_INVALID": "a regressor is NULL, NaN or infinite in a row that is used",
    "CONDITION_INVALID": "a condition column holds something other than true or false",
    "CAP_INVALID": "logistic growth without a cap above the floor in every row",
    "CHANGEPOINTS_OUTSIDE": "a given changepoint lies outside the history",
    "HOLIDAYS_INVALID": "an unknown country, or one whose holidays clash with other names",
    "OVERRIDES_INVALID": "the group's own values are no JSON object of known params",
    "NOT_CONSTANT": "a column that must hold one value per group holds several",
    "SOLVER_FAILED": "the solver ended without a usable optimum",
    "TIMEOUT": "the group used up groupTimeout",
    "OUT_OF_MEMORY": "the group needed more memory than groupMemoryInMB, or than there was",
    "WORKER_LOST": "the process that worked on the group ended, and ended again at a second try",
    "INTERNAL": "an error nobody foresaw: its type and text are in the message",
}


class SeriesError(Exception):
    """One series cannot be fitted or forecast.

    Parameters
    ----------
    code : str
        One of `CODES`.
    message : str
        What was found (column, value) and the remedy. The group is added by whoever knows it.
    """

    def __init__(self, code: str, message: str):
        if code not in CODES:
            raise ValueError(f"unknown error code {code!r}; known: {', '.join(CODES)}")
        super().__init__(message)
        self.code = code
        self.message = message


def as_series_error(error: Exception) -> SeriesError:
    """The error itself if it has a code, else one with a code that keeps its text."""
    if isinstance(error, SeriesError):
        return error
    if isinstance(error, MemoryError):
        return SeriesError(
            "OUT_OF_MEMORY",
            f"{error or 'no memory is left'}; raise groupMemoryInMB, give executors more memory or "
            "simplify the model",
        )
    return SeriesError("INTERNAL", f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def coded() -> Iterator[None]:
    """Every error of the block as a SeriesError: callers then have one kind to catch."""
    try:
        yield
    except SeriesError:
        raise
    except Exception as error:
        raise as_series_error(error) from error
