"""Whatever a session's settings are, results and files are the same to the last bit."""

import pytest

from sparkprophet import (
    BayesianParamGridBuilder,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
)
from stage_checks import MACHINE, bits, configured, frame, grouped

SETTINGS = {
    "zone-less timestamps": {"spark.sql.timestampType": "TIMESTAMP_NTZ"},
    "milliseconds": {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS"},
    "INT96": {"spark.sql.parquet.outputTimestampType": "INT96"},
    "legacy Parquet": {"spark.sql.parquet.writeLegacyFormat": "true"},
    "no vectors": {"spark.sql.parquet.enableVectorizedReader": "false"},
    "binary is text": {"spark.sql.parquet.binaryAsString": "true"},
    "merged schemas": {"spark.sql.parquet.mergeSchema": "true"},
    "legacy dates": {
        "spark.sql.parquet.datetimeRebaseModeInWrite": "LEGACY",
        "spark.sql.parquet.datetimeRebaseModeInRead": "LEGACY",
    },
    "no filters in files": {"spark.sql.parquet.filterPushdown": "false"},
    "gzip": {"spark.sql.parquet.compression.codec": "gzip"},
    "ORC": {"spark.sql.sources.default": "orc"},
    "not ANSI": {"spark.sql.ansi.enabled": "false"},
    "case matters": {"spark.sql.caseSensitive": "true"},
    "no adaptive execution": {"spark.sql.adaptive.enabled": "false"},
    "small batches": {"spark.sql.execution.arrow.maxRecordsPerBatch": "3"},
    "Arrow, unsafe casts": {"spark.sql.execution.pandas.convertToArrowArraySafely": "true"},
    "no broadcasts": {"spark.sql.autoBroadcastJoinThreshold": "-1"},
    "hash joins": {"spark.sql.join.preferSortMergeJoin": "false"},
    "not compiled": {
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    },
    "one partition": {"spark.sql.shuffle.partitions": "1"},
    "2,000 partitions": {"spark.sql.shuffle.partitions": "2000"},
    "legacy time parser": {"spark.sql.legacy.timeParserPolicy": "LEGACY"},
    "no constants folded": {
        "spark.sql.optimizer.excludedRules": (
            "org.apache.spark.sql.catalyst.optimizer.ConstantFolding,"
            "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation"
        )
    },
    "records per file": {"spark.sql.files.maxRecordsPerFile": "1"},
}
QUICK = "three of them"
SETTINGS[QUICK] = SETTINGS["zone-less timestamps"] | SETTINGS["milliseconds"] | SETTINGS["not ANSI"]


@pytest.fixture(scope="module")
def rows(spark):
    kept = frame(spark, grouped(["a", "b", None])).cache()
    kept.count()
    yield kept
    kept.unpersist()


def results(rows, folder):
    """Fit, tune, forecast, save and load: all that they say, as texts of bits."""
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=10, parallelism=2)
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.4).space()
    tuner = GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=5, numTrials=3)
    model, tuned = stage.fit(rows), tuner.fit(rows)
    tuned.write().overwrite().save(str(folder))
    loaded = GroupedProphetModel.load(str(folder))
    assert bits(loaded.models) == bits(tuned.models)
    return {
        "fit": bits(model.models.drop(*MACHINE)),
        "transform": bits(model.transform(rows)),
        "tune": bits(tuned.models.drop(*MACHINE)),
        "trials": bits(tuned.trials.drop("seconds", "cpu_seconds")),
        "loaded": bits(loaded.transform(rows)),
        "ahead": bits(loaded.forecast(4)),
    }


@pytest.fixture(scope="module")
def usual(rows, tmp_path_factory):
    return results(rows, tmp_path_factory.mktemp("usual") / "model")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == QUICK else [pytest.mark.slow]) for n in SETTINGS]
)
def test_results_and_files_are_the_same(spark, rows, usual, tmp_path, name):
    with configured(spark, SETTINGS[name]):
        found = results(rows, tmp_path / "model")
        assert spark.conf.get(next(iter(SETTINGS[name]))) == next(iter(SETTINGS[name].values()))
    assert found == usual
    # What was written under it is read without it.
    assert bits(GroupedProphetModel.load(str(tmp_path / "model")).forecast(4)) == usual["ahead"]
