"""What one language saves loads in the other: five kinds of stages, both ways.

A loaded stage has the params of the saved one, and does the same work.
"""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from jvm_stages import Scala
from pyspark.errors import IllegalArgumentException, PySparkException
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import functions as F

from saved_folders import files_of, metadata_of, part, reseal, with_metadata, write
from sparkprophet import (
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
    load_stage,
    save_portable,
)
from stage_checks import bits, frame, grouped


@pytest.fixture(scope="module")
def scala(spark):
    return Scala(spark)


@pytest.fixture(scope="module")
def rows(spark):
    data = frame(spark, grouped(["a", "b"]))
    return data.withColumn("promo", (F.dayofmonth("ds") % 5).cast("double")).cache()


def prophet():
    """With params of every type."""
    return GroupedProphet(
        groupCols=["g"],
        regressors=["promo"],
        holidaysPriorScale=3.0,
        uncertaintySamples=10,
        holidays=[{"holiday": "fair", "ds": "2024-02-10"}],
        changepoints=["2024-02-01"],
        floorCol="promo",
        weeklyFourierOrder=2,
        handleInvalid="skip",
        seed=7,
    )


def pipeline():
    raised = SQLTransformer(statement="SELECT *, y + 1 AS y1 FROM __THIS__")
    return Pipeline(stages=[raised, prophet().setLabelCol("y1")])


def group_tuner():
    stage = prophet()
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.4).space()
    return GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=5, numTrials=4, seed=1)


KINDS = {"stage": prophet, "Pipeline": pipeline, "group tuner": group_tuner}
# The Pipeline has the stage in it; what a tuner's model has besides is in a test of its own.
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("stage", "group tuner")]


@pytest.fixture(scope="module", params=["Pipeline", *SLOW])
def case(request, scala, rows):
    """Of each kind: Python's stage, its model and Scala's model, and the bits of the forecasts."""
    stage = KINDS[request.param]()
    model = stage.fit(rows)
    return SimpleNamespace(
        stage=stage,
        model=model,
        jvm_model=scala.fit(stage, rows),
        forecasts=bits(model.transform(rows)),
    )


def test_an_unfitted_one_goes_from_python_to_scala(scala, rows, tmp_path, case):
    case.stage.write().save(str(tmp_path / "saved"))
    loaded = scala.load(tmp_path / "saved")
    assert loaded.uid() == case.stage.uid
    assert bits(scala.transform(loaded.fit(rows._jdf), rows)) == case.forecasts


def test_an_unfitted_one_goes_from_scala_to_python(scala, rows, tmp_path, case):
    scala.stage(case.stage).write().save(str(tmp_path / "saved"))
    loaded = load_stage(str(tmp_path / "saved"))
    assert loaded.uid == case.stage.uid
    assert bits(loaded.fit(rows).transform(rows)) == case.forecasts


def test_a_fitted_one_goes_from_python_to_scala(scala, rows, tmp_path, case):
    case.model.write().save(str(tmp_path / "saved"))
    loaded = scala.load(tmp_path / "saved")
    assert bits(scala.transform(loaded, rows)) == case.forecasts


def test_a_fitted_one_goes_from_scala_to_python(scala, rows, tmp_path, case):
    case.jvm_model.write().save(str(tmp_path / "saved"))
    loaded = load_stage(str(tmp_path / "saved"))
    assert bits(loaded.transform(rows)) == case.forecasts


def test_the_two_ways_of_making_a_stage_agree(scala):
    """What the others compare with: a Scala stage made by its own setters."""
    assert scala.params(scala.stage(prophet())) == {
        param.name: value for param, value in prophet()._paramMap.items()
    }


def test_what_belongs_to_a_tuned_model_goes_along(scala, rows, tmp_path):
    model = group_tuner().fit(rows)
    model.write().save(str(tmp_path / "python"))
    loaded = scala.load(tmp_path / "python")
    assert bits(scala.frame(loaded.trials())) == bits(model.trials)
    assert loaded.summary().toString() == str(model.summary)
    loaded.write().save(str(tmp_path / "scala"))
    again = GroupedProphetModel.load(str(tmp_path / "scala"))
    assert again.summary == model.summary
    assert bits(again.models) == bits(model.models)


@pytest.mark.slow  # Spark's own loader of Pipelines takes long, and test-sparks runs it three times
def test_sparks_own_loader_finds_a_portable_pipeline(scala, spark, rows, tmp_path):
    own, model = spark._jvm.org.apache.spark.ml.PipelineModel, pipeline().fit(rows)
    model.write().save(str(tmp_path / "plain"))
    with pytest.raises(Exception, match="pyspark.ml.pipeline.PipelineModel"):
        own.load(str(tmp_path / "plain"))
    nested = PipelineModel([model])
    save_portable(nested, str(tmp_path / "portable"))
    expected = bits(model.transform(rows))
    assert bits(scala.transform(own.load(str(tmp_path / "portable")), rows)) == expected
    assert bits(PipelineModel.load(str(tmp_path / "portable")).transform(rows)) == expected


