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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_MARK = "SPARKPROPHET_STORY"
_POLL = 0.05  # seconds


class Program:
    """A Python script in a process of its own; a context manager that leaves no process behind.

    Parameters
    ----------
    command : sequence
        The script and its arguments.
    log : Path
        Gets what it says.
    """

    def __init__(self, command: Sequence[Any], log: Path) -> None:
        self._mark, self._log = f"{_MARK}={uuid.uuid4().hex}", log
        name, _, value = self._mark.partition("=")
        path = os.pathsep.join(filter(None, sys.path))
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, command)], stdout=file, stderr=file,
                env=os.environ | {name: value, "PYTHONPATH": path}, start_new_session=True,
                cwd=log.parent,
            )  # fmt: skip

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    def all(self) -> list[int]:
        """The ids of all of its processes that do anything."""
        found = []
        for entry in Path("/proc").iterdir():
            # What ends meanwhile, and what others run, cannot be read.
            with contextlib.suppress(OSError, ValueError):
                if self._mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def kill_all(self) -> None:
        """SIGKILL to every one, until there is none."""
        while left := self.all():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(_POLL)
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
        return self._log.read_text()[-3000:]
