"""One study: try points of a search space, keep a record of each, stop in time."""

from __future__ import annotations

import copy
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkprophet import clock
from sparkprophet.messages import MESSAGE_LIMIT, shown
from sparkprophet.search.sampler import make_sampler
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.values import real_number, whole_number

if TYPE_CHECKING:
    import optuna

    from sparkprophet.search.unshared_storage import UnsharedStorage

_log = logging.getLogger("sparkprophet")


@dataclass(frozen=True)
class Trial:
    """One point that was tried.

    Attributes
    ----------
    number : int
        Position in the study, from 0.
    value : float or None
        The objective's, None unless COMPLETE.
    state : str
        COMPLETE, FAIL (the objective raised, or gave no finite number) or PRUNED (it gave the
        point up).
    params : dict
        Key of the space -> value, fixed ones too, without the dimensions that were inactive.
    seconds, cpu_seconds : float
        Wall clock and CPU time since the end of the trial before, so that Optuna's sampling
        counts; the CPU time is that of the process with all its threads, and of child processes
        that it waited for.
    error : str or None
        `TypeName: message` of a FAIL trial, at most `MESSAGE_LIMIT` characters, else None.
    """

    number: int
    value: float | None
    state: str
    params: dict[str, Any]
    seconds: float
    cpu_seconds: float
    error: str | None


@dataclass(frozen=True)
class Study:
    """The record of one search.

    Attributes
    ----------
    trials : tuple of Trial
        In order.
    best : Trial or None
        The COMPLETE trial of the lowest value, the first one of equals; None where every trial
        failed.
    stopped_by : str
        numTrials, earlyStopping or timeout.
    """

    trials: tuple[Trial, ...]
    best: Trial | None
    stopped_by: str


def run_study(
    objective: Callable[[dict[str, Any]], float],
    space: SearchSpace,
    *,
    num_trials: int,
    seed: int,
    sampler: str = "tpe",
    num_startup_trials: int = 10,
    early_stopping_rounds: int = 0,
    min_delta: float = 0.0,
    deadline: float | None = None,
    initial_points: Iterable[Mapping[str, Any]] = (),
) -> Study:
    """Minimise `objective` over `space` with an Optuna study of its own, kept in memory.

    The same arguments give the same points in any process, whatever stages the params belong to,
    unless the deadline ends the study. Optuna's log lines are silenced while it runs.

    Parameters
    ----------
    objective : callable
        Called with key -> value of every active dimension and fixed param (a copy, free to
        change), returns a finite number. Where it raises `Pruned`, or Optuna's TrialPruned, the
        trial is given up; if it raises or returns anything else, the trial fails. In both cases the
        study goes on; KeyboardInterrupt, SystemExit and the like go through.
    space : SearchSpace
    num_trials : int
        Most trials, initial points included, at least 1.
    seed, sampler, num_startup_trials
        As in `make_sampler`.
    early_stopping_rounds : int
        Stop once the best value has not improved by more than `min_delta` within that many last
        trials, failed ones counted; the first value at all is an improvement. 0: never.
    min_delta : float
        At least 0, in the unit of the objective.
    deadline : float, optional
        A `time.monotonic()` value, in seconds. No trial starts after it, but the first; one at
        work is not cut short. None or inf: no limit.
    initial_points : iterable of mapping
        Key -> value; tried first, in order, each once. Those outside of the space are skipped.

    Returns
    -------
    Study

    Raises
    ------
    ValueError, TypeError, ImportError
        For the arguments, before the first trial.
    """
    _check_arguments(space, num_trials, early_stopping_rounds, min_delta, deadline)
    study_sampler = make_sampler(sampler, seed, num_startup_trials, space)
    import optuna

    from sparkprophet.search.unshared_storage import UnsharedStorage

    storage = UnsharedStorage()
    search = _Search(
        objective, space, num_trials, early_stopping_rounds, float(min_delta), deadline, storage
    )
    with optuna_silenced():
        study = optuna.create_study(storage=storage, sampler=study_sampler, direction="minimize")
        enqueued: list[dict[str, Any]] = []
        for point in initial_points:
            encoded = space.encode(point)
            if encoded is not None and encoded not in enqueued:
                enqueued.append(encoded)
                study.enqueue_trial(encoded)
        search.enqueued = len(enqueued)
        # Neither tell() nor callbacks: each copies the whole trial, a fifth of a random one's CPU.
        study.optimize(search, n_trials=num_trials, catch=(_TrialFailed,))
    return Study(tuple(search.trials), search.best, search.stopped_by)


def _check_arguments(
    space: SearchSpace,
    num_trials: int,
    early_stopping_rounds: int,
    min_delta: float,
    deadline: float | None,
) -> None:
    if not isinstance(space, SearchSpace):
        raise TypeError(f"space: found {shown(space)}, must be a SearchSpace")
    whole_number("num_trials", num_trials, 1)
    whole_number("early_stopping_rounds", early_stopping_rounds, 0)
    if real_number("min_delta", min_delta) < 0:
        raise ValueError(f"min_delta: found {min_delta}, must be a number of at least 0")
    if deadline is not None and deadline != math.inf:
        real_number("deadline", deadline)


