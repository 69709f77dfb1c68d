"""The Bayesian tuners: against Spark's own on a grid, and against sums done by hand."""

import math

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression, OneVsRest
from pyspark.ml.evaluation import MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    ParamGridBuilder,
    TrainValidationSplitModel,
)
from tuning_cases import (
    AbsoluteError,
    Level,
    Shift,
    cached,
    fold_scores,
    levels,
    persisted,
    rows,
    score,
    split,
    trials_of,
    validator,
)

import by_hand
from sparkprophet import (
    BayesianCrossValidator,
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetModel,
)
from stage_checks import assert_close, frame, grouped, refused


@pytest.fixture(scope="module")
def table():
    return rows()


@pytest.fixture(scope="module")
def data(spark):
    kept = cached(spark)
    yield kept
    kept.unpersist()


def test_a_grid_gives_what_spark_gives(data):
    stage = LinearRegression(labelCol="y", solver="normal")
    grid = ParamGridBuilder().addGrid(stage.regParam, [3.0, 0.0, 10.0]).build()
    params = {
        "estimator": stage,
        "estimatorParamMaps": grid,
        "numFolds": 2,
        "foldCol": "fold",
        "evaluator": RegressionEvaluator(labelCol="y", metricName="r2"),
    }
    ours = BayesianCrossValidator(**params, parallelism=2).fit(data)
    sparks = CrossValidator(**params).fit(data)
    assert_close(ours.avgMetrics, sparks.avgMetrics, 1e-12)
    assert_close(ours.stdMetrics, sparks.stdMetrics, 1e-12)
    assert ours.bestModel.coefficients == sparks.bestModel.coefficients
    assert ours.getEstimatorParamMaps() == sparks.getEstimatorParamMaps() == grid
    assert ours.bestModel.getRegParam() == 0.0
    assert isinstance(ours, CrossValidatorModel)
    for name in ("numFolds", "foldCol", "estimator", "evaluator"):
        assert ours.getOrDefault(name) == sparks.getOrDefault(name)
    found = [row.prediction for row in ours.transform(data).collect()]
    assert found == [row.prediction for row in sparks.bestModel.transform(data).collect()]


def test_larger_is_better_takes_the_largest(data, table):
    stage = Level()
    model = validator(
        stage,
        evaluator=AbsoluteError(larger=True),
        estimatorParamMaps=[{stage.shrink: s} for s in (0.9, 0.1, 0.5)],
    ).fit(data)
    expected = [-np.mean(fold_scores(table, shrink=s)) for s in (0.9, 0.1, 0.5)]
    assert_close(model.avgMetrics, expected)
    assert model.bestModel.getOrDefault("shrink") == 0.1
    assert model.study().best_trial.number == 1


def test_a_split_in_time_by_hand(data, table):
    model = split(trainRatio=0.2, collectSubModels=True).fit(data)
    assert isinstance(model, TrainValidationSplitModel)
    shrinks = [params[model.getEstimator().shrink] for params in model.getEstimatorParamMaps()]
    train, held = table[table.id < 36], table[table.id >= 36]
    assert len(set(shrinks)) == 3 and all(0 <= s <= 0.9 for s in shrinks)
    assert_close(model.validationMetrics, [score(train, held, s) for s in shrinks])
    assert_close(levels(model.subModels), [(1 - s) * train.y.mean() for s in shrinks])
    best = shrinks[int(np.argmin(model.validationMetrics))]
    assert_close(levels(model.bestModel), (1 - best) * table.y.mean())


