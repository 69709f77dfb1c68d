"""What the documents say holds: code blocks run, pages made from tables are up to date."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


# What the blocks of a page print, in order.
SHOWN = {
    "README.md": [("yhat_lower", "CPU utilisation"), ("params_regParam",)],
    "bayesian_search.md": [("params_k", "prediction"), ("[", "yhat"), ()],
    "solver.md": [("yhat", "yhat_lower", "yhat_upper")],
}


LONG = ("bayesian_search.md",)  # searches, which README has too


def python_blocks():
    found = {
        page.name: re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) for page in PAGES
    }
    return [
        pytest.param(
            code, shown, id=f"{name}-{i}", marks=[pytest.mark.slow] if name in LONG else []
        )
        for name, blocks in found.items()
        for i, (code, shown) in enumerate(zip(blocks, SHOWN.get(name, []), strict=True))
    ]


@pytest.mark.parametrize(("code", "shown"), python_blocks())
def test_code_block_runs(code, shown, spark_session, capsys):
    exec(compile(code, "block", "exec"), {})
    printed = capsys.readouterr().out
    assert [word for word in shown if word not in printed] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_scala_block_is_the_program_that_is_compiled():
    blocks = re.findall(r"```scala\n(.*?)```", (ROOT / "docs" / "scala.md").read_text(), re.DOTALL)
    assert blocks == [(ROOT / "examples" / "scala" / "QuickStart.scala").read_text()]


def test_params_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("page", ROOT / "scripts" / "params_page.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (ROOT / "docs" / "params.md").read_text() == script.page()
