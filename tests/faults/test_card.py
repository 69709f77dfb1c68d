"""Every case of the reliability card holds for sparkprophet; the page shows what was measured."""

import json
from collections import Counter

import pytest

from card import COUNTS, PROMISES
from card_page import PAGE, RESULTS, ROOT, SEEN, page, readable, sentence
from parts import cases
from systems import SYSTEMS

CASES = cases()
# Of three parts the first case: the tests of the rooms are about the others too, and `make card`
# runs all.
QUICK = {
    case.part: case for case in reversed(CASES) if case.part in ("y", "ds", "storage")
}.values()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, marks=[] if c in QUICK else [pytest.mark.slow], id=f"{c.part}-{c.name}")
        for c in CASES
    ],
)
def test_the_promise_holds(case, spark, tmp_path):
    assert case.run(SYSTEMS["ours"], tmp_path)


def test_every_part_has_its_cases_under_names_of_their_own():
    assert Counter(case.part for case in CASES) == COUNTS
    assert len({(case.part, case.name) for case in CASES}) == len(CASES)


def test_cases_name_promises():
    assert {name for case in CASES for name in case.promise.split()} <= set(PROMISES)


def test_what_was_seen_tells_nothing_of_the_machine():
    seen = "in /opt/some/where.py:\n<object at 0x7f00ab12cd34> of Stage_b7f50bed0c04"
    assert readable(seen) == "in where.py: <object at 0x...> of Stage"
    assert readable("https://a.org/b/c, file:///opt/b/c") == "https://a.org/b/c, file://c"
    assert len(readable("x" * 999)) == SEEN


def test_the_page_shows_the_results():
    assert PAGE.read_text() == page(json.loads(RESULTS.read_text()))


def test_readme_has_its_counts():
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert sentence(json.loads(RESULTS.read_text())) in readme


def test_the_results_are_those_of_the_cases():
    shown = json.loads(RESULTS.read_text())["cases"]
    assert [(c["part"], c["case"], c["promise"]) for c in shown] == [
        (case.part, case.name, case.promise) for case in CASES
    ]
    assert all(set(c["systems"]) == set(SYSTEMS) for c in shown)
    assert not [c["case"] for c in shown if not c["systems"]["ours"]["holds"]]
