"""Search spaces from Spark ML params."""

import math

import numpy as np
import pytest
from pyspark.ml.feature import PCA
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import ParamGridBuilder

from sparkprophet.search import Choice, Fixed, Int, SearchSpace, Uniform, When
from sparkprophet.spark.bayesian.param_grid import BayesianParamGridBuilder


def positive(value):
    number = TypeConverters.toFloat(value)
    if number <= 0:
        raise ValueError("has to be above 0")
    return number


class Stage(Params):
    """A stage of Python only, so that no session is needed."""

    def __init__(self):
        super().__init__()
        for name, converter in (
            ("scale", TypeConverters.toFloat),
            ("prior", positive),
            ("order", TypeConverters.toInt),
            ("mode", TypeConverters.toString),
            ("flag", TypeConverters.toBoolean),
            ("layers", TypeConverters.toListInt),
            ("vector", TypeConverters.toVector),
            ("rounded", round),
            ("free", None),
        ):
            setattr(self, name, Param(self, name, name, converter))


@pytest.fixture
def stage():
    return Stage()


def test_every_kind_of_dimension(stage):
    other = Stage()
    builder = BayesianParamGridBuilder()
    chained = (
        builder.addUniform(stage.scale, 1, 2)
        .addUniform(stage.prior, 1e-3, 10.0, log=True)
        .addInt(stage.order, 1, 9, step=2)
        .addChoice(stage.mode, ["additive", "multiplicative"])
        .addGrid(stage.flag, (True, False))
        .addChoice(stage.layers, [[4, 2.0], (8,)])
        .addInt(other.order, 1, 1000, log=True)
        .addInt(other.scale, 1, 5)
        .addChoice(other.free, range(3))
        .baseOn({other.mode: "additive", other.flag: True})
        .baseOn((other.layers, [1]), [other.prior, 2])
    )
    assert chained is builder
    assert builder.space() == SearchSpace(
        (
            Uniform("scale", 1.0, 2.0, parent=stage.uid),
            Uniform("prior", 1e-3, 10.0, log=True, parent=stage.uid),
            Int("order", 1, 9, step=2, parent=stage.uid),
            Choice("mode", ["additive", "multiplicative"], parent=stage.uid),
            Choice("flag", [True, False], parent=stage.uid),
            Choice("layers", [[4, 2], [8]], parent=stage.uid),
            Int("order", 1, 1000, log=True, parent=other.uid),
            Int("scale", 1, 5, parent=other.uid),
            Choice("free", [0, 1, 2], parent=other.uid),
        ),
        (
            Fixed("mode", "additive", parent=other.uid),
            Fixed("flag", True, parent=other.uid),
            Fixed("layers", [1], parent=other.uid),
            Fixed("prior", 2.0, parent=other.uid),
        ),
    )


def test_values_go_through_the_params_converter(stage):
    space = (
        BayesianParamGridBuilder()
        .addChoice(stage.scale, np.array([1, 2]))
        .addInt(stage.order, 1.0, np.float64(4))
        .addChoice(stage.layers, [np.array([1, 2])])
        .baseOn({stage.prior: 3})
        .space()
    )
    scale, order, layers = space.dimensions
    assert [type(value) for value in scale.values] == [float, float]
    assert [type(order.low), type(order.high)] == [int, int]
    assert layers.values == ([1, 2],)
    assert type(space.fixed[0].value) is float


def test_a_param_added_again_takes_its_new_values(stage):
    space = (
        BayesianParamGridBuilder()
        .addUniform(stage.scale, 1, 2)
        .addInt(stage.order, 1, 2)
        .addChoice(stage.scale, [7.0])
        .baseOn({stage.order: 3})
        .space()
    )
    assert space == SearchSpace(
        (Choice("scale", [7.0], parent=stage.uid),), (Fixed("order", 3, parent=stage.uid),)
    )


