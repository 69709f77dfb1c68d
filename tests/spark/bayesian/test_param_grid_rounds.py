"""ParamMaps in rounds: build and tell, and the stock CrossValidator between them."""

import math
import statistics

import pytest
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import functions as F

from sparkprophet import BayesianParamGridBuilder


class Stage(Params):
    """A stage of Python only, so that no session is needed."""

    def __init__(self):
        super().__init__()
        self.x = Param(self, "x", "", TypeConverters.toFloat)
        self.n = Param(self, "n", "", TypeConverters.toInt)
        self.mode = Param(self, "mode", "", TypeConverters.toString)
        self.fixed = Param(self, "fixed", "", TypeConverters.toFloat)


@pytest.fixture
def stage():
    return Stage()


def bowl(x, y):
    """Smallest, 0, at (3, 0.01)."""
    return (x - 3) ** 2 + (math.log10(y) + 2) ** 2


def test_maps_have_every_param_in_its_range(stage):
    builder = BayesianParamGridBuilder(seed=3).addUniform(stage.x, 1e-3, 10, log=True)
    builder.addInt(stage.n, 2, 9).addChoice(stage.mode, ["a", "b"]).baseOn({stage.fixed: 7})
    maps = builder.build(6)
    assert len(maps) == 6
    for found in maps:
        assert set(found) == {stage.x, stage.n, stage.mode, stage.fixed}
        assert 1e-3 <= found[stage.x] <= 10 and found[stage.n] in range(2, 10)
        assert found[stage.mode] in ("a", "b") and found[stage.fixed] == 7.0


def test_the_first_round_fills_the_space(stage):
    other = Stage()
    builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 8).addInt(other.n, 1, 16)
    maps = builder.build(8)
    # A Latin hypercube: one point in each eighth of every dimension.
    assert sorted(int(found[stage.x]) for found in maps) == list(range(8))
    assert sorted((found[other.n] - 1) // 2 for found in maps) == list(range(8))


def test_rounds_find_a_minimum_that_random_points_do_not(stage):
    other = Stage()
    best = {"rounds": [], "random": []}
    for seed in range(8):
        builder = BayesianParamGridBuilder(seed).addUniform(stage.x, -10, 10)
        builder.addUniform(other.x, 1e-5, 1e5, log=True)
        losses = []
        for _ in range(10):
            maps = builder.build(4)
            round_losses = [bowl(found[stage.x], found[other.x]) for found in maps]
            builder.tell(maps, [-loss for loss in round_losses], isLargerBetter=True)
            losses += round_losses
        best["rounds"].append(min(losses))
        unlearned = BayesianParamGridBuilder(seed).addUniform(stage.x, -10, 10)
        unlearned.addUniform(other.x, 1e-5, 1e5, log=True)
        best["random"].append(min(bowl(m[stage.x], m[other.x]) for m in unlearned.build(40)))
    assert statistics.median(best["rounds"]) < statistics.median(best["random"]) / 2


def test_the_direction_counts(stage):
    found = {}
    for larger_is_better in (True, False):
        builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 1)
        for _ in range(6):
            maps = builder.build(3)
            builder.tell(maps, [found[stage.x] for found in maps], larger_is_better)
        found[larger_is_better] = statistics.mean(m[stage.x] for m in builder.build(8))
    assert found[True] > 0.7 and found[False] < 0.3


def test_the_same_seed_and_metrics_give_the_same_maps(stage):
    def rounds(seed):
        builder = BayesianParamGridBuilder(seed).addUniform(stage.x, 0, 1).addInt(stage.n, 1, 99)
        shown = []
        for _ in range(3):
            maps = builder.build(4)
            builder.tell(maps, [found[stage.x] for found in maps], False)
            shown += [(found[stage.x], found[stage.n]) for found in maps]
        return shown

    assert rounds(0) == rounds(0) != rounds(1)


def test_what_was_built_and_not_told_is_not_built_again(stage):
    builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 1)
    seen = [found[stage.x] for _ in range(3) for found in builder.build(5)]
    assert len(set(seen)) == 15


def test_maps_from_elsewhere_and_failures_are_learned_from(stage):
    builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 1)
    own = [{stage.x: i / 20} for i in range(20)]
    builder.tell(own, [abs(m[stage.x] - 0.8) for m in own], False)
    builder.tell([{stage.x: 0.1}, {stage.x: 5.0}], [float("nan"), 0.0], False)
    built = [found[stage.x] for found in builder.build(10)]
    assert all(0 <= x <= 1 for x in built)
    assert 0.6 < statistics.median(built) < 1.0


def test_only_failures_so_far_leave_the_rounds_space_filling(stage):
    builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 8)
    builder.tell(builder.build(4), [float("nan")] * 4, False)
    assert sorted(int(found[stage.x]) for found in builder.build(8)) == list(range(8))


def test_a_space_that_shrank_keeps_what_still_fits(stage):
    builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 1)
    maps = [{stage.x: i / 40} for i in range(40)]
    builder.tell(maps, [m[stage.x] for m in maps], True).addUniform(stage.x, 0.0, 0.5)
    built = [found[stage.x] for found in builder.build(9)]
    assert max(built) <= 0.5 and statistics.median(built) > 0.35


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda b, s: b.build(0), ValueError, "count"),
        (lambda b, s: b.build(2.0), TypeError, "count"),
        (lambda b, s: b.tell([{s.x: 1.0}], [1.0, 2.0], True), ValueError, "1 paramMaps and 2"),
        (lambda b, s: b.tell([{s.x: 1.0}], ["1"], True), TypeError, "'1'"),
        (lambda b, s: b.tell([3], [1.0], True), TypeError, "3 (int)"),
        (lambda b, s: b.tell([], [], "yes"), TypeError, "isLargerBetter"),
        (lambda b, s: BayesianParamGridBuilder().build(1), ValueError, "no param to search"),
        (lambda b, s: BayesianParamGridBuilder.fromJson(b.toJson()).build(1), ValueError, "JSON"),
    ],
)
def test_wrong_calls_are_refused_by_name(stage, call, error, words):
    builder = BayesianParamGridBuilder().addUniform(stage.x, 0, 1)
    with pytest.raises(error) as caught:
        call(builder, stage)
    assert words in str(caught.value)


@pytest.mark.slow
def test_the_stock_cross_validator_in_rounds(spark):
    rows = spark.range(120).select(
        (F.col("id") % 11).alias("a"),
        (F.col("id") % 7).alias("b"),
        (3 * (F.col("id") % 11) + F.randn(1)).alias("label"),
    )
    data = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(rows).cache()
    stage, evaluator = LinearRegression(), RegressionEvaluator()
    builder = BayesianParamGridBuilder().addUniform(stage.regParam, 1e-3, 1e3, log=True)
    best = []
    for _ in range(3):
        maps = builder.build(2)
        search = CrossValidator(
            estimator=stage, estimatorParamMaps=maps, evaluator=evaluator, numFolds=2, seed=1
        )
        model = search.fit(data)
        builder.tell(maps, model.avgMetrics, evaluator.isLargerBetter())
        best.append(min(model.avgMetrics))
    assert min(best) < 1.5  # the noise is 1; the largest regParam gives 9
