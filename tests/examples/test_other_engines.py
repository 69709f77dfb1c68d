"""The same function of a series on other engines: every one finds what a plain loop finds."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparkprophet import GroupedProphet, GroupedProphetTuner
from sparkprophet.spark import columns
from sparkprophet.spark.worker.group_row import group_seed

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
# The engines are no need of this package: `make bench-paper-peers` installs them.
PEERS = ROOT / ".cache" / "venv-peers" / "bin" / "python"
TRIALS = 12


def example(name, *arguments, folder):
    """The lines that an example prints, run in `folder` by the Python of the peers."""
    paths = {"TMPDIR": str(folder), "PYSPARK_PYTHON": str(PEERS), "HOME": str(folder)}
    quiet = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    command = [str(PEERS), str(EXAMPLES / f"{name}.py"), "--trials", str(TRIALS), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=os.environ | paths | quiet
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def short_folder(tmp_path_factory):
    """For Ray's sockets, whose paths end at 107 characters."""
    return tmp_path_factory.mktemp("r")


@pytest.fixture(scope="module")
def series_tuning():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(EXAMPLES))
        import series_tuning

        yield series_tuning


@pytest.fixture(scope="module")
def in_a_loop(series_tuning):
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setattr(sys, "argv", ["series_tuning", "--trials", str(TRIALS)])
        series_tuning.main()
    return printed.getvalue().splitlines()


def test_in_a_loop(in_a_loop):
    names = [line.split()[0] for line in in_a_loop]
    assert names == [f"{shop}/{item}" for shop in ("Basel", "Bern") for item in range(3)] + [
        "Chur/0"
    ]
    for line in in_a_loop[:-1]:
        _, status, _, best, _, untuned = line.split()[:6]
        assert status == "ok"
        assert 2 < float(best) <= float(untuned.rstrip(")")) < 20
        values = json.loads(line[line.index("{") :])
        assert 0.001 <= values["changepointPriorScale"] <= 0.5
    assert "failed" in in_a_loop[-1] and "1 usable rows" in in_a_loop[-1]


@pytest.mark.slow
def test_the_tuner_finds_the_same(spark_session, series_tuning):
    data = spark_session.createDataFrame(series_tuning.generated().query("shop == 'Bern'"))
    prophet = GroupedProphet(groupCols=["shop", "item"], uncertaintySamples=0, seed=3)
    model = GroupedProphetTuner(
        estimator=prophet, searchSpace=series_tuning.SPACE, numTrials=TRIALS, horizon=28, seed=3
    ).fit(data)
    hashed = data.select("shop", "item", columns.seed(prophet, data).alias("seed")).distinct()
    seeds = {(row.shop, row.item): group_seed(row.seed) for row in hashed.collect()}
    settings = series_tuning.search(TRIALS, horizon=28)
    found = {(row.shop, row.item): row for row in model.models.collect()}
    assert len(found) == 3
    parser = series_tuning.arguments("")
    for task in series_tuning.tasks(parser.parse_args([])):
        if task.key in found:
            row = series_tuning.tuned(task._replace(seed=seeds[task.key]), settings)
            assert row["best"] == found[task.key].best_value
            config = json.loads(found[task.key].config)
            assert row["values"] == {name: config[name] for name in row["values"]}


@pytest.mark.slow
@pytest.mark.skipif(not PEERS.exists(), reason="no engines: `make bench-paper-peers` installs them")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tune_on_joblib", ()),
        ("tune_on_dask", ()),
        ("tune_on_ray", ()),
        ("tune_on_ray", ("--on-spark",)),
    ],
)
def test_on_another_engine(name, arguments, in_a_loop, short_folder):
    lines = example(name, *arguments, folder=short_folder)
    # Ray's nodes on Spark log to stdout, between and before.
    assert [line for line in lines if line in in_a_loop] == in_a_loop
