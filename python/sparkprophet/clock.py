"""Wall and CPU seconds of a block of work. Imports nothing of ours."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class Clock:
    """Wall and CPU seconds of a block of work, children that ended included."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @staticmethod
    @contextlib.contextmanager
    def measure() -> Iterator[Clock]:
        """Fills the clock it yields when the block ends, however it ends."""
        clock, wall, cpu = Clock(), time.perf_counter(), cpu_seconds()
        try:
            yield clock
        finally:
            clock.seconds = time.perf_counter() - wall
            clock.cpu_seconds = cpu_seconds() - cpu


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that ended, user and system."""
    # os.times() counts its own process in hundredths only, too coarse for fits of a millisecond.
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
