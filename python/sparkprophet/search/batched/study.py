"""A study whose points are asked for in batches, tried elsewhere and told in any order.

Every point depends on the seed, its own number and the trials that had finished when its batch was
asked for, and on nothing else. So neither the number of workers nor a restart changes a search.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparkprophet.messages import MESSAGE_LIMIT, shown
from sparkprophet.search.batched import ownership, stored
from sparkprophet.search.batched.trials import Asked, BatchedTrials, ScoredTrial
from sparkprophet.search.sampler import sampler_of_trial
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.study import optuna_silenced

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_FACTS, _SCORES, _SECONDS, _ERROR, _INTERRUPTED = (
    f"sparkprophet.{name}" for name in ("search", "scores", "seconds", "error", "interrupted")
)
_log = logging.getLogger("sparkprophet")


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
    data : callable
        () -> further facts, of the data; asked for a study in a storage alone, after the others.
    trusted : bool
        Whether pickles in the storage, which Optuna's sampler of CMA-ES keeps there, may be read.

    Raises
    ------
    ValueError
        For a stored study of another search, a storage that cannot be opened, one of cmaes that
        another process has written unless it is trusted, and for one of storage and name without
        the other.
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
        data: Callable[[], Mapping[str, Any]] = dict,
        trusted: bool = False,
    ) -> None:
        import optuna

        if (storage is None) != (study_name is None):
            given, missing = ("storage", "studyName") if storage else ("studyName", "storage")
            raise ValueError(f"{given}: is set without {missing}; set both or neither")
        super().__init__(maximise)
        self._space = space
        self._sampler = sampler, seed, num_startup_trials
        self._owner = ownership.Owner()
        self._stored = storage is not None
        self._at_work: set[int] = set()
        self._beat_at = time.monotonic()
        with optuna_silenced():
            backend = stored.opened(storage)
            with stored.damage_named(storage):
                self._study = optuna.create_study(
                    sampler=self._sampler_of(0),
                    direction="maximize" if maximise else "minimize",
                    storage=backend,
                    study_name=study_name,
                    load_if_exists=True,
                )
                before = self._study.user_attrs.get(_FACTS)
        if sampler == "cmaes" and self._stored and not trusted:
            stored.check_pickles(self._study, str(storage))
        with optuna_silenced(), stored.damage_named(storage):
            self._check_trials()
        whole = {"maximise": maximise, **(facts or {})}
        self._check_facts(whole, data if self._stored else dict, before, study_name)
        if self._stored:
            self._owner.wait_until_known(self._running)

    def ask(self, count: int) -> list[Asked]:
        """`count` points: first those that a dead process left at work, all of them, then new.

        Interrupted in the middle, it leaves none of them at work.
        """
        lost = self._lost()
        others = {trial.number for trial in self._running()} - {trial.number for trial in lost}
        try:
            with optuna_silenced(), stored.faults_named():
                asked = [self._again(trial) for trial in lost]
                while len(asked) < count:
                    asked.append(self._new())
        except BaseException:
            for trial in self._running():
                if trial.number not in others and self._is_own(trial):
                    self.fail(trial.number, "interrupted", interrupted=True)
            raise
        self._at_work |= {point.number for point in asked}
        return asked

    def beat(self) -> None:
        """Write every few seconds that the trials of this process are at work."""
        if not self._stored or time.monotonic() - self._beat_at < ownership.PERIOD:
            return
        self._beat_at = time.monotonic()
        try:
            for number in sorted(self._at_work):
                trial_id = self._frozen()[number]._trial_id
                self._study._storage.set_trial_user_attr(trial_id, ownership.BEAT, time.time())
        except Exception as error:  # one that lasts comes up where a trial is told
            _log.warning("storage: no sign of life could be written (%s)", type(error).__name__)

    def end_abandoned(self) -> None:
        """End as interrupted what dead processes have left at work."""
        for trial in self._lost():
            self.fail(trial.number, "interrupted", interrupted=True)

    def close(self) -> None:
        """Trials that are still at work are another search's to try, in this process too."""
        self._owner.close()

    def try_first(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Give out these points (key -> value) before any other; all have to be in the space."""
        for point in points:
            encoded = self._space.encode(point)
            if encoded is None:
                raise ValueError(f"points: found {shown(point)}, must be in the search space")
            self._study.enqueue_trial(encoded)

    def _complete(self, number: int, scores: tuple[float, ...], seconds: float) -> None:
        attributes = {_SCORES: scores, _SECONDS: seconds}
        self._finish(number, math.fsum(scores) / len(scores), attributes)

    def fail(
        self, number: int, error: str, seconds: float = 0.0, interrupted: bool = False
    ) -> None:
        """End a trial without a value; an interrupted one does not count as a trial."""
        attributes = {_ERROR: error[:MESSAGE_LIMIT], _SECONDS: seconds}
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
        trial.set_user_attr(ownership.OWNER, self._owner.name)
        self._study.sampler = self._sampler_of(trial.number)
        point = self._space.suggest(trial)
        self._note_checksum(trial.number)
        return Asked(trial.number, point)

    def _again(self, frozen: FrozenTrial) -> Asked:
        """The point that a killed process had; drawn to its end if that was killed before."""
        import optuna

        trial = optuna.trial.Trial(self._study, frozen._trial_id)
        trial.set_user_attr(ownership.OWNER, self._owner.name)
        try:
            point = self._space.suggest(optuna.trial.FixedTrial(frozen.params))
        except ValueError:
            self._study.sampler = sampler = self._sampler_of(frozen.number)
            for key, distribution in frozen.distributions.items():
                # As many random numbers as went into the params that are there.
                if key not in trial.relative_params and not distribution.single():
                    sampler.sample_independent(self._study, frozen, key, distribution)
            point = self._space.suggest(trial)
        self._note_checksum(frozen.number)
        return Asked(frozen.number, point)

    def _note_checksum(self, number: int) -> None:
        """What is asked for can change no more unseen."""
        if self._stored:
            trial = self._frozen()[number]
            noted = stored.checksum(trial, "RUNNING", None, ())
            self._study._storage.set_trial_user_attr(trial._trial_id, stored.CHECKSUM, noted)

    def _sampler_of(self, number: int) -> optuna.samplers.BaseSampler:
        kind, seed, num_startup_trials = self._sampler
        return sampler_of_trial(kind, seed, number, num_startup_trials, self._space)

    def _finish(self, number: int, value: float | None, attributes: dict[str, Any]) -> None:
        import optuna

        state = optuna.trial.TrialState.FAIL if value is None else None
        with optuna_silenced(), stored.faults_named():
            frozen = self._frozen()[number]
            if frozen.user_attrs.get(_INTERRUPTED):  # and killed before that was its end
                attributes = {_INTERRUPTED: False} | attributes
            if self._stored:
                name, scores = "COMPLETE" if state is None else "FAIL", attributes.get(_SCORES, ())
                attributes[stored.CHECKSUM] = stored.checksum(frozen, name, value, scores)
            try:
                for key, entry in attributes.items():
                    self._study._storage.set_trial_user_attr(frozen._trial_id, key, entry)
                self._study.tell(number, value, state=state)
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                # Another process took this one for dead, and has tried the same point.
                if not self._frozen()[number].state.is_finished():
                    raise
        self._at_work.discard(number)

    def _frozen(self) -> list[FrozenTrial]:
        with stored.faults_named():
            return self._study.get_trials(deepcopy=False)

    def _running(self) -> list[FrozenTrial]:
        return [trial for trial in self._frozen() if trial.state.name == "RUNNING"]

    def _lost(self) -> list[FrozenTrial]:
        """Trials that are at work in no process any more."""
        if not self._stored:
            return []
        return [trial for trial in self._running() if self._owner.lost(trial)]

    def _is_own(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(ownership.OWNER)
        return owner is None or owner == self._owner.name

    def _check_trials(self) -> None:
        """Raise for a trial that is not as this package has written it."""
        trials = self._frozen()
        if [trial.number for trial in trials] != list(range(len(trials))):
            raise ValueError("the trials' numbers are not 0, 1, 2, ...")
        for trial in trials:
            noted, complete = trial.user_attrs.get(stored.CHECKSUM), trial.state.name == "COMPLETE"
            # Others may have told it, and a killed process may have noted it before it told.
            others = not complete or ownership.OWNER not in trial.user_attrs
            if not (others if noted is None else noted in self._checksums(trial)):
                raise ValueError(f"trial {trial.number} is not as it was told")

    @staticmethod
    def _checksums(trial: FrozenTrial) -> list[str]:
        """Those that a trial may have."""
        scores = trial.user_attrs.get(_SCORES)
        not_told = [stored.checksum(trial, name, None, ()) for name in ("RUNNING", "FAIL")]
        if scores is None:
            return not_told
        value = math.fsum(scores) / len(scores)
        told = stored.checksum(trial, "COMPLETE", value, scores)
        if trial.state.name == "COMPLETE":
            return [told] if trial.value == value else []
        return [*not_told, told]

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

    def _check_facts(
        self,
        facts: dict[str, Any],
        data: Callable[[], Mapping[str, Any]],
        before: Mapping[str, Any] | None,
        name: str | None,
    ) -> None:
        """Look whether the study is of this search: what costs nothing first, then its data."""
        facts = json.loads(json.dumps(facts))
        if before is not None:
            self._compare(facts, before, facts.keys(), name)
        facts |= json.loads(json.dumps({f"data's {k}": value for k, value in data().items()}))
        if before is None:
            self._study.set_user_attr(_FACTS, facts)
        else:
            self._compare(facts, before, facts.keys() | before.keys(), name)

    def _compare(
        self,
        facts: Mapping[str, Any],
        before: Mapping[str, Any],
        keys: Iterable[str],
        name: str | None,
    ) -> None:
        for key in sorted(keys):
            if facts.get(key) != before.get(key):
                raise ValueError(
                    f"studyName: {name!r} in the storage is of another search: its {key} is "
                    f"{str(before.get(key))[:150]}, here {str(facts.get(key))[:150]}; give another "
                    "studyName, or delete the study"
                )
