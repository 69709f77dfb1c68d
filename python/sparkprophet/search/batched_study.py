"""A study whose points are asked for in batches, tried elsewhere and told in any order.

Every point depends on the seed, its own number and the trials that had finished when its batch was
asked for, and on nothing else. So neither the number of workers nor a restart changes a search.
"""

from __future__ import annotations

import json
import math
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkprophet.search.sampler import make_sampler
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.study import ERROR_LENGTH, optuna_silenced

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_FACTS, _OWNER, _SCORES, _SECONDS, _ERROR, _INTERRUPTED = (
    f"sparkprophet.{name}"
    for name in ("search", "owner", "scores", "seconds", "error", "interrupted")
)


@dataclass(frozen=True)
class Asked:
    """A point to try: its number in the study and key -> value, fixed params too."""

    number: int
    params: dict[str, Any]


@dataclass(frozen=True)
class ScoredTrial:
    """One point that was tried.

    number: position in the study, from 0.
    params: key of the space -> value, fixed ones too.
    state: COMPLETE, or FAIL where there is no finite score for every fold.
    value: mean of the scores, None unless COMPLETE.
    scores: one per fold, in order; empty unless COMPLETE.
    seconds: wall clock of its fits, transforms and evaluations, added up.
    error: `TypeName: message` of a FAIL trial, at most 500 characters, else None.
    """

    number: int
    params: dict[str, Any]
    state: str
    value: float | None
    scores: tuple[float, ...]
    seconds: float
    error: str | None


class BatchedTrials(ABC):
    """What a search asks for points and tells their scores; `maximise`: larger is better."""

    def __init__(self, maximise: bool) -> None:
        self.maximise = maximise

    @abstractmethod
    def ask(self, count: int) -> list[Asked]:
        """Points to try next; none where there are no more."""

    @abstractmethod
    def trials(self) -> list[ScoredTrial]:
        """Every finished trial by number, interrupted ones left out."""

    @abstractmethod
    def fail(
        self, number: int, error: str, seconds: float = 0.0, interrupted: bool = False
    ) -> None:
        """End a trial without a value; an interrupted one does not count as a trial."""

    @abstractmethod
    def _complete(self, number: int, scores: tuple[float, ...], seconds: float) -> None:
        """End a trial whose scores are all finite."""

    def tell(self, number: int, scores: Sequence[float], seconds: float) -> None:
        """End a trial with one score per fold; one that is not finite makes it a failed one."""
        for fold, score in enumerate(scores):
            if not math.isfinite(score):
                error = f"ValueError: the metric is {score} on fold {fold}"
                self.fail(number, error, seconds)
                return
        self._complete(number, tuple(map(float, scores)), seconds)

    def best(self) -> ScoredTrial | None:
        """The COMPLETE trial of the best value, the first one of equals."""
        sign = -1.0 if self.maximise else 1.0
        complete = [trial for trial in self.trials() if trial.value is not None]
        return min(complete, key=lambda trial: (sign * trial.value, trial.number), default=None)


