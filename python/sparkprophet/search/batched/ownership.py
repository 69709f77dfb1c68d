"""Which process tries a trial of a stored study, and whether that process still does.

A trial that is at work has its owner's name in it. On the owner's own machine others see whether
the process is there; elsewhere they see whether the time that it writes every `PERIOD` goes on.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

OWNER, BEAT = "sparkprophet.owner", "sparkprophet.beat"
PERIOD = 5.0  # seconds between two signs of life
PATIENCE = 20.0  # seconds without one after which a process elsewhere counts as dead
_POLL = 0.5
_at_work: weakref.WeakValueDictionary[str, Owner] = weakref.WeakValueDictionary()


class Owner:
    """One search in this process; at work from when it is made until `close`."""

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        self._seen: dict[int, tuple[float, float]] = {}
        _at_work[self._token] = self

    @property
    def name(self) -> list[Any]:
        """What tells it from any other search, as JSON."""
        return [_machine(), os.getpid(), _started(os.getpid()), self._token]

    def close(self) -> None:
        """The search has ended: what it has left at work is lost."""
        _at_work.pop(self._token, None)

    def lost(self, trial: FrozenTrial) -> bool | None:
        """Whether nobody tries this running trial any more; None: not known yet."""
        machine, pid, started, token = trial.user_attrs.get(OWNER, ("", 0, "", ""))
        if machine == _machine():
            if pid == os.getpid() and started == _started(pid):
                return token not in _at_work
            there = _started(pid) == started
            return not there
        begun = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
        beat = trial.user_attrs.get(BEAT) or begun
        if time.time() - beat > PATIENCE:
            return True
        # Clocks of two machines differ: without a new sign of life it ends by our own.
        before, since = self._seen.setdefault(trial.number, (beat, time.monotonic()))
        if before != beat:
            self._seen[trial.number] = beat, time.monotonic()
            return False
        return True if time.monotonic() - since > PATIENCE else None

    def wait_until_known(self, running: Callable[[], Sequence[FrozenTrial]]) -> None:
        """Return once it is known of each trial that `running()` lists; seconds, at most PATIENCE.

        Only trials of other machines that have shown life of late take any time.
        """
        unknown = {trial.number for trial in running()}  # a living process goes on to others
        while True:
            verdicts = {trial.number: self.lost(trial) for trial in running()}
            unknown = {number for number in unknown if verdicts.get(number, True) is None}
            if not unknown:
                return
            time.sleep(_POLL)


def _machine() -> str:
    """This machine, or this container of it: where numbers of processes mean the same."""
    names = [socket.gethostname()]
    for read in (_boot, _processes):
        try:
            names.append(read())
        except OSError:  # not Linux
            names.append("")
    return " ".join(names)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _processes() -> str:
    return os.readlink("/proc/self/ns/pid")


def _started(pid: int) -> str:
    """When the process began, since numbers come back; empty where there is none."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]  # a zombie does nothing any more
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except OSError:
        return ""
    return "alive"
