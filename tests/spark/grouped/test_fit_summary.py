"""The summary and the progress of a fit against plain counts."""

import io
import sys

import pytest
from pyspark.sql import functions as F

from sparkprophet import FitFailedError, GroupedProphet
from stage_checks import frame, grouped


def test_counts_are_those_of_the_models_table(mixed):
    summary = mixed.summary
    assert summary.groups == 4
    assert summary.by_status == {"ok": 2, "fallback": 1, "failed": 1}
    assert summary.by_solver == {"native": 2, "mean": 1}
    assert summary.by_error_code == {"Y_INFINITE": 1, "TOO_SHORT": 1}
    assert summary.failed_fraction == 0.25
    counted = mixed.models.groupBy("status").count().collect()
    assert {row.status: row["count"] for row in counted} == summary.by_status
    cpu = mixed.models.agg(F.sum("cpu_seconds")).first()[0]
    assert summary.cpu_seconds == pytest.approx(cpu)


def test_each_outcome_has_an_example_message(mixed):
    examples = {c.error_code: c.example for c in mixed.summary.counts}
    assert examples[None] is None
    assert examples["Y_INFINITE"].startswith("group g=inf: ")
    assert examples["TOO_SHORT"].startswith("group g=short: ")


def test_it_prints_as_a_table(mixed):
    lines = str(mixed.summary).splitlines()
    assert lines[0].split() == ["status", "solver", "code", "groups", "cpu", "s"]
    assert lines[1].split()[:4] == ["ok", "native", "-", "2"]
    assert lines[-1].startswith("4 groups in ")


def test_seconds_are_plausible(mixed):
    summary = mixed.summary
    assert summary.wall_seconds > 0 and summary.slots in (1, 2)
    assert summary.cpu_utilisation == pytest.approx(
        summary.cpu_seconds / summary.wall_seconds / summary.slots
    )
    row = mixed.models.filter("g = 'a'").first()
    assert row.fit_seconds > 0 and row.cpu_seconds >= 0 and row.pid > 0 and row.host
    assert row.started_at.year >= 2024


def test_the_failures_table_holds_what_went_wrong(mixed):
    assert mixed.failures.columns == [
        "g",
        "status",
        "error_code",
        "error_message",
        "n_obs",
        "start",
        "end",
    ]
    found = {(row.g, row.status, row.error_code) for row in mixed.failures.collect()}
    assert found == {("inf", "failed", "Y_INFINITE"), ("short", "fallback", "TOO_SHORT")}


def test_parallelism_one_works_in_one_process(spark):
    rows = grouped(["a", "b", "c"], rows=30)
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0, parallelism=1)
    model = stage.fit(frame(spark, rows))
    assert len({row.pid for row in model.models.collect()}) == 1
    assert model.summary.slots == 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "speaks"), [(Terminal, True), (io.StringIO, False)])
def test_progress_shows_on_a_terminal_only(spark, monkeypatch, stream, speaks):
    data = frame(spark, grouped(["a"], rows=30))
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    GroupedProphet(groupCols=["g"], uncertaintySamples=0, parallelism=1).fit(data)
    assert ("fit" in shown.getvalue() and "task" in shown.getvalue()) == speaks
    assert speaks or shown.getvalue() == ""


def test_a_model_is_fitted_once_however_often_it_is_used(spark, mixed, days):
    first = mixed.models.select("g", "started_at", "pid").collect()
    mixed.forecast(2).count()
    mixed.transform(days.withColumn("g", F.lit("a"))).count()
    assert sorted(mixed.models.select("g", "started_at", "pid").collect()) == sorted(first)


def test_a_failed_fit_gives_its_model_in_working_order(spark, tmp_path):
    rows = grouped(["a", "b"], rows=30)
    rows.loc[rows.g == "b", "y"] = float("inf")
    stage = GroupedProphet(
        groupCols=["g"], maxFailedFraction=0.4, uncertaintySamples=0, parallelism=1
    )
    with pytest.raises(FitFailedError) as caught:
        stage.fit(frame(spark, rows))
    model = caught.value.model
    assert {row.g for row in model.forecast(1).collect()} == {"a"}
    assert model.summary.failed_fraction == 0.5