class Recorder(AbsoluteError):
    """An evaluator that notes which rows it saw, and the level that was forecast."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def _evaluate(self, dataset):
        found = dataset.select("id", "prediction").collect()
        self.seen.append(({row.id for row in found}, found[0].prediction))
        return super()._evaluate(dataset)


@pytest.mark.parametrize("partitions", [1, 5])
def test_a_random_split_by_hand(data, table, partitions):
    recorder, stage = Recorder(), Level()
    params = {
        "estimator": stage,
        "evaluator": recorder,
        "seed": 4,
        "estimatorParamMaps": [{stage.shrink: 0.0}, {stage.shrink: 0.5}],
    }
    shuffled = data.orderBy("y") if partitions == 1 else data.repartition(partitions)
    model = BayesianTrainValidationSplit(**params, trainRatio=0.6).fit(shuffled)
    held, train = (table[table.id.isin(recorder.seen[0][0]) == side] for side in (True, False))
    assert_close([level for _, level in recorder.seen], [train.y.mean(), 0.5 * train.y.mean()])
    assert_close(model.validationMetrics, [score(train, held), score(train, held, 0.5)])
    # 40 % of 48 rows, within four standard deviations.
    assert abs(len(held) - 19.2) < 4 * math.sqrt(48 * 0.4 * 0.6)
    recorder.seen.clear()
    again = BayesianTrainValidationSplit(**params, trainRatio=0.6).fit(data)
    assert set(table.id[table.id.isin(recorder.seen[0][0])]) == set(held.id)
    assert_close(again.validationMetrics, model.validationMetrics, 1e-12)


def test_params_of_any_stage_of_a_pipeline(data, table):
    shift, first, last = Shift(), Level(), Level()
    renamed = Pipeline(stages=[shift, last])
    space = (
        BayesianParamGridBuilder()
        .addChoice(shift.shift, [5.0, -5.0])
        .addUniform(last.shrink, 0.0, 0.3)
        .baseOn((last.mode, "mean"))
        .space()
    )
    model = validator(renamed, searchSpace=space, numTrials=4, collectSubModels=True).fit(data)
    assert isinstance(model.bestModel, PipelineModel)
    assert list(model.trials.filter(like="params_")) == [
        "params_shift",
        "params_shrink",
        "params_mode",
    ]
    for number, params in enumerate(model.getEstimatorParamMaps()):
        assert set(params) == {shift.shift, last.shrink, last.mode}
        moved = table.assign(y=table.y + params[shift.shift])
        expected = fold_scores(moved, shrink=params[last.shrink])
        assert_close(model.trials.loc[number, ["fold_0", "fold_1"]].tolist(), expected)
        assert_close(model.avgMetrics[number], np.mean(expected))
        assert_close(model.stdMetrics[number], np.std(expected))
    chosen = model.getEstimatorParamMaps()[int(np.argmin(model.avgMetrics))]
    assert model.bestModel.stages[1].getOrDefault("shrink") == chosen[last.shrink]
    foreign = BayesianParamGridBuilder().addUniform(first.shrink, 0, 1).space()
    with refused(data.sparkSession, ValueError, "searchSpace", "shrink", first.uid):
        validator(renamed, searchSpace=foreign).fit(data)


@pytest.mark.parametrize("tuner", [pytest.param(validator, marks=pytest.mark.slow), split])
def test_parallelism_changes_nothing(data, tuner):
    stage = Level()
    space = (
        BayesianParamGridBuilder()
        .addChoice(stage.mode, ["mean", "zero", "broken"])
        .addUniform(stage.shrink, 0.0, 0.9)
        .space()
    )
    options = {
        "searchSpace": space,
        "numTrials": 7,
        "batchSize": 3,
        "sampler": "tpe",
        "numStartupTrials": 2,
        "seed": 9,
    }
    one = tuner(stage, **options, parallelism=1).fit(data)
    four = tuner(stage, **options, parallelism=4).fit(data.repartition(1))
    assert trials_of(one) == trials_of(four)
    assert one.getEstimatorParamMaps() == four.getEstimatorParamMaps()
    assert levels(one.bestModel) == levels(four.bestModel)
    other = tuner(stage, **options | {"seed": 10}).fit(data)
    assert trials_of(other) != trials_of(one)


def test_parallelism_changes_nothing_of_a_grid(data):
    stage = Level()
    grid = [{stage.mode: mode} for mode in ("mean", "nan", "zero", "broken", "mean")]
    found = [
        validator(stage, estimatorParamMaps=grid, parallelism=p, batchSize=2).fit(data)
        for p in (1, 4)
    ]
    assert trials_of(found[0]) == trials_of(found[1])
    assert [r["params_mode"] for r in trials_of(found[0])] == [m[stage.mode] for m in grid]


def test_partitions_of_the_input_change_nothing(data):
    found = [
        validator(numFolds=3, foldCol="", seed=2).fit(given)
        for given in (data, data.orderBy("y").repartition(6))
    ]
    one, other = (trials_of(model) for model in found)
    assert [t["params_shrink"] for t in one] == [t["params_shrink"] for t in other]
    for fold in ("fold_0", "fold_1", "fold_2"):
        assert_close([t[fold] for t in one], [t[fold] for t in other], 1e-12)


def test_conditional_params_are_missing_where_they_do_not_apply(data, table):
    stage = Level(shrink=0.25)
    space = (
        BayesianParamGridBuilder()
        .addChoice(stage.mode, ["mean", "zero"])
        .addUniform(stage.shrink, 0.5, 0.9, when={stage.mode: "mean"})
        .space()
    )
    model = validator(stage, searchSpace=space, numTrials=8, seed=1).fit(data)
    maps = model.getEstimatorParamMaps()
    assert {params[stage.mode] for params in maps} == {"mean", "zero"}
    for params, value, shown in zip(maps, model.avgMetrics, trials_of(model), strict=True):
        assert (stage.shrink in params) == (params[stage.mode] == "mean")
        assert shown["params_shrink"] == params.get(stage.shrink)
        expected = fold_scores(table, mode=params[stage.mode], shrink=params.get(stage.shrink))
        assert_close(value, np.mean(expected))
    assert [len(trial.params) for trial in model.study().trials] == [len(p) for p in maps]


def test_sub_models_have_the_shape_of_sparks(data, table):
    stage = Level()
    grid = [{stage.shrink: 0.0}, {stage.mode: "broken"}, {stage.shrink: 0.5}]
    model = validator(stage, estimatorParamMaps=grid, collectSubModels=True).fit(data)
    means = [table.y[table.fold != fold].mean() for fold in (0, 1)]
    found = levels(model.subModels)
    assert_close([[fold[0], fold[2]] for fold in found], [[m, m / 2] for m in means])
    assert [fold[1] for fold in found] == [None, None]
    assert np.isnan(model.avgMetrics[1]) and np.isnan(model.stdMetrics[1])
    assert validator().fit(data).subModels is None


@pytest.mark.parametrize("keep", [True, False])
def test_copies_of_models(data, keep):
    model = validator(collectSubModels=keep, numTrials=2).fit(data)
    copy = model.copy({model.bestModel.level: 7.0})
    assert type(copy) is type(model)
    assert levels(copy.bestModel) == 7.0 != levels(model.bestModel)
    assert trials_of(copy) == trials_of(model) and copy.stoppedBy == model.stoppedBy
    assert copy.avgMetrics == model.avgMetrics and copy.stdMetrics == model.stdMetrics
    assert levels(copy.subModels) == levels(model.subModels)
    assert copy.getEstimatorParamMaps() == model.getEstimatorParamMaps()
    assert copy.subModels is None or copy.subModels[0][0] is not model.subModels[0][0]
    # Spark's own transform with params makes a copy too.
    assert model.transform(data, {model.bestModel.level: 3.0}).first().prediction == 3.0
    one = split(collectSubModels=keep, numTrials=1).fit(data)
    assert one.copy().validationMetrics == one.validationMetrics
    assert levels(one.copy().subModels) == levels(one.subModels)


def test_copies_of_tuners_and_fits_with_param_maps(data):
    stage = Level()
    tuner = validator(stage, numTrials=2)
    copy = tuner.copy({tuner.numTrials: 1, stage.mode: "zero"})
    assert copy.getNumTrials() == 1 and tuner.getNumTrials() == 2
    assert copy.getEstimator().getOrDefault("mode") == "zero"
    assert stage.getOrDefault("mode") == "mean"
    with pytest.raises(ValueError, match="numTrials"):
        tuner.copy({tuner.numTrials: 0})
    zero, two = tuner.fit(data, [{stage.mode: "zero"}, {tuner.seed: 5}])
    assert levels(zero.bestModel) == 0.0 != levels(two.bestModel)
    assert trials_of(zero)[0]["params_shrink"] != trials_of(two)[0]["params_shrink"]
    assert len(tuner.fit(data, {tuner.numTrials: 1}).trials) == 1


@pytest.mark.slow  # what is saved of one, in test_bayesian_persistence, is fitted too
def test_the_classifier_of_one_vs_rest(spark, table):
    classes = spark.createDataFrame(
        [(float(r.y > 10), float(r.x)) for r in table.itertuples()], "label double, x double"
    )
    data = VectorAssembler(inputCols=["x"], outputCol="features").transform(classes).cache()
    inner = LogisticRegression(maxIter=3)
    stage = OneVsRest(classifier=inner)
    space = BayesianParamGridBuilder().addChoice(inner.regParam, [0.0, 50.0]).space()
    found = BayesianTrainValidationSplit(
        estimator=stage,
        searchSpace=space,
        numTrials=2,
        seed=1,
        evaluator=MulticlassClassificationEvaluator(metricName="accuracy"),
    ).fit(data)
    tried = [params[inner.regParam] for params in found.getEstimatorParamMaps()]
    best = tried[int(np.argmax(found.validationMetrics))]
    expected = stage.fit(data, {inner.regParam: best})
    assert [m.coefficients for m in found.bestModel.models] == [
        m.coefficients for m in expected.models
    ]
    assert found.bestModel.getClassifier().getRegParam() == best
    data.unpersist()


@pytest.fixture(scope="module")
def series():
    """Two groups of days in which the trend bends, so that the stiff and the loose trend differ."""
    found = grouped(["a", "b"], rows=60)
    day = found.groupby("g").cumcount()
    return found.assign(y=found.y + 0.8 * np.maximum(0, day - 25))


def forecast_errors(series, last, horizon, scale):
    """Mean absolute error of Prophet by hand for the days after the first `last`."""
    errors = []
    for _, rows_of_key in series.groupby("g"):
        given, held = rows_of_key.iloc[:last], rows_of_key.iloc[last : last + horizon]
        yhat = by_hand.yhat(given[["ds", "y"]], held[["ds"]], changepoint_prior_scale=scale)
        errors.append(np.abs(held.y.to_numpy() - yhat).mean())
    return np.mean(errors)


def forecaster():
    return GroupedProphet(groupCols=["g"], uncertaintySamples=0, parallelism=2)


@pytest.mark.slow
def test_prophets_are_validated_by_the_steps_after(spark, series):
    stage, scale = forecaster(), 0.02
    tuner = BayesianCrossValidator(
        estimator=stage,
        evaluator=ForecastEvaluator(metricName="mae", groupCols=["g"]),
        estimatorParamMaps=[{stage.changepointPriorScale: scale}],
        numFolds=2,
        timestampCol="ds",
        horizon=7,
        parallelism=2,
    )
    before = persisted(spark)
    model = tuner.fit(frame(spark, series))
    expected = [forecast_errors(series, last, 7, scale) for last in (46, 53)]
    found = model.trials.loc[0, ["fold_0", "fold_1"]].tolist()
    assert_close(found, expected, by_hand.TOLERANCE["native"])
    best = model.bestModel
    assert isinstance(best, GroupedProphetModel)
    assert best.getChangepointPriorScale() == scale
    assert len(persisted(spark) - before) >= 1
    best.unpersist()
    assert persisted(spark) <= before


@pytest.mark.slow
def test_prophets_are_searched_by_the_last_steps(spark, series):
    stage = forecaster()
    scale = stage.changepointPriorScale
    tuner = BayesianTrainValidationSplit(
        estimator=Pipeline(stages=[stage]),
        timestampCol="ds",
        horizon=10,
        numTrials=2,
        evaluator=ForecastEvaluator(metricName="mae", groupCols=["g"]),
        sampler="random",
        searchSpace=BayesianParamGridBuilder().addUniform(scale, 0.001, 0.5, log=True).space(),
    )
    before = persisted(spark)
    model = tuner.fit(frame(spark, series))
    scales = [params[scale] for params in model.getEstimatorParamMaps()]
    expected = [forecast_errors(series, 50, 10, value) for value in scales]
    assert_close(model.validationMetrics, expected, by_hand.TOLERANCE["native"])
    best = model.bestModel.stages[0]
    assert best.getChangepointPriorScale() == scales[int(np.argmin(expected))]
    best.unpersist()
    assert persisted(spark) <= before


def test_a_tuner_tells_the_candidates_of_its_last_fit(data):
    """MLflow's autologging asks it before the fit and after it."""
    tuner = split()
    assert tuner.getEstimatorParamMaps() == []
    model = tuner.fit(data)
    assert tuner.getEstimatorParamMaps() == model.getEstimatorParamMaps()
    assert len(model.validationMetrics) == len(tuner.getEstimatorParamMaps()) == 3
    assert tuner.copy().setNumTrials(1).fit(data) and len(tuner.getEstimatorParamMaps()) == 3
