"""Each known fault of Spark's own tuners, shown on Spark's class, and the same case on ours."""

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, TrainValidationSplit
from tuning_cases import AbsoluteError, Level, cached, fold_scores, levels, rows

from sparkprophet import (
    BayesianCrossValidator,
    BayesianCrossValidatorModel,
    BayesianTrainValidationSplit,
)
from stage_checks import assert_close

PAIRS = [
    pytest.param(CrossValidator, BayesianCrossValidator, id="CrossValidator"),
    pytest.param(TrainValidationSplit, BayesianTrainValidationSplit, id="TrainValidationSplit"),
]
QUICK_PAIRS = [pytest.param(*PAIRS[0].values, id=PAIRS[0].id, marks=pytest.mark.slow), PAIRS[1]]


@pytest.fixture(scope="module")
def data(spark):
    kept = cached(spark)
    yield kept
    kept.unpersist()


def tuner(cls, modes=("mean",), **params):
    """A tuner of any class over a grid of Level's modes."""
    stage = Level()
    given = {
        "estimator": stage,
        "evaluator": AbsoluteError(),
        "seed": 1,
        "estimatorParamMaps": [{stage.mode: mode} for mode in modes],
    }
    if issubclass(cls, CrossValidator):
        given |= {"numFolds": 2, "foldCol": "fold"}
    return cls(**given | params)


def chosen(model):
    return model.bestModel.getOrDefault("mode")


@pytest.mark.parametrize("sparks, ours", QUICK_PAIRS)
def test_a_nan_is_never_the_best(data, sparks, ours):
    modes = ["nan", "mean"]
    evaluator = AbsoluteError(larger=ours is BayesianTrainValidationSplit)
    # argmin and argmax of numpy take the first NaN for the smallest and for the largest.
    assert chosen(tuner(sparks, modes, evaluator=evaluator).fit(data)) == "nan"
    model = tuner(ours, modes, evaluator=evaluator).fit(data)
    assert chosen(model) == "mean"
    assert list(model.trials.state) == ["FAIL", "COMPLETE"]


@pytest.mark.parametrize("sparks, ours", PAIRS)
def test_a_candidate_that_fails_does_not_end_the_search(data, sparks, ours):
    modes = ["broken", "mean"]
    with pytest.raises(ArithmeticError, match="on purpose"):
        tuner(sparks, modes).fit(data)
    model = tuner(ours, modes).fit(data)
    assert chosen(model) == "mean"
    assert list(model.trials.state) == ["FAIL", "COMPLETE"]


@pytest.mark.slow
def test_loaded_sub_models_are_those_of_their_folds(data, tmp_path):
    table = rows()
    means = [table.y[table.fold != fold].mean() for fold in (0, 1)]
    for cls, kind in (
        (CrossValidator, CrossValidatorModel),
        (BayesianCrossValidator, BayesianCrossValidatorModel),
    ):
        model = tuner(cls, collectSubModels=True).fit(data)
        assert_close(levels(model.subModels), [[mean] for mean in means])
        model.write().save(str(tmp_path / cls.__name__))
        loaded = kind.load(str(tmp_path / cls.__name__)).subModels
        if cls is CrossValidator:
            # Its reader makes one list for all folds, and each fold overwrites the one before.
            assert loaded[0] is loaded[1]
            assert_close(levels(loaded), [[means[1]], [means[1]]])
        else:
            assert_close(levels(loaded), [[mean] for mean in means])


@pytest.mark.parametrize("sparks, ours", QUICK_PAIRS)
def test_folds_do_not_depend_on_the_partitions(data, sparks, ours):
    found = {}
    for cls in (sparks, ours):
        params = {"foldCol": ""} if issubclass(cls, CrossValidator) else {}
        orders = (data, data.repartition(3), data.orderBy("y"))
        models = [tuner(cls, **params).fit(given) for given in orders]
        found[cls] = [
            m.avgMetrics if hasattr(m, "avgMetrics") else m.validationMetrics for m in models
        ]
    assert all(np.abs(np.subtract(other, found[sparks][0])) > 1e-6 for other in found[sparks][1:])
    for other in found[ours][1:]:
        assert_close(other, found[ours][0], 1e-12)


class Named(CrossValidator):
    """A subclass that is to be saved and loaded as what it is."""


def test_subclasses_load_as_what_they_were(spark, tmp_path):
    for cls in (Named, BayesianCrossValidator):
        stage = LinearRegression()
        saved = cls(
            estimator=stage,
            evaluator=RegressionEvaluator(),
            estimatorParamMaps=[{stage.regParam: 0.5}],
        )
        saved.write().save(str(tmp_path / cls.__name__))
        loaded = cls.load(str(tmp_path / cls.__name__))
        # Stages that are all Java's are saved and loaded by Java, which knows no subclass.
        assert type(loaded) is (CrossValidator if cls is Named else cls)
        assert loaded.getEstimatorParamMaps() == saved.getEstimatorParamMaps()


def test_models_without_sub_models_can_be_copied(data):
    for cls in (CrossValidator, BayesianCrossValidator):
        model = tuner(cls).fit(data)
        within = PipelineModel([model])
        if cls is CrossValidator:
            with pytest.raises(AssertionError):
                model.copy()
            with pytest.raises(AssertionError):
                within.transform(data, {model.bestModel.level: 3.0})
        else:
            assert model.copy().avgMetrics == model.avgMetrics
            row = within.transform(data, {model.bestModel.level: 3.0}).first()
            assert row.prediction == 3.0
        assert_close(model.avgMetrics, [np.mean(fold_scores(rows()))])
