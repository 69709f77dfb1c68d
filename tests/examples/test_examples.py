"""Every example runs as its docstring says and gives what it promises.

Those marked slow are processes of their own; `make test` runs two of them in the tests' session.
"""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyspark
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
TESTED = {
    "bayesian_pca_regression", "choose_cluster", "demo", "demo_plots", "nightly_job",
    "pipeline_train_validation_split", "series_tuning", "tune_on_dask", "tune_on_joblib",
    "tune_on_ray", "walkthrough",
}  # fmt: skip
# What the JVM and Spark say at every start, before a program's log level holds.
STARTS = re.compile(
    r"WARNING: Using incubator modules|Using Spark's default log4j profile"
    r"|Setting default log level to|To adjust logging level use|Setting Spark log level to"
    r"|\S+ \S+ WARN (NativeCodeLoader|Utils): "
)


def example(name, *arguments, folder, launcher=(sys.executable,)):
    """The finished process of an example, run in `folder`."""
    command = [*map(str, launcher), str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def complaints(done):
    """Lines on stderr other than those of Spark's start."""
    return [line for line in done.stderr.splitlines() if not STARTS.match(line)]


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == TESTED


@pytest.mark.slow
def test_walkthrough(tmp_path):
    done = example("walkthrough", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert complaints(done) == []
    for words in (
        "TOO_SHORT",
        "yhat_upper",
        "weekly",
        "prophet.forecaster.Prophet",
        "wape 0.0",
        "2 groups tuned",
        "loaded: 3 rows",
    ):
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pipeline_in_a_train_validation_split(tmp_path):
    done = example("pipeline_train_validation_split", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    wapes = [line.split(maxsplit=2) for line in lines if line.startswith("wape")]
    tried = {settings: float(value) for _, value, settings in wapes}
    assert len(tried) == 4 and all(0 < value < 0.2 for value in tried.values())
    best = next(line for line in lines if line.startswith("best: ")).removeprefix("best: ")
    assert tried[best] == min(tried.values())


@pytest.mark.slow
def test_bayesian_search_beside_a_grid(tmp_path):
    done = example("bayesian_pca_regression", "--rows", "600", "--seeds", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.rsplit(maxsplit=3) for line in done.stdout.splitlines()[-4:]]
    found = {name.strip(): (float(metric), int(fits)) for name, metric, fits, _ in rows}
    assert [fits for _, fits in found.values()] == [16, 16, 8, 8]
    # On the same split, no part of a grid is better than all of it.
    assert found["grid searched"][0] >= found["grid, our tuner"][0] > 1.0


@pytest.fixture
def module(monkeypatch):
    """name -> the module of an example, in this process."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


def nightly_arguments(data, output):
    source = data / "dominicks_oj_weekly.parquet"
    return "--input", source, "--limit", "3", "--horizon", "2", "--output", output


def check_nightly(data, printed, output):
    """What the nightly job has printed and written for the first three series."""
    rows = pd.read_parquet(data / "dominicks_oj_weekly.parquet")
    keys = rows[["store", "brand"]].drop_duplicates().sort_values(["store", "brand"])[:3]
    assert "models table: 3 rows for 3 series" in printed
    assert sorted(p.name for p in output.iterdir()) == ["failures", "forecasts", "model"]
    forecasts = pd.read_parquet(output / "forecasts")
    ends = rows.merge(keys).groupby(["store", "brand"]).ds.max()
    for (store, brand), ahead in forecasts.groupby(["store", "brand"]):
        weeks = pd.to_timedelta([7, 14], unit="D")
        assert sorted(ahead.ds) == list(ends[store, brand] + weeks)
        assert ahead.yhat.between(ahead.yhat_lower, ahead.yhat_upper).all()
    assert set(zip(forecasts.store, forecasts.brand, strict=True)) == set(ends.index)
    metadata = json.loads(next((output / "model" / "metadata").glob("part-*")).read_text())
    assert metadata["class"] == "sparkprophet.GroupedProphetModel"


def test_nightly_job(shared_data, spark_session, module, monkeypatch, capsys, tmp_path):
    nightly, output = module("nightly_job"), tmp_path / "run"
    arguments = ["nightly_job", *map(str, nightly_arguments(shared_data, output))]
    monkeypatch.setattr(sys, "argv", arguments)
    assert nightly.run(spark_session, nightly.arguments()) == 0
    check_nightly(shared_data, capsys.readouterr().out, output)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [(sys.executable,), (SUBMIT, "--master", "local[2]")])
def test_nightly_job_in_a_process_of_its_own(shared_data, tmp_path, launcher):
    output = tmp_path / "run"
    arguments = nightly_arguments(shared_data, output)
    done = example("nightly_job", *arguments, folder=tmp_path, launcher=launcher)
    assert done.returncode == 0, done.stderr
    check_nightly(shared_data, done.stdout, output)


def test_nightly_job_refuses_wrong_arguments(tmp_path):
    assert example("nightly_job", "--horizons", "2", folder=tmp_path).returncode == 2


def check_demo(printed, output):
    """What the demo has printed and written for Newark."""
    assert "to the last bit" in printed
    forecasts = pd.read_csv(output / "forecasts.csv", parse_dates=["ds"])
    # Twelve airlines left from Newark in 2013, one on six days only: counted by hand in the data.
    assert forecasts.groupby(["origin", "carrier"]).size().tolist() == [14] * 12
    usual = forecasts[forecasts.carrier == "UA"]
    assert list(usual.ds) == list(pd.date_range("2013-12-18", periods=14))
    assert usual.yhat.between(80, 160).all()
    parquet = pd.read_parquet(output / "forecasts.parquet")
    assert parquet.yhat.sum() == pytest.approx(forecasts.yhat.sum(), abs=0.1)
    failures = pd.read_csv(output / "failures.csv")
    assert failures[["carrier", "status", "error_code", "n_obs"]].to_numpy().tolist() == [
        ["OO", "fallback", "TOO_SHORT", 6]
    ]
    errors = pd.read_csv(output / "errors.csv").set_index("forecast")
    assert set(errors.index) == {"tuned Prophet", "untuned Prophet", "seasonal naive"}
    assert errors.days.nunique() == 1 and errors.wape.between(0.01, 0.5).all()
    for plot in ("forecasts.png", "search.png"):
        assert (output / plot).read_bytes().startswith(b"\x89PNG")


def test_demo(spark_session, module, capsys, tmp_path):
    demo, output = module("demo"), tmp_path / "demo-output"
    demo.run(spark_session, demo.Steps(), output, ["EWR"], 3)
    check_demo(capsys.readouterr().out, output)


@pytest.mark.slow
def test_demo_in_a_process_of_its_own(tmp_path):
    environment = {"MPLCONFIGDIR": str(tmp_path / "matplotlib")} | os.environ
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py"), "--origins", "EWR", "--trials", "3"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert complaints(done) == []
    check_demo(done.stdout, tmp_path / "demo-output")
