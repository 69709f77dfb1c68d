"""The time and the memory that one group may take of the process that works on it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

# Beyond groupTimeout, for the searches and solvers that look at it to end by themselves, with what
# they have found.
GRACE = 1.0
_watched = False


def limit(seconds: float, mebibytes: int) -> None:
    """Have the kernel watch this process from now on; 0 is no limit.

    Parameters
    ----------
    seconds : float
        After these and GRACE the kernel ends the process (SIGALRM), whatever it does.
    mebibytes : int
        Of memory besides what is in use now; more is a MemoryError. On Linux only.
    """
    global _watched
    if sys.platform == "win32" or not (_watched or seconds or mebibytes):
        return
    import resource

    _watched = bool(seconds or mebibytes)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE if seconds else 0)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = _in_use(resource.getpagesize()) + mebibytes * 2**20 if mebibytes else hard
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _in_use(page: int) -> int:
    """Bytes of this process that RLIMIT_DATA counts."""
    try:
        return page * int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:  # no Linux
        return 2**62
