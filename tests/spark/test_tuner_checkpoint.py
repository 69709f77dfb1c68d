"""A tuning job that is run again goes on where it was: groups on disk, named by their job."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from sparkprophet.spark.checkpoint import bucket_facts, fingerprint
from stage_checks import bits, fit_bits, frame, grouped, refused

KEYS = ["a", "b", None]
MACHINE = ["fit_seconds", "cpu_seconds", "pid", "started_at"]


def tuner(folder, **params):
    """A tuner made from nothing, as a new process would make it."""
    inner = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    space = BayesianParamGridBuilder().addUniform(inner.changepointPriorScale, 0.01, 0.5).space()
    given = {
        "estimator": inner, "searchSpace": space, "horizon": 5, "numTrials": 2,
        "sampler": "random", "parallelism": 1, "checkpointDir": str(folder),
    }  # fmt: skip
    return GroupedProphetTuner(**given | params)


@pytest.fixture(scope="module")
def data(spark):
    return frame(spark, grouped(KEYS, rows=40)).cache()


@pytest.fixture(scope="module")
def done(tmp_path_factory, data):
    """A folder in which the job is finished, and its model."""
    folder = tmp_path_factory.mktemp("checkpoint") / "groups"
    return folder, tuner(folder).fit(data)


def places(folder):
    return sorted(p.name for p in Path(folder).iterdir())


def test_a_second_run_fits_nothing_again(data, done):
    folder, model = done
    again = tuner(folder).fit(data.repartition(3))
    assert len(places(folder)) == 1
    # When and by which process a group was fitted shows that it was not fitted again.
    assert bits(again.models) == bits(model.models)
    assert bits(again.trials) == bits(model.trials)


def test_the_result_is_that_of_a_run_without_checkpoints(data, done):
    stage = tuner("unused")
    stage.clear(stage.checkpointDir)
    assert fit_bits(stage.fit(data)) == fit_bits(done[1])


def files_of(folder):
    """The files that hold rows of a finished job."""
    (place,) = Path(folder).iterdir()
    return [p for p in sorted(place.glob("part-*")) if pq.read_table(p).num_rows]


def machine_facts(model):
    return {row.g: tuple(row) for row in model.models.select("g", *MACHINE).collect()}


def tear(file):
    file.write_bytes(file.read_bytes()[:50])


def delete(file):
    file.unlink()


@pytest.fixture(scope="module")
def spread(tmp_path_factory, data):
    """A job done by several tasks: a file a group."""
    folder = tmp_path_factory.mktemp("checkpoint") / "groups"
    model = tuner(folder, parallelism=0).fit(data)
    assert len(files_of(folder)) == len(KEYS)
    return folder, model


@pytest.mark.parametrize("damage", [tear, delete])
@pytest.mark.parametrize("parallelism", [0, 1])
def test_only_what_is_not_there_is_done_again(data, spread, tmp_path, damage, parallelism):
    folder, model = spread
    torn = tmp_path / "groups"
    shutil.copytree(folder, torn)
    victim = files_of(torn)[0]
    lost = set(pq.read_table(victim).column("key_0").to_pylist())
    assert len(lost) == 1
    damage(victim)
    again = tuner(torn, parallelism=parallelism).fit(data)
    assert fit_bits(again) == fit_bits(model)
    before, after = machine_facts(model), machine_facts(again)
    assert {key for key in KEYS if before[key] != after[key]} == lost
    # A third run finds all of it, the torn file still there.
    assert bits(tuner(torn).fit(data).models) == bits(again.models)


def test_groups_that_two_jobs_have_done_are_there_once(data, spread, tmp_path):
    folder, model = spread
    doubled = tmp_path / "groups"
    shutil.copytree(folder, doubled)
    file = files_of(doubled)[1]
    shutil.copy(file, file.with_name("part-99999-of-another-job.c000.zstd.parquet"))
    assert bits(tuner(doubled).fit(data).models) == bits(model.models)


def test_rows_that_do_not_stay_are_an_error(data, tmp_path, monkeypatch):
    monkeypatch.setattr("pyspark.sql.DataFrameWriter.parquet", lambda *_: None)
    with pytest.raises(RuntimeError, match="checkpointDir: 3 buckets .* run again"):
        tuner(tmp_path / "groups").fit(data)


def test_other_arguments_or_rows_are_other_work(data, done, tmp_path):
    folder, model = done
    other = tmp_path / "groups"
    shutil.copytree(folder, other)
    more = tuner(other, numTrials=3).fit(data.filter("g = 'a'"))
    assert len(places(other)) == 2
    assert more.models.first().n_trials == 3 and more.models.count() == 1


def test_a_folder_that_cannot_be_made_is_refused_before_any_job(spark, data, tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "groups"
    with refused(spark, OSError, "checkpointDir", str(folder), "choose a folder"):
        tuner(folder).fit(data)


def test_no_rows_are_refused_as_without_a_checkpoint(data, tmp_path):
    with pytest.raises(ValueError, match="has no rows"):
        tuner(tmp_path / "groups").fit(data.limit(0))


VARIANTS = {
    "one label": "SELECT g, ds, IF(g = 'a' AND day(ds) = 3, y + 1e-12, y) AS y, x FROM data",
    "a label less": "SELECT g, ds, IF(g = 'a' AND day(ds) = 3, NULL, y) AS y, x FROM data",
    "a row less": "SELECT * FROM data WHERE g IS NULL OR g <> 'a' OR day(ds) <> 3",
    "a row twice": "SELECT * FROM data UNION ALL (SELECT * FROM data LIMIT 1)",
    "a key": "SELECT coalesce(g, '') AS g, ds, y, x FROM data",
    "a time": "SELECT g, ds + INTERVAL 1 SECOND AS ds, y, x FROM data",
    "a value in another column": "SELECT g, ds, x AS y, y AS x FROM data",
}


@pytest.fixture(scope="module")
def view(data):
    found = data.select("g", "ds", "y", F.lit(None).cast("double").alias("x"))
    found.createOrReplaceTempView("data")
    return found


def name_of(frame, arguments="same"):
    seeded = frame.withColumn("seed", F.xxhash64("g"))
    return fingerprint(bucket_facts(seeded), seeded, arguments)


@pytest.mark.parametrize("name", VARIANTS)
def test_changed_data_has_another_name(spark, view, name):
    assert name_of(spark.sql(VARIANTS[name])) != name_of(view)


def test_the_name_is_that_of_the_rows_in_any_order(view):
    shuffled = view.orderBy(F.rand(3)).repartition(5)
    assert name_of(shuffled) == name_of(view)
    assert name_of(shuffled) != name_of(view, "other")


def test_another_type_of_timestamp_is_other_work(data, done, tmp_path):
    folder, _ = done
    other = tmp_path / "groups"
    shutil.copytree(folder, other)
    dates = data.withColumn("ds", F.col("ds").cast("date"))
    model = tuner(other).fit(dates)
    assert model.models.schema["end"].dataType == dates.schema["ds"].dataType
