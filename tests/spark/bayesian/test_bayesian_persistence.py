"""Bayesian tuners and their models come back as they were saved, and load no code unasked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import NaiveBayes, OneVsRest
from pyspark.ml.evaluation import MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidatorModel, ParamGridBuilder, TrainValidationSplitModel
from pyspark.ml.util import MetaAlgorithmReadWrite
from tuning_cases import (
    AbsoluteError,
    Level,
    LevelModel,
    Shift,
    cached,
    levels,
    split,
    trials_of,
    validator,
)

from saved_folders import with_metadata
from sparkprophet import (
    BayesianCrossValidator,
    BayesianCrossValidatorModel,
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    BayesianTrainValidationSplitModel,
)


@pytest.fixture(scope="module")
def data(spark):
    kept = cached(spark)
    yield kept
    kept.unpersist()


@pytest.fixture(scope="module")
def holed(data):
    """A model of a grid whose second and fourth candidates failed, with sub-models."""
    stage = Level()
    grid = [{stage.shrink: 0.25}, {stage.mode: "broken"}, {stage.shrink: 0.0}, {stage.mode: "nan"}]
    tuner = validator(stage, estimatorParamMaps=grid, collectSubModels=True, seed=8)
    return tuner.fit(data)


@pytest.fixture(scope="module")
def saved(holed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    holed.write().save(str(folder))
    return folder


def same(found, expected):
    """Equal lists of numbers, bit by bit; NaN equals NaN."""
    return np.array_equal(found, expected, equal_nan=True)


def params_of(stage):
    """Name -> value of what was set, and of the defaults; stages by their class and uid."""

    def plain(value):
        if isinstance(value, list):
            return [plain(entry) for entry in value]
        return (type(value), value.uid) if hasattr(value, "uid") else value

    return [
        {param.name: plain(value) for param, value in values.items()}
        for values in (stage._paramMap, stage._defaultParamMap)
    ]


def test_a_model_comes_back(holed, saved, data):
    loaded = BayesianCrossValidatorModel.load(str(saved))
    assert type(loaded) is BayesianCrossValidatorModel and loaded.uid == holed.uid
    assert trials_of(loaded) == trials_of(holed)
    assert list(loaded.trials.seconds) == list(holed.trials.seconds)
    assert same(loaded.avgMetrics, holed.avgMetrics) and same(loaded.stdMetrics, holed.stdMetrics)
    assert loaded.stoppedBy == "numTrials"
    assert loaded.getEstimatorParamMaps() == holed.getEstimatorParamMaps()
    assert params_of(loaded.getEstimator()) == params_of(holed.getEstimator())
    assert loaded.getNumFolds() == 2 and loaded.getFoldCol() == "fold" and loaded.getSeed() == 8
    assert levels(loaded.bestModel) == levels(holed.bestModel)
    assert loaded.transform(data).first().prediction == levels(holed.bestModel)
    assert len(loaded.study().trials) == 4 and loaded.plotHistory() is not None


def test_sub_models_come_back_in_their_places(holed, saved, data):
    loaded = BayesianCrossValidatorModel.load(str(saved)).subModels
    assert levels(loaded) == levels(holed.subModels)
    first, second = levels(loaded)
    assert first[0] != second[0] != second[2] and first[1] is first[3] is None
    assert loaded[1][2].transform(data).first().prediction == second[2]


def test_sparks_own_class_reads_the_model(holed, saved, data):
    loaded = CrossValidatorModel.load(str(saved))
    assert type(loaded) is CrossValidatorModel
    assert loaded.avgMetrics == [holed.avgMetrics[0], holed.avgMetrics[2]]
    assert loaded.stdMetrics == [holed.stdMetrics[0], holed.stdMetrics[2]]
    maps = holed.getEstimatorParamMaps()
    assert loaded.getEstimatorParamMaps() == [maps[0], maps[2]]
    assert loaded.transform(data).first().prediction == levels(holed.bestModel)
    # All of its folds are the last one, whoever saved the model.
    assert levels(loaded.subModels[1]) == [levels(holed.subModels[1])[i] for i in (0, 2)]


def test_a_searched_split_comes_back(data, tmp_path):
    stage, path = Level(), str(tmp_path / "model")
    space = (
        BayesianParamGridBuilder()
        .addChoice(stage.mode, ["mean", "zero", "broken"])
        .addUniform(stage.shrink, 0.0, 0.9, when={stage.mode: "mean"})
        .space()
    )
    tuner = split(stage, searchSpace=space, numTrials=5, seed=3, collectSubModels=True)
    model = tuner.fit(data)
    assert {"COMPLETE", "FAIL"} == set(model.trials.state)
    model.write().save(path)
    loaded = BayesianTrainValidationSplitModel.load(path)
    assert trials_of(loaded) == trials_of(model)
    assert same(loaded.validationMetrics, model.validationMetrics)
    assert loaded.getEstimatorParamMaps() == model.getEstimatorParamMaps()
    assert levels(loaded.subModels) == levels(model.subModels)
    assert loaded.getTrainRatio() == model.getTrainRatio()
    shown = [[(t.params, t.value) for t in m.study().trials] for m in (model, loaded)]
    assert shown[0] == shown[1] and any(params for params, _ in shown[0])
    sparks = TrainValidationSplitModel.load(path)
    complete = [v for v in model.validationMetrics if v == v]
    assert sparks.validationMetrics == complete and len(sparks.subModels) == len(complete)
    assert levels(sparks.bestModel) == levels(model.bestModel)
    assert levels(loaded.copy().bestModel) == levels(model.bestModel)


@pytest.mark.slow  # test_one_vs_rest has Java's stages too
def test_models_of_java_stages(data, tmp_path):
    stage, path = LinearRegression(labelCol="y", solver="normal"), tmp_path / "model"
    grid = ParamGridBuilder().addGrid(stage.regParam, [0.1, 5.0]).build()
    model = BayesianCrossValidator(
        estimator=stage,
        estimatorParamMaps=grid,
        numFolds=2,
        foldCol="fold",
        evaluator=RegressionEvaluator(labelCol="y"),
        collectSubModels=True,
    ).fit(data)
    model.write().save(str(path))
    loaded = BayesianCrossValidatorModel.load(str(path))
    weights = [
        [[m.coefficients for m in fold] for fold in found.subModels] for found in (model, loaded)
    ]
    assert weights[0] == weights[1]
    assert len({tuple(w) for fold in weights[0] for w in fold}) == 4
    assert loaded.getEstimatorParamMaps() == grid
    assert loaded.bestModel.coefficients == model.bestModel.coefficients
    assert not pickles(path)


@pytest.mark.slow  # test_untrusted_folders loads one too
def test_one_vs_rest(data, tmp_path):
    inner = NaiveBayes(modelType="gaussian")
    labelled = data.selectExpr("features", "double(y > 10) AS label", "id")
    model = BayesianTrainValidationSplit(
        estimator=OneVsRest(classifier=inner),
        timestampCol="id",
        horizon=30,
        evaluator=MulticlassClassificationEvaluator(metricName="accuracy"),
        estimatorParamMaps=[{inner.smoothing: 0.5}],
    ).fit(labelled)
    model.write().save(str(tmp_path / "m"))
    loaded = BayesianTrainValidationSplitModel.load(str(tmp_path / "m"))
    assert loaded.getEstimatorParamMaps() == [{inner.smoothing: 0.5}]
    means = [[m.theta.toArray().tolist() for m in f.bestModel.models] for f in (loaded, model)]
    assert means[0] == means[1] and len(means[0]) == 2


def tuners():
    """Name -> a tuner with estimators of all kinds."""
    level, shift, linear, inner = Level(shrink=0.125), Shift(), LinearRegression(), NaiveBayes()
    mixed = Pipeline(stages=[shift, Pipeline(stages=[linear])])
    rest = OneVsRest(classifier=inner)
    space = (
        BayesianParamGridBuilder()
        .addUniform(shift.shift, 0, 1)
        .addGrid(linear.solver, ["normal", "auto"])
    )
    return {
        "python": validator(level, numTrials=2, seed=5),
        "split": split(level, trainRatio=0.6, numTrials=2, maxFailedTrials=4),
        "java": validator(
            linear,
            estimatorParamMaps=[{linear.regParam: 0.5}, {linear.maxIter: 3}],
            evaluator=RegressionEvaluator(metricName="mae"),
            collectSubModels=True,
        ),
        "pipeline": split(
            mixed, searchSpace=space.baseOn((linear.labelCol, "y")).space(), timeout=0.5
        ),
        "classifiers": validator(
            rest,
            estimatorParamMaps=[{rest.classifier: inner}, {inner.smoothing: 0.5}],
            evaluator=MulticlassClassificationEvaluator(),
            foldStorageLevel="NONE",
        ),
        "empty map": validator(level, estimatorParamMaps=[{}], batchSize=7),
        "storage": validator(level, storage="sqlite:///x.db", studyName="s", sampler="qmc"),
    }


TUNERS = ["python", "split", "java", "pipeline", "classifiers", "empty map", "storage"]


QUICK = ("python", "pipeline", "classifiers", "storage")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in TUNERS]
)
def test_tuners_come_back(spark, name, tmp_path):
    tuner = tuners()[name]
    tuner.write().save(str(tmp_path / "tuner"))
    loaded = type(tuner).load(str(tmp_path / "tuner"))
    assert type(loaded) is type(tuner) and loaded.uid == tuner.uid
    found, expected = params_of(loaded), params_of(tuner)
    maps = [
        [{p: getattr(v, "uid", v) for p, v in entries.items()} for entries in maps]
        for maps in (values[0].pop("estimatorParamMaps", []) for values in (found, expected))
    ]
    assert found == expected and maps[0] == maps[1]
    assert maps[0] or loaded.getSearchSpace() == tuner.getSearchSpace()
    stages = [MetaAlgorithmReadWrite.getUidMap(t.getEstimator()) for t in (loaded, tuner)]
    assert list(stages[0]) == list(stages[1])
    for uid, stage in stages[0].items():
        # Spark's own stages may come back with their defaults set.
        found, expected = params_of(stage), params_of(stages[1][uid])
        assert found[1] | found[0] == expected[1] | expected[0]
    assert not pickles(tmp_path)


@pytest.mark.parametrize("name", ["split", pytest.param("empty map", marks=pytest.mark.slow)])
def test_a_loaded_tuner_fits_the_same(name, data, tmp_path):
    tuner = tuners()[name]
    tuner.write().save(str(tmp_path / "tuner"))
    loaded = type(tuner).load(str(tmp_path / "tuner"))
    assert trials_of(loaded.fit(data)) == trials_of(tuner.fit(data))
    if name != "empty map":
        other = Level()
        with pytest.raises(ValueError, match=rf"searchSpace: .*{tuner.getEstimator().uid}.*"):
            loaded.setEstimator(other).fit(data)


def pickles(folder):
    """Files that are neither JSON, Parquet, empty nor checksums."""
    found = [p for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".crc"]
    assert found
    odd = []
    for path in found:
        content = path.read_bytes()
        if content and content[:4] != b"PAR1":
            try:
                json.loads(content)
            except ValueError:
                odd.append(path)
    return odd


def test_a_tuner_with_nothing_to_try_stays_one(spark, tmp_path):
    tuner = validator(searchSpace=None)
    tuner.write().save(str(tmp_path / "tuner"))
    loaded = BayesianCrossValidator.load(str(tmp_path / "tuner"))
    assert not loaded.isSet("estimatorParamMaps") and not loaded.isSet("searchSpace")


FRESH = """
import json, sys
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
try:
    PipelineModel.load(sys.argv[1])
