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

_BELOW_SPARK = (
    "messages", "clock", "version", "numerics", "series", "search", "tuning", "report",
)  # fmt: skip
# Part of the package -> what it may import of ours, at the top of a module, inside a function or
# for type checkers alone.
ALLOWED = {
    "messages": (),
    "clock": (),
    "numerics": ("numerics",),
    "series": ("messages", "clock", "numerics", "series"),
    "search": ("messages", "clock", "numerics.compiled", "search"),
    "tuning": ("messages", "clock", "numerics", "series", "search"),
    "report": ("messages", "report"),
    "spark.schema": (),
    "spark.worker": ("messages", "clock", "numerics", "series", "spark.schema", "spark.worker"),
    "spark": (
        "messages",
        "clock",
        "version",
        "numerics",
        "series",
        "search",
        "tuning",
        "report",
        "spark",
    ),
    "command": (*_BELOW_SPARK, "spark", "command"),
}
# Part of the package -> other packages that it does without.
WITHOUT = {
    "messages": ("numpy", "pandas", "prophet", "pyspark", "optuna"),
    "clock": ("numpy", "pandas", "prophet", "pyspark", "optuna"),
    "numerics": ("pandas", "prophet", "pyspark", "optuna"),
    "series": ("pyspark", "optuna"),
    "search": ("pandas", "prophet", "pyspark"),
    "tuning": ("pandas", "prophet", "pyspark", "optuna"),
    "report": ("pandas", "prophet", "pyspark", "optuna", "matplotlib"),
    "spark.schema": ("pyspark",),
    "spark.worker": ("pyspark", "optuna"),
}
# A part of spark/ -> others of its parts that it knows nothing of.
APART = {
    "spark.grouped": ("spark.bayesian",),
    "spark.bayesian": ("spark.grouped",),
    "spark.saving": ("spark.grouped", "spark.bayesian", "spark.worker"),
    "spark.jobs": ("spark.grouped", "spark.bayesian", "spark.saving", "spark.worker"),
    "spark.columns": ("spark.grouped", "spark.bayesian", "spark.saving", "spark.worker"),
}


def name_of(path):
    """The dotted name of a file's module; that of the package for its `__init__.py`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(path):
    """Names of all modules that a file imports."""
    names = set()
    package = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            # A module of a package, or a name in a module.
            inside = {f"{module}.{alias.name}" for alias in node.names}
            names |= (inside & MODULES.keys()) | ({module} if inside - MODULES.keys() else set())
    return names


def imports_of(part):
    """(file, imported module) pairs of a part of the package: a room or a module."""
    files = [path for name, path in MODULES.items() if within(name, [f"sparkprophet.{part}"])]
    assert files
    return {(path.name, name) for path in files for name in imported(path)}


def within(name, roots):
    return any(name == root or name.startswith(root + ".") for root in roots)


def circle(arrows):
    """The nodes of a graph that are in circles, or between two; none where there is no circle."""
    left = dict(arrows)
    while ends := {node for node in left if not (left[node] - {node}) & left.keys()} | (
        left.keys() - {other for node in left for other in left[node] - {node}}
    ):
        left = {node: left[node] for node in left.keys() - ends}
    return left.keys()


def test_no_modules_import_each_other_in_a_circle():
    arrows = {name: imported(path) & MODULES.keys() for name, path in MODULES.items()}
    assert sum(map(len, arrows.values())) > 300
    assert circle(arrows) == set()


def test_a_circle_is_seen():
    chain = {"a": {"b"}, "b": {"c"}, "c": {"d", "x"}, "d": set()}
    assert circle(chain) == set()
    assert circle(chain | {"d": {"b"}}) == {"b", "c", "d"}


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_point_one_way(part):
    ours = {pair for pair in imports_of(part) if within(pair[1], ["sparkprophet"])}
    allowed = [f"sparkprophet.{name}" for name in ALLOWED[part]]
    assert {pair for pair in ours if not within(pair[1], allowed)} == set()


@pytest.mark.parametrize("part", WITHOUT)
def test_a_part_does_without_what_is_not_its_own(part):
    assert {pair for pair in imports_of(part) if within(pair[1], WITHOUT[part])} == set()


@pytest.mark.parametrize("part", APART)
def test_rooms_of_spark_know_nothing_of_each_other(part):
    others = [f"sparkprophet.{name}" for name in APART[part]]
    assert {pair for pair in imports_of(part) if within(pair[1], others)} == set()


def test_the_reader_of_imports_sees_them():
    names = imported(PACKAGE / "series" / "genuine_prophet.py")
    assert {"numpy", "pandas", "prophet", "sparkprophet.series.stan"} <= names
    assert "sparkprophet.series" not in names


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
