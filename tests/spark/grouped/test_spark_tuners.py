"""The stages inside Spark's own Pipeline, CrossValidator and TrainValidationSplit."""

import json

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import SQLTransformer, VectorAssembler
from pyspark.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    ParamGridBuilder,
    TrainValidationSplit,
)
from pyspark.sql import functions as F

import by_hand
from sparkprophet import ForecastEvaluator, GroupedProphet, GroupedProphetModel
from stage_checks import assert_by_hand, assert_close, frame, grouped

KEYS, SCALES = ["a", "b"], [0.001, 0.5]


@pytest.fixture(scope="module")
def rows():
    """Two groups whose last 15 days are fold 1 and the 15 before them fold 0; fold -1 never."""
    found = grouped(KEYS)
    day = found.groupby("g").cumcount()
    found["fold"] = np.where(day >= 65, 1, np.where(day >= 50, 0, -1))
    return found


@pytest.fixture(scope="module")
def folded(spark, rows):
    """Folds 0 and 1 only, as CrossValidator takes them."""
    data = frame(spark, rows[rows.fold >= 0])
    return data.withColumn("fold", F.col("fold").cast("int"))


def estimator(**params):
    given = {"groupCols": ["g"], "uncertaintySamples": 0, "parallelism": 2}
    return GroupedProphet(**given | params)


def errors_by_hand(rows, train, test, scale):
    """Group -> errors of Prophet by hand on the test rows."""
    errors = {}
    for key in KEYS:
        mine = rows[rows.g == key]
        given, held = mine[mine.fold.isin(train)], mine[mine.fold.isin(test)]
        yhat = by_hand.yhat(given[["ds", "y"]], held[["ds"]], changepoint_prior_scale=scale)
        errors[key] = held.y.to_numpy() - yhat
    return errors


@pytest.mark.slow
def test_cross_validator_with_a_fold_column(rows, folded):
    stage = estimator()
    grid = ParamGridBuilder().addGrid(stage.changepointPriorScale, SCALES).build()
    search = CrossValidator(
        estimator=stage,
        estimatorParamMaps=grid,
        numFolds=2,
        foldCol="fold",
        evaluator=ForecastEvaluator(metricName="mae", groupCols=["g"]),
    )
    model = search.fit(folded)
    assert isinstance(model, CrossValidatorModel)
    expected = []
    for scale in SCALES:
        of_folds = []
        for fold in (0, 1):
            errors = errors_by_hand(rows, [1 - fold], [fold], scale)
            of_folds.append(np.mean([np.abs(e).mean() for e in errors.values()]))
        expected.append(np.mean(of_folds))
    assert_close(model.avgMetrics, expected, by_hand.TOLERANCE["native"])
    best = model.bestModel
    assert isinstance(best, GroupedProphetModel)
    assert best.getChangepointPriorScale() == SCALES[int(np.argmin(expected))]
    assert best.models.count() == 2
    assert stage.isSet("changepointPriorScale") is False


def test_train_validation_split_with_sparks_evaluator(folded):
    # The validation rows hold a key that training may lack: Spark's evaluator refuses NULLs.
    stage = estimator(handleInvalid="skip")
    grid = ParamGridBuilder().addGrid(stage.growth, ["flat", "linear"]).build()
    data = folded.union(folded.limit(1).withColumn("g", F.lit("rare"))).coalesce(1).cache()
    search = TrainValidationSplit(
        estimator=stage,
        estimatorParamMaps=grid,
        trainRatio=0.75,
        seed=3,
        evaluator=RegressionEvaluator(labelCol="y", predictionCol="yhat", metricName="rmse"),
    )
    model = search.fit(data)
    assert all(np.isfinite(model.validationMetrics))
    split = data.select("*", F.rand(3).alias("r"))  # as TrainValidationSplit splits
    train, test = split.filter("r < 0.75"), split.filter("r >= 0.75")
    for growth, metric in zip(("flat", "linear"), model.validationMetrics, strict=True):
        squares = []
        given, held = train.toPandas(), test.toPandas()
        for key in KEYS:
            mine = held[held.g == key]
            own = given[given.g == key][["ds", "y"]]
            yhat = by_hand.yhat(own, mine[["ds"]], growth=growth)
            squares.extend((mine.y - yhat) ** 2)
        assert_close(metric, np.sqrt(np.mean(squares)), by_hand.TOLERANCE["native"])


@pytest.mark.slow
def test_cross_validator_over_a_pipeline_with_random_folds(spark, folded):
    stage = estimator(timestampCol="day", labelCol="half")
    renamed = SQLTransformer(statement="SELECT g, ds AS day, y / 2 AS half FROM __THIS__")
    grid = ParamGridBuilder().addGrid(stage.seasonalityMode, ["additive", "multiplicative"]).build()
    evaluator = ForecastEvaluator(metricName="rmse", labelCol="half", average="micro")
    search = CrossValidator(
        estimator=Pipeline(stages=[renamed, stage]),
        estimatorParamMaps=grid,
        numFolds=2,
        seed=1,
        evaluator=evaluator,
        parallelism=2,
    )
    model = search.fit(folded)
    assert len(model.avgMetrics) == 2 and all(np.isfinite(model.avgMetrics))
    best = model.bestModel.stages[-1]
    wanted = ["additive", "multiplicative"][int(np.argmin(model.avgMetrics))]
    assert best.getSeasonalityMode() == wanted
    assert json.loads(best.models.first().config)["seasonalityMode"] == wanted


@pytest.mark.slow  # as a Pipeline with a model in it, in test_stage_persistence
def test_a_cross_validator_model_is_saved_and_loaded(folded, tmp_path):
    stage = estimator()
    grid = ParamGridBuilder().addGrid(stage.nChangepoints, [3]).build()
    search = CrossValidator(
        estimator=stage,
        estimatorParamMaps=grid,
        numFolds=2,
        foldCol="fold",
        evaluator=ForecastEvaluator(),
    )
    search.write().save(str(tmp_path / "search"))
    loaded = CrossValidator.load(str(tmp_path / "search"))
    assert isinstance(loaded.getEstimator(), GroupedProphet)
    assert isinstance(loaded.getEvaluator(), ForecastEvaluator)
    assert [list(m.values()) for m in loaded.getEstimatorParamMaps()] == [[3]]
    model = search.fit(folded)
    model.write().save(str(tmp_path / "model"))
    again = CrossValidatorModel.load(str(tmp_path / "model"))
    rows = [sorted(map(repr, m.bestModel.forecast(2).collect())) for m in (model, again)]
    assert rows[0] == rows[1] and len(rows[0]) == 4


def test_a_pipeline_with_vectors_before_and_a_tuned_param_map(folded):
    assembler = VectorAssembler(inputCols=["y", "fold"], outputCol="features")
    stage = estimator()
    pipeline = Pipeline(stages=[assembler, stage])
    model = pipeline.fit(folded, {stage.growth: "flat"})
    found = model.transform(folded)
    assert "features" in found.columns
    row = found.orderBy("g", "ds").first()
    assert list(row.features) == [row.y, float(row.fold)]
    given = folded.filter("g = 'a'").toPandas()[["ds", "y"]]
    mine = found.filter("g = 'a'").toPandas().set_index("ds").yhat.loc[given.ds]
    assert_by_hand(mine, given, growth="flat")
    assert stage.getGrowth() == "linear"


def test_fit_with_several_param_maps(folded):
    stage = estimator()
    flat, linear = stage.fit(folded, [{stage.growth: "flat"}, {stage.seed: 5}])
    assert flat.getGrowth() == "flat" and linear.getGrowth() == "linear"
    assert linear.getSeed() == 5
