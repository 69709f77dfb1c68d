"""The page as a parser and a headless browser see it, and the text beside it."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from jobs_by_hand import in_slices, job_of, random_job, two_slots
from sparkprophet.report.report import make_report
from sparkprophet.report.scaling import Run
from sparkprophet.report.shown.page import GENERATOR
from sparkprophet.report.shown.svg import Scale
from sparkprophet.report.shown.time_plots import MOST_SLOTS, shortened, shown_slots

HOSTILE = "<script>alert(1)</script>&\"'"


def hostile_job(begin=1.0):
    random = np.random.default_rng(0)
    rows = [(HOSTILE, i % 3, begin + i // 3, random.uniform(0.2, 0.9), 0.2) for i in range(9)]
    return job_of(rows, 6.0, 3)


REPORTS = {
    "by hand": lambda: make_report(two_slots(), [Run(1, 14.0)], price=0.05, deadline=9.0),
    "hostile": lambda: make_report(hostile_job()),
    "one group": lambda: make_report(job_of([("a", 1, 0.0, 1.0, 1.0)], 1.0, 1)),
    "no CPU": lambda: make_report(job_of([("a", 1, 0.0, 0.0, 0.0)], 1e-3, 1)),
    "many slots": lambda: make_report(random_job(2, groups=1500, slots=400, hosts=50)),
    "slices": lambda: make_report(in_slices(random_job(4, groups=3000), 40)),
    "wrong clock": lambda: make_report(hostile_job(begin=-2.0)),
    "not all slots": lambda: make_report(job_of([("a", 1, 2.0, 1.0, 1.0)], 4.0, 8), deadline=0.1),
}


@pytest.fixture(params=REPORTS, scope="module")
def report(request):
    return REPORTS[request.param]()


def root_of(html):
    """The page as XML; it is well-formed, so that a browser has nothing to guess."""
    return ET.fromstring(html.removeprefix("<!DOCTYPE html>"))


def test_page_is_well_formed_and_loads_nothing(report):
    html = report.to_html()
    root = root_of(html)
    assert GENERATOR in html[:200]
    assert not {"script", "link", "iframe", "img", "object"} & {e.tag for e in root.iter()}
    values = [value for e in root.iter() for value in e.attrib.values()]
    assert not any("://" in value or "url(" in value for value in values)
    assert "@import" not in html and "url(" not in html and "://" not in html
    assert not {name for e in root.iter() for name in e.attrib if name.startswith("on")}


def test_every_number_of_the_drawings_is_one(report):
    for e in root_of(report.to_html()).iter():
        if e.tag in ("path", "rect", "circle", "line", "text"):
            shown = " ".join(v for k, v in e.attrib.items() if k not in ("class", "text-anchor"))
            assert "nan" not in shown and "inf" not in shown, e.attrib
        if e.tag == "rect":
            assert float(e.attrib["width"]) >= 0 and float(e.attrib["height"]) >= 0


def test_drawings_stay_within_their_box(report):
    for figure in root_of(report.to_html()).iter("svg"):
        width, height = map(float, figure.attrib["viewBox"].split()[2:])
        for e in figure.iter():
            for name in ("x", "x1", "x2", "cx"):
                assert -0.5 <= float(e.attrib.get(name, 0)) <= width + 0.5
            for name in ("y", "y1", "y2", "cy"):
                assert -0.5 <= float(e.attrib.get(name, 0)) <= height + 0.5


def test_number_of_elements_is_bounded():
    html = REPORTS["many slots"]().to_html()
    assert sum(1 for _ in root_of(html).iter()) < 3000 and len(html) < 1_000_000
    assert f"{MOST_SLOTS} of 400 slots are shown" in html


def test_names_are_escaped():
    html = REPORTS["hostile"]().to_html()
    assert "<script" not in html
    texts = [e.text for e in root_of(html).iter("text")]
    assert any(text and text.startswith("<scrip") for text in texts)


class Words(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words = []

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("case", ["by hand", "many slots"])
def test_a_browser_shows_the_page(case, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no chromium or google-chrome on the PATH")
    page = tmp_path / "page.html"
    page.write_text(REPORTS[case]().to_html())
    # The title tells of texts that stick out of their drawing.
    probe = (
        "<script>document.title = [...document.querySelectorAll('svg')].flatMap(s => "
        "[...s.querySelectorAll('text')].filter(t => {const a = t.getBoundingClientRect(), "
        "b = s.getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1 "
        "|| a.top < b.top - 1 || a.bottom > b.bottom + 1})).map(t => t.textContent)"
        ".join('|') || 'all fit'</script>"
    )
    page.write_text(page.read_text().replace("</body>", f"{probe}</body>"))
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1200,3000",
            f"--user-data-dir={tmp_path}/profile",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    reader = Words()
    reader.feed(done.stdout)
    shown = " ".join(reader.words)
    assert re.search(r"<title>(.*?)</title>", done.stdout)[1] == "all fit"
    for words in ("Where the slots' seconds went", "Utilisation over time", "Other clusters"):
        assert words in shown


def test_values_are_json_and_as_many_as_slots_and_bins(report):
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert sum(part["share"] for part in values["parts"]) == pytest.approx(1)
    assert len(values["balance"]["slots"]) == values["slots"] == report.slots.count
    assert sum(s["groups"] for s in values["balance"]["slots"]) == values["groups"]
    assert len(values["usage"]["busy"]) == len(values["usage"]["cpu"]) == 120


def test_values_of_a_job_by_hand():
    values = REPORTS["by hand"]().to_dict()
    assert values["cpu_utilisation"] == pytest.approx(0.45)
    assert values["busy_share"] == pytest.approx(10.5 / 20)
    assert values["prologue_seconds"] == 1.0
    assert values["without_prologue_seconds"] == pytest.approx(9.0)
    # Both slots end at (7.52 + 6.01) / 2 if the work is spread evenly.
    assert values["even_tasks_seconds"] == pytest.approx(6.765 + 2.48)
    # Outside of the groups 3.48 of 10 s.
    assert values["gustafson"] == pytest.approx({"share": 0.348, "speedup": 2 - 0.348})
    assert values["scaling"]["points"][1]["speedup"] == pytest.approx(1.4)


def test_text_is_narrow_and_tells_the_losses(report):
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 100
    told = " ".join(str(report).split())
    for part in report.parts:
        assert part.label in told and " ".join(part.remedy.split()) in told
    assert "measured speedup" not in told or report.scaling is not None


def test_the_longest_host_names_are_shortened():
    assert shortened("ip-10-0-3-7.eu-central-1.compute.internal", 14) == "ip-10-0-3-7"
    assert shortened("10.0.113.207", 14) == "10.0.113.207"
    assert shortened("abcdefghijklmnopqrstuvwxyz", 9) == "abcd…wxyz"


def test_slots_are_shown_by_host():
    report = make_report(random_job(0, slots=6, hosts=3))
    assert [report.slots.hosts[i] for i in shown_slots(report)] == sorted(report.slots.hosts)


@pytest.mark.parametrize(
    ("scale", "most", "ticks"),
    [
        (Scale(0, 12.7, 0, 1), 8, [0, 2, 4, 6, 8, 10, 12]),
        (Scale(0, 1, 0, 1), 6, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Scale(0.9, 300, 0, 1, log=True), 8, [1, 4, 16, 64, 256]),
        (Scale(0, 0.001, 0, 1), 5, [0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001]),
    ],
)
def test_ticks_are_round(scale, most, ticks):
    assert scale.ticks(most) == pytest.approx(ticks)