class Pruned(Exception):
    """What an objective raises for a point that it gives up.

    Parameters
    ----------
    values : mapping of int to float
        What it was worth after 1, 2, ... steps of its work, for the sampler to learn from.
    """

    def __init__(self, values: Mapping[int, float]):
        super().__init__(dict(values))
        self.values = values


class _TrialFailed(Exception):
    """Tells Optuna that the objective failed; anything else that is raised ends the study."""


class _Search:
    """The function that Optuna optimises: tries a point, records it, says when to stop."""

    def __init__(
        self,
        objective: Callable[[dict[str, Any]], float],
        space: SearchSpace,
        num_trials: int,
        early_stopping_rounds: int,
        min_delta: float,
        deadline: float | None,
        storage: UnsharedStorage,
    ) -> None:
        self.enqueued = 0  # the first trials, which have fixed params
        self.trials: list[Trial] = []
        self.best: Trial | None = None
        self.stopped_by = "numTrials"
        self._objective = objective
        self._space = space
        self._num_trials = num_trials
        self._early_stopping_rounds = early_stopping_rounds
        self._min_delta = min_delta
        self._deadline = deadline
        self._storage = storage
        self._best_values: list[float] = []  # after each trial; inf as long as none succeeded
        self._marks = time.monotonic(), clock.cpu_seconds()

    def __call__(self, trial: optuna.Trial) -> float:
        import optuna

        from sparkprophet.search.unshared_storage import JointTrial

        fixed = trial.number < self.enqueued
        params = self._space.suggest(trial if fixed else JointTrial(trial, self._storage))
        try:
            value = _finite(self._objective(_copied(params)))
        except optuna.TrialPruned:
            self._record(trial, params, "PRUNED", None, None)
            raise
        except Pruned as pruned:
            for step, worth in pruned.values.items():
                trial.report(worth, step)
            self._record(trial, params, "PRUNED", None, None)
            raise optuna.TrialPruned from pruned
        except Exception as failure:
            _log.debug("trial %d failed", trial.number, exc_info=True)
            error = f"{type(failure).__name__}: {failure}"[:MESSAGE_LIMIT]
            self._record(trial, params, "FAIL", None, error)
            raise _TrialFailed from failure
        self._record(trial, params, "COMPLETE", value, None)
        return value

    def _record(
        self,
        trial: optuna.Trial,
        params: dict[str, Any],
        state: str,
        value: float | None,
        error: str | None,
    ) -> None:
        # Optuna samples before it calls, so a trial's time counts from the end of the last one.
        marks = time.monotonic(), clock.cpu_seconds()
        seconds, cpu_seconds = marks[0] - self._marks[0], marks[1] - self._marks[1]
        self._marks = marks
        record = Trial(trial.number, value, state, params, seconds, cpu_seconds, error)
        self.trials.append(record)
        best_value = self._best_values[-1] if self._best_values else math.inf
        if value is not None and value < best_value:
            self.best, best_value = record, value
        self._best_values.append(best_value)
        if len(self.trials) == self._num_trials:
            return
        if stalled(self._best_values, self._early_stopping_rounds, self._min_delta):
            self.stopped_by = "earlyStopping"
            trial.study.stop()
        elif self._deadline is not None and marks[0] >= self._deadline:
            self.stopped_by = "timeout"
            trial.study.stop()


def _copied(params: dict[str, Any]) -> dict[str, Any]:
    # Most values cannot change, and deepcopy takes its time to find that out.
    return {k: copy.deepcopy(v) if isinstance(v, list) else v for k, v in params.items()}


def _finite(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"objective: found {shown(value)} returned, must be a number") from error
    if not math.isfinite(number):
        raise ValueError(f"objective: found {number} returned, must be a finite number")
    return number


def stalled(best_values: Sequence[float], rounds: int, min_delta: float) -> bool:
    """Whether the last `rounds` entries lowered the running best by no more than `min_delta`."""
    if rounds == 0 or len(best_values) < rounds:
        return False
    before = math.inf if len(best_values) == rounds else best_values[-rounds - 1]
    # inf - inf (no success yet) is NaN, which is not greater than anything either.
    return not before - best_values[-1] > min_delta


_silence_lock = threading.Lock()
_silenced_studies = 0
_level_before = logging.NOTSET


@contextmanager
def optuna_silenced() -> Iterator[None]:
    """Let Optuna log errors only, until the last of the studies at work here has ended.

    Its level is one for the whole process: were it saved and restored per study, studies in two
    threads could leave it silent for good.
    """
    global _silenced_studies, _level_before
    logger = logging.getLogger("optuna")
    with _silence_lock:
        if _silenced_studies == 0:
            _level_before = logger.level
            logger.setLevel(logging.ERROR)
        _silenced_studies += 1
    try:
        yield
    finally:
        with _silence_lock:
            _silenced_studies -= 1
            if _silenced_studies == 0:
                logger.setLevel(_level_before)