class BatchedStudy(BatchedTrials):
    """An Optuna study, in memory or in a storage that outlives the process.

    Parameters
    ----------
    space : SearchSpace
    maximise : bool
        Whether the larger value is the better one.
    seed : int
    sampler, num_startup_trials
        As in `make_sampler`.
    storage, study_name : str, optional
        Any URL that Optuna takes; an existing study goes on. In memory by default.
    facts : mapping
        JSON values that say what is searched. A study of other facts is refused.

    Raises
    ------
    ValueError
        For a stored study of another search, a storage that cannot be opened, and for one of
        storage and name without the other.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        maximise: bool,
        seed: int,
        sampler: str = "tpe",
        num_startup_trials: int = 10,
        storage: str | None = None,
        study_name: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        import optuna

        if (storage is None) != (study_name is None):
            given, missing = ("storage", "studyName") if storage else ("studyName", "storage")
            raise ValueError(f"{given}: is set without {missing}; set both or neither")
        super().__init__(maximise)
        self._space = space
        self._sampler = sampler, seed, num_startup_trials
        with optuna_silenced():
            self._study = optuna.create_study(
                sampler=self._sampler_of(0),
                direction="maximize" if maximise else "minimize",
                storage=_opened(storage),
                study_name=study_name,
                load_if_exists=True,
            )
        self._check_facts({"maximise": maximise, **(facts or {})}, study_name)
        self._abandoned = [t for t in self._frozen() if _is_abandoned(t)]

    def ask(self, count: int) -> list[Asked]:
        """`count` points: first those that a killed process left at work, all of them, then new.

        Interrupted in the middle, it leaves none of them at work.
        """
        others = {trial.number for trial in self._frozen() if _is_running(trial)}
        others -= {trial.number for trial in self._abandoned}
        try:
            with optuna_silenced():
                asked = [self._again(trial) for trial in self._abandoned]
                while len(asked) < count:
                    asked.append(self._new())
        except BaseException:
            for trial in self._frozen():
                if _is_running(trial) and trial.number not in others:
                    self.fail(trial.number, "interrupted", interrupted=True)
            raise
        finally:
            self._abandoned = []
        return asked

    def try_first(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Give out these points (key -> value) before any other; all have to be in the space."""
        for point in points:
            self._study.enqueue_trial(self._space.encode(point))

    def _complete(self, number: int, scores: tuple[float, ...], seconds: float) -> None:
        attributes = {_SCORES: scores, _SECONDS: seconds}
        self._finish(number, math.fsum(scores) / len(scores), attributes)

    def fail(
        self, number: int, error: str, seconds: float = 0.0, interrupted: bool = False
    ) -> None:
        """End a trial without a value; an interrupted one does not count as a trial."""
        attributes = {_ERROR: error[:ERROR_LENGTH], _SECONDS: seconds}
        self._finish(number, None, attributes | ({_INTERRUPTED: True} if interrupted else {}))

    def trials(self) -> list[ScoredTrial]:
        """Every finished trial by number, interrupted ones left out."""
        return [
            self._scored(trial)
            for trial in self._frozen()
            if trial.state.is_finished() and not trial.user_attrs.get(_INTERRUPTED)
        ]

    def _new(self) -> Asked:
        trial = self._study.ask()
        trial.set_user_attr(_OWNER, _this_process())
        self._study.sampler = self._sampler_of(trial.number)
        return Asked(trial.number, self._space.suggest(trial))

    def _again(self, frozen: FrozenTrial) -> Asked:
        """The point that a killed process had; drawn to its end if that was killed before."""
        import optuna

        trial = optuna.trial.Trial(self._study, frozen._trial_id)
        trial.set_user_attr(_OWNER, _this_process())
        try:
            point = self._space.suggest(optuna.trial.FixedTrial(frozen.params))
        except ValueError:
            self._study.sampler = sampler = self._sampler_of(frozen.number)
            for key, distribution in frozen.distributions.items():
                # As many random numbers as went into the params that are there.
                if key not in trial.relative_params and not distribution.single():
                    sampler.sample_independent(self._study, frozen, key, distribution)
            point = self._space.suggest(trial)
        return Asked(frozen.number, point)

    def _sampler_of(self, number: int) -> optuna.samplers.BaseSampler:
        from optuna.samplers import RandomSampler

        kind, seed, startup = self._sampler
        own, common = (
            int(np.random.SeedSequence([seed % 2**64, *of_trial]).generate_state(1)[0])
            for of_trial in ([number], [])
        )
        if kind != "qmc":
            return make_sampler(kind, own, startup, self._space)
        sampler = make_sampler(kind, common, startup, self._space)
        # The sequence is of one seed, but not what is drawn besides: conditional dimensions.
        sampler._independent_sampler = RandomSampler(seed=own)
        # Optuna counts what it has drawn, which a killed process may have drawn in vain. As there,
        # the trial after the first, random one has the first point of the sequence.
        sampler._find_sample_id = lambda *_: max(number - 1, 0)
        return sampler

    def _finish(self, number: int, value: float | None, attributes: dict[str, Any]) -> None:
        import optuna

        frozen = self._frozen()[number]
        for name, entry in attributes.items():
            self._study._storage.set_trial_user_attr(frozen._trial_id, name, entry)
        state = optuna.trial.TrialState.FAIL if value is None else None
        with optuna_silenced():
            self._study.tell(number, value, state=state)

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _scored(self, frozen: FrozenTrial) -> ScoredTrial:
        import optuna

        attributes = frozen.user_attrs
        failed = frozen.state != optuna.trial.TrialState.COMPLETE
        return ScoredTrial(
            number=frozen.number,
            params=self._space.suggest(optuna.trial.FixedTrial(frozen.params)),
            state="FAIL" if failed else "COMPLETE",
            value=None if failed else frozen.value,
            scores=() if failed else tuple(attributes.get(_SCORES, (frozen.value,))),
            seconds=attributes.get(_SECONDS, 0.0),
            error=attributes.get(_ERROR, "failed in another process") if failed else None,
        )

    def _check_facts(self, facts: dict[str, Any], name: str | None) -> None:
        facts = json.loads(json.dumps(facts))
        found = self._study.user_attrs.get(_FACTS)
        if found is None:
            self._study.set_user_attr(_FACTS, facts)
            return
        for key in sorted(facts.keys() | found.keys()):
            if facts.get(key) != found.get(key):
                raise ValueError(
                    f"studyName: {name!r} in the storage is of another search: its {key} is "
                    f"{str(found.get(key))[:150]}, here {str(facts.get(key))[:150]}; give another "
                    "studyName, or delete the study"
                )


def _opened(url: str | None) -> Any:
    import optuna

    try:
        return optuna.storages.get_storage(url)
    except Exception as error:
        cause = str(error).partition("\n")[0]  # without the URL, which may have a password in it
        raise ValueError(
            f"storage: cannot be opened ({type(error).__name__}: {cause}); give the URL of an "
            "Optuna storage, such as sqlite:///search.db, in a folder that is there"
        ) from error


def _is_running(trial: FrozenTrial) -> bool:
    return trial.state.name == "RUNNING"


def _is_abandoned(trial: FrozenTrial) -> bool:
    """Whether it is at work in no process any more; on another machine nobody can know."""
    if not _is_running(trial):
        return False
    host, pid, started = trial.user_attrs.get(_OWNER, ("", 0, ""))
    return host != socket.gethostname() or _started(pid) != started


def _this_process() -> list[Any]:
    return [socket.gethostname(), os.getpid(), _started(os.getpid())]


def _started(pid: int) -> str:
    """When the process began, since numbers come back; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except OSError:
        return ""
    return "alive"
