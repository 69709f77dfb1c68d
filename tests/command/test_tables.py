"""Tables that commands are given: formats of tables, and times as text."""

import json

import pandas as pd
import pytest

from command_runs import run, wrong


def fit(table, output):
    return run("fit", "--input", table, "--output", output, "--group-cols", "store")


def rows(text):
    """Thirty days of two stores, their dates by a function of pandas' timestamp."""
    days = pd.date_range("2023-12-01", periods=30)
    parts = [pd.DataFrame({"store": s, "ds": map(text, days), "y": range(30)}) for s in "ab"]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m-%d-%Y", "%d.%m.%y", "day %j"])
def test_text_of_which_none_is_a_time_is_refused_by_column_and_value(spark, tmp_path, form):
    table = rows(lambda day: day.strftime(form))
    table.to_csv(tmp_path / "sales.csv", index=False)
    answer = fit(tmp_path / "sales.csv", tmp_path / "out")
    wrong(answer, "--input", "'ds'", min(table.ds), "2023-12-31")
    assert not (tmp_path / "out").exists()


def test_some_that_are_none_are_told_of(spark, tmp_path):
    table = rows(lambda day: day.strftime("%Y-%m-%d"))
    table.loc[3, "ds"] = "31/12/2023"
    table.to_csv(tmp_path / "sales.csv", index=False)
    answer = fit(tmp_path / "sales.csv", tmp_path / "out")
    assert answer[0] == 0 and "'31/12/2023'" in answer[2] and "1 of 60 values" in answer[2]
    failed = spark.read.parquet(str(tmp_path / "out" / "failures")).collect()
    assert [(row.store, row.error_code) for row in failed] == [("a", "DS_NULL")]


@pytest.mark.parametrize(
    ("mark", "kind"),
    [("_delta_log", "delta"), ("metadata/v1.metadata.json", "iceberg"), (".hoodie", "hudi")],
)
def test_a_table_of_another_format_is_not_read_as_its_files(spark, tmp_path, mark, kind):
    folder = tmp_path / "table.parquet"
    spark.createDataFrame(rows(str)).write.parquet(str(folder))
    (folder / mark).mkdir(parents=True)
    if kind == "delta":
        (folder / mark / f"{0:020}.json").write_text(json.dumps({"commitInfo": {}}))
    wrong(fit(folder, tmp_path / "out"), "--input", "table.parquet", kind, "spark.jars.packages")


def test_a_partition_called_metadata_is_no_table_format(spark, tmp_path):
    folder = tmp_path / "table"
    spark.createDataFrame(rows(lambda day: day)).write.parquet(str(folder))
    (folder / "metadata").mkdir()
    assert fit(folder, tmp_path / "out")[0] == 0