def test_json_gives_an_equal_builder(stage):
    builder = (
        BayesianParamGridBuilder()
        .baseOn({stage.flag: True})
        .addUniform(stage.scale, 0.1, 0.3, log=True)
        .addChoice(stage.layers, [[1], [1, 2]])
    )
    again = BayesianParamGridBuilder.fromJson(builder.toJson())
    assert again.space() == builder.space()
    assert again.toJson() == builder.space().toJson()
    again.addInt(stage.order, 1, 3).addUniform(stage.scale, 5, 6)
    assert again.space().dimensions == (
        Uniform("scale", 5.0, 6.0, parent=stage.uid),
        Choice("layers", [[1], [1, 2]], parent=stage.uid),
        Int("order", 1, 3, parent=stage.uid),
    )
    with pytest.raises(ValueError, match="formatVersion: found 9"):
        BayesianParamGridBuilder.fromJson('{"formatVersion": 9}')


def conditional(stage, other):
    return (
        BayesianParamGridBuilder()
        .addChoice(stage.mode, ["additive", "multiplicative", "none"])
        .addInt(stage.order, 1, 9, step=2)
        .addChoice(stage.layers, [[1], [2, 3]], when={stage.mode: "additive"})
        .addUniform(stage.scale, 0, 1, when={stage.mode: ["additive", "none"], stage.order: 3.0})
        .addUniform(stage.prior, 1, 2, when={stage.layers: [(2.0, 3)]})
        .addInt(other.order, 1, 4, log=True, when={stage.order: range(1, 6, 2)})
        .addGrid(other.flag, [True, False], when={other.order: np.array([1, 2])})
        .addGrid(other.mode, ["a"], when={})
    )


def test_conditions(stage):
    other = Stage()
    one, two = stage.uid, other.uid
    assert conditional(stage, other).space() == SearchSpace(
        (
            Choice("mode", ["additive", "multiplicative", "none"], one),
            Int("order", 1, 9, step=2, parent=one),
            Choice("layers", [[1], [2, 3]], one, when=(When("mode", ["additive"], one),)),
            Uniform(
                "scale",
                0,
                1,
                parent=one,
                when=(When("mode", ["additive", "none"], one), When("order", [3], one)),
            ),
            Uniform("prior", 1, 2, parent=one, when=(When("layers", [[2, 3]], one),)),
            Int("order", 1, 4, log=True, parent=two, when=(When("order", [1, 3, 5], one),)),
            Choice("flag", [True, False], two, when=(When("order", [1, 2], two),)),
            Choice("mode", ["a"], two),
        )
    )


def test_conditions_survive_json(stage):
    builder = conditional(stage, Stage())
    again = BayesianParamGridBuilder.fromJson(builder.toJson())
    assert again.space() == builder.space()
    assert again.addInt(stage.order, 1, 11, step=2).space().dimensions[1].high == 11


def test_values_of_conditions_go_through_the_params_converter(stage):
    space = (
        BayesianParamGridBuilder()
        .addChoice(stage.scale, [1, 2])
        .addUniform(stage.prior, 1, 2, when={stage.scale: [1]})
        .space()
    )
    assert [type(value) for value in space.dimensions[1].when[0].values] == [float]


def test_a_param_added_again_must_still_have_the_values_that_others_name(stage):
    builder = (
        BayesianParamGridBuilder()
        .addChoice(stage.mode, ["a", "b"])
        .addUniform(stage.scale, 0, 1, when={stage.mode: "b"})
    )
    assert builder.addChoice(stage.mode, ["c", "b"]).space().dimensions[1].when == (
        When("mode", ["b"], stage.uid),
    )
    builder.addChoice(stage.mode, ["a", "c"])
    with pytest.raises(ValueError, match="Uniform 'scale': when: found 'b' .*mode.* never is"):
        builder.space()
    builder.baseOn({stage.mode: "b"})
    with pytest.raises(ValueError, match="'scale': when: found 'mode' .* which is a Fixed"):
        builder.space()
    again = builder.addUniform(stage.scale, 0, 1).space()  # without a condition
    assert again.dimensions == (Uniform("scale", 0, 1, parent=stage.uid),)


