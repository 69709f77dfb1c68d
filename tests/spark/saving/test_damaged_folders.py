"""P4 and P5: a saved folder that was damaged or made up is refused by name, or changes nothing."""

import json
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.ml import Pipeline
from pyspark.sql import functions as F

from saved_folders import files_of, metadata_of, part, reseal, with_metadata, write
from sparkprophet import GroupedProphet, GroupedProphetModel, load_stage
from sparkprophet.spark.saving import files, manifest, reading
from stage_checks import bits, frame


@pytest.fixture(scope="module")
def whole(fitted, tmp_path_factory):
    """A saved model as an object store keeps it: without checksums beside the files."""
    path = tmp_path_factory.mktemp("saved") / "model"
    fitted.save(str(path))
    for checksum in path.rglob(".*.crc"):
        checksum.unlink()
    return path


@pytest.fixture
def saved(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "model")


def flip(file, chance, others):
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def truncate(file, chance, others):
    file.write_bytes(file.read_bytes()[: chance.randrange(file.stat().st_size)])


def delete(file, chance, others):
    file.unlink()


def duplicate(file, chance, others):
    shutil.copy(file, file.with_name(f"part-9{file.name[6:]}"))


def swap(file, chance, others):
    other = chance.choice(others)
    one, two = file.read_bytes(), other.read_bytes()
    file.write_bytes(two)
    other.write_bytes(one)


def append(file, chance, others):
    file.write_bytes(file.read_bytes() + chance.randbytes(chance.randrange(1, 100)))


def zero(file, chance, others):
    content = bytearray(file.read_bytes())
    start, length = chance.randrange(len(content)), chance.randrange(1, 200)
    content[start : start + length] = bytes(len(content[start : start + length]))
    file.write_bytes(content)


DAMAGES = [flip, truncate, delete, duplicate, swap, append, zero]


def refusal(error):
    """The message of an error of a load or of Spark, as its user sees it first."""
    if isinstance(error, Py4JJavaError):
        return error.java_exception.getMessage()
    return str(error).partition("\n\n")[0]


def outcome_of(path, expected):
    """`equal` where the folder gives the saved model, `refused` where it says so."""
    try:
        loaded = GroupedProphetModel.load(str(path))
        found = bits(loaded.models), metadata_of(path)
    except (ValueError, PySparkException, Py4JJavaError) as error:
        message = refusal(error)
        assert str(path) in message and "\n" not in message.strip(), message
        return "refused"
    assert found == expected
    return "equal"


def damaged_at_random(whole, folder, expected, seed):
    """What comes of one damage to one file."""
    chance = random.Random(seed)
    path = shutil.copytree(whole, folder / str(seed))
    there = sorted(files_of(path).values())
    damage, file = chance.choice(DAMAGES), chance.choice(there)
    damage(file, chance, [f for f in there if f != file])
    try:
        return outcome_of(path, expected)
    except BaseException as error:
        error.add_note(f"seed {seed}: {damage.__name__} {file}")
        raise
    finally:
        shutil.rmtree(path)


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(25), id="25"),
        pytest.param(range(25, 1025), id="1000", marks=pytest.mark.slow),
    ],
)
def test_random_damage_is_refused_or_changes_nothing(fitted, whole, tmp_path, seeds):
    expected = bits(fitted.models), metadata_of(whole)
    assert outcome_of(whole, expected) == "equal"
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda s: damaged_at_random(whole, tmp_path, expected, s), seeds)
        refused = list(found).count("refused")
    # What may change nothing is a byte that no reader looks at; most are looked at.
    assert refused > 0.6 * len(seeds)


def parquet(path):
    return sorted(Path(path, "models").glob("*.parquet"))


@pytest.mark.parametrize("damage", DAMAGES[1:6])
@pytest.mark.parametrize("where", ["models", "metadata", "manifest"])
def test_a_file_that_is_not_as_saved_is_named(saved, damage, where):
    file, *others = sorted(saved.joinpath(where).glob("part-*")) + [part(saved / "metadata")]
    damage(file, random.Random(1), [o for o in others if o != file] or parquet(saved))
    with pytest.raises(ValueError, match="save it again|check the path") as caught:
        GroupedProphetModel.load(str(saved))
    assert f"{saved}/" in str(caught.value) or where == "manifest"
    assert str(saved) in str(caught.value) and len(str(caught.value)) <= 500


