"""The Bayesian tuners of both languages: equal searches, and each loads what the other saved."""

from types import SimpleNamespace

import numpy as np
import pytest
from jvm_stages import Scala
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import PCA, SQLTransformer
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression

from sparkprophet import (
    BayesianCrossValidator,
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    ForecastEvaluator,
    GroupedProphet,
)
from stage_checks import bits, frame, grouped

# The JVM adds up a metric's rows in the order of their partitions.
CLOSE = 1e-9


@pytest.fixture(scope="module")
def scala(spark):
    return Scala(spark)


def regression(spark):
    """Spark's own stages: k above 3 cannot be fitted; tol is searched for one solver alone."""
    random = np.random.default_rng(1)
    rows = [(Vectors.dense(x), float(x[0] + random.normal())) for x in random.normal(size=(50, 3))]
    pca, lr = PCA(inputCol="features", outputCol="few"), LinearRegression(featuresCol="few")
    space = (
        BayesianParamGridBuilder()
        .addInt(pca.k, 1, 4)
        .addUniform(lr.regParam, 1e-3, 10, log=True)
        .addChoice(lr.solver, ["l-bfgs", "normal"])
        .addUniform(lr.tol, 1e-9, 1e-7, when={lr.solver: ["l-bfgs"]})
        .baseOn((lr.maxIter, 5))
        .space()
    )
    tuner = BayesianCrossValidator(
        estimator=Pipeline(stages=[pca, lr]),
        evaluator=RegressionEvaluator(),
        searchSpace=space,
        numTrials=6,
        batchSize=3,
        numStartupTrials=2,
        numFolds=2,
        parallelism=2,
        collectSubModels=True,
        seed=5,
    )
    return tuner, spark.createDataFrame(rows, ["features", "label"]).cache()


def forecasts(spark):
    """A stage of ours in a Pipeline, which Python saves under names of its own."""
    prophet = GroupedProphet(
        groupCols=["g"], uncertaintySamples=0, weeklySeasonality="3", handleInvalid="skip"
    )
    data = frame(spark, grouped(["a", "b"])).cache()
    same = SQLTransformer(statement="SELECT * FROM __THIS__")
    space = BayesianParamGridBuilder().addUniform(prophet.changepointPriorScale, 0.01, 0.5).space()
    tuner = BayesianTrainValidationSplit(
        estimator=Pipeline(stages=[same, prophet]),
        evaluator=ForecastEvaluator(groupCols=["g"]),
        searchSpace=space,
        numTrials=2,
        timestampCol="ds",
        horizon=5,
    )
    return tuner, data


@pytest.fixture(
    scope="module",
    params=[regression, pytest.param(forecasts, marks=pytest.mark.slow)],
    ids=["regression", "forecasts"],
)
def case(request, spark, scala):
    tuner, rows = request.param(spark)
    return SimpleNamespace(
        tuner=tuner, rows=rows, model=tuner.fit(rows), jvm_model=scala.fit(tuner, rows)
    )


def jvm_trials(model):
    """Number, params, state and scores of a Scala model's trials."""
    return [(t.number(), _dict(t.params()), t.state(), _list(t.scores())) for t in model.trials()]


def trials(model):
    return [(t.number, t.params, t.state, list(t.scores)) for t in model._trials]


def _list(seq):
    return [seq.apply(i) for i in range(seq.size())]


def _dict(mapping):
    keys = mapping.keys().toSeq()
    return {keys.apply(i): mapping.apply(keys.apply(i)) for i in range(keys.size())}


def assert_same_trials(found, expected):
    assert [t[:3] for t in found] == [t[:3] for t in expected]
    for (*_, scores), (*_, wanted) in zip(found, expected, strict=True):
        np.testing.assert_allclose(scores, wanted, rtol=CLOSE)


def predictions(transformed, column):
    return [row[column] for row in transformed.orderBy(*transformed.columns).collect()]


def test_the_searches_are_equal(scala, case):
    assert_same_trials(jvm_trials(case.jvm_model), trials(case.model))
    assert case.jvm_model.stoppedBy() == case.model.stoppedBy == "numTrials"
    if isinstance(case.tuner, BayesianCrossValidator):
        assert "FAIL" in [t.state for t in case.model._trials]  # as k = 4 has to


@pytest.mark.slow  # a tuner's model has its params too
def test_a_tuner_goes_from_python_to_scala(scala, case, tmp_path):
    case.tuner.write().save(str(tmp_path / "tuner"))
    loaded = scala.load(tmp_path / "tuner")
    assert scala.params(loaded) == scala.params(scala.stage(case.tuner))
    loaded.setNumTrials(2)
    assert_same_trials(jvm_trials(loaded.fit(case.rows._jdf)), trials(case.model)[:2])


@pytest.mark.slow  # a tuner's model has its params too
def test_a_tuner_goes_from_scala_to_python(scala, case, tmp_path):
    scala.stage(case.tuner).save(str(tmp_path / "tuner"))
    loaded = type(case.tuner).load(str(tmp_path / "tuner"))
    assert_same_trials(trials(loaded.setNumTrials(2).fit(case.rows)), trials(case.model)[:2])


def assert_same_model(scala, case, jvm_model, model):
    assert_same_trials(jvm_trials(jvm_model), trials(case.model))
    assert_same_trials(trials(model), trials(case.model))
    forecasts = bits(scala.transform(jvm_model, case.rows))
    assert forecasts == bits(model.transform(case.rows))
    assert len(forecasts) == case.rows.count()


@pytest.mark.slow  # BayesianPersistenceSuite loads what Python saved
def test_a_tuners_model_goes_from_python_to_scala(scala, case, tmp_path):
    case.model.write().save(str(tmp_path / "model"))
    assert_same_model(scala, case, scala.load(tmp_path / "model"), case.model)


@pytest.mark.slow  # both write one folder
def test_a_tuners_model_goes_from_scala_to_python(scala, case, tmp_path):
    case.jvm_model.save(str(tmp_path / "model"))
    loaded = type(case.model).load(str(tmp_path / "model"))
    assert_same_model(scala, case, case.jvm_model, loaded)
    assert (loaded.subModels is None) == (case.model.subModels is None)
