"""Params, and columns of the models table, are the same in both languages."""

import importlib.util
import json
from pathlib import Path

import pytest
from jvm_stages import Scala
from py4j.protocol import Py4JJavaError
from pyspark.errors import IllegalArgumentException
from pyspark.ml.tuning import CrossValidator, TrainValidationSplit

import sparkprophet
from sparkprophet.series.ranges import Number, OneOf, Whole

ROOT = Path(__file__).resolve().parents[3]
GENERATED = ROOT / "scala" / "src" / "generated"
STAGES = ("GroupedProphet", "GroupedProphetTuner", "ForecastEvaluator")
# Spark's own, or stages: each language has its class for them.
SPARKS = {
    "BayesianCrossValidator": CrossValidator,
    "BayesianTrainValidationSplit": TrainValidationSplit,
}
ROWS = {"seasonalities", "holidays", "regressors"}
ITS_OWN = {"estimator", "evaluator", "estimatorParamMaps"}


@pytest.fixture(scope="module")
def scala(spark):
    return Scala(spark)


def made_from_tables():
    path = ROOT / "scripts" / "scala_params.py"
    spec = importlib.util.spec_from_file_location("scala_params", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.sources()


def test_the_generated_sources_are_made_from_pythons_tables():
    written = {path.name: path.read_text("utf-8") for path in GENERATED.rglob("*.scala")}
    assert written == made_from_tables(), "run scripts/scala_params.py"


@pytest.mark.parametrize("name", [*STAGES, *SPARKS])
def test_params_are_the_same(scala, name):
    python, jvm = getattr(sparkprophet, name), getattr(scala.classes, name)()
    specs = [spec for spec in python.specs if spec.name not in ITS_OWN]
    assert {p.name() for p in jvm.params()} - ITS_OWN == {spec.name for spec in specs}
    # Those that Spark's own class has keep their documents.
    stock = {p.name for p in SPARKS[name]().params} if name in SPARKS else set()
    documents = {p.name(): p.doc() for p in jvm.params() if p.name() not in stock | ITS_OWN}
    assert documents == {s.name: s.doc for s in specs if s.name not in stock}
    defaults = {spec.name: spec.default for spec in specs if spec.default is not None}
    assert scala.params(jvm, defaults=True) == defaults


def samples(spec):
    """Values in and out of a param's range, the ends of which are told by the range itself."""
    convert = spec.convert
    if isinstance(convert, OneOf):
        return [*convert.values, "none of these", ""]
    if isinstance(convert, Whole):
        return [-7, -1, 0, 1, 2, 40] if convert.low is not None else [-(2**40), 0, 2**40]
    if isinstance(convert, Number):
        return [-1.0, 0.0, 1e-9, 0.5, 1.0, 1.5, 1e9, float("nan"), float("inf")]
    return {str: ["a", ""], list: [[], ["a", "b"], ["a", "a"], [""]]}.get(type(spec.default), [])


@pytest.mark.parametrize("name", STAGES)
def test_ranges_are_the_same(scala, name):
    python, jvm = getattr(sparkprophet, name)(), getattr(scala.classes, name)()
    tried = 0
    for spec in python.specs:
        if spec.name in ITS_OWN or spec.name in ROWS:
            continue
        for value in samples(spec):
            assert taken_by_jvm(jvm, spec.name, value) == taken(python, spec.name, value), (
                f"{spec.name}: {value!r}"
            )
            tried += 1
    assert tried > 30


def taken(stage, name, value):
    try:
        stage.set(stage.getParam(name), value)
    except (TypeError, ValueError):
        return False
    return True


def taken_by_jvm(stage, name, value):
    param = stage.getParam(name)
    given = param.jsonDecode(json.dumps(value)) if isinstance(value, list) else value
    try:
        getattr(stage, f"set{name[0].upper()}{name[1:]}")(given)
    except (IllegalArgumentException, Py4JJavaError) as error:
        assert f"{name}: found " in str(error), error
        return False
    return True
