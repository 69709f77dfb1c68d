"""Every case of the reliability card holds for sparkprophet; the page shows what was measured."""

import json
from collections import Counter

import pytest
from card_page import PAGE, RESULTS, page

from card import COUNTS, PROMISES
from parts import cases
from systems import SYSTEMS

CASES = cases()


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[pytest.mark.slow] if c.slow else [], id=f"{c.part}-{c.name}")
     for c in CASES],
)  # fmt: skip
def test_the_promise_holds(case, spark, tmp_path):
    assert case.run(SYSTEMS["ours"], tmp_path)


def test_every_part_has_its_cases_under_names_of_their_own():
    counted = Counter(case.part for case in CASES)
    assert counted == {part: COUNTS[part] for part in counted}
    assert len({(case.part, case.name) for case in CASES}) == len(CASES)
    assert sum(COUNTS.values()) == 64


def test_cases_name_promises():
    assert {name for case in CASES for name in case.promise.split()} <= set(PROMISES)


def test_the_page_shows_the_results():
    assert PAGE.read_text() == page(json.loads(RESULTS.read_text()))


def test_the_results_are_those_of_the_cases():
    shown = json.loads(RESULTS.read_text())["cases"]
    assert [(c["part"], c["case"], c["promise"]) for c in shown] == [
        (c.part, c.name, c.promise) for c in CASES
    ]
    assert all(set(c["systems"]) == set(SYSTEMS) for c in shown)
    assert not [c["case"] for c in shown if not c["systems"]["ours"]["holds"]]
