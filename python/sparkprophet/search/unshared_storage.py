"""Where a study of one thread keeps its trials, and how one is asked for many params at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna import Trial
from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage


class UnsharedStorage(InMemoryStorage):
    """Optuna's storage in memory, for a study that one thread works on and no other looks at.

    The base class copies a trial for each param that it gets, so that readers in other threads see
    no half-made one: a twentieth of a search that fits in a millisecond.
    """

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Note a param of a running trial, in place."""
        trial = self.get_trial(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution


class JointTrial:
    """A running trial as a search space asks it, answered from what the sampler drew jointly.

    `Trial.suggest_*` makes a distribution, compares it with three others and copies the trial for
    each param, a sixth of such a search. Here the space is known to be that of the trials before,
    so a param that the sampler drew is noted and given. Others are left to the trial itself.

    Parameters
    ----------
    trial : Trial
        Of a study that is kept in `storage`, without fixed params.
    storage : UnsharedStorage
        Kept by this study alone.
    """

    def __init__(self, trial: Trial, storage: UnsharedStorage) -> None:
        self._trial, self._drawn = trial, trial.relative_params
        number = storage.get_trial_id_from_study_id_trial_number(0, trial.number)
        self._kept, self._space = storage.get_trial(number), trial.relative_search_space or {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """As `Trial.suggest_float`."""
        if name in self._drawn:
            value: float = self._noted(name)
            return value
        return self._trial.suggest_float(name, low, high, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """As `Trial.suggest_int`."""
        if name in self._drawn:
            value: int = self._noted(name)
            return value
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """As `Trial.suggest_categorical`."""
        if name in self._drawn:
            return self._noted(name)
        return self._trial.suggest_categorical(name, choices)

    def _noted(self, name: str) -> Any:
        self._kept.params[name] = value = self._drawn[name]
        self._kept.distributions[name] = self._space[name]
        return value