@pytest.mark.parametrize(
    ("when", "error", "message"),
    [
        (
            lambda s: {s.mode: "c"},
            ValueError,
            "found 'c' .*'mode' .* never is, must be some of .*'b'",
        ),
        (lambda s: {s.mode: ["a", 3]}, TypeError, "Stage.mode: when: found 3 .*does not take"),
        (lambda s: {s.mode: []}, ValueError, "Stage.prior: when: Stage.mode: .*found none"),
        (lambda s: {s.mode: {"a", "b"}}, TypeError, "Stage.mode: found .*must be a list of values"),
        (
            lambda s: {s.order: 4},
            ValueError,
            "found 4 .* never is, must be whole numbers from 1 to 9",
        ),
        (
            lambda s: {s.scale: 0.5},
            ValueError,
            "found 'scale' .* which is a Uniform, must be an Int",
        ),
        (lambda s: {s.flag: True}, ValueError, "found 'flag' .* which is a Fixed, must be an Int"),
        (lambda s: {s.layers: [[1]]}, ValueError, "found Stage.layers, .*not added before it; add"),
        (lambda s: {s.prior: [1]}, ValueError, "found Stage.prior, which was not added before it"),
        (lambda s: {"mode": "a"}, TypeError, "found 'mode' .*must be a Param"),
        (lambda s: [(s.mode, "a")], TypeError, r"when: found \[.*must be a dict of param -> list"),
    ],
)
def test_mistakes_in_a_condition_name_the_param(stage, when, error, message):
    builder = (
        BayesianParamGridBuilder()
        .addChoice(stage.mode, ["a", "b"])
        .addInt(stage.order, 1, 9, step=2)
        .addUniform(stage.scale, 0, 1)
        .baseOn({stage.flag: True})
    )
    before = builder.space()
    for add in (
        lambda given: builder.addUniform(stage.prior, 1, 2, when=given),
        lambda given: builder.addInt(stage.prior, 1, 2, when=given),
        lambda given: builder.addChoice(stage.prior, [1, 2], when=given),
        lambda given: builder.addGrid(stage.prior, [1, 2], when=given),
    ):
        with pytest.raises(error, match=message) as raised:
            add(when(stage))
        assert len(str(raised.value)) <= 500
    assert builder.space() == before


def test_a_param_that_takes_its_old_place_depends_on_those_before_it(stage):
    builder = BayesianParamGridBuilder().addInt(stage.order, 1, 3).addChoice(stage.mode, ["a"])
    with pytest.raises(ValueError, match="Stage.order: when: found Stage.mode, .*not added before"):
        builder.addInt(stage.order, 1, 3, when={stage.mode: "a"})


@pytest.mark.parametrize(
    ("add", "error", "message"),
    [
        (lambda b, s: b.addUniform(s.scale, "a", 1), TypeError, "Stage.scale: low: found 'a'"),
        (lambda b, s: b.addUniform(s.scale, 0, None), TypeError, "Stage.scale: high: found None"),
        (lambda b, s: b.addUniform(s.scale, 2, 1), ValueError, "Stage.scale: .*must be low < high"),
        (lambda b, s: b.addUniform(s.scale, 0, 1, log=True), ValueError, "Stage.scale: .*low > 0"),
        (lambda b, s: b.addUniform(s.scale, 0, math.inf), ValueError, "Stage.scale: .*finite"),
        (lambda b, s: b.addUniform(s.prior, 0, 1), ValueError, r"Stage.prior: low: .*above 0"),
        (lambda b, s: b.addUniform(s.order, 1, 5), TypeError, "Stage.order: .*use addInt"),
        (lambda b, s: b.addUniform(s.rounded, 1, 5), TypeError, "Stage.rounded: .*param changes"),
        (lambda b, s: b.addUniform(s.flag, 0, 1), TypeError, "Stage.flag: low: found 0"),
        (lambda b, s: b.addUniform(s.free, True, 2), TypeError, "Stage.free: .*found True"),
        (lambda b, s: b.addInt(s.order, 1.5, 5), TypeError, "Stage.order: low: found 1.5"),
        (lambda b, s: b.addInt(s.scale, 1, 5.5), TypeError, "Stage.scale: .*high: found 5.5"),
        (lambda b, s: b.addInt(s.order, 1, 5, step=0), ValueError, "Stage.order: .*step=0"),
        (lambda b, s: b.addInt(s.order, 5, 5), ValueError, "Stage.order: .*low=5, high=5"),
        (lambda b, s: b.addInt(s.order, 1, 10**400), ValueError, "Stage.order: high: found"),
        (lambda b, s: b.addInt(s.free, 1, 10**400), ValueError, "Stage.free: .*high: found"),
        (lambda b, s: b.addChoice(s.mode, ["a", 3]), TypeError, r"Stage.mode: values\[1\]: .* 3"),
        (lambda b, s: b.addChoice(s.prior, [1, -1]), ValueError, r"Stage.prior: values\[1\].*-1"),
        (lambda b, s: b.addChoice(s.mode, "ab"), TypeError, "Stage.mode: values: found 'ab'"),
        (lambda b, s: b.addChoice(s.mode, {"a", "b"}), TypeError, "Stage.mode: .*must be a list"),
        (lambda b, s: b.addChoice(s.mode, 5), TypeError, "Stage.mode: values: found 5"),
        (lambda b, s: b.addChoice(s.mode, []), ValueError, "Stage.mode: .*at least one"),
        (lambda b, s: b.addGrid(s.order, [1, 1.0]), ValueError, "Stage.order: .*twice"),
        (lambda b, s: b.addChoice(s.vector, [[1, 2]]), TypeError, "Stage.vector: .*DenseVector"),
        (lambda b, s: b.baseOn({s.mode: 3}), TypeError, "Stage.mode: value: found 3"),
        (lambda b, s: b.baseOn(s.mode, "a"), TypeError, "baseOn: found Param.*pairs"),
        (lambda b, s: b.baseOn({"mode": "a"}), TypeError, "found 'mode' .*must be a Param"),
        (lambda b, s: b.addUniform("scale", 0, 1), TypeError, "found 'scale' .*lr.regParam"),
        (lambda b, s: b.addInt(None, 0, 1), TypeError, "found None .*must be a Param"),
        (lambda b, s: b.addChoice(s, [1]), TypeError, "must be a Param"),
        (lambda b, s: b.addUniform(LinearRegression.regParam, 0, 1), TypeError, "that was made"),
    ],
)
def test_mistakes_name_the_param(stage, add, error, message):
    builder = BayesianParamGridBuilder().addUniform(stage.scale, 0, 1)
    before = builder.space()
    with pytest.raises(error, match=message) as raised:
        add(builder, stage)
    assert len(str(raised.value)) <= 500
    assert builder.space() == before


