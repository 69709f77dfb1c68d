"""The Scala examples run by spark-submit, and write and print what their data says they have to."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyspark
import pytest

import sparkprophet

ROOT = Path(__file__).resolve().parents[2]
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
VERSION = sparkprophet.__version__
JAR = ROOT / "target" / "scala-2.13" / f"sparkprophet_2.13-{VERSION}.jar"
EXAMPLES = ROOT / "target" / "examples" / "scala-2.13" / f"sparkprophet-examples_2.13-{VERSION}.jar"

pytestmark = pytest.mark.skipif(
    not (JAR.exists() and EXAMPLES.exists()), reason="no jars: `make scala-examples` builds them"
)


def submit(name, *arguments, master, folder, **variables):
    """The finished process of an example; its executors have no sparkprophet but the jar's."""
    environment = os.environ | {"PYTHONPATH": ""} | variables
    command = [SUBMIT, "--master", master, "--conf", "spark.ui.enabled=false", "--class", name,
               "--jars", JAR, EXAMPLES, *arguments]  # fmt: skip
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, cwd=folder, env=environment
    )


@pytest.mark.slow
@pytest.mark.parametrize("master", ["local[2]", "local-cluster[2,1,1024]"])
def test_nightly_forecast(tmp_path, master):
    done = submit("NightlyForecast", tmp_path / "run", master=master, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.split()[:4] == ["ok", "native", "-", "18"] for line in lines)
    assert any(line.split()[:4] == ["failed", "-", "TOO_SHORT", "2"] for line in lines)
    # The values of the estimator itself are the first trial, so that a search only gains.
    assert "18 series tuned: 18 at least as good as untuned" in done.stdout
    assert f"forecasts: {18 * 28} rows in {tmp_path}/run/forecasts" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]

    failures = pd.read_parquet(tmp_path / "run" / "failures").sort_values("item")
    assert failures[["store", "item", "n_obs"]].to_numpy().tolist() == [
        ["store 4", 2, 0],
        ["store 4", 3, 1],
    ]
    forecasts = pd.read_parquet(tmp_path / "run" / "forecasts")
    assert forecasts.groupby(["store", "item"]).size().tolist() == [28] * 18
    ahead = pd.date_range("2024-01-01", periods=420 + 28)[420:].date
    for (store, item), own in forecasts.groupby(["store", "item"]):
        assert list(own.ds) == list(ahead)
        if (store, item) == ("store 4", 1):
            assert own.yhat.between(7 - 1e-6, 7 + 1e-6).all()
            continue
        # The formula of the generator, with the mean of its noise, which goes from 0 to 10.
        day = np.arange(420, 448)
        usual = 100 + 10 * item + day / 20 + 15 * np.sin(2 * np.pi * day / 7) + 5
        assert np.abs(own.yhat.to_numpy() - usual).max() < 4


@pytest.mark.slow
def test_too_many_failures_have_an_exit_code_of_their_own(tmp_path):
    days = pd.date_range("2024-01-01", periods=100)
    long = [("a", item, day, float(day.dayofweek)) for item in (1, 2) for day in days]
    short = [("b", 1, days[0], 1.0)]
    sales = pd.DataFrame([*long, *short], columns=["store", "item", "ds", "y"])
    sales["ds"] = sales.ds.dt.date
    sales.to_parquet(tmp_path / "sales.parquet")
    done = submit(
        "NightlyForecast",
        tmp_path / "run",
        tmp_path / "sales.parquet",
        master="local[2]",
        folder=tmp_path,
    )
    assert done.returncode == 3, done.stderr
    assert "1 of 3 groups failed (maxFailedFraction is 0.1)" in done.stderr
    forecasts = pd.read_parquet(tmp_path / "run" / "forecasts")
    assert forecasts.groupby(["store", "item"]).size().to_dict() == {("a", 1): 28, ("a", 2): 28}


@pytest.mark.slow
@pytest.mark.parametrize("master", ["local[2]", "local-cluster[2,1,1024]"])
def test_pca_and_regression(tmp_path, master):
    done = submit("PcaRegression", "600", master=master, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ") for line in done.stdout.splitlines()[-3:]]
    found = {}
    for row in rows:
        name, metric, fits, _, values = [word.strip() for word in row if word.strip()]
        found[name] = float(metric), int(fits), dict(pair.split("=") for pair in values.split(", "))
    assert [fits for _, fits, _ in found.values()] == [16, 8, 8]
    # On the same folds no part of a grid is better than all of it; nothing beats the noise of 1.
    assert found["grid searched"][0] >= found["grid"][0] > 1.0
    assert found["grid searched"][2]["k"] in ("15", "20", "40", "75")
    assert 5 <= int(found["ranges opened"][2]["k"]) <= 80
    assert 1e-4 <= float(found["ranges opened"][2]["regParam"]) <= 1.0


REMEDY = (
    "set spark.pyspark.python, or the environment variable PYSPARK_PYTHON, to a Python 3.11 or "
    "newer with `pip install sparkprophet`, the same on the driver and on every node"
)


@pytest.mark.slow
def test_a_python_that_is_not_there(tmp_path):
    variables = {"PYSPARK_PYTHON": "/no/such/python", "PYSPARK_DRIVER_PYTHON": ""}
    done = submit(
        "NightlyForecast",
        "run",
        master="local[2]",
        folder=tmp_path,
        SPARK_HOME=str(SUBMIT.parents[1]),
        **variables,
    )
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("NightlyForecast: ")]
    assert len(said) == 1
    assert "the driver's Python ('/no/such/python', by PYSPARK_PYTHON) cannot be started" in said[0]
    assert said[0].endswith(REMEDY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_no_python_is_named(tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    done = submit(
        "NightlyForecast",
        tmp_path / "run",
        master="local[2]",
        folder=tmp_path,
        SPARK_HOME=str(SUBMIT.parents[1]),
        PYSPARK_PYTHON="",
        PYSPARK_DRIVER_PYTHON="",
        PATH=f"{bare}/bin:{os.environ['PATH']}",
    )
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("NightlyForecast: ")]
    assert len(said) == 1
    assert "('python3', the default, since neither spark.pyspark.python nor" in said[0]
    assert "has no module '" in said[0]
    assert said[0].endswith(REMEDY)
