"""Folders that somebody has made to be loaded: nothing that only they name is imported or reached.

Whoever writes a folder writes its checksums too, so these are right here.
"""

import json
import os
import shutil
import sys

import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression, NaiveBayes, OneVsRest
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import RFormula, SQLTransformer, VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit

from saved_folders import metadata_of, part, reseal, with_metadata, write
from sparkprophet import BayesianTrainValidationSplit, GroupedProphet, load_stage

MARKER = "only_a_folder_names_this"


@pytest.fixture(autouse=True)
def marker(tmp_path, monkeypatch):
    """A module on the path that must not be imported; a file tells that it was."""
    source = tmp_path / "path" / f"{MARKER}.py"
    source.parent.mkdir()
    source.write_text(
        f"open({str(tmp_path / 'imported')!r}, 'w').close()\n"
        "class Anything:\n    load = classmethod(lambda cls, path: cls())\n"
    )
    monkeypatch.syspath_prepend(str(source.parent))
    yield
    assert not (tmp_path / "imported").exists() and MARKER not in sys.modules


@pytest.fixture(scope="module")
def numbers(spark):
    rows = [(float(i % 7), float(i % 3), float(i % 2)) for i in range(60)]
    return spark.createDataFrame(rows, ["a", "b", "label"]).cache()


def line(**params):
    return Pipeline(
        stages=[
            VectorAssembler(inputCols=["a", "b"], outputCol="features"),
            LinearRegression(maxIter=2, **params),
        ]
    )


def validator(kind=CrossValidator, **params):
    stage = line()
    grid = ParamGridBuilder().addGrid(stage.getStages()[1].regParam, [0.0, 0.5]).build()
    return kind(estimator=stage, evaluator=RegressionEvaluator(), estimatorParamMaps=grid, **params)


def one_vs_rest():
    assembler = VectorAssembler(inputCols=["a", "b"], outputCol="features")
    return Pipeline(stages=[assembler, OneVsRest(classifier=LogisticRegression(maxIter=1))])


def with_stages_as_values():
    rest = OneVsRest(classifier=LogisticRegression(maxIter=1))
    return CrossValidator(
        estimator=rest,
        evaluator=RegressionEvaluator(),
        estimatorParamMaps=[{rest.classifier: NaiveBayes()}],
    )


def ours():
    stage = line()
    return BayesianTrainValidationSplit(
        estimator=stage,
        evaluator=RegressionEvaluator(),
        estimatorParamMaps=ParamGridBuilder().addGrid(stage.getStages()[1].regParam, [0.5]).build(),
    )


STAGES = {
    "Pipeline": line,
    "nested Pipeline": lambda: Pipeline(stages=[line()]),
    "CrossValidator": validator,
    "TrainValidationSplit": lambda: validator(TrainValidationSplit),
    "OneVsRest": one_vs_rest,
    "stages as values": with_stages_as_values,
    "ours": ours,
    "tuner in a Pipeline": lambda: Pipeline(stages=[validator()]),
}
MODELS = {
    "PipelineModel": line,
    "CrossValidatorModel": lambda: validator(numFolds=2, collectSubModels=True),
    "TrainValidationSplitModel": lambda: validator(TrainValidationSplit, collectSubModels=True),
    "OneVsRestModel": one_vs_rest,
    "RFormulaModel": lambda: RFormula(formula="label ~ a + b"),
    "ours, fitted": ours,
}


def saved(name, numbers, path):
    stage = STAGES[name]() if name in STAGES else MODELS[name]().fit(numbers)
    stage.write().save(str(path))
    return path


def stages_in(path):
    """Every stage's folder inside of another one."""
    return sorted(m.parent for m in path.rglob("metadata") if m.is_dir() and m.parent != path)