@pytest.mark.parametrize("read", ["space", "toJson"])
def test_nothing_to_search(stage, read):
    builder = BayesianParamGridBuilder().baseOn({stage.scale: 1})
    with pytest.raises(ValueError, match="call addUniform, addInt or addChoice first"):
        getattr(builder, read)()


def test_spark_stages_of_a_pipeline(spark_session):
    pca, regression = PCA(), LinearRegression()
    builder = (
        BayesianParamGridBuilder()
        .baseOn({regression.maxIter: 5})
        .addChoice(pca.k, [15, 20, 40, 75])
        .addUniform(regression.regParam, 1e-3, 0.03, log=True)
        .addInt(regression.aggregationDepth, 2, 4)
    )
    space = builder.space()
    params = {(param.parent, param.name): param for param in (*pca.params, *regression.params)}
    for entry, value in zip(space.dimensions[:3], (20, 0.01, 3), strict=True):
        owner = pca if entry.parent == pca.uid else regression
        owner.set(params[entry.parent, entry.name], value)
    assert (pca.getK(), regression.getRegParam(), regression.getAggregationDepth()) == (20, 0.01, 3)
    with pytest.raises(TypeError, match="LinearRegression.regParam: low: found 'x'"):
        builder.addUniform(regression.regParam, "x", 1)
    with pytest.raises(TypeError, match="PCA.k: .*use addInt"):
        builder.addUniform(pca.k, 1, 9)


def test_grids_are_taken_as_sparks_own_builder_takes_them(stage):
    def given(builder):
        return (
            builder.baseOn({stage.mode: "a"})
            .addGrid(stage.order, [1, 2])
            .baseOn([stage.flag, True])
            .addGrid(stage.scale, [0.5])
            .addGrid(stage.order, [3, 4])
        )

    maps = given(ParamGridBuilder()).build()
    space = given(BayesianParamGridBuilder()).space()
    tried = {
        entry.name: set(entry.values if isinstance(entry, Choice) else [entry.value])
        for entry in (*space.dimensions, *space.fixed)
    }
    expected = {}
    for found in maps:
        for param, value in found.items():
            expected.setdefault(param.name, set()).add(value)
    assert tried == expected
