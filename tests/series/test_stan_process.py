"""What a fit does to the process around it: files, output, loggers, random numbers, threads."""

import logging
import os
import subprocess
import sys
import textwrap
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sparkprophet.series import stan
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import deadline_of, fit
from sparkprophet.series.forecast import components, forecast

LOGGERS = ("prophet", "prophet.models", "prophet.plot", "cmdstanpy", "matplotlib")

SCRIPT = """
    import os, sys, time
    import numpy as np
    from sparkprophet.series.config import Config
    from sparkprophet.series.data import Series
    from sparkprophet.series.fit import fit
    from sparkprophet.series.forecast import components, forecast
    from sparkprophet.series.genuine_prophet import prophet_of

    i = np.arange(60)
    ds = np.datetime64("2024-01-01", "us") + i * np.timedelta64(1, "D")
    series = Series(ds, 5 + np.sin(i) + i / 10)
    line = Series(ds, i.astype(float))  # Stan needs seconds for it

    def work():
        config = Config(countryHolidays="US", yearlySeasonality="true", solver="stan")
        outcome = fit(series, config)
        assert outcome.status == "ok", outcome.error_message
        forecast(outcome.state, config, series, 1)
        components(outcome.state, config, series)
        prophet_of(outcome.state, config)
        late = fit(line, Config(solver="stan"), time.monotonic() + 0.2)
        assert late.error_code == "TIMEOUT", late
        assert fit(series.take(i < 1), Config()).error_code == "TOO_SHORT"
"""


def run(script, tmp_path, **environment):
    """Run a script whose temporary files go to `tmp_path`; its result."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | {"TMPDIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )


def test_no_output_and_no_file_left(tmp_path):
    done = run(SCRIPT + "\n    work()", tmp_path, SPARK_LOCAL_DIRS="")
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_country_is_checked_without_output(tmp_path):
    script = """
    from sparkprophet.series.config import Config
    from sparkprophet.series.holidays import check_country
    check_country(Config(), "US")
    """
    done = run(script, tmp_path, SPARK_LOCAL_DIRS="")
    assert (done.stdout, done.stderr) == ("", "")


def test_no_output_and_no_file_left_without_a_home(tmp_path):
    home, files = tmp_path / "home", tmp_path / "files"
    home.touch()  # no folder can be made in it
    files.mkdir()
    script = SCRIPT + '\n    assert fit(series, Config(solver="stan")).status == "ok"'
    # Compiled kernels stay, by intent, wherever they can.
    places = {"HOME": home, "XDG_CONFIG_HOME": home, "NUMBA_CACHE_DIR": tmp_path / "kernels"}
    done = run(script, files, SPARK_LOCAL_DIRS="", **{n: str(p) for n, p in places.items()})
    assert (done.stdout, done.stderr) == ("", "")
    assert list(files.iterdir()) == []


def test_a_worker_that_ends_at_once_leaves_files_only_where_spark_removes_them(tmp_path):
    default, local = tmp_path / "default", tmp_path / "local"
    default.mkdir()
    local.mkdir()
    script = SCRIPT + "\n    work()\n    sys.stdout.flush()\n    os._exit(0)"
    done = run(script, default, SPARK_LOCAL_DIRS=f"{local},{tmp_path / 'second'}")
    assert (done.stdout, done.stderr) == ("", "")
    assert list(default.iterdir()) == []
    # At most CmdStanPy's own folder, which it would have removed at a normal exit.
    assert len(list(local.rglob("*"))) <= 1


def test_timeout_leaves_no_process(tmp_path):
    script = """
    late = fit(line, Config(solver="stan"), time.monotonic() + 0.2)
    assert late.error_code == "TIMEOUT"
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("none")
    """
    assert run(SCRIPT + script, tmp_path, SPARK_LOCAL_DIRS="").stdout == "none\n"


def test_nothing_is_logged_where_the_root_logger_shows_everything(tmp_path):
    script = """
    import logging, warnings
    logging.basicConfig(level=logging.DEBUG, format="%(name)s", stream=sys.stdout)
    warnings.simplefilter("always")
    logging.captureWarnings(True)
    work()
    logging.getLogger("cmdstanpy").warning("cmdstanpy speaks again")
    logging.getLogger("prophet").warning("prophet speaks again")
    """
    lines = run(SCRIPT + script, tmp_path, SPARK_LOCAL_DIRS="").stdout.split()
    assert lines == ["cmdstanpy", "prophet"]


def test_scratch_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path},/elsewhere")
    assert stan.scratch_directory() == str(tmp_path)
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "missing"))
    assert stan.scratch_directory() is None
    monkeypatch.delenv("SPARK_LOCAL_DIRS")
    assert stan.scratch_directory() is None


@pytest.mark.parametrize("disabled", [False, True])
def test_loggers_and_warnings_are_as_before(daily, disabled):
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = disabled
        filters = list(warnings.filters)
        fit(daily(30), Config(solver="stan"))
        with pytest.raises(ZeroDivisionError), stan.quiet():
            assert all(logger.disabled for logger in loggers)
            raise ZeroDivisionError
        assert [logger.disabled for logger in loggers] == [disabled] * len(LOGGERS)
        assert list(warnings.filters) == filters
    finally:
        for logger, value in zip(loggers, before, strict=True):
            logger.disabled = value


def test_numpys_random_state_is_untouched(daily):
    np.random.seed(123)
    expected = np.random.random(3)
    np.random.seed(123)
    outcome = fit(daily(30), Config(solver="stan"))
    first = forecast(outcome.state, outcome.config, daily(40), 5)
    components(outcome.state, outcome.config, daily(40))
    np.testing.assert_array_equal(np.random.random(3), expected)
    again = forecast(outcome.state, outcome.config, daily(40), 5)
    other = forecast(outcome.state, outcome.config, daily(40), 6)
    np.testing.assert_array_equal(first.lower, again.lower)
    assert (first.lower != other.lower).any()


@pytest.mark.parametrize("solver", ["stan", "native"])
def test_threads_do_not_disturb_each_other(daily, solver):
    config = Config(uncertaintySamples=100, solver=solver)

    def work(seed):
        series = daily(60, seed=seed)
        outcome = fit(series, config)
        return forecast(outcome.state, config, series, seed)

    alone = [work(seed) for seed in range(6)]
    disabled = [logging.getLogger(name).disabled for name in LOGGERS]
    filters = list(warnings.filters)
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(work, range(6)))
    assert np.random.random() == expected
    assert [logging.getLogger(name).disabled for name in LOGGERS] == disabled
    assert list(warnings.filters) == filters
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.yhat, other.yhat)
        np.testing.assert_array_equal(one.lower, other.lower)


def test_deadline_of_a_group():
    assert deadline_of(Config()) is None
    before = time.monotonic()
    assert before + 5 <= deadline_of(Config(groupTimeout=5)) <= time.monotonic() + 5


def test_timeout_keeps_a_fallback():
    ds = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
    line = Series(ds, np.arange(60.0))
    outcome = fit(line, Config(fallback="naive", solver="stan"), time.monotonic() + 0.2)
    assert (outcome.status, outcome.error_code) == ("fallback", "TIMEOUT")
    assert "groupTimeout" in outcome.error_message
    later = Series(ds[-1:] + np.timedelta64(1, "D"), np.full(1, np.nan))
    assert forecast(outcome.state, outcome.config, later, 0).yhat.tolist() == [59]