def test_a_value_that_parquet_cannot_know_to_be_wrong_is_refused(spark, fitted, saved, days):
    """Files whose own checksums are right, of a row that is not the saved one."""
    stored = spark.read.parquet(str(saved / "models")).cache()
    other = stored.withColumn(
        "state",
        F.col("state").withField(
            "parameters",
            F.expr(
                "transform(state.parameters, (p, i) -> IF(i = 0 AND store = 'north', p + 1, p))"
            ),
        ),
    )
    assert stored.count() == 3
    shutil.rmtree(saved / "models")
    other.write.parquet(str(saved / "models"))
    listed = json.loads(part(saved / "manifest").read_text())["files"]
    kept = {name: entry for name, entry in listed.items() if not name.startswith("models/")}
    kept |= {n: [f.stat().st_size, None] for n, f in files_of(saved).items() if "models/" in n}
    write(part(saved / "manifest"), json.dumps({"files": kept}))
    loaded = GroupedProphetModel.load(str(saved))
    # A query of other columns reads no checksums.
    assert bits(loaded.models, "status") == bits(fitted.models, "status")
    read = loaded.models.select("status")._jdf.queryExecution().executedPlan().toString()
    assert "checksum" not in read and "state" not in read.replace("status", "")
    for query in (
        loaded.models,
        loaded.forecast(2),
        loaded.transform(days.crossJoin(fitted.models.select("store"))),
    ):
        with pytest.raises(PySparkException, match="a row is not as it was saved") as caught:
            query.collect()
        assert f"{saved}/models" in str(caught.value)
    stored.unpersist()


def test_rows_that_are_gone_or_twice_there_are_missed(spark, saved):
    facts = metadata_of(saved)["models"]
    for changes in ({"rows": 2}, {"rows": "3"}, {"checksum": "1"}, {"checksum": None}):
        with_metadata(saved, models=facts | changes)
        with pytest.raises(ValueError, match="has 3 rows with the checksum") as caught:
            GroupedProphetModel.load(str(saved))
        assert f"{saved}/models" in str(caught.value)


def with_field(facts, name, kind):
    fields = [
        field | {"type": kind} if field["name"] == name else field
        for field in facts["schema"]["fields"]
    ]
    return {"schema": facts["schema"] | {"fields": fields}}


@pytest.mark.parametrize(("change", "word"), [
    (lambda facts: with_field(facts, "status", "long"), "status"),
    (lambda facts: with_field(facts, "start", "string"), "start"),
    (lambda facts: with_field(facts, "state", "binary"), "state"),
    (lambda facts: with_field(facts, "store", {
        "type": "array", "elementType": "string", "containsNull": True
    }), "store"),
    (lambda facts: {
        "schema": facts["schema"] | {"fields": facts["schema"]["fields"][1:]}
    }, "store"),
    (lambda facts: {"schema": "struct"}, "schema"),
    (lambda facts: {"schema": {"type": "struct", "fields": [{}]}}, "schema"),
])  # fmt: skip
def test_a_table_of_other_types_is_refused(spark, saved, change, word):
    facts = metadata_of(saved)["models"]
    with_metadata(saved, models=facts | change(facts))
    with pytest.raises(ValueError, match=word) as caught:
        GroupedProphetModel.load(str(saved))
    assert f"{saved}/models" in str(caught.value) and len(str(caught.value)) <= 500


INFINITE = float("inf")  # written as Infinity, which is how 1e400 is read too


@pytest.mark.parametrize("changes", [
    {"uid": 7}, {"uid": ""}, {"uid": None}, {"class": ["sparkprophet.GroupedProphetModel"]},
    {"paramMap": []}, {"paramMap": None}, {"defaultParamMap": 1},
    {"summary": None}, {"summary": {"counts": 3}}, {"models": []}, {"models": None},
], ids=str)  # fmt: skip
def test_metadata_of_another_form_is_refused(spark, saved, changes):
    with_metadata(saved, **changes)
    with pytest.raises(ValueError, match=".") as caught:
        GroupedProphetModel.load(str(saved))
    assert str(saved) in str(caught.value) and len(str(caught.value)) <= 500


@pytest.mark.parametrize(("name", "value"), [
    ("changepointPriorScale", INFINITE), ("changepointPriorScale", "0.1"), ("seed", 1.5),
    ("nChangepoints", 10**400), ("nChangepoints", -1), ("groupCols", "store"),
    ("groupCols", ["store", 3]), ("regressors", 1), ("growth", ["linear"]), ("labelCol", {}),
    ("uncertaintySamples", True), ("seasonalities", [{"name": "x" * 10_000_000}]),
], ids=lambda v: str(v)[:20])  # fmt: skip
@pytest.mark.parametrize("section", ["paramMap", "defaultParamMap"])
def test_values_of_a_wrong_type_or_range_are_refused_by_name(spark, saved, section, name, value):
    values = {n: v for n, v in metadata_of(saved)["paramMap"].items() if n != name}
    with_metadata(saved, paramMap=values)
    with_metadata(saved, **{section: metadata_of(saved)[section] | {name: value}})
    with pytest.raises(ValueError, match=name) as caught:
        GroupedProphetModel.load(str(saved))
    assert str(saved) in str(caught.value) and len(str(caught.value)) <= 500


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", "3", '"x"', "[" * 100_000, '{"a":' * 100_000, "{}{}", "\ud800",
], ids=lambda text: f"{text[:6]!r}")  # fmt: skip
def test_a_text_that_is_no_metadata_is_refused(spark, tmp_path, text):
    path = tmp_path / "stage"
    GroupedProphet().save(str(path))
    for where in ("metadata", "manifest"):
        before = part(path / where).read_bytes()
        part(path / where).with_name(f".{part(path / where).name}.crc").unlink(missing_ok=True)
        part(path / where).write_bytes(text.encode(errors="surrogatepass"))
        if where == "metadata":
            reseal(path)
        with pytest.raises(ValueError, match="JSON") as caught:
            GroupedProphet.load(str(path))
        assert f"{path}/{where}" in str(caught.value) and len(str(caught.value)) <= 500
        part(path / where).write_bytes(before)


