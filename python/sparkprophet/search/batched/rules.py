"""When a search ends, and how large its next batch is: the same rules in both languages."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sparkprophet.search.batched.trials import ScoredTrial
from sparkprophet.search.study import stalled


@dataclass(frozen=True)
class Rules:
    """When a search ends, and how it goes on: params of the Bayesian tuners.

    Attributes
    ----------
    num_trials : int
        Most trials.
    batch_size : int
        Points asked for together.
    early_stopping_rounds : int
        Trials without a better value that end the search; 0: never.
    timeout : float
        Seconds after which no batch starts, 0 for none.
    max_failed_trials : int or None
        None for any.
    """

    num_trials: int
    batch_size: int
    early_stopping_rounds: int
    timeout: float
    max_failed_trials: int | None

    def until(self) -> float:
        """The `time.monotonic()` after which a search that begins now starts no batch."""
        return time.monotonic() + self.timeout if self.timeout else math.inf

    def next_size(self, tried: int) -> int:
        """Points to ask for after so many trials; a resumed search ends the batch it was in."""
        size = self.batch_size - tried % self.batch_size
        return min(size, self.num_trials - tried)

    def ended(self, trials: Sequence[ScoredTrial], maximise: bool, until: float) -> str | None:
        """What ends the search now, if anything: numTrials, earlyStopping, timeout, ...

        All but the number of trials is looked at between batches only, the one that a killed
        process was in counted: the end is the same whatever the order in which a batch's trials
        end.
        """
        if len(trials) < self.num_trials and len(trials) % self.batch_size:
            return None
        failures = sum(trial.error is not None for trial in trials)
        if self.max_failed_trials is not None and failures > self.max_failed_trials:
            return "maxFailedTrials"
        if len(trials) >= self.num_trials:
            return "numTrials"
        best_values, best = [], math.inf
        for trial in trials:
            if trial.value is not None:
                best = min(best, -trial.value if maximise else trial.value)
            best_values.append(best)
        if stalled(best_values, self.early_stopping_rounds, 0.0):
            return "earlyStopping"
        return "timeout" if trials and time.monotonic() >= until else None
