"""How a Bayesian search starts, ends and is recorded: wrong arguments, failures, Ctrl-C, plots."""

import _thread
import itertools
import threading

import matplotlib
import numpy as np
import pytest
from pyspark.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
)
from tuning_cases import (
    AbsoluteError,
    Level,
    cached,
    levels,
    shrink_space,
    split,
    trials_of,
    validator,
)

import sparkprophet
from sparkprophet import (
    BayesianCrossValidator,
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    SearchFailedError,
)
from stage_checks import assert_close, refused

CLASSES = [BayesianCrossValidator, BayesianTrainValidationSplit]


@pytest.fixture(scope="module")
def data(spark):
    kept = cached(spark)
    yield kept
    kept.unpersist()


# Arguments of validator() -> words of the message of fit.
UNFIT = {
    "estimator": ({"estimator": None}, ["estimator", "not set"]),
    "evaluator": ({"evaluator": None}, ["evaluator", "not set"]),
    "nothing to try": ({"searchSpace": None}, ["searchSpace", "estimatorParamMaps"]),
    "an empty grid": ({"estimatorParamMaps": []}, ["searchSpace", "estimatorParamMaps"]),
    "both": (
        {"searchSpace": shrink_space(Level()), "estimatorParamMaps": [{Level().shrink: 0.5}]},
        ["searchSpace", "estimatorParamMaps", "both"],
    ),
    "another stage": ({"searchSpace": shrink_space(Level())}, ["searchSpace", "'shrink'", "none"]),
    "storage": ({"storage": "sqlite:///x.db"}, ["storage", "studyName"]),
    "studyName": ({"studyName": "x"}, ["studyName", "storage"]),
    "a stored grid": (
        {"estimatorParamMaps": [{}], "storage": "sqlite:///x.db", "studyName": "x"},
        ["storage", "grid"],
    ),
    "timestampCol": ({"timestampCol": "id"}, ["timestampCol", "horizon"]),
    "horizon": ({"horizon": 5}, ["horizon", "timestampCol"]),
    "two kinds of folds": ({"timestampCol": "id", "horizon": 5}, ["foldCol", "timestampCol"]),
    "no such folds": ({"foldCol": "flod"}, ["foldCol", "'flod'", "fold"]),
    "no such time": (
        {"timestampCol": "time", "horizon": 5, "foldCol": ""}, ["timestampCol", "'time'"],
    ),
    "folds of numbers": ({"foldCol": "y"}, ["foldCol", "'y'", "double"]),
}  # fmt: skip


@pytest.mark.parametrize("case", UNFIT)
def test_what_does_not_go_together_is_refused_before_any_job(spark, data, case):
    params, words = UNFIT[case]
    with refused(spark, ValueError, *words):
        validator(**params).fit(data)


def test_a_sampler_that_cannot_search_the_space_is_refused(spark, data):
    stage = Level()
    space = BayesianParamGridBuilder().addChoice(stage.mode, ["mean", "zero"]).space()
    pytest.importorskip("cmaes")
    with refused(spark, ValueError, "sampler", "cmaes"):
        validator(stage, searchSpace=space, sampler="cmaes").fit(data)


# Param, a wrong value and the error; of both classes but for those of one alone.
WRONG = [
    ("numTrials", 0, ValueError),
    ("numTrials", 2.5, ValueError),
    ("batchSize", 0, ValueError),
    ("parallelism", 0, ValueError),
    ("numStartupTrials", -1, ValueError),
    ("earlyStoppingRounds", -1, ValueError),
    ("timeout", -0.5, ValueError),
    ("maxFailedTrials", -1, ValueError),
    ("horizon", 0, ValueError),
    ("sampler", "grid", ValueError),
    ("foldStorageLevel", "DISK", ValueError),
    ("collectSubModels", 1, TypeError),
    ("seed", 1.5, ValueError),
    ("timestampCol", "", TypeError),
    ("estimator", Level, TypeError),
    ("evaluator", Level(), TypeError),
    ("searchSpace", {"shrink": 1}, TypeError),
    ("searchSpace", "{}", ValueError),
    ("estimatorParamMaps", [{"shrink": 1}], TypeError),
    ("estimatorParamMaps", {}, TypeError),
    ("numFolds", 1, ValueError),
    ("foldCol", 3, TypeError),
    ("trainRatio", 1.0, ValueError),
    ("trainRatio", 0, ValueError),
]


