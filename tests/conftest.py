"""What tests of several packages share."""

import os
import sys
from pathlib import Path

import pytest

# Spark's workers must be this very Python, with the packages that the tests run on.
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real data sets; they are no part of the project, so tests of them may skip."""
    folder = Path(os.environ.get("SPARKPROPHET_DATA", _BESIDE_CHECKOUT))
    if not folder.is_dir():
        pytest.skip("no real data: SPARKPROPHET_DATA names no folder and shared/data is not there")
    return folder