except ValueError as error:
    refused = [str(error), "tuning_cases" in sys.modules]
import tuning_cases
loaded = PipelineModel.load(sys.argv[1])
model = loaded.stages[1]
row = loaded.transform(spark.sql("SELECT 1.0D AS y, 0 AS fold")).first()
found = {
    "refused": refused, "type": type(model).__module__ + "." + type(model).__name__,
    "forecast": row.prediction, "y": row.y, "metrics": model.avgMetrics,
}
print("FOUND " + json.dumps(found))
"""


@pytest.mark.slow
def test_a_pipeline_is_loaded_as_a_whole_in_a_fresh_process(data, tmp_path):
    statement, path = "SELECT y + 2.5 AS y, fold FROM __THIS__", str(tmp_path / "pipeline")
    pipeline = Pipeline(stages=[SQLTransformer(statement=statement), validator(numTrials=1)])
    pipeline.write().save(str(tmp_path / "unfitted"))
    model = Pipeline.load(str(tmp_path / "unfitted")).fit(data)
    model.write().save(path)
    here = Path(__file__).parent
    places = [str(here), str(here.parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, path],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.partition("FOUND ")[2])
    message, imported = found["refused"]
    assert "tuning_cases.Level" in message and "import" in message and not imported
    assert found["type"] == "sparkprophet.BayesianCrossValidatorModel"
    assert found["y"] == 3.5 and found["forecast"] == levels(model.stages[1].bestModel)
    assert found["metrics"] == model.stages[1].avgMetrics


def test_a_save_replaces_only_when_told_to(holed, data, saved, tmp_path):
    path = tmp_path / "model"
    shutil.copytree(saved, path)
    other = split(numTrials=1).fit(data)
    with pytest.raises(FileExistsError, match="overwrite"):
        other.write().save(str(path))
    assert trials_of(BayesianCrossValidatorModel.load(str(path))) == trials_of(holed)
    other.write().overwrite().save(str(path))
    assert trials_of(BayesianTrainValidationSplitModel.load(str(path))) == trials_of(other)
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".crc")] == ["model"]


class Unwritable(LevelModel):
    """A model that cannot be saved."""

    def write(self):
        raise OSError("the disk is full")


def test_a_save_that_fails_leaves_the_old_model(data, tmp_path):
    tuner, path = split(numTrials=1, collectSubModels=True), tmp_path / "model"
    model, broken = tuner.fit(data), tuner.fit(data)
    model.write().save(str(path))
    broken.subModels = [Unwritable(1.0)]
    with pytest.raises(OSError, match="disk is full"):
        broken.write().overwrite().save(str(path))
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".crc")] == ["model"]
    assert BayesianTrainValidationSplitModel.load(str(path)).uid == model.uid
    with pytest.raises(ValueError, match="estimator"):
        BayesianCrossValidator(evaluator=AbsoluteError()).write().overwrite().save(str(path))
    assert BayesianTrainValidationSplitModel.load(str(path)).uid == model.uid


@pytest.mark.slow  # test_sub_models_come_back_in_their_places saves them
def test_sub_models_are_saved_if_wanted(data, tmp_path):
    with_models = split(numTrials=1, collectSubModels=True).fit(data)
    without = split(numTrials=1).fit(data)
    cases = [(with_models, "True", True), (with_models, "false", False), (without, "false", False)]
    for number, (model, option, expected) in enumerate(cases):
        path = tmp_path / str(number)
        model.write().option("persistSubModels", option).save(str(path))
        assert (path / "subModels").exists() == expected
        loaded = BayesianTrainValidationSplitModel.load(str(path))
        assert (loaded.subModels is not None) == expected
    with pytest.raises(ValueError, match="persistSubModels.*collectSubModels"):
        without.write().option("persistSubModels", "true").save(str(tmp_path / "none"))
    with pytest.raises(ValueError, match="persistSubModels.*'yes'.*true or false"):
        with_models.write().option("persistSubModels", "yes").save(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that anybody could import, and which none should; class evil_module.Evil."""
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "evil_module.py").write_text("class Evil:\n    pass\n")
    monkeypatch.syspath_prepend(str(folder))
    yield "evil_module.Evil"
    assert "evil_module" not in sys.modules


