"""The report's timings against the rows of the models table, one by one and in slices."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pyspark.sql import functions as F

from sparkprophet import FitFailedError, GroupedProphet, GroupedProphetModel
from sparkprophet.spark.grouped import timings
from sparkprophet.spark.grouped.summary import OutcomeCount, Summary
from stage_checks import frame, grouped


def test_timings_are_those_of_the_rows(mixed):
    found = timings.collect(mixed.models, mixed.summary)
    rows = mixed.models.select("host", "pid", "started_at", "fit_seconds", "cpu_seconds").collect()
    # collect() gives instants in the process' own zone.
    since = {
        (row.fit_seconds, row.cpu_seconds): row.started_at.timestamp() - mixed.summary.began_at
        for row in rows
    }
    for i, pair in enumerate(zip(found.seconds, found.cpu_seconds, strict=True)):
        assert found.start[i] == pytest.approx(since[pair], abs=2e-6)
    assert sorted(found.pid) == sorted(row.pid for row in rows)
    assert set(found.host) == {row.host for row in rows}
    assert (found.wall_seconds, found.slots) == (mixed.summary.wall_seconds, mixed.summary.slots)
    # Workers and driver share a clock here.
    assert found.start.min() >= 0 and found.end.max() <= found.wall_seconds


def table(spark, rows):
    """A table of (host, pid, seconds since 2024, fit_seconds, cpu_seconds), and its summary."""
    began = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    schema = "host string, pid bigint, s double, fit_seconds double, cpu_seconds double"
    made = spark.createDataFrame(rows, schema)
    count = OutcomeCount("ok", "native", None, len(rows), 1.0, 1.0, None)
    summary = Summary((count,), wall_seconds=1000.0, slots=4, began_at=began)
    at = F.timestamp_micros(((F.col("s") + began) * 1e6).cast("bigint"))
    return made.withColumn("started_at", at), summary


def test_many_groups_come_in_slices_that_lose_nothing(spark):
    random = np.random.default_rng(4)
    rows = []
    for host, pid in (("a", 1), ("a", 2), ("b", 1), ("b", 2)):
        at = 0.0
        for seconds in random.uniform(0.1, 1.0, 500).tolist():
            rows.append((host, pid, at, seconds, seconds / 2))
            at += seconds + 0.01
    models, summary = table(spark, rows)
    found = timings.collect(models, summary, most=80)
    assert 40 <= len(found.start) <= 84
    assert found.groups.sum() == 2000 and not found.one_by_one
    for host, pid in (("a", 1), ("a", 2), ("b", 1), ("b", 2)):
        own = [row for row in rows if row[:2] == (host, pid)]
        lane = (found.host == host) & (found.pid == pid)
        assert found.groups[lane].sum() == 500
        assert found.seconds[lane].sum() == pytest.approx(sum(row[3] for row in own))
        assert found.cpu_seconds[lane].sum() == pytest.approx(sum(row[4] for row in own))
        assert found.start[lane].min() == pytest.approx(0, abs=1e-5)
        assert found.end[lane].max() == pytest.approx(own[-1][2] + own[-1][3], abs=1e-5)
        assert (found.start[lane][1:] >= found.end[lane][:-1] - 1e-5).all()
    assert found.longest.max() == max(row[3] for row in rows)


def test_groups_without_timings_are_left_out_and_told(spark):
    models, summary = table(spark, [("a", 1, 0.0, 1.0, None), ("a", 1, None, 1.0, 1.0)])
    found = timings.collect(models, summary)
    assert found.groups.sum() == 1 and found.cpu_seconds.tolist() == [0.0]
    assert found.notes == ("1 groups have no timings; they are left out.",)


@pytest.mark.parametrize("most", [10, 1])
def test_a_table_without_timings_is_an_error(spark, most):
    models, summary = table(spark, [("a", 1, None, None, None)] * 2)
    with pytest.raises(ValueError, match="no row of the models table has started_at"):
        timings.collect(models, summary, most)


def test_the_report_of_a_model_and_of_a_loaded_one(fitted, mixed, tmp_path):
    report = fitted.report(shapes=["3x4"], price=2.0, deadline=1e6)
    assert [str(offer.shape) for offer in report.offers] == ["3x4"]
    assert report.best.cost == pytest.approx(2.0 * 12 * report.best.wall_seconds / 3600)
    # Of CPU there are at most the wall seconds; more would be threads, which fits do not have.
    assert report.cpu_utilisation == pytest.approx(fitted.summary.cpu_utilisation, rel=0.05)
    path = str(tmp_path / "model")
    fitted.write().save(path)
    loaded = GroupedProphetModel.load(path).report(shapes=["3x4"], price=2.0, deadline=1e6)
    assert loaded.to_dict() == report.to_dict()
    # Fallbacks and failures took time too.
    assert mixed.report().timings.groups.sum() == 4


def test_reports_compare_runs_of_the_same_job_only(spark, fitted, mixed):
    rows = grouped(["a", "b", "c"], rows=30)
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0, parallelism=1)
    one = stage.fit(frame(spark, rows))
    report = fitted.report([one])
    assert [point.slots for point in report.scaling.points] == [1, 2]
    assert report.scaling.points[1].speedup == pytest.approx(
        one.summary.wall_seconds / fitted.summary.wall_seconds
    )
    with pytest.raises(ValueError, match="found a model of 4 groups, must be .* 3"):
        fitted.report([mixed])
    with pytest.raises(ValueError, match="found '3by4'"):
        fitted.report(shapes=["3by4"])


def test_all_groups_failed_still_has_a_report(spark):
    rows = grouped(["a"], rows=30)
    rows.loc[3, "y"] = float("inf")
    with pytest.raises(FitFailedError) as caught:
        GroupedProphet(groupCols=["g"], parallelism=1).fit(frame(spark, rows))
    report = caught.value.model.report()
    assert report.timings.groups.sum() == 1
    assert sum(part.share for part in report.parts) == pytest.approx(1)
