"""Which module may import what, and what `import sparkprophet` loads."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sparkprophet

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "sparkprophet"

# Part of the package -> what it may not import, at the top of a module or inside a function.
FORBIDDEN = {
    "numerics": (
        "pandas", "prophet", "pyspark", "optuna", "sparkprophet.series", "sparkprophet.search",
        "sparkprophet.spark", "sparkprophet.command",
    ),
    "series": (
        "pyspark", "optuna", "sparkprophet.search", "sparkprophet.spark", "sparkprophet.command",
    ),
    "search": (
        "pandas", "prophet", "pyspark", "sparkprophet.series", "sparkprophet.spark",
        "sparkprophet.command",
    ),
    "report": (
        "pandas", "prophet", "pyspark", "optuna", "matplotlib", "sparkprophet.numerics",
        "sparkprophet.series", "sparkprophet.search", "sparkprophet.spark", "sparkprophet.command",
    ),
    "spark": ("sparkprophet.command",),
}  # fmt: skip


def imported(path):
    """Names of all modules that a file imports, with the names it takes from them."""
    names = []
    package = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return names


def imports_of(part):
    """(file, imported name) pairs of a part of the package."""
    files = (PACKAGE / part).rglob("*.py")
    return {(path.name, name) for path in files for name in imported(path)}


def within(name, roots):
    return any(name == root or name.startswith(root + ".") for root in roots)


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_point_one_way(part):
    found = imports_of(part)
    assert found
    assert {(file, name) for file, name in found if within(name, FORBIDDEN[part])} == set()


def test_search_takes_the_decorator_for_kernels_and_nothing_else_of_numerics():
    found = {name for _, name in imports_of("search") if within(name, ["sparkprophet.numerics"])}
    own = "sparkprophet.numerics.compiled"
    assert own in found and {name for name in found if not within(name, [own])} == set()


def test_the_reader_of_imports_sees_them():
    names = imported(PACKAGE / "series" / "genuine_prophet.py")
    assert {"numpy", "prophet", "sparkprophet.series", "sparkprophet.series.stan"} <= set(names)


def loaded(statement):
    """Top-level modules that a fresh Python holds after a statement."""
    script = f"{statement}; import json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in json.loads(done.stdout)}


HEAVY = {"pandas", "prophet", "cmdstanpy", "pyspark", "numba", "matplotlib", "optuna", "scipy"}


def test_import_is_light():
    found = loaded("import sparkprophet; sparkprophet.__version__; dir(sparkprophet)")
    assert found & HEAVY == set()


def test_reading_a_config_is_light():
    found = loaded("from sparkprophet.series.config import Config; Config(growth='flat').to_json()")
    assert found & HEAVY == set()


def test_every_public_name_is_there():
    for name in sparkprophet.__all__:
        assert getattr(sparkprophet, name) is not None
    assert set(sparkprophet.__all__) <= set(dir(sparkprophet))
    with pytest.raises(AttributeError, match="Nothing"):
        sparkprophet.Nothing  # noqa: B018


def test_version_of_the_package_is_that_of_setup():
    pytest.importorskip("setuptools")
    done = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == sparkprophet.__version__


def test_examples_leave_the_command_line_alone():
    # Users copy them: a session, for one, is Spark's own.
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / "examples").glob("*.py")}
    assert any("from sparkprophet import" in text for text in texts.values())
    command = re.compile(r"sparkprophet(\.| import )command")
    assert [name for name, text in texts.items() if command.search(text)] == []
