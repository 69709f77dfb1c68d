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
