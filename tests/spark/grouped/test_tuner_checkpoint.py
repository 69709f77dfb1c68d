"""A tuning job that is run again goes on where it was: groups on disk, named by their job."""

import contextlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrameWriter
from pyspark.sql import functions as F

from sparkprophet import BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner
from sparkprophet.spark.grouped.checkpoint import bucket_facts, fingerprint
from stage_checks import bits, fit_bits, frame, grouped, refused

KEYS = ["a", "b", None]
MACHINE = ["fit_seconds", "cpu_seconds", "pid", "started_at"]


def tuner(folder, **params):
    """A tuner made from nothing, as a new process would make it."""
    inner = GroupedProphet(groupCols=["g"], uncertaintySamples=0)
    space = BayesianParamGridBuilder().addUniform(inner.changepointPriorScale, 0.01, 0.5).space()
    given = {
        "estimator": inner,
        "searchSpace": space,
        "horizon": 5,
        "numTrials": 2,
        "sampler": "random",
        "parallelism": 1,
        "checkpointDir": str(folder),
    }
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
    return [p for p in sorted(place.glob("run-*/part-*")) if pq.read_table(p).num_rows]


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


@pytest.mark.parametrize("damage", [tear, pytest.param(delete, marks=pytest.mark.slow)])
@pytest.mark.parametrize("parallelism", [0, pytest.param(1, marks=pytest.mark.slow)])
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


MANY = [f"k{number}" for number in range(8)]


def cut(file):
    file.write_bytes(file.read_bytes()[:-30])


def empty(file):
    file.write_bytes(b"")