def as_python_does(folder):
    """Metadata as Python's own writers give it, to stages that hold others."""
    named = metadata_of(folder)["class"].replace("org.apache.spark", "pyspark")
    named = named.replace("pyspark.ml.Pipeline", "pyspark.ml.pipeline.Pipeline")
    if "pipeline" in named or "tuning" in named or "OneVsRest" in named:
        with_metadata(folder, **{"class": named})


QUICK = ("nested Pipeline", "stages as values", "ours")
EACH = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name in (*STAGES, *MODELS)
]


@pytest.mark.parametrize("language", [pytest.param("python", marks=pytest.mark.slow), "jvm"])
@pytest.mark.parametrize("name", EACH)
def test_no_stage_inside_of_another_names_what_is_imported(
    spark, numbers, tmp_path, name, language
):
    path = saved(name, numbers, tmp_path / "saved")
    inner = stages_in(path)
    assert inner
    if language == "python" and name != "RFormulaModel":
        for folder in (path, *inner):
            as_python_does(folder)
        reseal(path)
    load_stage(str(path))  # it is whole
    for folder in inner:
        before = metadata_of(folder)
        with_metadata(folder, root=path, **{"class": f"{MARKER}.Anything"})
        with pytest.raises(ValueError, match=MARKER) as refused:
            load_stage(str(path))
        assert str(folder) in str(refused.value) and len(str(refused.value)) <= 500
        with_metadata(folder, root=path, **{"class": before["class"]})


@pytest.mark.parametrize("name", EACH)
def test_what_is_loaded_is_what_was_saved(spark, numbers, tmp_path, name):
    """Spark's own class is what it is compared with: its param values, and what it predicts."""
    stage = STAGES[name]() if name in STAGES else MODELS[name]().fit(numbers)
    stage.write().save(str(tmp_path / "saved"))
    loaded, stock = load_stage(str(tmp_path / "saved")), type(stage).load(str(tmp_path / "saved"))
    assert type(loaded) is type(stage) and loaded.uid == stage.uid
    plain = {p.name: v for p, v in stock.extractParamMap().items() if is_plain(v)}
    assert {p.name: v for p, v in loaded.extractParamMap().items() if is_plain(v)} == plain
    if name in MODELS:
        assert loaded.transform(numbers).collect() == stage.transform(numbers).collect()
    for metrics in ("avgMetrics", "stdMetrics", "validationMetrics"):
        if hasattr(stock, metrics):
            assert list(getattr(loaded, metrics)) == list(getattr(stock, metrics))
    if getattr(stage, "subModels", None):
        assert shape(loaded.subModels) == shape(stage.subModels)


def is_plain(value):
    return isinstance(value, (str, int, float)) or (
        isinstance(value, list) and all(isinstance(v, str) for v in value)
    )


def shape(models):
    return [[m.uid for m in of] if isinstance(of, list) else of.uid for of in models]


@pytest.mark.parametrize(
    "uid", ["../x", "a/b", "[x]", "{x,y}", "x*", "?", "a\\b", "file:x", "..", "", "\x1b[2J", "a\nb"]
)
def test_names_that_are_more_than_names_are_refused(spark, tmp_path, uid):
    path = tmp_path / "saved"
    Pipeline(stages=[SQLTransformer(statement="SELECT * FROM __THIS__")]).save(str(path))
    with_metadata(path, paramMap={"stageUids": [uid]})
    with pytest.raises(ValueError, match="stageUids") as refused:
        load_stage(str(path))
    assert str(refused.value).isprintable() and len(str(refused.value)) <= 500


def test_a_name_is_not_a_pattern_for_another_one(spark, tmp_path):
    """What is looked at is 0_[x], what a pattern would find is 0_x."""
    path = tmp_path / "saved"
    assembler = VectorAssembler(inputCols=["a"], outputCol="b")
    Pipeline(stages=[assembler]).save(str(path))
    (first,) = stages_in(path)
    for name in ("0_[x]", "0_x"):
        shutil.copytree(first, path / "stages" / name)
    shutil.rmtree(first)
    with_metadata(path / "stages" / "0_x", **{"class": f"{MARKER}.Anything"})
    with_metadata(path, paramMap={"stageUids": ["[x]"]})
    with pytest.raises(ValueError, match=r"stageUids.*'\[x\]'"):
        load_stage(str(path))


