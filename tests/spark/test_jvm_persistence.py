"""What one language saves loads in the other: five kinds of stages, both ways.

A loaded stage has the params of the saved one, and does the same work.
"""

from types import SimpleNamespace

import pytest
from pyspark.errors import IllegalArgumentException
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import functions as F

from jvm_stages import Scala
from saved_folders import with_metadata
from sparkprophet import (
    BayesianParamGridBuilder,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
    load_stage,
    save_portable,
)
from stage_checks import bits, frame, grouped


@pytest.fixture(scope="module")
def scala(spark):
    return Scala(spark)


@pytest.fixture(scope="module")
def rows(spark):
    data = frame(spark, grouped(["a", "b"]))
    return data.withColumn("promo", (F.dayofmonth("ds") % 5).cast("double")).cache()


def prophet():
    """With params of every type."""
    return GroupedProphet(
        groupCols=["g"], regressors=["promo"], holidaysPriorScale=3.0, uncertaintySamples=10,
        holidays=[{"holiday": "fair", "ds": "2024-02-10"}], changepoints=["2024-02-01"],
        floorCol="promo", weeklyFourierOrder=2, handleInvalid="skip", seed=7,
    )  # fmt: skip


def pipeline():
    raised = SQLTransformer(statement="SELECT *, y + 1 AS y1 FROM __THIS__")
    return Pipeline(stages=[raised, prophet().setLabelCol("y1")])


def group_tuner():
    stage = prophet()
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.4).space()
    return GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=5, numTrials=4, seed=1)


KINDS = {"stage": prophet, "Pipeline": pipeline, "group tuner": group_tuner}


@pytest.fixture(scope="module", params=KINDS)
def case(request, scala, rows):
    """Of each kind: Python's stage, its model and Scala's model, and the bits of the forecasts."""
    stage = KINDS[request.param]()
    model = stage.fit(rows)
    return SimpleNamespace(
        stage=stage,
        model=model,
        jvm_model=scala.fit(stage, rows),
        forecasts=bits(model.transform(rows)),
    )


def test_an_unfitted_one_goes_from_python_to_scala(scala, rows, tmp_path, case):
    case.stage.write().save(str(tmp_path / "saved"))
    loaded = scala.load(tmp_path / "saved")
    assert loaded.uid() == case.stage.uid
    assert bits(scala.transform(loaded.fit(rows._jdf), rows)) == case.forecasts


def test_an_unfitted_one_goes_from_scala_to_python(scala, rows, tmp_path, case):
    scala.stage(case.stage).write().save(str(tmp_path / "saved"))
    loaded = load_stage(str(tmp_path / "saved"))
    assert loaded.uid == case.stage.uid
    assert bits(loaded.fit(rows).transform(rows)) == case.forecasts


def test_a_fitted_one_goes_from_python_to_scala(scala, rows, tmp_path, case):
    case.model.write().save(str(tmp_path / "saved"))
    loaded = scala.load(tmp_path / "saved")
    assert bits(scala.transform(loaded, rows)) == case.forecasts


def test_a_fitted_one_goes_from_scala_to_python(scala, rows, tmp_path, case):
    case.jvm_model.write().save(str(tmp_path / "saved"))
    loaded = load_stage(str(tmp_path / "saved"))
    assert bits(loaded.transform(rows)) == case.forecasts


def test_the_two_ways_of_making_a_stage_agree(scala):
    """What the others compare with: a Scala stage made by its own setters."""
    assert scala.params(scala.stage(prophet())) == {
        param.name: value for param, value in prophet()._paramMap.items()
    }


def test_what_belongs_to_a_tuned_model_goes_along(scala, rows, tmp_path):
    model = group_tuner().fit(rows)
    model.write().save(str(tmp_path / "python"))
    loaded = scala.load(tmp_path / "python")
    assert bits(scala.frame(loaded.trials())) == bits(model.trials)
    assert loaded.summary().toString() == str(model.summary)
    loaded.write().save(str(tmp_path / "scala"))
    again = GroupedProphetModel.load(str(tmp_path / "scala"))
    assert again.summary == model.summary
    assert bits(again.models) == bits(model.models)


def test_sparks_own_loader_finds_a_portable_pipeline(scala, spark, rows, tmp_path):
    own, model = spark._jvm.org.apache.spark.ml.PipelineModel, pipeline().fit(rows)
    model.write().save(str(tmp_path / "plain"))
    with pytest.raises(Exception, match="pyspark.ml.pipeline.PipelineModel"):
        own.load(str(tmp_path / "plain"))
    nested = PipelineModel([model])
    save_portable(nested, str(tmp_path / "portable"))
    expected = bits(model.transform(rows))
    assert bits(scala.transform(own.load(str(tmp_path / "portable")), rows)) == expected
    assert bits(PipelineModel.load(str(tmp_path / "portable")).transform(rows)) == expected


def test_portable_does_not_overwrite_unasked(tmp_path):
    save_portable(prophet(), str(tmp_path / "there"))
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(FileExistsError, match="there exists already"):
        save_portable(prophet(), str(tmp_path / "there"))
    save_portable(prophet().setSeed(8), str(tmp_path / "there"), overwrite=True)
    assert GroupedProphet.load(str(tmp_path / "there")).getSeed() == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize(("values", "message"), [
    ({"class": "java.lang.Runtime"}, "java.lang.Runtime.*is no stage"),
    ({"class": "org.example.Unknown"}, "org.example.Unknown.*not on the class path"),
    ({"format_version": 2}, "format_version is 2.*upgrade"),
    ({"paramMap": {"later": 1}}, "unknown param 'later'.*upgrade"),
])  # fmt: skip
def test_a_folder_that_scala_cannot_load_is_refused_by_name(scala, tmp_path, values, message):
    prophet().write().save(str(tmp_path / "saved"))
    with_metadata(tmp_path / "saved", **values)
    with pytest.raises(IllegalArgumentException, match=message) as refused:
        scala.load(tmp_path / "saved")
    assert "saved" in str(refused.value)


def test_a_scala_save_leaves_the_old_one_where_it_fails(scala, tmp_path):
    target = str(tmp_path / "model")
    scala.stage(prophet()).write().save(target)
    with pytest.raises(Exception, match="exists already"):
        scala.stage(prophet()).write().save(target)
    scala.stage(prophet().setSeed(9)).write().overwrite().save(target)
    assert GroupedProphet.load(target).getSeed() == 9
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
