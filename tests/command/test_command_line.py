"""The commands as a cron job sees them: exit code, stdout, stderr, and what is on the disk."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyspark
import pytest
from pyspark.sql import functions as F

import by_hand
import sparkprophet
from command_runs import only_own_lines, run, sales, wrong
from saved_folders import reseal

PACKAGE = Path(sparkprophet.__file__).parent
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
NEAR = by_hand.TOLERANCE["native"]


def forecast_by_hand(rows, steps):
    """What Prophet forecasts by hand with the settings of the fixture `fitted`, by day."""
    future = pd.date_range(rows.ds.max() + pd.Timedelta(days=1), periods=steps)
    days = pd.DataFrame({"ds": future})
    yhat = by_hand.yhat(rows[["ds", "y"]], days, changepoint_prior_scale=0.02)
    return pd.Series(yhat, index=future)


def test_fit_answers_with_the_table_alone(fitted):
    (code, out, err), folder = fitted
    assert code == 0
    assert only_own_lines(err) and err
    lines = out.splitlines()
    assert lines[0].split() == ["status", "solver", "code", "groups", "cpu", "s"]
    assert lines[1].split()[:4] == ["ok", "native", "-", "2"]
    assert lines[2].split()[:4] == ["failed", "-", "TOO_SHORT", "1"]
    written = dict(line.split() for line in lines[-3:])
    assert written == {n: f"{folder}/{n}" for n in ("model", "failures", "forecasts")}


def test_fit_writes_failures_and_forecasts(spark, fitted):
    _, folder = fitted
    failures = spark.read.parquet(f"{folder}/failures").collect()
    assert [(row.store, row.error_code) for row in failures] == [("new", "TOO_SHORT")]
    found = spark.read.parquet(f"{folder}/forecasts").toPandas().sort_values(["store", "ds"])
    # Keys of a CSV file stay as they were written.
    assert found.store.tolist() == ["007"] * 5 + ["12"] * 5
    rows = sales()
    for store in ("007", "12"):
        own = found[found.store == store]
        expected = forecast_by_hand(rows[rows.store == store], 5)
        assert pd.to_datetime(own.ds).tolist() == expected.index.tolist()
        assert own.yhat.to_numpy() == pytest.approx(expected.to_numpy(), rel=NEAR)


def test_nothing_is_left_beside_the_output(fitted):
    _, folder = fitted
    assert sorted(p.name for p in folder.parent.iterdir()) == ["fit.json", "out"]
    assert sorted(p.name for p in folder.iterdir()) == ["failures", "forecasts", "model"]


def test_forecast_of_a_saved_model(spark, fitted, tmp_path):
    _, folder = fitted
    code, out, err = run(
        "forecast", "--input", f"{folder}/model", "--horizon", "3", "--output", tmp_path / "f"
    )
    assert code == 0 and only_own_lines(err)
    assert out.splitlines()[1].split() == ["2", "6", str(tmp_path / "f")]
    found = spark.read.parquet(str(tmp_path / "f")).filter("store = '12'").orderBy("ds").toPandas()
    rows = sales()
    expected = forecast_by_hand(rows[rows.store == "12"], 3)
    assert found.yhat.to_numpy() == pytest.approx(expected.to_numpy(), rel=NEAR)


def test_wrong_frequency_ends_with_2(spark, fitted, tmp_path):
    _, folder = fitted
    answer = run(
        "forecast",
        "--input",
        folder,
        "--horizon",
        "2",
        "--freq",
        "fortnight",
        "--output",
        tmp_path / "o",
    )
    wrong(answer, "freq", "'fortnight'")


def test_report_of_a_saved_model(spark, fitted):
    _, folder = fitted
    code, out, err = run("report", "--input", folder)
    assert (code, err) == (0, "")
    assert re.search(r"^failed +- +TOO_SHORT +1 ", out, re.MULTILINE)
    assert "store=new" in out and "minObservations" in out
    code, out, _ = run("report", "--input", f"{folder}/model", "--json")
    facts = json.loads(out)
    assert facts["by_status"] == {"ok": 2, "failed": 1}
    assert facts["by_error_code"] == {"TOO_SHORT": 1} and facts["groups"] == 3


def test_report_predicts_compares_and_writes_a_page(spark, fitted, tmp_path):
    _, folder = fitted
    page = tmp_path / "report.html"
    code, out, err = run(
        "report",
        "--input",
        folder,
        "--compare",
        f"{folder}/model",
        "--shape",
        "2x3",
        "--shape",
        "1x1",
        "--price",
        "0.5",
        "--deadline",
        "100000",
        "--html",
        page,
    )
    assert (code, err) == (0, "")
    # The summary comes first, as before.
    assert out.splitlines()[0].split() == ["status", "solver", "code", "groups", "cpu", "s"]
    assert re.search(r"^ +1x1 +1 .* yes$", out, re.MULTILINE)
    assert re.search(r"^ +2x3 +6 .* yes$", out, re.MULTILINE)
    assert "Cheapest within 27 h 46 min: 1x1" in out
    assert out.splitlines()[-1].split() == ["html", str(page)]
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    # A page of ours is replaced, by the next night's.
    code, out, _ = run("report", "--input", folder, "--html", page, "--json")
    facts = json.loads(out)
    assert code == 0 and facts["written"] == {"html": str(page)}
    assert facts["report"]["groups"] == 3 and facts["report"]["deadline"] is None
    assert sum(part["share"] for part in facts["report"]["parts"]) == pytest.approx(1)


def test_report_of_another_job_is_no_comparison(spark, fitted, tables, tmp_path):
    _, folder = fitted
    (tmp_path / "c.json").write_text('{"uncertaintySamples": 0, "parallelism": 1}')
    code, _, _ = run(
        "fit",
        "--input",
        tables / "sales.parquet",
        "--config",
        tmp_path / "c.json",
        "--output",
        tmp_path / "whole",
    )
    assert code == 0
    answer = run("report", "--input", folder, "--compare", tmp_path / "whole")
    wrong(answer, "compare", "1 groups", "this one's 3")


def test_report_of_a_model_without_timings_is_its_summary(spark, fitted, tmp_path):
    _, folder = fitted
    bare = tmp_path / "model"
    shutil.copytree(folder / "model", bare)
    rows = spark.read.parquet(f"{folder}/model/models")
    rows.withColumn("started_at", F.lit(None).cast("timestamp")).write.mode("overwrite").parquet(
        f"{bare}/models"
    )
    reseal(bare)
    code, out, err = run("report", "--input", bare)
    assert code == 0 and only_own_lines(err) and "no more than the summary" in err
    assert "3 groups in" in out and "slots' seconds" not in out
    wrong(run("report", "--input", bare, "--html", tmp_path / "r.html"), "started_at")
    assert not (tmp_path / "r.html").exists()


def test_tune_writes_trials_and_comparison(spark, tables, tmp_path):
    config = tmp_path / "tune.yaml"
    config.write_text(
        "groupCols: [store]\nuncertaintySamples: 0\nfallback: mean\nnumTrials: 9\nseed: 5\n"
        "searchSpace:\n  dimensions:\n"
        "    - {kind: uniform, name: changepointPriorScale, low: 1e-3, high: 0.5, log: true}\n"
    )
    out_folder = tmp_path / "out"
    code, out, err = run(
        "tune",
        "--input",
        tables / "sales.jsonl",
        "--config",
        config,
        "--output",
        out_folder,
        "--horizon",
        "7",
        "--num-trials",
        "2",
    )
    assert code == 0 and only_own_lines(err)
    assert sorted(p.name for p in out_folder.iterdir()) == [
        "comparison",
        "failures",
        "forecasts",
        "model",
        "trials",
    ]
    assert "2 groups tuned" in out
    trials = spark.read.parquet(f"{out_folder}/trials").toPandas()
    # The flag wins over the file's nine.
    assert trials.groupby("store").size().to_dict() == {"007": 2, "12": 2}
    scales = [json.loads(text) for text in trials.params]
    assert all(list(p) == ["changepointPriorScale"] for p in scales)
    assert all(1e-3 <= p["changepointPriorScale"] <= 0.5 for p in scales)
    compared = spark.read.parquet(f"{out_folder}/comparison").toPandas().set_index("store")
    model = spark.read.parquet(f"{out_folder}/model/models").toPandas().set_index("store")
    pd.testing.assert_series_equal(
        compared.tuned.sort_index(), model.holdout_value.sort_index(), check_names=False
    )
    assert compared.tuned.notna().to_dict() == {"007": True, "12": True, "new": False}
    forecasts = spark.read.parquet(f"{out_folder}/forecasts").toPandas()
    assert forecasts.groupby("store").size().to_dict() == {"007": 7, "12": 7, "new": 7}
    assert forecasts.yhat[forecasts.store == "new"].nunique() == 1  # the mean of one day


def test_regressors_come_from_a_table(spark, tables, tmp_path):
    rows = sales()
    future = pd.DataFrame({"store": "12", "ds": pd.date_range("2024-04-30", periods=4)})
    future.assign(price=[1.0, 1.0, 2.0, 2.0]).to_parquet(
        tmp_path / "plan.parquet", coerce_timestamps="us"
    )
    (tmp_path / "c.json").write_text('{"regressors": ["price"], "weeklySeasonality": "false"}')
    base = [
        "fit", "--input", tables / "sales.parquet", "--group-cols", "store", "--horizon", "4",
        "--config", tmp_path / "c.json", "--output", tmp_path / "out",
    ]  # fmt: skip
    wrong(run(*base), "--horizon", "price", "--regressors")
    code, _, _ = run(*base, "--regressors", tmp_path / "plan.parquet")
    assert code == 0
    found = spark.read.parquet(f"{tmp_path}/out/forecasts").orderBy("ds").toPandas()
    assert found.store.tolist() == ["12"] * 4 and found.ds.tolist() == future.ds.tolist()
    assert found.ds.min() > rows.ds.max()
    # The price's true effect is -8 for each unit.
    assert found.yhat[2] - found.yhat[1] == pytest.approx(-8, abs=2)


def test_too_many_failures_are_written_and_end_with_3(spark, tables, tmp_path):
    (tmp_path / "c.json").write_text('{"maxFailedFraction": 0.2, "uncertaintySamples": 0}')
    code, out, err = run(
        "fit",
        "--input",
        tables / "sales.parquet",
        "--group-cols",
        "store",
        "--config",
        tmp_path / "c.json",
        "--output",
        tmp_path / "out",
        "--json",
    )
    assert code == 3 and only_own_lines(err)
    assert "1 of 3 groups failed" in err and "maxFailedFraction is 0.2" in err
    facts = json.loads(out)
    assert facts["exit_code"] == 3 and facts["by_status"] == {"ok": 2, "failed": 1}
    table = spark.read.parquet(f"{facts['written']['model']}/models")
    assert sorted(row.store for row in table.collect()) == ["007", "12", "new"]


@pytest.fixture
def broken(tables, tmp_path):
    """A Parquet file whose schema can be read and whose rows cannot."""
    content = bytearray((tables / "sales.parquet").read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    content[4:-footer] = bytes(len(content) - footer - 4)
    (tmp_path / "broken.parquet").write_bytes(content)
    return tmp_path / "broken.parquet"


def test_a_failed_job_ends_with_1_and_leaves_the_old_output(spark, broken, tmp_path):
    output = tmp_path / "out"
    (output / "model").mkdir(parents=True)
    (output / "model" / "kept").write_text("old")
    code, out, err = run(
        "fit", "--input", broken, "--group-cols", "store", "--output", output, "--overwrite"
    )
    assert (code, out) == (1, "")
    assert only_own_lines(err) and "Traceback" not in err and "\tat " not in err
    assert (output / "model" / "kept").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.parquet", "out"]


def test_verbose_adds_the_traceback(spark, broken, tmp_path):
    code, out, err = run(
        "fit", "--input", broken, "--group-cols", "store", "--output", tmp_path / "o", "--verbose"
    )
    assert (code, out) == (1, "") and "Traceback" in err


def test_overwrite_replaces_what_was_written_before(fitted, spark, tables, tmp_path):
    output = tmp_path / "out"
    (output / "trials").mkdir(parents=True)
    base = ["fit", "--input", tables / "sales.csv", "--group-cols", "store", "--output", output]
    wrong(run(*base), "--output", "exists already", "--overwrite")
    assert run(*base, "--overwrite")[0] == 0
    assert sorted(p.name for p in output.iterdir()) == ["failures", "model"]


def test_overwrite_spares_what_is_not_its_own(no_spark, tables, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    base = ["fit", "--input", tables / "sales.csv", "--overwrite", "--output"]
    wrong(run(*base, tmp_path), "--output", "'thesis.txt'")
    wrong(run(*base, tmp_path / "thesis.txt"), "is a file")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_partitioned_folders_are_read_by_their_content(spark, tables, tmp_path):
    rows = spark.read.parquet(str(tables / "sales.parquet"))
    rows.write.partitionBy("store").parquet(str(tmp_path / "sales"))
    (tmp_path / "c.json").write_text('{"uncertaintySamples": 0}')
    code, out, _ = run(
        "fit",
        "--input",
        tmp_path / "sales",
        "--group-cols",
        "store",
        "--output",
        tmp_path / "o",
        "--config",
        tmp_path / "c.json",
        "--json",
    )
    assert code == 0 and json.loads(out)["groups"] == 3


def test_times_that_are_none_fail_their_own_group_only(spark, tables, tmp_path):
    lines = (tables / "sales.csv").read_text().splitlines()
    lines[3] = lines[3].replace("2024-03-03", "someday")
    (tmp_path / "s.csv").write_text("\n".join(lines))
    code, out, _ = run(
        "fit",
        "--input",
        tmp_path / "s.csv",
        "--group-cols",
        "store",
        "--output",
        tmp_path / "o",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["by_error_code"] == {"DS_NULL": 1, "TOO_SHORT": 1}


def test_help_and_version(capsys):
    for command in ("fit", "tune", "forecast", "report"):
        with pytest.raises(SystemExit) as ended:
            run(command, "--help")
        assert ended.value.code == 0
    done = subprocess.run(
        [sys.executable, "-m", "sparkprophet", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, sparkprophet.__version__)


@pytest.mark.slow
def test_a_process_of_its_own_is_quiet(tables, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYSPARK_PYTHON"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sparkprophet",
            "fit",
            "--input",
            str(tables / "sales.parquet"),
            "--group-cols",
            "store",
            "--output",
            str(tmp_path / "o"),
            "--json",
        ],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["by_status"] == {"ok": 2, "failed": 1}
    assert done.stderr and only_own_lines(done.stderr)
    assert (tmp_path / "o" / "model" / "models" / "_SUCCESS").exists()


@pytest.mark.slow
def test_spark_submit_passes_the_exit_code_on(tables, tmp_path):
    # The package reaches the workers from its own folder, installed or not.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    (tmp_path / "c.json").write_text('{"maxFailedFraction": 0, "uncertaintySamples": 0}')
    done = subprocess.run(
        [
            str(SUBMIT),
            "--master",
            "local[2]",
            "--conf",
            "spark.ui.enabled=false",
            str(PACKAGE / "__main__.py"),
            "fit",
            "--input",
            str(tables / "sales.parquet"),
            "--group-cols",
            "store",
            "--config",
            str(tmp_path / "c.json"),
            "--output",
            str(tmp_path / "o"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 3, done.stderr
    # spark-submit itself would join stderr to stdout.
    assert done.stdout.startswith("status ") and "sparkprophet:" not in done.stdout
    assert "1 of 3 groups failed" in done.stderr
    assert (tmp_path / "o" / "model" / "metadata").exists()