def test_metadata_too_large_to_read_is_refused_before(spark, tmp_path, monkeypatch):
    for module in (files, manifest, reading):
        monkeypatch.setattr(module, "READ_LIMIT", 2**20)
    for place in ("metadata", "manifest"):
        path = tmp_path / place
        GroupedProphet().save(str(path))
        file = part(path / place)
        file.with_name(f".{file.name}.crc").unlink()
        with open(file, "r+b") as sparse:
            sparse.truncate(files.READ_LIMIT + 1)
        with pytest.raises(ValueError, match="bytes") as caught:
            GroupedProphet.load(str(path))
        assert str(path) in str(caught.value)
        with pytest.raises(ValueError, match="bytes"):
            load_stage(str(path))


@pytest.mark.parametrize("name", [
    "os.system", "subprocess.Popen", "pickle.load", "builtins.exec", "pyspark.ml.util.os",
    "pyspark.ml.util.DefaultParamsReader", "sparkprophet.spark.saving.stages.StageReader",
    "pyspark.ml.tests.test_pipeline.X", "sparkprophet", "", ".", "pyspark.ml.feature.",
    "joblib.numpy_pickle", "pyspark.ml.feature.NoSuchStage", "x" * 1_000_000,
], ids=lambda name: name[:30])  # fmt: skip
def test_classes_that_are_no_stages_are_refused(spark, tmp_path, name):
    stage = GroupedProphet()
    Pipeline(stages=[stage]).save(str(tmp_path / "pipeline"))
    inner = tmp_path / "pipeline" / "stages" / f"0_{stage.uid}"
    with_metadata(inner, **{"class": name})
    for load, path in ((load_stage, tmp_path / "pipeline"), (GroupedProphet.load, inner)):
        with pytest.raises(ValueError, match=".") as caught:
            load(str(path))
        assert str(inner) in str(caught.value) and len(str(caught.value)) <= 500


def test_a_pickle_in_a_folder_is_refused_and_not_read(spark, saved, tmp_path):
    trace = tmp_path / "trace"
    evil = f"cos\nsystem\n(S'touch {trace}'\ntR."
    for place in ("model.pkl", "metadata/part-00001.pkl", "models/part-9.pkl"):
        saved.joinpath(place).write_text(evil)
        with pytest.raises(ValueError, match=r"\.pkl: is not of this save"):
            GroupedProphetModel.load(str(saved))
        saved.joinpath(place).unlink()
    saved.joinpath("model.pkl").write_text(evil)
    reseal(saved)
    assert GroupedProphetModel.load(str(saved)).models.count() == 3
    assert not trace.exists()


def test_stages_outside_of_the_folder_are_not_reached(spark, tmp_path):
    Pipeline(stages=[GroupedProphet()]).save(str(tmp_path / "pipeline"))
    with_metadata(tmp_path / "pipeline", paramMap={"stageUids": ["x/../../other"]})
    with pytest.raises(ValueError, match="stageUids"):
        load_stage(str(tmp_path / "pipeline"))


def test_an_odd_state_is_a_row_that_cannot_be_forecast(spark, fitted, tmp_path, stores):
    """As somebody's own table may hold it; a damaged one is refused before it gets so far."""
    odd = F.col("state").withField("facts", F.lit('{"method":"prophet"}'))
    model = fitted.copy()
    model._table = fitted._table.withColumn(
        "state", F.when(F.col("store") == "north", odd).otherwise(F.col("state"))
    )
    model.save(str(tmp_path / "model"))
    loaded = GroupedProphetModel.load(str(tmp_path / "model"))
    data = frame(spark, stores)
    without = loaded.transform(data).filter("yhat IS NULL")
    assert {row.store for row in without.select("store").distinct().collect()} == {"north"}
    kept = "NOT store <=> 'north'"
    assert bits(loaded.transform(data).filter(kept)) == bits(fitted.transform(data).filter(kept))
    ahead = loaded.forecast(2)
    assert bits(ahead.filter(kept)) == bits(fitted.forecast(2).filter(kept))
    told = [tuple(row) for row in ahead.filter(f"NOT ({kept})").collect()]
    assert told == [("north", None, None, None, None)]
    with pytest.raises(PySparkException, match='"store":"north"'):
        loaded.setHandleInvalid("error").transform(data).collect()
