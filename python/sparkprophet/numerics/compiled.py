"""Numba where it is installed, plain numpy where it is not: one decorator for both.

A kernel is written in the part of Python that Numba compiles without SciPy and that also runs as
it is. Where the two want different code (loops for Numba, array operations for numpy), a
primitive is written twice and chosen with `COMPILED`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be reordered into vector instructions, but NaN and infinities keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}


def _installed_numba() -> Any:
    try:
        import numba
    except ImportError:  # not installed, or it refuses this numpy
        return None
    return numba


numba: Any = _installed_numba()

COMPILED: bool = numba is not None and not numba.config.DISABLE_JIT
"""Whether kernels run compiled in this process."""


def compiled(function: Function) -> Function:
    """The function compiled at its first call, or kept from an earlier process, or as it is."""
    if not COMPILED:
        return function
    place = cache_directory(function.__module__.rpartition(".")[0])
    if place is not None:
        function.__code__ = function.__code__.replace(co_filename=_source_in(place, function))
    # Numba reads the setting when it decorates; a user's own functions keep theirs.
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(place or "")
    try:
        jit: Callable[[Function], Function] = numba.njit(
            cache=place is not None, fastmath=_FASTMATH, nogil=True, error_model="numpy"
        )
        return jit(function)
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def cache_directory(package: str) -> Path | None:
    """Where a package's compiled kernels outlive the process; None where no place is safe to use.

    The first that can be written of NUMBA_CACHE_DIR, the user's cache home (XDG_CACHE_HOME, else
    ~/.cache) and the temporary directory. Numba runs what it finds there, so the folder has to be
    this user's alone.
    """
    user = getattr(os, "getuid", lambda: 0)()
    places = [
        os.environ.get("NUMBA_CACHE_DIR"),
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
        tempfile.gettempdir(),
    ]
    name = f"sparkprophet-{user}-{_fingerprint(package)}"
    folders = (Path(place) / name for place in places if place)
    return next((folder for folder in folders if _is_safe(folder, user)), None)


def _source_in(place: Path, function: Callable[..., Any]) -> str:
    """A copy of the function's source file in the folder of its kernels.

    Numba keeps kernels by the path of their source, which with Spark changes from one application
    to the next: a zip that was sent to the workers, an archive unpacked for one container.
    """
    package, _, module = function.__module__.rpartition(".")
    copy = place / f"{module}.py"
    if not copy.exists():
        with tempfile.NamedTemporaryFile(dir=place, delete=False) as scratch:
            scratch.write((importlib.resources.files(package) / copy.name).read_bytes())
        os.replace(scratch.name, copy)
    return str(copy)


def _fingerprint(package: str) -> str:
    """Of the package's sources, since Numba looks only at the age of a kernel's own file."""
    digest = hashlib.sha256(f"{package} {numba.__version__} {np.__version__}".encode())
    sources = {entry.name: entry for entry in importlib.resources.files(package).iterdir()}
    for name in sorted(name for name in sources if name.endswith(".py")):
        digest.update(sources[name].read_bytes())
    return digest.hexdigest()[:16]


def _is_safe(folder: Path, user: int) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = folder.lstat()
    except OSError:
        return False
    others_write = bool(entry.st_mode & 0o022)
    return entry.st_uid == user and not others_write and os.access(folder, os.W_OK)
