"""P4 and P5: a save is whole or not there, and a load runs nothing that the file names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from pyspark.errors import PySparkException
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import functions as F

from saved_folders import metadata_of, with_metadata
from sparkprophet import (
    BayesianParamGridBuilder,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
)
from sparkprophet.spark.saving.files import Files
from stage_checks import bits, fit_bits, frame, grouped
from test_stage_params import EVALUATOR, PROPHET, TUNER


@pytest.fixture
def saved(fitted, tmp_path):
    path = str(tmp_path / "model")
    fitted.write().save(path)
    return path


def full_tuner():
    inner = GroupedProphet(groupCols=["g"], nChangepoints=7)
    space = BayesianParamGridBuilder().addUniform(inner.changepointPriorScale, 0.01, 0.5).space()
    values = {name: other for name, (_, other) in TUNER.items()}
    return GroupedProphetTuner(**values | {"estimator": inner, "searchSpace": space})


STAGES = {
    "GroupedProphet": lambda: GroupedProphet(**{n: other for n, (_, other) in PROPHET.items()}),
    "ForecastEvaluator": lambda: ForecastEvaluator(**{n: v for n, (_, v) in EVALUATOR.items()}),
    "GroupedProphetTuner": full_tuner,
}


@pytest.mark.parametrize("name", STAGES)
def test_params_survive_and_unset_ones_stay_unset(spark, tmp_path, name):
    for i, stage in enumerate((STAGES[name](), type(STAGES[name]())())):
        path = str(tmp_path / str(i))
        stage.save(path)
        loaded = type(stage).load(path)
        assert type(loaded) is type(stage) and loaded.uid == stage.uid
        assert metadata_of(path)["class"] == f"sparkprophet.{name}"
        assert metadata_of(path)["format_version"] == 2
        for param in stage.params:
            assert loaded.isSet(param.name) == stage.isSet(param.name)
            if stage.isDefined(param) and param.name != "estimator":
                assert loaded.getOrDefault(param.name) == stage.getOrDefault(param)


def test_a_tuners_estimator_is_saved_below_it(spark, tmp_path):
    tuner, path = full_tuner(), str(tmp_path / "tuner")
    tuner.write().overwrite().save(path)
    loaded = GroupedProphetTuner.load(path)
    assert loaded.getEstimator().uid == tuner.getEstimator().uid
    assert loaded.getEstimator().getNChangepoints() == 7
    assert loaded.getSearchSpace() == tuner.getSearchSpace()
    assert loaded.getSearchSpace().dimensions[0].parent == loaded.getEstimator().uid


def test_defaults_of_the_saving_version_are_kept(spark, tmp_path):
    # As in Spark: a later version's other default must not change a stage that was saved.
    path = str(tmp_path / "stage")
    GroupedProphet(groupCols=["g"]).save(path)
    with_metadata(path, defaultParamMap=metadata_of(path)["defaultParamMap"] | {"labelCol": "sold"})
    loaded = GroupedProphet.load(path)
    assert loaded.getLabelCol() == "sold" and not loaded.isSet("labelCol")


@pytest.fixture(scope="module")
def tuned(spark, stores):
    stage = GroupedProphet(groupCols=["store"], uncertaintySamples=0, parallelism=2)
    space = BayesianParamGridBuilder().addUniform(stage.changepointPriorScale, 0.01, 0.4).space()
    tuner = GroupedProphetTuner(estimator=stage, searchSpace=space, horizon=5, numTrials=2)
    return tuner.fit(frame(spark, stores))


def test_a_model_comes_back_to_the_last_bit(spark, fitted, saved, stores):
    loaded = GroupedProphetModel.load(saved)
    assert loaded.uid == fitted.uid
    assert metadata_of(saved)["class"] == "sparkprophet.GroupedProphetModel"
    assert loaded.getGroupCols() == ["store"] and loaded.getUncertaintySamples() == 0
    assert bits(loaded.models) == bits(fitted.models)
    assert loaded.models.schema == fitted.models.schema
    data = frame(spark, stores)
    assert bits(loaded.transform(data)) == bits(fitted.transform(data))
    assert bits(loaded.forecast(3)) == bits(fitted.forecast(3))
    assert loaded.summary.to_dict() == fitted.summary.to_dict()


@pytest.mark.parametrize(
    "query",
    [
        "store = 'north'",
        *(
            pytest.param(q, marks=pytest.mark.slow)
            for q in ("store <=> NULL", "store IN ('north')")
        ),
    ],
)
def test_a_query_for_one_key_takes_no_row_for_damaged(spark, tuned, tmp_path, stores, query):
    """Rows have hashes with the key in them, and Spark puts what a query asks for into them."""
    tuned.save(str(tmp_path / "model"))
    loaded, data = GroupedProphetModel.load(str(tmp_path / "model")), frame(spark, stores)
    for of in (
        lambda model: model.models.filter("config LIKE '{%' AND state IS NOT NULL"),
        lambda model: model.trials,
        lambda model: model.forecast(2),
        lambda model: model.transform(data),
    ):
        kept = bits(of(tuned).filter(query))
        assert kept and bits(of(loaded).filter(query)) == kept


def test_failed_and_fallback_groups_are_saved_too(mixed, tmp_path):
    path = str(tmp_path / "model")
    mixed.save(path)
    assert fit_bits(GroupedProphetModel.load(path)) == fit_bits(mixed)


def test_nothing_saved_is_a_pickle(spark, saved, tmp_path):
    full_tuner().save(str(tmp_path / "tuner"))
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    kinds = {p.suffix or p.name.partition("-")[0] for p in files}
    assert kinds <= {"_SUCCESS", ".crc", ".parquet", ".txt", "part"}
    for path in files:
        if path.suffix == ".parquet":
            assert not any(map(_is_binary, pa.parquet.read_schema(path).types))
        elif path.name.startswith("part-"):
            json.loads(path.read_text())


def _is_binary(kind):
    if pa.types.is_struct(kind):
        return any(_is_binary(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_list(kind):
        return _is_binary(kind.value_type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module whose import leaves a file behind; gives (class name, that file)."""
    trace = tmp_path / "imported"
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "trap_of_a_test.py").write_text(
        f"open({str(trace)!r}, 'w').close()\nclass GroupedProphet: pass\n"
    )
    monkeypatch.syspath_prepend(folder)
    return "trap_of_a_test.GroupedProphet", trace


