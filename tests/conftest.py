"""What tests of several packages share."""

import faulthandler
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

# Spark's workers must be this very Python, with the packages that the tests run on.
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
# No JVM of a test lives long enough to pay for what the second compiler optimises, and the threads
# of a collector would only fight with its tasks: a third less of CPU. With one compiler the cache
# of its code is 48 MiB, full after a minute, and all that comes then is interpreted; so it gets
# ten times that. Children inherit all.
_QUICK = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=480m -XX:+UseSerialGC"
os.environ.setdefault("SPARK_SUBMIT_OPTS", _QUICK)
os.environ.setdefault("SPARK_LAUNCHER_OPTS", _QUICK)

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"
_STUCK_AFTER = 600  # seconds of one test: several times what the longest takes
_stderr = 2


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real data sets; they are no part of the project, so tests of them may skip."""
    folder = Path(os.environ.get("SPARKPROPHET_DATA", _BESIDE_CHECKOUT))
    if not folder.is_dir():
        pytest.skip("no real data: SPARKPROPHET_DATA names no folder and shared/data is not there")
    return folder


def pytest_configure():
    global _stderr
    _stderr = os.dup(2)  # that of the tests themselves is captured


def pytest_collection_modifyitems(items):
    """Files that take long come first, so that several processes end together."""
    items.sort(key=lambda item: _ORDER.index(_room(item)))


_ORDER = ("jvm", "bayesian", "saving", "grouped", "spark", "command", "examples", "faults", "")


def _room(item):
    rooms = item.path.relative_to(Path(__file__).parent).parts
    return next((room for room in _ORDER if room in rooms), "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """A test that hangs says where, in Python and in the JVM, instead of hanging for ever."""
    if item.get_closest_marker("slow"):
        return (yield)
    watch = threading.Timer(_STUCK_AFTER, _give_up, [item.nodeid])
    watch.daemon = True
    watch.start()
    try:
        return (yield)
    finally:
        watch.cancel()


def _give_up(test):
    os.write(_stderr, f"\n{test}: not at its end after {_STUCK_AFTER} s\n".encode())
    faulthandler.dump_traceback(_stderr)
    java = ["pgrep", "-P", str(os.getpid()), "java"]
    for jvm in subprocess.run(java, capture_output=True, text=True).stdout.split():
        stacks = subprocess.run(["jstack", jvm], capture_output=True, text=True, timeout=60).stdout
        telling = ("py4j.Gateway.", "Executor task", "dag-scheduler", "ython")
        for stack in stacks.split("\n\n"):  # the others are idle, and hundreds
            if any(word in stack for word in telling):
                os.write(_stderr, f"{stack}\n\n".encode())
    os._exit(1)
