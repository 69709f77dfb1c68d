"""Commands that cannot work: exit code 2, one line that says why, and nothing written."""

import sys
from pathlib import Path

import pytest

from command_runs import run, wrong

WRONG_LINES = {
    "no command": ([], ["no command", "tune"]),
    "misspelt command": (["forcast"], ["'forcast'", "'forecast'"]),
    "misspelt option": (["fit", "--imput", "x"], ["--imput", "'--input'"]),
    "no input": (["fit", "--output", "o"], ["--input", "needed"]),
    "no output": (["tune", "--input", "x"], ["--output", "needed"]),
    "no horizon to forecast": (["forecast", "--input", ".", "--output", "o"], ["--horizon"]),
    "no horizon to tune": (["tune", "--input", ".", "--output", "o"], ["--horizon", "not given"]),
    "horizon 0": (["fit", "--horizon", "0"], ["--horizon", "'0'", "whole number >= 1"]),
    "horizon of text": (["tune", "--horizon", "week"], ["--horizon", "'week'"]),
    "empty key column": (["fit", "--group-cols", "a,,b"], ["--group-cols", "'a,,b'"]),
    "doubled key column": (
        ["fit", "--input", ".", "--output", "o", "--group-cols", "a,a"], ["groupCols", "'a'"],
    ),
    "missing input": (["fit", "--input", "nowhere.csv", "--output", "o"], ["nowhere.csv"]),
    "missing model": (["report", "--input", "nowhere"], ["nowhere"]),
    "missing model to compare": (
        ["report", "--input", ".", "--compare", "nowhere"], ["--compare", "nowhere"],
    ),
    "shape of text": (["report", "--shape", "4by8"], ["--shape", "'4by8'", "4x8"]),
    "negative price": (["report", "--price", "-1"], ["--price", "-1", ">= 0"]),
    "price of text": (["report", "--price", "free"], ["--price", "'free'", ">= 0"]),
    "deadline 0": (["report", "--deadline", "0"], ["--deadline", "'0'", "> 0"]),
    "page in no folder": (
        ["report", "--input", ".", "--html", "no/r.html"], ["--html", "no folder no"],
    ),
    "page that is a folder": (["report", "--input", ".", "--html", "."], ["--html", "folder"]),
    "missing config": (
        ["fit", "--input", ".", "--output", "o", "--config", "c.json"],
        ["c.json", "cannot be read"],
    ),
    "config of another kind": (
        ["fit", "--input", ".", "--output", "o", "--config", "c.toml"], ["c.toml", ".yaml"],
    ),
    "output inside of the input": (
        ["fit", "--input", ".", "--output", "./o"], ["--output", "--input"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_LINES)
def test_wrong_arguments_end_with_2_before_spark(case, no_spark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv, words = WRONG_LINES[case]
    wrong(run(*argv), *words)
    assert list(tmp_path.iterdir()) == []


WRONG_CONFIGS = {
    "unknown name": ('{"weeklySeasonalty": 1}', ["'weeklySeasonalty'", "'weeklySeasonality'"]),
    "estimator": ('{"estimator": {}}', ["estimator"]),
    "bad value": ('{"changepointPriorScale": -1}', ["changepointPriorScale", "-1", "> 0"]),
    "bad choice": ('{"growth": "linaer"}', ["growth", "'linaer'", "'linear'"]),
    "bad value of the tuner": ('{"numTrials": 0}', ["numTrials", "0", ">= 1"]),
    "bad metric": ('{"metric": "rmsee"}', ["metric", "'rmsee'", "rmse"]),
    "no object": ("[1]", ["list", "object"]),
    "no JSON": ("{", ["c.json"]),
    "doubled": ('{"seed": 1, "seed": 2}', ["'seed'", "twice"]),
    "space of text": ('{"searchSpace": "papers"}', ["searchSpace", "'papers'", "'paper'"]),
    "space without dimensions": ('{"searchSpace": {"dimensions": []}}', ["searchSpace", "none"]),
    "space of an unknown param": (
        '{"searchSpace": {"dimensions": [{"kind": "int", "name": "depth", "low": 1, "high": 2}]}}',
        ["'depth'"],
    ),
    "space out of range": (
        '{"searchSpace": {"dimensions": [{"kind": "uniform", "name": "changepointPriorScale", '
        '"low": -1, "high": 2}]}}',
        ["changepointPriorScale", "-1"],
    ),
    "condition on a param that is not searched": (
        '{"searchSpace": {"dimensions": [{"kind": "uniform", "name": "changepointPriorScale", '
        '"low": 0.1, "high": 2, "when": [{"name": "growth", "values": ["flat"]}]}]}}',
        ["changepointPriorScale", "'growth'", "not in the space"],
    ),
    "metric without intervals": (
        '{"metric": "coverage", "uncertaintySamples": 0}', ["coverage", "uncertaintySamples"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_CONFIGS)
def test_a_wrong_config_ends_with_2_before_spark(case, no_spark, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, words = WRONG_CONFIGS[case]
    Path("c.json").write_text(text)
    answer = run(
        "tune",
        "--input",
        tables / "sales.csv",
        "--output",
        "o",
        "--config",
        "c.json",
        "--horizon",
        "7",
    )
    wrong(answer, "c.json", *words)
    assert not Path("o").exists()


def test_yaml_names_are_given_once(no_spark, tables, tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 1\nseed: 2\n")
    answer = run(
        "fit",
        "--input",
        tables / "sales.csv",
        "--output",
        tmp_path / "o",
        "--config",
        tmp_path / "c.yaml",
    )
    wrong(answer, "c.yaml", "'seed'", "twice")


def test_yaml_without_pyyaml_says_what_to_install(no_spark, monkeypatch, tables, tmp_path):
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "c.yaml").write_text("seed: 1\n")
    answer = run(
        "fit",
        "--input",
        tables / "sales.csv",
        "--output",
        tmp_path / "o",
        "--config",
        tmp_path / "c.yaml",
    )
    wrong(answer, "pyyaml", "pip install")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--group-cols", "shop"], ["groupCols", "'shop'", "store"]),
        (["--group-cols", "y"], ["groupCols", "'y'", "labelCol"]),
    ],
)
def test_a_wrong_table_ends_with_2(spark, tables, tmp_path, options, words):
    answer = run("fit", "--input", tables / "sales.parquet", "--output", tmp_path / "o", *options)
    wrong(answer, "--input", *words)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", ["fit", "report"])
def test_a_file_that_is_something_else_ends_with_2(spark, command, tmp_path):
    (tmp_path / "notes.parquet").write_text("no Parquet at all")
    options = ["--output", tmp_path / "o"] if command == "fit" else []
    wrong(run(command, "--input", tmp_path / "notes.parquet", *options), "notes.parquet")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "readme.md").write_text("nothing to read")
    wrong(run(command, "--input", folder, *options), str(folder))


def test_a_page_replaces_no_other_file(no_spark, tmp_path):
    thesis = tmp_path / "thesis.html"
    thesis.write_text("<!DOCTYPE html><p>years of work</p>")
    wrong(run("report", "--input", tmp_path, "--html", thesis), "--html", "no report")
    assert "years of work" in thesis.read_text()