@pytest.mark.parametrize(
    "cls", [GroupedProphet, GroupedProphetModel, ForecastEvaluator, GroupedProphetTuner]
)
def test_another_class_is_refused_without_importing_it(spark, saved, trap, cls):
    evil, trace = trap
    with_metadata(saved, **{"class": evil})
    with pytest.raises(ValueError, match="trap_of_a_test") as caught:
        cls.load(saved)
    assert cls.__name__ in str(caught.value)
    assert not trace.exists()
    assert "trap_of_a_test" not in sys.modules


def test_an_estimator_inside_a_tuner_is_checked_too(spark, tmp_path, trap):
    evil, trace = trap
    full_tuner().save(str(tmp_path / "tuner"))
    with_metadata(tmp_path / "tuner" / "estimator", tmp_path / "tuner", **{"class": evil})
    with pytest.raises(ValueError, match="trap_of_a_test"):
        GroupedProphetTuner.load(str(tmp_path / "tuner"))
    assert not trace.exists()


@pytest.mark.parametrize("version", [3, 99, "1", None, 0, True])
def test_other_formats_are_refused_by_number(spark, saved, version):
    with_metadata(saved, format_version=version)
    with pytest.raises(ValueError, match="format_version") as caught:
        GroupedProphetModel.load(saved)
    assert repr(version) in str(caught.value) and "upgrade" in str(caught.value)


def test_a_param_of_the_future_is_refused_by_name(spark, saved):
    with_metadata(saved, paramMap=metadata_of(saved)["paramMap"] | {"quantumLeap": 1})
    with pytest.raises(ValueError, match="'quantumLeap'"):
        GroupedProphetModel.load(saved)