def test_portable_does_not_overwrite_unasked(tmp_path):
    save_portable(prophet(), str(tmp_path / "there"))
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(FileExistsError, match="there exists already"):
        save_portable(prophet(), str(tmp_path / "there"))
    save_portable(prophet().setSeed(8), str(tmp_path / "there"), overwrite=True)
    assert GroupedProphet.load(str(tmp_path / "there")).getSeed() == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize(("values", "message"), [
    ({"class": "java.lang.Runtime"}, "java.lang.Runtime.*is no stage"),
    ({"class": "org.example.Unknown"}, "org.example.Unknown.*not on the class path"),
    ({"format_version": 3}, "format_version is 3.*upgrade"),
    ({"paramMap": {"later": 1}}, "unknown param 'later'.*upgrade"),
])  # fmt: skip
def test_a_folder_that_scala_cannot_load_is_refused_by_name(scala, tmp_path, values, message):
    prophet().write().save(str(tmp_path / "saved"))
    with_metadata(tmp_path / "saved", **values)
    with pytest.raises(IllegalArgumentException, match=message) as refused:
        scala.load(tmp_path / "saved")
    assert "saved" in str(refused.value)


UNTRUSTED = {
    "class": (lambda path: with_metadata(inner(path), root=path, **{"class": "java.lang.Runtime"}),
              "java.lang.Runtime.*is no stage"),
    "a class's folder": (
        lambda path: with_metadata(path, paramMap={"stageUids": ["../../../other"]}), "stageUids"
    ),
    "a pattern": (lambda path: with_metadata(path, paramMap={"stageUids": ["[x]"]}), "stageUids"),
    "a stage more": (lambda path: shutil.copytree(inner(path), path / "stages" / "9_x"),
                     "does not tell of"),
    "a link": (lambda path: linked(path / "stages"), "is a link to"),
}  # fmt: skip


def inner(path):
    """The folder of the tuner's evaluator, two levels down."""
    return next(path.rglob("evaluator"))


def linked(folder):
    other = folder.rename(folder.parents[1] / "elsewhere")
    folder.symlink_to(other)


@pytest.mark.parametrize("change", UNTRUSTED)
def test_scala_builds_only_what_it_looked_at(scala, spark, tmp_path, change):
    line = LinearRegression()
    tuner = CrossValidator(
        estimator=line, evaluator=RegressionEvaluator(), estimatorParamMaps=[{line.regParam: 0.5}]
    )
    Pipeline(stages=[tuner]).save(str(tmp_path / "saved"))
    loaded = scala.load(tmp_path / "saved").getStages()[0]
    assert loaded.uid() == tuner.uid and loaded.getEstimator().uid() == line.uid
    (pair,) = [loaded.getEstimatorParamMaps()[0].toSeq().head()]
    assert (pair.param().name(), pair.value()) == ("regParam", 0.5)
    damage, message = UNTRUSTED[change]
    damage(tmp_path / "saved")
    with pytest.raises(IllegalArgumentException, match=message):
        scala.load(tmp_path / "saved")


def test_scala_keeps_a_storages_password_to_itself(scala, tmp_path):
    stage = prophet()
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.1, 0.4).space()
    tuner = scala.stage(
        BayesianTrainValidationSplit(
            estimator=stage,
            evaluator=RegressionEvaluator(),
            searchSpace=space,
            storage="postgresql://bob:hunter2@db/s",
            studyName="s",
        )
    )
    assert "bob:***@db" in tuner.explainParams() and "hunter2" not in tuner.explainParams()
    tuner.save(str(tmp_path / "saved"))
    assert not any(b"hunter2" in p.read_bytes() for p in tmp_path.rglob("part-*"))


def test_a_scala_save_leaves_the_old_one_where_it_fails(scala, tmp_path):
    target = str(tmp_path / "model")
    scala.stage(prophet()).write().save(target)
    with pytest.raises(Exception, match="exists already"):
        scala.stage(prophet()).write().save(target)
    scala.stage(prophet().setSeed(9)).write().overwrite().save(target)
    assert GroupedProphet.load(target).getSeed() == 9
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


DAMAGES = {
    "missing part": (lambda path: parquet(path).unlink(), "is missing"),
    "more parts": (lambda path: shutil.copy(parquet(path), path / "models/part-9.parquet"),
                   "is not of this save"),
    "cut": (lambda path: cut(parquet(path)), "bytes, had"),
    "no manifest": (lambda path: shutil.rmtree(path / "manifest"), "has no manifest"),
    "other metadata": (lambda path: flip(part(path / "metadata")), "is not as it was saved"),
    "other manifest": (lambda path: flip(part(path / "manifest")), "model/"),
    "fewer rows": (lambda path: with_metadata(path, models=facts(path) | {"rows": 1}),
                   "has 2 rows"),
    "other schema": (lambda path: with_metadata(path, models=facts(path) | {"schema": {}}),
                     "its schema"),
    "deep JSON": (lambda path: (write(part(path / "metadata"), "[" * 100_000), reseal(path)),
                  "JSON"),
    "uid": (lambda path: with_metadata(path, uid=7), "uid"),
    "summary": (lambda path: with_metadata(path, summary=None), "metadata: "),
    "value": (lambda path: with_params(path, growth="cubic"), "metadata: .*cubic"),
    "type": (lambda path: with_params(path, seed="x"), "metadata: "),
}  # fmt: skip


