"""P4: writers, readers and kills at one path leave one of the whole saves there, and it is read."""

import os
import shutil
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError

from saved_folders import metadata_of
from sparkprophet import GroupedProphet, GroupedProphetModel, load_stage
from sparkprophet.spark.saving import manifest
from sparkprophet.spark.saving.files import Files
from stage_checks import fit_bits


def left(path, why):
    """A name as a writer makes it beside `path`."""
    return path.with_name(f".{path.name}.{why}-{uuid.uuid4().hex}")


def names(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".crc"))


@pytest.fixture
def stages(spark, tmp_path):
    """Two whole saves, whose seeds are 1 and 2."""
    for seed in (1, 2):
        GroupedProphet(seed=seed).save(str(tmp_path / f"seed{seed}"))
    return tmp_path


def make(stages, found):
    """Put saves where `found` says: (place, seed, whole or not); gives the path."""
    path = stages / "model"
    for i, (place, seed, whole) in enumerate(found):
        to = path if place == "path" else left(path, place)
        shutil.copytree(stages / f"seed{seed}", to)
        if not whole:
            shutil.rmtree(to / "manifest")
        os.utime(to, (1000 + i, 1000 + i))
    return str(path)


@pytest.mark.parametrize(("found", "seed"), [
    ([("path", 1, True), ("old", 2, True), ("new", 2, True)], 1),
    ([("old", 1, True), ("new", 2, True)], 1),
    pytest.param([("old", 1, True), ("new", 2, False)], 1, marks=pytest.mark.slow),
    pytest.param([("old", 2, True), ("old", 1, True)], 1, marks=pytest.mark.slow),
    pytest.param([("old", 1, False), ("new", 2, True)], 2, marks=pytest.mark.slow),
    pytest.param([("new", 1, True), ("new", 2, True)], 2, marks=pytest.mark.slow),
    pytest.param([("path", 2, False), ("old", 1, True)], 1, marks=pytest.mark.slow),
    pytest.param([("path", 2, False), ("new", 1, True)], 1, marks=pytest.mark.slow),
])  # fmt: skip
def test_what_a_killed_save_left_is_read(stages, found, seed, caplog):
    path = make(stages, found)
    for load in (GroupedProphet.load, load_stage):
        assert load(path).getSeed() == seed
    warned = [r.getMessage() for r in caplog.records if r.name == "sparkprophet"]
    assert bool(warned) == (found[0] != ("path", 1, True)) and all(path in w for w in warned)


def test_without_a_whole_save_it_is_refused(stages):
    path = make(stages, [("path", 1, False), ("old", 1, False), ("new", 2, False)])
    with pytest.raises(ValueError, match="model: has no manifest.*save it again"):
        GroupedProphet.load(path)
    with pytest.raises(ValueError, match="nothing-here.*is not there; check the path"):
        GroupedProphet.load(str(stages / "nothing-here"))


def test_damage_is_no_reason_to_read_an_old_save(stages):
    path = make(stages, [("path", 2, True), ("old", 1, True)])
    (file,) = Path(path, "metadata").glob("part-*")
    file.with_name(f".{file.name}.crc").unlink()
    file.write_text(file.read_text().replace('"seed":2', '"seed":3'))
    with pytest.raises(ValueError, match="not as it was saved"):
        GroupedProphet.load(path)


def test_a_reader_waits_for_a_rename(stages):
    path = Path(make(stages, [("old", 1, True)]))
    late = threading.Timer(0.2, os.rename, [stages / "seed2", path])
    late.start()
    assert GroupedProphet.load(str(path)).getSeed() == 2
    late.join()


def test_a_reader_takes_no_parts_of_two_versions(stages, spark):
    """The folder is replaced between the reads of its manifest and of its metadata."""
    path, seeds = stages / "model", []
    shutil.copytree(stages / "seed1", path)

    def read(place):
        if not seeds:
            shutil.rmtree(path)
            shutil.copytree(stages / "seed2", path)
        seeds.append(metadata_of(place)["paramMap"]["seed"])
        return seeds[-1]

    assert manifest.read_whole(spark, str(path), read) == 2 and seeds == [2, 2]


def test_leftovers_go_when_they_are_old(stages):
    path = Path(make(stages, [("path", 1, True), ("old", 1, True), ("new", 1, False)]))
    fresh, foreign = left(path, "new"), stages / ".model.new-by-hand"
    fresh.mkdir()
    foreign.mkdir()
    os.utime(foreign, (1000, 1000))
    GroupedProphet(seed=3).write().overwrite().save(str(path))
    assert names(stages) == sorted([fresh.name, foreign.name, "model", "seed1", "seed2"])


def marked(folder, text):
    folder.mkdir()
    (folder / text).write_text(text)
    return str(folder)


def test_a_move_into_a_folder_that_came_between_is_undone(spark, tmp_path, monkeypatch):
    """Hadoop moves into a folder that is there, which the check before it may not see yet."""
    target = tmp_path / "model"
    files, exists, hidden = Files(spark, str(tmp_path)), Files.exists, []
    source = marked(left(target, "new"), "mine")
    marked(target, "theirs")

    def blind(self, path):
        if path == str(target) and len(hidden) < 2:
            hidden.append(path)
            return False
        return exists(self, path)

    monkeypatch.setattr(Files, "exists", blind)
    files.replace(source, str(target))
    assert len(hidden) == 2 and names(target) == ["mine"] and names(tmp_path) == ["model"]


def test_many_writers_of_one_path(spark, tmp_path):
    target, failures = tmp_path / "model", []

    def write(name):
        files = Files(spark, str(tmp_path))
        for i in range(15):
            files.replace(marked(left(target, "new"), f"{name}{i}"), str(target))

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(write, name) for name in "abc"]
        failures = [f.exception() for f in done if f.exception()]
    assert not failures
    assert names(tmp_path) == ["model"]
    (last,) = names(target)
    assert last in ("a14", "b14", "c14")


def test_a_failing_move_leaves_the_old_save(spark, tmp_path, monkeypatch):
    target = tmp_path / "model"
    marked(target, "theirs")
    source = marked(left(target, "new"), "mine")
    files, move = Files(spark, str(tmp_path)), Files._move

    def refuse(self, one, other):
        if one == source:
            raise OSError("no permission")
        return move(self, one, other)

    monkeypatch.setattr(Files, "_move", refuse)
    with pytest.raises(OSError, match="no permission"):
        files.replace(source, str(target))
    assert names(target) == ["theirs"]


@pytest.mark.slow
def test_two_writers_and_a_reader_of_a_model(fitted, mixed, tmp_path):
    path = str(tmp_path / "model")
    fitted.save(path)
    expected = {fitted.uid: fit_bits(fitted), mixed.uid: fit_bits(mixed)}

    def save(model):
        for _ in range(8):
            model.write().overwrite().save(path)

    read = 0
    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(save, model) for model in (fitted, mixed)]
        while not all(writer.done() for writer in writers):
            loaded = GroupedProphetModel.load(path)
            try:
                assert fit_bits(loaded) == expected[loaded.uid]
                read += 1
            except Py4JJavaError as error:
                # The table is read later than it is loaded: its files may be gone, and it says so.
                assert "FAILED_READ_FILE.FILE_NOT_EXIST" in str(error)
            time.sleep(0.01)
        for writer in writers:
            writer.result()
    loaded = GroupedProphetModel.load(path)
    assert fit_bits(loaded) == expected[loaded.uid]
    assert read and names(tmp_path) == ["model"]
