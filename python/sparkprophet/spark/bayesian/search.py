"""The search behind the Bayesian tuners: batches of candidates, each fitted on every fold."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.param import Param
from pyspark.ml.util import MetaAlgorithmReadWrite

from sparkprophet.search.batched.rules import Rules
from sparkprophet.search.batched.trials import Asked, BatchedTrials, ScoredTrial
from sparkprophet.search.space import SearchSpace
from sparkprophet.spark.bayesian.candidate_fits import (
    Candidate,
    CandidateFits,
    ParamMap,
    release_model,
)
from sparkprophet.spark.errors import SearchFailedError
from sparkprophet.spark.jobs import ctrl_c_noted

_log = logging.getLogger("sparkprophet")


@dataclass(frozen=True)
class SearchResult:
    """What a search has to show.

    Attributes
    ----------
    trials : tuple of ScoredTrial
        In order.
    best : ScoredTrial
    models : mapping of int to sequence
        By trial, the models kept of it by fold.
    stopped_by : str
        numTrials, earlyStopping, timeout, maxFailedTrials or interrupt.
    """

    trials: tuple[ScoredTrial, ...]
    best: ScoredTrial
    models: Mapping[int, Sequence[Any]]
    stopped_by: str

    def model(self, number: int, fold: int) -> Any:
        """A trial's model; None of a failed one, and of one from before a restart."""
        models = self.models.get(number)
        return models[fold] if models else None


def search(
    study: BatchedTrials, fits: CandidateFits, rules: Rules, param_map: Callable[[Asked], ParamMap]
) -> SearchResult:
    """Ask, fit and tell until a rule ends it.

    Ctrl-C ends it too once a trial has succeeded: running jobs are cancelled, and the best so far
    is the result. A second one is not caught.

    Raises
    ------
    SearchFailedError
        Where every trial failed, or more than `max_failed_trials`.
    """
    until = rules.until()
    models: dict[int, Sequence[Any]] = {}
    with (
        contextlib.closing(study),
        fits,
        _bar(study, rules.num_trials) as show,
        ctrl_c_noted() as interrupted,
    ):
        try:
            while (stopped_by := rules.ended(study.trials(), study.maximise, until)) is None:
                if interrupted.is_set():
                    raise KeyboardInterrupt
                asked = study.ask(rules.next_size(len(study.trials())))
                _try(asked, study, fits, param_map, models, show, interrupted)
            study.end_abandoned()
        except KeyboardInterrupt as error:
            if study.best() is None or isinstance(error.__context__, KeyboardInterrupt):
                raise
            stopped_by = "interrupt"
            _log.warning("interrupted: keeping the best of %d trials", len(study.trials()))
    trials, best = tuple(study.trials()), study.best()
    failed = [trial for trial in trials if trial.error is not None]
    allowed = rules.max_failed_trials
    if best is None or (allowed is not None and len(failed) > allowed):
        raise SearchFailedError(
            f"{len(failed)} of {len(trials)} trials failed; trial {failed[0].number} with "
            f"{failed[0].params}: {failed[0].error}",
            trials,
        )
    return SearchResult(trials, best, models, stopped_by)


def _try(
    asked: Sequence[Asked],
    study: BatchedTrials,
    fits: CandidateFits,
    param_map: Callable[[Asked], ParamMap],
    models: dict[int, Sequence[Any]],
    show: Callable[[], None],
    interrupted: threading.Event,
) -> None:
    """Try one batch and tell the study of each; what cannot end is told as interrupted."""
    untold = {point.number for point in asked}

    def done(candidate: Candidate) -> None:
        number, seconds = candidate.number, candidate.seconds
        scores = [math.nan if score is None else score for score in candidate.scores]
        if candidate.error is not None:
            study.fail(number, candidate.error, seconds)
        else:
            study.tell(number, scores, seconds)
        untold.discard(number)
        if candidate.error is None and all(map(math.isfinite, scores)):
            models[number] = candidate.models
        else:
            for model in candidate.models:
                release_model(model)
        show()

    try:
        fits.run(
            [(point.number, param_map(point)) for point in asked], done, study.beat, interrupted
        )
    except BaseException:
        # Ctrl-C may have come between the study's taking note and ours.
        untold -= {trial.number for trial in study.trials()}
        for number in sorted(untold):
            study.fail(number, "interrupted", interrupted=True)
        fits.cancel()
        raise


@contextlib.contextmanager
def _bar(study: BatchedTrials, total: int) -> Iterator[Callable[[], None]]:
    """A bar of trials with the best value so far, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(desc="search", unit="trial", total=total, file=sys.stderr) as bar:

        def show() -> None:
            best = study.best()
            if best is not None:
                bar.set_postfix_str(f"best {best.value:.6g}", refresh=False)
            bar.update(len(study.trials()) - bar.n)

        show()
        yield show


def params_of(estimator: Estimator[Any], space: SearchSpace) -> dict[str, Param[Any]]:
    """Key of the space -> the Param it means, of the estimator or of a stage inside it.

    Raises
    ------
    ValueError
        Where there is no such stage or param, and for a param without a stage that several have.
    """
    stages = MetaAlgorithmReadWrite.getUidMap(estimator)
    params = {}
    for key, dimension in space.keyed().items():
        owners = [
            stage
            for uid, stage in stages.items()
            if dimension.parent in (None, uid) and stage.hasParam(dimension.name)
        ]
        if len(owners) != 1:
            raise ValueError(
                f"searchSpace: {key!r} of stage {dimension.parent!r} is a param of "
                f"{len(owners) or 'none'} of the estimator's stages ({', '.join(stages)}); build "
                "the space from the params of the estimator that is set"
            )
        params[key] = owners[0].getParam(dimension.name)
    return params
