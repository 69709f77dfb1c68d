"""The child process of a Python worker in which groups are worked on.

A group that hangs in compiled code, takes too much memory or crashes ends this child and nothing
more: the worker, to which Spark talks, starts another one, and the group is a row. Without it Spark
would do the whole task again, four times, and then give up the job; a local Spark at once.

Messages go both ways through pipes, about 0.2 ms a group. A child outlives tasks, as its worker
does, so nothing is loaded or compiled anew.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import stat
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Protocol

import pyarrow as pa


class Work(Protocol):
    """What a child does. Is pickled, in memory only."""

    @property
    def warm_up(self) -> Callable[[], None]:
        """What a process does once before the first answer."""

    def __call__(self, request: Any) -> Any:
        """The answer."""

    @staticmethod
    def write(pipe: BinaryIO, message: Any) -> None:
        """Write a request or an answer."""

    @staticmethod
    def read(pipe: BinaryIO) -> Any:
        """Read what `write` wrote."""


_WORK, _REQUEST, _DONE, _RAISED = b"W", b"Q", b"D", b"R"
_DIE_WITH_PARENT = 1  # prctl(2), PR_SET_PDEATHSIG
_own: GroupProcess | None = None


class ProcessEnded(Exception):
    """The child ended before it answered; `signal` is what ended it, 0 where it exited."""

    def __init__(self, code: int) -> None:
        self.signal = max(0, -code)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        super().__init__(how)


class GroupProcess:
    """A child of this process, of which there is one at a time.

    Attributes
    ----------
    cpu_seconds : float
        Of the child's whole life, known once it ended.
    """

    def __init__(self) -> None:
        from_parent, to_child = os.pipe()
        from_child, to_parent = os.pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(
            target=_serve,
            args=(from_parent, to_parent, (to_child, from_child), os.getpid()),
            daemon=True,
        )
        self._process.start()
        os.close(from_parent)
        os.close(to_parent)
        self._to_child, self._from_child = os.fdopen(to_child, "wb"), os.fdopen(from_child, "rb")
        self._work: Work | None = None
        self._parent, self._ended_before = os.getpid(), False
        self.cpu_seconds = 0.0

    @staticmethod
    def ready(work: Work) -> GroupProcess:
        """The child of this process, started where there is none, that does `work` next."""
        global _own
        # A fork of this process needs one of its own.
        if _own is None or _own._parent != os.getpid() or _own._ended_before:
            work.warm_up()  # here, so that a child in its place has it done
            _own = GroupProcess()
        _own._take_up(work)
        return _own

    def answer(self, request: Any) -> Any:
        """What the work gives.

        Raises
        ------
        ProcessEnded
            Where the child ended.
        RuntimeError
            Where the work raised, with its traceback.
        """
        work = self._work
        assert work is not None  # `ready` gives each process its own
        try:
            self._to_child.write(_REQUEST)
            work.write(self._to_child, request)
            self._to_child.flush()
            if _read(self._from_child, 1) == _RAISED:
                raise RuntimeError(_text(self._from_child).decode())
            return work.read(self._from_child)
        except (OSError, EOFError, pickle.UnpicklingError, pa.ArrowInvalid) as error:
            raise self._ended(error) from error

    def _take_up(self, work: Work) -> None:
        if work is self._work:
            return
        self._work = work
        # That the child has ended is found out when it is asked for an answer.
        with suppress(OSError):
            _send(self._to_child, _WORK, pickle.dumps(work))

    def _ended(self, error: Exception) -> Exception:
        """Why there is no answer; nothing of the child is left."""
        before, self._ended_before = _children_seconds(), True
        self._process.join(10)
        alive = self._process.is_alive()
        with suppress(ProcessLookupError):
            # It leads a group of its own, with the programs that it has started.
            if self._process.pid is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.join()
        self.cpu_seconds = _children_seconds() - before
        for pipe in (self._to_child, self._from_child):
            with suppress(OSError):
                pipe.close()
        return error if alive else ProcessEnded(self._process.exitcode or 0)


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _serve(from_parent: int, to_parent: int, parents_ends: tuple[int, int], parent: int) -> None:
    """The child's life: answer until the parent closes its end."""
    for end in parents_ends:
        os.close(end)
    _stand_alone(parent)
    requests, answers = os.fdopen(from_parent, "rb"), os.fdopen(to_parent, "wb")
    work: Work
    while kind := requests.read(1):
        if kind == _WORK:
            work = pickle.loads(_text(requests))
            work.warm_up()
            continue
        request = work.read(requests)
        try:
            answer = work(request)
        except Exception:
            _send(answers, _RAISED, traceback.format_exc().encode())
        else:
            answers.write(_DONE)
            work.write(answers, answer)
        answers.flush()


def _stand_alone(parent: int) -> None:
    """Make that this process neither outlives its parent nor is taken for it."""
    os.setpgrp()
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)
        # Where memory is short the kernel ends this process first, and not Spark's.
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    # Else Spark would not notice that its worker ended while the child still holds their socket.
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.close(int(name))


def _send(pipe: BinaryIO, kind: bytes, text: bytes) -> None:
    pipe.write(kind + struct.pack("<q", len(text)) + text)
    pipe.flush()


def _text(pipe: BinaryIO) -> bytes:
    return _read(pipe, struct.unpack("<q", _read(pipe, 8))[0])


def _read(pipe: BinaryIO, size: int) -> bytes:
    text = pipe.read(size)
    if len(text) < size:
        raise EOFError("the pipe ended")
    return text
