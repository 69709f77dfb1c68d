"""The plain numpy path: the same modes where Numba does not compile, or is not there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hard_problems import HARD
from problems import CASES, pack, solution_of

HERE = Path(__file__).parent
SOLVE = """
import json, sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("error")
from hard_problems import HARD
from problems import CASES, pack, solution_of
from sparkprophet.numerics.compiled import COMPILED
problems = CASES | HARD
solutions = {name: solution_of(problems[name]) for name in json.loads(sys.argv[2])}
found = {name: (s.log_posterior, list(pack(s.point))) for name, s in solutions.items()}
print(json.dumps({"compiled": COMPILED, "numba": "numba.core" in sys.modules, "found": found}))
"""
# Of those that have no mode some take all iterations, a second each without Numba.
BOUNDED = [name for name in HARD if "rows" not in name]
NAMES = {
    "disabled": [*CASES, *BOUNDED[::4]],
    "refuses": [name for name in CASES if ", plain" in name] + BOUNDED[::40],
}


def run(names, **environment):
    done = subprocess.run(
        [sys.executable, "-c", SOLVE, str(HERE), json.dumps(names)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["disabled", "refuses"])
def plain(request, tmp_path_factory):
    if request.param == "disabled":
        return run(NAMES["disabled"], NUMBA_DISABLE_JIT="1")
    stub = tmp_path_factory.mktemp("stub")
    (stub / "numba").mkdir()
    (stub / "numba" / "__init__.py").write_text("raise ImportError('Numba needs NumPy 0.9')\n")
    path = f"{stub}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    found = run(NAMES["refuses"], PYTHONPATH=path)
    assert not found["numba"]
    return found


def test_nothing_is_compiled(plain):
    assert plain["compiled"] is False


def test_the_same_log_posterior(plain):
    for name in CASES.keys() & plain["found"].keys():
        value, _ = plain["found"][name]
        assert solution_of(CASES[name]).log_posterior == pytest.approx(value, rel=1e-9), name


def test_finite_numbers_for_hard_problems(plain):
    for name in HARD.keys() & plain["found"].keys():
        value, point = plain["found"][name]
        assert np.isfinite([value, *point]).all(), name
        assert len(point) == len(pack(solution_of(HARD[name]).point))