def test_a_bad_value_in_the_file_is_refused(spark, saved):
    with_metadata(saved, paramMap=metadata_of(saved)["paramMap"] | {"growth": "cubic"})
    with pytest.raises(ValueError, match="cubic"):
        GroupedProphetModel.load(saved)


def beside(path):
    return sorted(os.listdir(Path(path).parent))


def test_without_overwrite_nothing_is_replaced(fitted, mixed, saved):
    before = metadata_of(saved)
    with pytest.raises(FileExistsError, match="overwrite") as caught:
        mixed.save(saved)
    assert saved in str(caught.value)
    assert metadata_of(saved) == before and beside(saved) == ["model"]


def test_overwrite_replaces_all_of_it(fitted, mixed, saved):
    Path(saved, "leftover").write_text("x")
    mixed.write().overwrite().save(saved)
    assert fit_bits(GroupedProphetModel.load(saved)) == fit_bits(mixed)
    assert beside(saved) == ["model"]
    assert sorted(os.listdir(saved)) == ["manifest", "metadata", "models"]


def broken(model):
    """A copy of the model whose table cannot be written."""
    other = model.copy()
    refuse = F.raise_error(F.lit("no space left on device")).cast("double")
    other._table = model._table.withColumn("log_posterior", refuse)
    return other


def test_a_failed_save_leaves_nothing(fitted, tmp_path):
    with pytest.raises(PySparkException, match="no space left"):
        broken(fitted).save(str(tmp_path / "model"))
    assert os.listdir(tmp_path) == []


def test_a_failed_overwrite_leaves_the_old_model(fitted, mixed, saved):
    with pytest.raises(PySparkException, match="no space left"):
        broken(mixed).write().overwrite().save(saved)
    assert beside(saved) == ["model"]
    assert fit_bits(GroupedProphetModel.load(saved)) == fit_bits(fitted)


def test_a_failed_rename_puts_the_old_model_back(fitted, mixed, saved, monkeypatch):
    move, moves = Files._move, []

    def second_fails(self, source, target):
        moves.append(target)
        if len(moves) == 2:
            raise OSError("rename failed")
        return move(self, source, target)

    monkeypatch.setattr(Files, "_move", second_fails)
    with pytest.raises(OSError, match="rename failed"):
        mixed.write().overwrite().save(saved)
    assert beside(saved) == ["model"]
    assert fit_bits(GroupedProphetModel.load(saved)) == fit_bits(fitted)


def test_saving_a_loaded_model_over_itself(fitted, saved):
    GroupedProphetModel.load(saved).write().overwrite().save(saved)
    assert fit_bits(GroupedProphetModel.load(saved)) == fit_bits(fitted)


NEW_PROCESS = """
import json, sys
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
         .config("spark.sql.shuffle.partitions", "1").getOrCreate())
model = PipelineModel.load(sys.argv[1])
stage = model.stages[-1]
data = spark.read.parquet(sys.argv[2])
rows = [model.transform(data), stage.forecast(3)]
print("RESULT" + json.dumps([sorted(repr(tuple(r)) for r in f.collect()) for f in rows]))
"""


@pytest.mark.slow  # the golden folders are of other processes too
def test_a_pipeline_loaded_in_a_new_process_forecasts_the_same_bits(spark, tmp_path):
    rows = grouped(["a", "b", None])
    data = frame(spark, rows.rename(columns={"y": "sold"}))
    doubled = SQLTransformer(statement="SELECT *, 2 * sold AS y FROM __THIS__")
    stage = GroupedProphet(groupCols=["g"], uncertaintySamples=30, parallelism=2)
    model = Pipeline(stages=[doubled, stage]).fit(data)
    model.write().overwrite().save(str(tmp_path / "pipeline"))
    data.write.parquet(str(tmp_path / "data"))
    command = [sys.executable, "-c", NEW_PROCESS, tmp_path / "pipeline", tmp_path / "data"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.split("RESULT")[1])
    assert found == [bits(model.transform(data)), bits(model.stages[-1].forecast(3))]
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    assert [type(s) for s in loaded.stages] == [SQLTransformer, GroupedProphetModel]
