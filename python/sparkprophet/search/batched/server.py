"""A search for a program in another language, by lines of JSON on standard input and output.

A request is one line: a JSON object with the name of a `call` and that call's arguments, those of
`Calls`. Each gets one line, in order: {"result": ...}, or {"error": {"type", "message"}} for a
call that raised, after which the next one may come.
Numbers that JSON has no form for are the strings "NaN", "Infinity" and "-Infinity".

Standard output holds nothing else: whatever libraries print goes to standard error. The process
ends as soon as its standard input does, in the middle of a call too, so that it never outlives a
program that was killed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from sparkprophet.messages import shown
from sparkprophet.search.batched.facts import facts_of
from sparkprophet.search.batched.ownership import PERIOD
from sparkprophet.search.batched.rounds import propose
from sparkprophet.search.batched.rules import Rules
from sparkprophet.search.batched.study import BatchedStudy
from sparkprophet.search.paper import PAPER_SPACE
from sparkprophet.search.sampler import check_sampler
from sparkprophet.search.space import SearchSpace


@dataclass
class _Search:
    """What `open` has begun; `until` is set by the first call of `next`."""

    study: BatchedStudy
    rules: Rules
    until: float | None = None


class Calls:
    """What may be called: the public methods, with their arguments by name.

    Spaces are texts of `SearchSpace.toJson`; points are key -> value. One search at a time: `open`
    begins another.
    """

    def __init__(self) -> None:
        self._search: _Search | None = None

    def open(
        self,
        space: str,
        maximise: bool,
        seed: int,
        sampler: str,
        numStartupTrials: int,
        storage: str | None,
        studyName: str | None,
        facts: Mapping[str, Any],
        numTrials: int,
        batchSize: int,
        earlyStoppingRounds: int,
        timeout: float,
        maxFailedTrials: int | None,
        trustStorage: bool = False,
    ) -> None:
        """Begin a search.

        Parameters
        ----------
        space : str
            Of `SearchSpace.toJson`.
        maximise : bool
            Whether the larger value is the better one.
        facts : mapping
            The other arguments of `facts_of`, and "data": facts of the data or None.
        seed, sampler, numStartupTrials, storage, studyName, numTrials, batchSize,
        earlyStoppingRounds, timeout, maxFailedTrials, trustStorage
            As the params of the Bayesian tuners.

        Raises
        ------
        TypeError, ValueError, ImportError
            As `SearchSpace.fromJson`, `check_sampler` and `BatchedStudy`.
        """
        parsed = SearchSpace.fromJson(space)
        check_sampler(sampler, parsed)
        self._close()
        study = BatchedStudy(
            parsed,
            maximise=maximise,
            seed=seed,
            sampler=sampler,
            num_startup_trials=numStartupTrials,
            storage=storage,
            study_name=studyName,
            facts=facts_of(parsed, **{k: value for k, value in facts.items() if k != "data"}),
            data=lambda: facts.get("data") or {},
            trusted=trustStorage,
        )
        rules = Rules(numTrials, batchSize, earlyStoppingRounds, timeout, maxFailedTrials)
        self._search = _Search(study, rules)

    def next(self) -> dict[str, Any]:
        """The next batch; all points of one have to be told, or to fail, before the next.

        The timeout counts from the first call.

        Returns
        -------
        dict
            {"points": [{"number", "params"}, ...]} to try, or {"stoppedBy": what ended the search}.

        Raises
        ------
        ValueError
            Before `open`.
        """
        search = self._opened()
        study, rules = search.study, search.rules
        if search.until is None:
            search.until = rules.until()
        trials = study.trials()
        stopped_by = rules.ended(trials, study.maximise, search.until)
        if stopped_by is not None:
            study.end_abandoned()
            return {"stoppedBy": stopped_by}
        return {"points": [asdict(asked) for asked in study.ask(rules.next_size(len(trials)))]}

    def tell(self, number: int, scores: Sequence[float | str], seconds: float) -> None:
        """End a trial with one score per fold; one that is not finite makes it a failed one."""
        self._opened().study.tell(number, [float(score) for score in scores], seconds)

    def fail(self, number: int, error: str, seconds: float, interrupted: bool) -> None:
        """End a trial without a value; an interrupted one does not count as a trial."""
        self._opened().study.fail(number, error, seconds, interrupted)

    def trials(self) -> list[dict[str, Any]]:
        """Every finished trial by number, as the fields of `ScoredTrial`."""
        return [asdict(trial) for trial in self._opened().study.trials()]

    def propose(
        self,
        space: str,
        history: Sequence[tuple[Mapping[str, Any], float | str | None]],
        count: int,
        seed: int,
    ) -> list[dict[str, Any]]:
        """The next points in rounds, without a search: see `rounds.propose`."""
        losses = [(point, None if loss is None else float(loss)) for point, loss in history]
        return propose(SearchSpace.fromJson(space), losses, count, seed)

    def paperSpace(self) -> str:
        """The paper's search space, whose params belong to no stage."""
        return PAPER_SPACE.toJson()

    def _beat(self) -> None:
        """Called every few seconds, between calls."""
        if self._search is not None:
            self._search.study.beat()

    def _close(self) -> None:
        if self._search is not None:
            self._search.study.close()

    def _opened(self) -> _Search:
        if self._search is None:
            raise ValueError("there is no search; call open first")
        return self._search


def answered(calls: Calls, line: str) -> str:
    """The line that answers a request."""
    try:
        request = json.loads(line)
        if not isinstance(request, dict) or not isinstance(request.get("call"), str):
            raise ValueError(f"found {shown(request)}, must be an object with the name of a call")
        name = request.pop("call")
        if name.startswith("_") or not hasattr(Calls, name):
            known = ", ".join(known for known in vars(Calls) if not known.startswith("_"))
            raise ValueError(f"call: found {name!r}, must be one of {known}")
        return json.dumps({"result": getattr(calls, name)(**request)}, allow_nan=False)
    except Exception as error:
        return json.dumps({"error": {"type": type(error).__name__, "message": str(error)}})


def main() -> None:
    """Answer requests until standard input ends, which ends the process."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # Ctrl-C goes to the whole group of the terminal: what the search comes to is the caller's.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    calls = Calls()
    while True:
        try:
            line = requests.get(timeout=PERIOD)
        except queue.Empty:
            calls._beat()
            continue
        answers.write(answered(calls, line) + "\n")
        answers.flush()


def _read(requests: queue.SimpleQueue[str]) -> None:
    lines: IO[str] = open(0, encoding="utf-8", newline="\n", closefd=False)
    for line in lines:
        requests.put(line)
    os._exit(0)
