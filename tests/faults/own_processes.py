"""A program and all that it starts, found by a variable of their environment, so that all of it and
nothing else can be killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

_POLL = 0.05  # seconds


def marked(mark: str) -> list[int]:
    """The ids of all processes with NAME=value in their environment that do anything."""
    found = []
    for entry in Path("/proc").iterdir():
        # What ends meanwhile, and what others run, cannot be read.
        with contextlib.suppress(OSError, ValueError):
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_marked(mark: str) -> None:
    """SIGKILL to every one, until there is none."""
    while left := marked(mark):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL)


class Program:
    """A Python script in a process of its own; a context manager that leaves no process behind.

    Parameters
    ----------
    command : sequence
        The script and its arguments.
    log : Path
        Gets what it says.
    environment : dict
        Further variables.
    """

    def __init__(
        self,
        command: Sequence[Any],
        log: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._log, self.mark = log, f"SPARKPROPHET_PROGRAM={uuid.uuid4().hex}"
        self.process = self.start([sys.executable, *command], environment)

    def start(self, command: Sequence[Any], environment: Mapping[str, str]) -> subprocess.Popen:
        """One more process that is killed with the program."""
        name, _, value = self.mark.partition("=")
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with open(self._log, "ab") as file:
            return subprocess.Popen(
                list(map(str, command)),
                stdout=file,
                stderr=file,
                start_new_session=True,
                env=os.environ | path | {name: value} | dict(environment),
                cwd=self._log.parent,
            )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    def all(self) -> list[int]:
        """The ids of all of its processes that do anything."""
        return marked(self.mark)

    def kill_all(self) -> None:
        """As if the machine was lost."""
        kill_marked(self.mark)
        self.process.wait()

    def wait_for(self, condition: Callable[[], Any], seconds: float) -> bool:
        """Whether it comes true before the program ends; AssertionError after so many seconds."""
        until = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                return bool(condition())
            assert time.monotonic() < until, f"not after {seconds} s: {self.said()}"
            time.sleep(_POLL)
        return True

    def said(self) -> str:
        """The end of what it wrote."""
        return self._log.read_text(errors="replace")[-3000:]