PLACES = ["estimator", "evaluator", "bestModel", "subModels/fold1/0"]


@pytest.mark.parametrize("place", PLACES)
def test_unknown_classes_in_a_model_are_not_imported(saved, tmp_path, evil, place):
    path = tmp_path / "model"
    shutil.copytree(saved, path)
    with_metadata(path / place, path, **{"class": evil})
    with pytest.raises(ValueError, match=rf"{place}.*'{evil}'.*import evil_module"):
        BayesianCrossValidatorModel.load(str(path))


def test_unknown_classes_inside_of_stages_are_not_imported(spark, tmp_path, evil):
    rest = OneVsRest(classifier=NaiveBayes())
    stage = Level()
    nested = Pipeline(stages=[Shift(), Pipeline(stages=[stage, rest])])
    grid = [{rest.classifier: NaiveBayes()}]
    split(nested, estimatorParamMaps=grid).write().save(str(tmp_path / "tuner"))
    inner = f"estimator/stages/1_{nested.getStages()[1].uid}/stages"
    places = [f"{inner}/0_{stage.uid}", f"{inner}/1_{rest.uid}/classifier", "epm_classifier0"]
    for place in places:
        path = tmp_path / "changed"
        shutil.copytree(tmp_path / "tuner", path)
        with_metadata(path / place, path, **{"class": evil})
        with pytest.raises(ValueError, match=f"{place}.*evil_module"):
            BayesianTrainValidationSplit.load(str(path))
        shutil.rmtree(path)
    # A tuner of Spark's inside would load anything.
    tuner = tmp_path / "tuner"
    with_metadata(tuner / "estimator", tuner, **{"class": "pyspark.ml.tuning.CrossValidator"})
    with pytest.raises(ValueError, match="estimator.*CrossValidator"):
        BayesianTrainValidationSplit.load(str(tuner))