@pytest.mark.parametrize("name, value, kind", WRONG)
def test_wrong_values_are_refused_by_keyword_and_setter(name, value, kind):
    setter = f"set{name[0].upper()}{name[1:]}"
    for cls in CLASSES:
        if not hasattr(cls, name):
            continue
        words = "search space" if value == "{}" else name
        with pytest.raises(kind, match=words):
            cls(**{name: value})
        with pytest.raises(kind, match=words):
            getattr(cls(), setter)(value)
        with pytest.raises(kind, match=words):
            cls().setParams(**{name: value})


def test_unknown_keywords_are_refused_with_a_near_one():
    for cls in CLASSES:
        with pytest.raises(TypeError, match="numTrial'.*'numTrials'"):
            cls(numTrial=3)
        with pytest.raises(TypeError):
            cls(Level())
    with pytest.raises(TypeError, match="trainRatio"):
        BayesianCrossValidator(trainRatio=0.5)
    with pytest.raises(TypeError, match="numFolds"):
        BayesianTrainValidationSplit(numFolds=2)


GIVEN = {
    "numTrials": 7, "batchSize": 2, "parallelism": 3, "sampler": "qmc", "numStartupTrials": 4,
    "earlyStoppingRounds": 5, "timeout": 1.5, "maxFailedTrials": 0, "storage": "sqlite:///x.db",
    "studyName": "s", "trustStorage": True, "timestampCol": "ds", "horizon": 9,
    "foldStorageLevel": "NONE",
    "collectSubModels": True, "seed": -4, "numFolds": 5, "foldCol": "f", "trainRatio": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES)
def test_keywords_setters_getters_and_their_explanations(cls):
    stage, evaluator = Level(), AbsoluteError()
    given = {name: value for name, value in GIVEN.items() if hasattr(cls, name)}
    given |= {"estimator": stage, "evaluator": evaluator, "searchSpace": shrink_space(stage)}
    given["estimatorParamMaps"] = [{stage.shrink: 0.5}]
    by_keyword, by_setter = cls(**given), cls()
    for name, value in given.items():
        title = name[0].upper() + name[1:]
        assert getattr(by_setter, f"set{title}")(value) is by_setter
        for tuner in (by_keyword, by_setter, cls().setParams(**given)):
            assert getattr(tuner, f"get{title}")() == value
    assert len(given) == len(by_keyword.params)
    text = by_keyword.explainParams()
    assert all(f"{name}: " in text for name in given)


def test_the_classes_are_sparks(data):
    for tuner, kind, model in (
        (validator(numTrials=1), CrossValidator, CrossValidatorModel),
        (split(numTrials=1), TrainValidationSplit, TrainValidationSplitModel),
    ):
        fitted = tuner.fit(data)
        assert isinstance(tuner, kind) and isinstance(fitted, model)
        for found in (tuner, fitted):
            assert getattr(sparkprophet, type(found).__name__) is type(found)
            assert type(found).__module__ == "sparkprophet"


class Marked(Level):
    """Level of which two candidates fit at one time and look at their thread's properties."""

    meeting = threading.Barrier(2)

    def _fit(self, dataset):
        if threading.current_thread() is threading.main_thread():  # the best, on all rows
            return super()._fit(dataset)
        context, own = dataset.sparkSession.sparkContext, str(self.getOrDefault("shrink"))
        context.setLocalProperty("tests.who", own)
        self.meeting.wait(60)
        if context.getLocalProperty("tests.who") != own:
            raise AssertionError("another fit's property")
        return super()._fit(dataset)


def test_fits_at_one_time_have_their_own_local_properties(data):
    model = split(Marked(), numTrials=2, parallelism=2).fit(data)
    assert list(model.trials.state) == ["COMPLETE", "COMPLETE"]


@pytest.mark.parametrize("batch, trials", [(1, 3), (4, 4)])
def test_early_stopping_between_batches(data, batch, trials):
    stage = Level()
    grid = [{stage.shrink: s} for s in (0.1, 0.5, 0.6, 0.7, 0.0)]
    tuner = split(stage, estimatorParamMaps=grid, batchSize=batch, earlyStoppingRounds=2)
    model = tuner.fit(data)
    assert (model.stoppedBy, len(model.trials)) == ("earlyStopping", trials)
    assert len(model.validationMetrics) == len(model.getEstimatorParamMaps()) == trials
    assert model.bestModel.getOrDefault("shrink") == 0.1


def test_a_timeout_ends_after_the_batch(data):
    model = split(numTrials=9, batchSize=2, timeout=1e-9).fit(data)
    assert (model.stoppedBy, len(model.trials)) == ("timeout", 2)
    assert split(numTrials=1).fit(data).stoppedBy == "numTrials"


