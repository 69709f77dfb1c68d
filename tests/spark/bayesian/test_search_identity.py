"""A stored search goes on with the data, stages and params that it began with, or is refused."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import functions as F

from sparkprophet import (
    BayesianParamGridBuilder,
    BayesianTrainValidationSplit,
    GroupedProphet,
    load_stage,
)


@pytest.fixture(scope="module")
def data(spark):
    rows = [(float(i % 7), float(i % 5), float(i % 7) * 3, i) for i in range(60)]
    return spark.createDataFrame(rows, ["x", "z", "label", "id"]).cache()


@pytest.fixture
def searched(tmp_path, data):
    """fit(data, columns, **params): two trials of a study in this test's storage."""

    def fit(rows=data, columns=("x",), regParam=None, **options):
        line = LinearRegression(maxIter=2, regParam=regParam or 0.0)
        assembler = VectorAssembler(inputCols=list(columns), outputCol="features")
        space = BayesianParamGridBuilder().addUniform(line.elasticNetParam, 0, 1).space()
        tuner = BayesianTrainValidationSplit(
            estimator=Pipeline(stages=[assembler, line]),
            evaluator=RegressionEvaluator(),
            searchSpace=space,
            **{"numTrials": 2, "storage": f"sqlite:///{tmp_path}/s.db", "studyName": "s"} | options,
        )
        return tuner.fit(rows)

    return fit


def test_the_same_search_goes_on(searched, data):
    """Rows in another order and other partitions are the same data; uids are no params."""
    first = searched()
    for rows in (data, data.repartition(5, "id"), data.orderBy(F.desc("id"))):
        again = searched(rows, numTrials=3)
        assert list(again.trials.value[:2]) == list(first.trials.value)
        assert len(again.trials) == 3


CHANGES = {
    "label": lambda data: ({"rows": data.withColumn("label", F.col("label") * 1000)}, "values"),
    "one value": lambda data: (
        {"rows": data.withColumn("x", F.when(F.col("id") == 3, None).otherwise(F.col("x")))},
        "values",
    ),
    "a NULL elsewhere": lambda data: (
        {"rows": data.withColumns({"x": F.col("z"), "z": F.col("x")})},
        "values",
    ),
    "rows": lambda data: ({"rows": data.filter("id > 0")}, "number of rows"),
    "a copy of each row": lambda data: ({"rows": data.union(data)}, "number of rows"),
    "columns": lambda data: ({"rows": data.withColumn("w", F.lit(1))}, "columns"),
    "features": lambda data: ({"columns": ["z"]}, "params"),
    "a fixed param": lambda data: ({"regParam": 0.5}, "params"),
}


QUICK = ("one value", "a fixed param")


@pytest.mark.parametrize(
    "change", [pytest.param(c, marks=[] if c in QUICK else [pytest.mark.slow]) for c in CHANGES]
)
def test_another_search_is_refused_by_what_changed(searched, data, change):
    searched()
    options, what = CHANGES[change](data)
    with pytest.raises(ValueError, match=rf"studyName: 's'.* its (data's )?{what} is") as refused:
        searched(**options)
    assert "give another studyName" in str(refused.value) and len(str(refused.value)) <= 500


def test_a_password_is_in_no_file_and_no_text(tmp_path, data):
    stage = GroupedProphet()
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.1, 0.5).space()
    tuner = BayesianTrainValidationSplit(
        estimator=stage,
        evaluator=RegressionEvaluator(),
        searchSpace=space,
        storage="nosuch://bob:hunter2@db/s",
        studyName="s",
    )
    tuner.save(str(tmp_path / "tuner"))
    texts = [p.read_bytes() for p in (tmp_path / "tuner").rglob("*") if p.is_file()]
    assert texts and not any(b"hunter2" in text for text in texts)
    assert "hunter2" not in tuner.explainParams() and "bob:***@db" in tuner.explainParams()
    loaded = load_stage(str(tmp_path / "tuner"))
    with pytest.raises(ValueError, match="saved without its password") as refused:
        loaded.fit(data)
    assert len(str(refused.value)) <= 500
    with pytest.raises(ValueError, match="storage: cannot be opened") as refused:
        tuner.fit(data)
    assert "hunter2" not in str(refused.value)
