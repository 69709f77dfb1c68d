"""Ctrl-C as a fact to look at, where an exception at any moment would do harm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def ctrl_c_noted() -> Iterator[threading.Event]:
    """Whether Ctrl-C was pressed in the block; pressed again, it does what it did outside of it.

    An exception raised wherever the main thread happens to be breaks a commit to the storage or a
    call of the JVM in two, and is lost where Python cannot pass it on, as in a weakref's callback.
    """
    noted, before = threading.Event(), signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not callable(before):  # ignored, or not Python's
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        if noted.is_set():
            before(number, frame)
        noted.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