def test_failures_are_trials_up_to_a_limit(data):
    stage = Level()
    modes = ["broken", "zero", "nan", "mean"]
    params = {"batchSize": 1, "estimatorParamMaps": [{stage.mode: mode} for mode in modes]}
    model = split(stage, maxFailedTrials=2, **params).fit(data)
    assert list(model.trials.state) == ["FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert model.trials.error[0] == "ArithmeticError: broken on purpose"
    assert "nan on fold 0" in model.trials.error[2]
    assert model.trials.value.isna().tolist() == [True, False, True, False]
    assert model.bestModel.getOrDefault("mode") == "mean"
    with pytest.raises(SearchFailedError) as caught:
        split(stage, maxFailedTrials=1, **params).fit(data)
    assert [trial.state for trial in caught.value.trials] == ["FAIL", "COMPLETE", "FAIL"]
    assert "2 of 3 trials failed; trial 0 with {'mode': 'broken'}" in str(caught.value)
    with pytest.raises(SearchFailedError, match="2 of 2 .*broken on purpose"):
        split(Level(mode="broken"), numTrials=2).fit(data)


class Interrupting(AbsoluteError):
    """An evaluator that presses Ctrl-C at its call number `at`, then counts for a minute."""

    def __init__(self, at=0):
        super().__init__()
        self.at, self.calls, self.errors = at, itertools.count(), []

    def _evaluate(self, dataset):
        if next(self.calls) == self.at:
            _thread.interrupt_main()
            try:
                dataset.sparkSession.range(10**12).selectExpr("sum(hash(id))").collect()
            except Exception as error:
                self.errors.append(error)
                raise
        return super()._evaluate(dataset)


def test_an_interrupt_keeps_the_best_and_cancels_the_rest(data):
    evaluator = Interrupting(at=2)
    model = split(evaluator=evaluator, numTrials=6, batchSize=2).fit(data)
    assert (model.stoppedBy, len(model.trials)) == ("interrupt", 2)
    assert len(evaluator.errors) == 1
    best = int(np.argmin(model.validationMetrics))
    assert_close(model.bestModel.getOrDefault("shrink"), model.trials.params_shrink[best], 1e-12)
    with pytest.raises(KeyboardInterrupt):
        split(evaluator=Interrupting(at=0)).fit(data)


def test_a_stored_search_goes_on(data, tmp_path):
    stage = Level()
    stored = {"storage": f"sqlite:///{tmp_path}/search.db", "studyName": "s", "batchSize": 2}
    first = split(stage, **stored, numTrials=3).fit(data)
    rest = split(Level(), **stored, numTrials=5).fit(data)
    whole = split(stage, batchSize=2, numTrials=5).fit(data)
    assert trials_of(rest)[:3] == trials_of(first)
    assert trials_of(rest) == trials_of(whole)
    assert levels(rest.bestModel) == levels(whole.bestModel)
    with refused(data.sparkSession, ValueError, "studyName", "'s'", "seed", "another"):
        split(stage, **stored, numTrials=5, seed=1).fit(data)


def test_the_record_of_a_search(data):
    model = validator(numTrials=5, parallelism=2).fit(data)
    assert list(model.trials.columns) == [
        "trial",
        "state",
        "value",
        "std",
        "params_shrink",
        "fold_0",
        "fold_1",
        "seconds",
        "error",
    ]
    assert list(model.trials.trial) == list(range(5))
    assert model.trials.error.isna().all() and (model.trials.seconds > 0).all()
    assert list(model.trials.value) == model.avgMetrics
    assert list(model.trials["std"]) == model.stdMetrics
    study = model.study()
    assert [trial.value for trial in study.trials] == model.avgMetrics
    assert [trial.params["shrink"] for trial in study.trials] == list(model.trials.params_shrink)
    assert study.best_value == min(model.avgMetrics)


def test_plots(data):
    matplotlib.use("Agg")
    stage = Level()
    model = split(stage, numTrials=4).fit(data)
    history, importances = model.plotHistory(), model.plotImportances()
    assert isinstance(history, matplotlib.axes.Axes)
    assert isinstance(importances, matplotlib.axes.Axes)
    assert [label.get_text() for label in importances.get_yticklabels()] == ["shrink"]
    grid = validator(stage, estimatorParamMaps=[{stage.shrink: 0.5}]).fit(data)
    assert isinstance(grid.plotHistory(), matplotlib.axes.Axes)
    with pytest.raises(ValueError, match="plotImportances.*grid"):
        grid.plotImportances()
    with pytest.raises(ValueError, match="plotImportances.* 1 .* 4"):
        split(stage, numTrials=1).fit(data).plotImportances()
    matplotlib.pyplot.close("all")
