"""What earlier versions saved (tests/golden) still loads, and does what it did then."""

import importlib
import json
import sys
from pathlib import Path

import pytest
from pyspark.ml.param import Params

from sparkprophet import load_stage
from sparkprophet.spark.saving.stages import FORMAT_VERSION

GOLDEN = Path(__file__).parents[2] / "golden"
VERSIONS = sorted(folder.name for folder in GOLDEN.glob("v*"))
STAGES = [
    "prophet", "tuner", "model", "tuned_model", "cross_validator", "cross_validator_model", "split",
    "split_model",
]  # fmt: skip


@pytest.fixture(scope="module")
def golden():
    """The module that writes the folders."""
    sys.path.insert(0, str(GOLDEN))
    yield importlib.import_module("write_golden")
    sys.path.remove(str(GOLDEN))


def expected(version):
    return json.loads((GOLDEN / version / "expected.json").read_text())


def test_every_format_has_its_folders():
    assert VERSIONS == [f"v{number}" for number in range(1, FORMAT_VERSION + 1)]
    for version in VERSIONS:
        saved = {folder.name for folder in (GOLDEN / version).iterdir() if folder.is_dir()}
        assert saved == set(STAGES)
        assert not list((GOLDEN / version).rglob("*.crc"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", STAGES)
def test_params_are_those_that_were_saved(spark, golden, version, name):
    loaded = load_stage(str(GOLDEN / version / name))
    found, saved = golden.params_of(loaded), expected(version)["params"][name]
    assert found["uid"] == saved["uid"]
    # Later versions may have further params, with their defaults.
    assert found["params"].items() >= saved["params"].items()
    if loaded.hasParam("estimator"):
        estimator = loaded.getOrDefault("estimator")
        assert isinstance(estimator, Params) and len(estimator.uid.split("_")) == 2


def assert_rows(found, rows):
    """Equal rows, numbers that are computed to nine digits."""
    assert len(found) == len(rows)
    for one, other in zip(found, rows, strict=True):
        assert one == [pytest.approx(v, 1e-9) if isinstance(v, float) else v for v in other]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["model", "tuned_model"])
def test_models_forecast_what_they_did(spark, golden, version, name):
    found = golden.forecasts(load_stage(str(GOLDEN / version / name)))
    outcomes, rows = expected(version)[name]
    assert {row[2] for row in outcomes} == {"ok", "fallback", "failed"}
    assert found[0] == outcomes and len(rows) == 12
    assert_rows(found[1], rows)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["cross_validator_model", "split_model"])
def test_searched_models_predict_what_they_did(spark, golden, version, name):
    loaded = load_stage(str(GOLDEN / version / name))
    predicted = golden.linear(loaded, golden.line(spark))
    assert predicted == pytest.approx(expected(version)[name], 1e-9)
    assert len(loaded.trials) == 2 and (loaded.subModels is None) == (name == "split_model")