@pytest.mark.parametrize("where", ["stages", "estimator/stages", "extra", "subModels/fold9/0"])
def test_stages_that_no_metadata_tells_of_are_refused(spark, tmp_path, where):
    path = tmp_path / "saved"
    validator().save(str(path))
    shutil.copytree(path / "evaluator", path / where / "one")
    with pytest.raises(ValueError, match="does not tell of") as refused:
        load_stage(str(path))
    assert f"{path}/{where}/one" in str(refused.value)


@pytest.mark.parametrize("what", ["stages", "a file", "nowhere"])
def test_links_out_of_the_folder_are_refused(spark, tmp_path, what):
    path, other = tmp_path / "saved", tmp_path / "other"
    line().save(str(path))
    if what == "stages":
        (path / "stages").rename(other)
        (path / "stages").symlink_to(other)
    elif what == "a file":
        file = part(stages_in(path)[0] / "metadata")
        file.rename(other)
        file.symlink_to(other)
    else:
        (path / "stages" / "gone").symlink_to("/no/such/folder")
    with pytest.raises(ValueError, match="is a link to") as refused:
        load_stage(str(path))
    assert str(path) in str(refused.value)


def test_a_link_to_the_folder_itself_is_followed(spark, tmp_path):
    line().save(str(tmp_path / "saved"))
    (tmp_path / "link").symlink_to(tmp_path / "saved")
    assert len(load_stage(str(tmp_path / "link")).getStages()) == 2


def test_a_folder_of_a_params_value_lies_in_the_tuners(spark, tmp_path):
    path = tmp_path / "saved"
    with_stages_as_values().save(str(path))
    maps = metadata_of(path)["paramMap"]["estimatorParamMaps"]
    for folder in ("../other", "estimator", "epm_x/../../other", "epm_[a]"):
        maps[0][0]["value"] = json.dumps(folder)
        with_metadata(path, paramMap=metadata_of(path)["paramMap"] | {"estimatorParamMaps": maps})
        with pytest.raises(ValueError, match="no folder of a param's value"):
            load_stage(str(path))


NAMES = ["[ab]", "{a,b}", "a?b", "a*b", "a b", "a\\b", "ü", "a,b", "%41"]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in NAMES[:2] else [pytest.mark.slow]) for n in NAMES]
)
def test_a_folder_of_any_name_is_itself(spark, numbers, tmp_path, name):
    """Also by a relative path."""
    path = tmp_path / name
    model = line().fit(numbers)
    model.save(str(path))
    assert load_stage(str(path)).uid == model.uid
    assert isinstance(load_stage(os.path.relpath(path)), PipelineModel)
    stage = GroupedProphet(groupCols=["g"])
    stage.write().overwrite().save(str(path))
    assert GroupedProphet.load(str(path)).uid == load_stage(str(path)).uid == stage.uid


def test_metadata_is_read_once(spark, tmp_path, monkeypatch):
    """What is built is what was looked at, whatever the folder says by then."""
    from sparkprophet.spark.saving import stage_loader

    path = tmp_path / "saved"
    Pipeline(stages=[validator()]).save(str(path))
    (tuner,) = (folder for folder in stages_in(path) if (folder / "evaluator").exists())
    looked_at = stage_loader.look

    def look_and_change(*arguments):
        stage = looked_at(*arguments)
        for folder in (path, tuner, tuner / "estimator"):
            write(
                part(folder / "metadata"),
                json.dumps(metadata_of(folder) | {"class": f"{MARKER}.Anything"}),
            )
        return stage

    monkeypatch.setattr(stage_loader, "look", look_and_change)
    assert isinstance(load_stage(str(path)).getStages()[0], CrossValidator)
