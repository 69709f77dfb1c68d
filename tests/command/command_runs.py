"""The command line run inside this process, and the sales that it is given."""

import contextlib
import io

import numpy as np
import pandas as pd

from sparkprophet.__main__ import main

DAYS = 60


def sales():
    """Two stores of 60 days and one of a single day: store (text), ds, y, price."""
    random = np.random.default_rng(3)
    ds = pd.date_range("2024-03-01", periods=DAYS)
    frames = []
    for store, rows in (("007", DAYS), ("12", DAYS), ("new", 1)):
        price = random.uniform(1, 2, DAYS).round(3)
        y = 40 + 5 * np.sin(2 * np.pi * np.arange(DAYS) / 7) - 8 * price + random.normal(0, 1, DAYS)
        frames.append(pd.DataFrame({"store": store, "ds": ds, "y": y, "price": price})[:rows])
    return pd.concat(frames, ignore_index=True)


def run(*argv):
    """(exit code, stdout, stderr) of the command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in argv])
    return code, out.getvalue(), err.getvalue()


def only_own_lines(stderr):
    """stderr holds lines of this program alone."""
    return all(line.startswith("sparkprophet: ") for line in stderr.splitlines())


def wrong(answer, *words):
    """The answer says exit code 2 in one line on stderr with all of `words`."""
    code, out, err = answer
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and only_own_lines(err)
    for word in words:
        assert word in err