def test_other_classes_and_newer_formats_are_refused(saved, tmp_path):
    with pytest.raises(ValueError, match="CrossValidatorModel.*BayesianTrainValidationSplitModel"):
        BayesianTrainValidationSplitModel.load(str(saved))
    with pytest.raises(ValueError, match="BayesianCrossValidatorModel'.*BayesianCrossValidator'"):
        BayesianCrossValidator.load(str(saved))
    path = tmp_path / "model"
    shutil.copytree(saved, path)
    with_metadata(path, format_version=99)
    with pytest.raises(ValueError, match="format_version is 99"):
        BayesianCrossValidatorModel.load(str(path))


@pytest.mark.slow
def test_a_grid_of_lists_of_stages_is_saved(data, tmp_path):
    """Params of the stages in a list too, which are no part of the estimator."""
    pipeline, level, shift = Pipeline(stages=[]), Level(), Shift()
    grid = [{pipeline.stages: [shift, level], level.shrink: s} for s in (0.0, 0.5)]
    grid.append({pipeline.stages: [Level()]})
    tuner = split(pipeline, estimatorParamMaps=grid)
    tuner.write().save(str(tmp_path / "tuner"))
    model = BayesianTrainValidationSplit.load(str(tmp_path / "tuner")).fit(data)
    model.write().save(str(tmp_path / "model"))
    loaded = BayesianTrainValidationSplitModel.load(str(tmp_path / "model"))
    assert same(loaded.validationMetrics, model.validationMetrics)
    assert same(model.validationMetrics, tuner.fit(data).validationMetrics)
    for maps in (loaded.getEstimatorParamMaps(), model.getEstimatorParamMaps()):
        uids = [[stage.uid for stage in param_map[pipeline.stages]] for param_map in maps]
        assert uids[:2] == [[shift.uid, level.uid]] * 2 and len(uids[2]) == 1
        assert [param_map.get(level.shrink) for param_map in maps] == [0.0, 0.5, None]
