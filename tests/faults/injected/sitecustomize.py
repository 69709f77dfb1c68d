"""Faults inside the fit of a group, in every Python that has this folder on its PYTHONPATH.

The first label of a group says what goes wrong when its rows come to be fitted, by sparkprophet or
by stock Prophet; the flag files of `$FAULTS_FOLDER` tell the tests of it, and it of the tests.
"""

import ctypes
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from pathlib import Path

FOLDER = os.environ.get("FAULTS_FOLDER")


def wait():
    """Tell that the group began, wait until the test has made the file `go`."""
    flag("began")
    while not Path(FOLDER, "go").exists():
        time.sleep(0.02)


def hang():
    """Never end, in compiled code that holds the interpreter's lock: no thread of it runs."""
    flag("hanging")
    ctypes.PyDLL(None).sleep(100_000)


def kill():
    """End the process as the kernel does it where memory is short."""
    flag("killing")
    os.kill(os.getpid(), signal.SIGKILL)


def kill_once():
    """As `kill`, the first time only."""
    if not flags("killing"):
        kill()


def hog():
    """Take more memory than a group may have: 64 MiB at a time, at most 4 GiB."""
    flag("taking")
    taken = [b"\1" * 2**26 for _ in range(64)]
    raise AssertionError(f"nobody stopped the group at {sum(map(len, taken)) / 2**30:.0f} GiB")


FAULTS = {
    9_000_001.0: wait,
    9_000_002.0: hang,
    9_000_003.0: kill,
    9_000_004.0: kill_once,
    9_000_005.0: hog,
}


def flag(name):
    """Leave a file that names this process; one an event."""
    Path(FOLDER, f"{name}-{os.getpid()}-{time.monotonic_ns()}").touch()


def flags(name):
    return list(Path(FOLDER).glob(f"{name}-*"))


def strike(labels):
    """Do what the first label says, if it says anything."""
    fault = FAULTS.get(float(labels[0])) if len(labels) else None
    if fault is not None:
        fault()


def strike_checked(module):
    genuine = module.usable

    def usable(series, config):
        strike(series.y)
        return genuine(series, config)

    module.usable = usable


def strike_prophet(module):
    genuine = module.Prophet.fit

    def fit(self, df, **kwargs):
        strike(df["y"].to_numpy())
        return genuine(self, df, **kwargs)

    module.Prophet.fit = fit


AFTER_IMPORT = {"sparkprophet.series.checks": strike_checked, "prophet.forecaster": strike_prophet}


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of AFTER_IMPORT as Python would, and changes them once they are there."""

    def find_spec(self, name, path, target=None):
        if name not in AFTER_IMPORT:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            AFTER_IMPORT[name](module)

        spec.loader.exec_module = exec_module
        return spec


if FOLDER:
    sys.meta_path.insert(0, Finder())