def with_params(path, **values):
    with_metadata(path, paramMap=metadata_of(path)["paramMap"] | values)


def facts(path):
    return metadata_of(path)["models"]


def parquet(path):
    return min(path.glob("models/*.parquet"))


def cut(file):
    content = file.read_bytes()[:-9]
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
    file.write_bytes(content)


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
    file.write_bytes(content)


@pytest.fixture(scope="module")
def two_groups(spark, tmp_path_factory):
    path = tmp_path_factory.mktemp("two") / "model"
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=0, parallelism=2)
    stage.fit(frame(spark, grouped(["a", "b"]))).save(str(path))
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_scala_refuses_what_is_not_as_it_was_saved(scala, two_groups, tmp_path, damage):
    path = shutil.copytree(two_groups, tmp_path / "model")
    change, message = DAMAGES[damage]
    change(path)
    with pytest.raises(IllegalArgumentException, match=message) as refused:
        scala.load(path)
    text = str(refused.value).partition("\n\nJVM stacktrace")[0]
    assert str(path) in text and "\n" not in text


def test_scala_looks_at_the_checksums_of_rows(scala, spark, two_groups, tmp_path):
    path = shutil.copytree(two_groups, tmp_path / "model")
    stored = spark.read.parquet(str(path / "models")).cache()
    other = F.col("state").withField("y", F.expr("transform(state.y, v -> v + 1)"))
    assert stored.count() == 2
    shutil.rmtree(path / "models")
    stored.withColumn("state", other).write.parquet(str(path / "models"))
    stored.unpersist()
    listed = json.loads(part(path / "manifest").read_text())["files"]
    kept = {name: entry for name, entry in listed.items() if not name.startswith("models/")}
    kept |= {n: [f.stat().st_size, None] for n, f in files_of(path).items() if "models/" in n}
    write(part(path / "manifest"), json.dumps({"files": kept}))
    loaded = scala.load(path)
    assert scala.frame(loaded.models()).select("status").count() == 2
    with pytest.raises(PySparkException, match="model/models/.*: a row is not as it was saved"):
        scala.frame(loaded.forecast(2)).collect()


def test_a_query_for_one_key_takes_no_row_for_damaged_in_scala(scala, two_groups):
    loaded = scala.load(two_groups)
    keys = [row[0] for row in scala.frame(loaded.models()).select("g").collect()]
    for key in keys:
        assert scala.frame(loaded.forecast(2)).filter(F.col("g") == key).count() == 2


def test_scala_reads_what_a_killed_save_left(scala, tmp_path):
    path, old = tmp_path / "stage", tmp_path / f".stage.old-{'0' * 32}"
    prophet().save(str(path))
    prophet().setSeed(8).save(str(old))
    shutil.rmtree(path / "manifest")
    assert scala.load(path).getSeed() == 8
    shutil.rmtree(old)
    with pytest.raises(IllegalArgumentException, match="stage: has no manifest"):
        scala.load(path)


def test_scalas_writers_of_one_path_all_end(scala, tmp_path):
    path = tmp_path / "stage"

    def save(seed):
        for _ in range(3):
            scala.stage(GroupedProphet(seed=seed)).write().overwrite().save(str(path))

    stale = tmp_path / f".stage.new-{'0' * 32}"
    stale.mkdir()
    os.utime(stale, (1000, 1000))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(save, (1, 2)))
    assert GroupedProphet.load(str(path)).getSeed() in (1, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["stage"]


GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("v*"))


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
def test_scala_loads_the_golden_folders(scala, folder):
    expected = json.loads((folder / "expected.json").read_text())
    for name in ("model", "tuned_model"):
        steps = scala.frame(scala.load(folder / name).forecast(3)).collect()
        rows = [[v.isoformat() if hasattr(v, "isoformat") else v for v in row] for row in steps]
        rows.sort(key=lambda row: (str(row[0]), *row[1:3]))
        for one, other in zip(rows, expected[name][1], strict=True):
            assert one == [pytest.approx(v, 1e-9) if isinstance(v, float) else v for v in other]
    for name, known in expected["params"].items():
        loaded = scala.load(folder / name)
        assert loaded.uid() == known["uid"]
        params = scala.params(loaded, defaults=True) | scala.params(loaded)
        assert params.items() >= known["params"].items()
