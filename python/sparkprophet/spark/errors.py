"""Errors that a whole job ends with."""

from __future__ import annotations

from typing import Any


class FitFailedError(RuntimeError):
    """Too many groups failed.

    Attributes
    ----------
    model : GroupedProphetModel
        What was fitted all the same; its `failures` say what went wrong with each group.
    """

    def __init__(self, message: str, model: Any):
        super().__init__(message)
        self.model = model


class SearchFailedError(RuntimeError):
    """Every candidate of a Bayesian tuner failed, or more than `maxFailedTrials`.

    Attributes
    ----------
    trials : tuple of ScoredTrial
        All that were tried, each with its error.
    """

    def __init__(self, message: str, trials: Any):
        super().__init__(message)
        self.trials = trials
