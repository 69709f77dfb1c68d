"""Prophet's own test suite, as its wheel ships it, on our solver in the place of Stan.

Left out are the tests that sample: these are Stan's, whatever the solver.
"""

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

# Every process imports this module when it starts, those of `parallel="processes"` included.
PLUGIN = """
import prophet.models
from sparkprophet.series.fast_prophet import NativeBackend
prophet.models.StanBackendEnum.get_backend_class = staticmethod(lambda name: NativeBackend)
"""
_DEFAULT = "test_prophet.TestProphetFitPredictDefault."
# Test -> why it does not pass. All three compare an RMSE with the one that Stan's stop gives.
KNOWN = {
    _DEFAULT + "test_fit_predict[CMDSTANPY-absmax]": (
        "Stan's L-BFGS stops at a log posterior of 1143.88 (RMSE 10.63). The mode has 1147.29 and "
        "RMSE 23.44, which test_fit_predict_newton expects and finds."
    ),
    _DEFAULT + "test_fit_predict_large_numbers[CMDSTANPY-absmax]": (
        "The labels vary by 2e-6 of their size. The expected 127.01 comes of the six digits that "
        "the test has Stan print; with 17 of them Stan's mode gives 80.09, and so does ours."
    ),
    _DEFAULT + "test_fit_predict_large_numbers[CMDSTANPY-minmax]": (
        "Stan's Newton stops at 166.862 (RMSE 93.46); the mode has 166.904 (RMSE 95.74), and Stan "
        "stays there when started from it."
    ),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Test -> its failure, "" where it passed."""
    folder = tmp_path_factory.mktemp("prophets_own")
    (folder / "sitecustomize.py").write_text(PLUGIN)
    report = folder / "report.xml"
    path = f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    command = [
        sys.executable, "-m", "pytest", "--pyargs", "prophet.tests", "-q", "-p", "no:cacheprovider",
        "-k", "not mcmc and not sampling", f"--junitxml={report}",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        bad = [part for part in case if part.tag in ("failure", "error")]
        name = f"{case.get('classname')}.{case.get('name')}"
        found[name] = "\n".join(part.get("message", "") for part in bad)
    return found


@pytest.mark.slow
def test_all_but_the_known_ones_pass(outcomes):
    failed = {name: message for name, message in outcomes.items() if message}
    assert failed.keys() == KNOWN.keys(), failed
    assert len(outcomes) >= 100


@pytest.mark.slow
def test_the_known_ones_compare_forecast_errors(outcomes):
    for name in KNOWN:
        assert "approx" in outcomes[name] or "±" in outcomes[name], outcomes[name]