def flip(file):
    """The first bit after a third of the file that is not one of the few that nobody reads."""
    before, rows = file.read_bytes(), repr(pq.read_table(file).to_pylist())
    for place in range(len(before) // 3, len(before)):
        found = bytearray(before)
        found[place] ^= 0x10
        file.write_bytes(found)
        try:
            if repr(pq.read_table(file).to_pylist()) != rows:
                return
        except (OSError, UnicodeDecodeError, pa.ArrowException):
            return


def replace_by_text(file):
    file.write_text("nothing of ours\n" * 200)


def change_a_value(file):
    """What a flipped byte does that no compression notices: a file that reads well."""
    table = pq.read_table(file)
    column = table.schema.get_field_index("log_posterior")
    other = pa.array([value + 1e-9 for value in table["log_posterior"].to_pylist()])
    pq.write_table(table.set_column(column, table.schema[column], other), file)


def replace_by_a_table(file):
    pq.write_table(pa.table({"seed": ["of something else"]}), file)


DAMAGES = [cut, empty, flip, replace_by_text, change_a_value, replace_by_a_table]


@pytest.fixture(scope="module")
def many(spark):
    return frame(spark, grouped(MANY, rows=30)).cache()


@pytest.fixture(scope="module")
def wide(tmp_path_factory, many):
    folder = tmp_path_factory.mktemp("checkpoint") / "groups"
    return folder, tuner(folder, parallelism=0).fit(many)


def keys_of(file):
    return set(pq.read_table(file).column("key_0").to_pylist())


@pytest.mark.parametrize("checksums", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_damaged_files_are_done_again_and_named(many, wide, tmp_path, caplog, checksums):
    folder, model = wide
    torn = tmp_path / "groups"
    shutil.copytree(folder, torn)
    if not checksums:  # those of Hadoop's local file system, which others do not have
        for file in torn.rglob(".*.crc"):
            file.unlink()
    files = files_of(torn)
    assert len(files) == len(MANY) > len(DAMAGES)
    lost = set()
    for file, damage in zip(files, DAMAGES, strict=False):
        lost |= keys_of(file)
        damage(file)
    # What a run leaves that was killed before its first task ended.
    killed = files[0].parent.with_name("run-killed") / "_temporary" / "0"
    killed.mkdir(parents=True)
    (killed / files[0].name).write_bytes(b"half a fi")
    (killed.parents[1] / "empty").mkdir()
    with caplog.at_level("WARNING", "sparkprophet"):
        again = tuner(torn, parallelism=0).fit(many)
    assert fit_bits(again) == fit_bits(model)
    before, after = machine_facts(model), machine_facts(again)
    assert {key for key in MANY if before[key] != after[key]} == lost
    named = [f"{file.parent.name}/{file.name}" for file in files[: len(DAMAGES)]]
    (message,) = caplog.messages
    assert all(name in message for name in sorted(named)[:2]) and "and 4 more" in message
    assert len(message) <= 500


def in_one_file(spark, folder, target, rows="true"):
    """Some of the rows of a job in one file, as a task of several buckets has them."""
    (place,) = Path(folder).iterdir()
    kept = spark.read.parquet(str(place / "run-*")).where(rows)
    kept.coalesce(1).write.parquet(str(target / place.name / "run-1"))
    return target / place.name


def test_a_row_that_is_missing_is_done_again(spark, data, done, tmp_path):
    place = in_one_file(spark, done[0], tmp_path, "key_0 <> 'a' or key_0 is null")
    again = tuner(tmp_path).fit(data)
    assert places(tmp_path) == [place.name]
    assert fit_bits(again) == fit_bits(done[1])
    before, after = machine_facts(done[1]), machine_facts(again)
    assert {key for key in KEYS if before[key] != after[key]} == {"a"}


@pytest.mark.slow
def test_files_of_two_runs_may_overlap_in_part(spark, data, done, spread, tmp_path):
    # As of two drivers that began with other groups left to do.
    place = in_one_file(spark, done[0], tmp_path)
    (place / "run-0").mkdir()
    for file in files_of(spread[0])[:2]:
        shutil.copy(file, place / "run-0")
    again = tuner(tmp_path).fit(data)
    assert places(tmp_path) == [place.name]
    assert fit_bits(again) == fit_bits(done[1])
    found, one, other = map(machine_facts, (again, done[1], spread[1]))
    assert [found[key] in (one[key], other[key]) for key in KEYS] == [True] * len(KEYS)
    assert sum(found[key] == other[key] for key in KEYS) == 2


@pytest.mark.slow
def test_two_drivers_of_one_job_do_each_other_no_harm(data, spread, tmp_path):
    folder = tmp_path / "groups"
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(tuner(folder, parallelism=p).fit, data) for p in (0, 2)]
        models = [fit.result() for fit in fits]
    assert fit_bits(models[0]) == fit_bits(models[1]) == fit_bits(spread[1])
    assert len(places(folder)) == 1
    assert list(folder.rglob("_temporary")) == []
    # A third one finds all of it, each group as one of the two has done it.
    first, second, third = map(machine_facts, (*models, tuner(folder).fit(data)))
    assert third.keys() == first.keys()
    assert all(facts in (first[key], second[key]) for key, facts in third.items())


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of so many bytes."""
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(options, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_what_was_finished_stays(many, wide, tmp_path):
    size = sum(file.stat().st_size for file in files_of(wide[0]))
    with small_disk(tmp_path / "disk", size // 2 + 4096) as disk:
        folder = disk / "groups"
        with pytest.raises(OSError, match="^checkpointDir: .* failed .*space.* again") as caught:
            tuner(folder, parallelism=0).fit(many)
        assert str(folder) in str(caught.value) and len(str(caught.value)) <= 500
        began = dict(kept_since(folder))
        assert 0 < len(began) < len(MANY)
        subprocess.run(["mount", "-o", f"remount,size={8 * size}", str(disk)], check=True)
        model = tuner(folder, parallelism=0).fit(many)
        assert fit_bits(model) == fit_bits(wide[1])
        rows = model.models.select("g", F.unix_micros("started_at")).collect()
        again = dict(rows)
        assert {key for key in MANY if again[key] == began.get(key)} == set(began)


def kept_since(folder):
    """Keys that are kept, and when each was begun, in microseconds since 1970."""
    for file in files_of(folder):
        for row in pq.read_table(file, columns=["key_0", "started_at"]).to_pylist():
            yield row["key_0"], pd.Timestamp(row["started_at"]).value // 1000


def test_storage_that_is_gone_is_named(data, spread, tmp_path, monkeypatch):
    folder, write = tmp_path / "groups", DataFrameWriter.parquet

    def gone(writer, path):
        shutil.rmtree(folder)
        folder.write_text("")
        write(writer, path)

    with monkeypatch.context() as patched:
        patched.setattr(DataFrameWriter, "parquet", gone)
        with pytest.raises(OSError, match="^checkpointDir: .* failed .* again") as caught:
            tuner(folder).fit(data)
    assert str(folder) in str(caught.value) and len(str(caught.value)) <= 500
    folder.unlink()
    assert fit_bits(tuner(folder).fit(data)) == fit_bits(spread[1])


def test_a_fault_of_the_data_is_not_blamed_on_the_folder(data, tmp_path):
    broken = data.withColumn("y", F.expr("if(day(ds) > 20, raise_error('no label'), y)"))
    with pytest.raises(Exception, match="no label") as caught:
        tuner(tmp_path / "groups").fit(broken)
    assert not isinstance(caught.value, OSError)


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
    return fingerprint(bucket_facts(seeded, ["g"]), seeded, arguments)


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
