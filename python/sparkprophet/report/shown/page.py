"""The report as one HTML page: inline SVG, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sparkprophet.report.analysis import Analysis
from sparkprophet.report.scaling import Scaling
from sparkprophet.report.shown import plots, time_plots
from sparkprophet.report.shown.style import COLOURS, CSS
from sparkprophet.report.shown.text import gains, limit, seconds, verdict

GENERATOR = '<meta name="generator" content="sparkprophet report"/>'
"""By which a page of this program is known."""


def page(analysis: Analysis) -> str:
    """The whole page, well-formed as XML too."""
    sections = [
        _head(analysis),
        _lost(analysis),
        _over_time(analysis),
        _slots(analysis),
        _load(analysis),
        _speedup(analysis),
        _same_machines(analysis),
        _shapes(analysis),
        _notes(analysis),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f"{GENERATOR}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="color-scheme" content="light dark"/>\n'
        f"<title>sparkprophet report</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, sections))
        + "\n</main>\n</body>\n</html>\n"
    )


def _head(analysis: Analysis) -> str:
    measured = analysis.timings
    facts = [
        (seconds(measured.wall_seconds), "wall time of the job"),
        (f"{int(measured.groups.sum()):,}", "groups"),
        (f"{analysis.slots.count:,}", "slots"),
        (f"{analysis.cpu_utilisation:.0%}", "CPU utilisation"),
        (f"{analysis.busy_share:.0%}", "of the slots' time in groups"),
    ]
    boxes = "".join(f"<div><b>{escape(b)}</b><span>{escape(s)}</span></div>" for b, s in facts)
    return (
        "<h1>How the job used its slots</h1>\n"
        '<p class="soft">Times are measured in the workers; every prediction is marked as one.</p>'
        f'\n<div class="facts">{boxes}</div>'
    )


def _lost(analysis: Analysis) -> str:
    rows = []
    for part in analysis.parts:
        rows.append(
            [
                _key(part.name, part.label),
                f"{part.slot_seconds:,.1f}",
                f"{part.share:.1%}",
                escape(part.remedy),
            ]
        )
    heads = ["part", "slot-seconds", "share", "what holds it back, and what to do"]
    changes = [[escape(name), then, less] for name, then, less in gains(analysis)]
    return (
        "<h2>Where the slots' seconds went</h2>"
        f"<figure>{plots.lost_time(analysis)}</figure>"
        f"{_table(heads, rows, words=(0, 3))}"
        "<p>What a change could bring at most (predicted):</p>"
        f"{_table(['change', 'wall time', 'less'], changes)}"
    )


def _over_time(analysis: Analysis) -> str:
    return (
        "<h2>Utilisation over time</h2>"
        f"<figure>{time_plots.utilisation(analysis)}"
        f"<figcaption>{_key('work', 'CPU seconds of groups')} "
        f"{_key('cpu_wait', 'in groups, waiting for a CPU')} "
        "blank: no group</figcaption></figure>"
    )


def _slots(analysis: Analysis) -> str:
    shown, count = time_plots.shown_slots(analysis), analysis.slots.count
    keys = _key("work", "in groups")
    if time_plots.longest_shown(analysis) is not None:
        keys += _key("tail", "the longest group")
    few = f" {len(shown)} of {count} slots are shown, evenly chosen." if len(shown) < count else ""
    return (
        "<h2>The slots, one line each</h2>"
        f"<figure>{time_plots.gantt(analysis)}"
        f"<figcaption>{keys}Short pauses are drawn over.{few}</figcaption></figure>"
    )


def _load(analysis: Analysis) -> str:
    load = analysis.balance
    return (
        "<h2>Load of the slots</h2>"
        f"<p>The busiest slot spent {seconds(load.busiest)} in groups, the mean is "
        f"{seconds(load.mean)} ({load.imbalance:+.1%}); the longest group took "
        f"{seconds(load.longest_group)}.</p>"
        f"<figure>{plots.load(analysis)}<figcaption>dashed: the mean</figcaption></figure>"
    )


def _speedup(analysis: Analysis) -> str:
    figures = []
    for kind, scaling in (("measured", analysis.scaling), ("predicted", analysis.predicted)):
        if scaling is not None:
            figures.append(
                f"<figure>{plots.speedup(scaling, kind)}<figcaption>{_laws(kind, scaling)}"
                "</figcaption></figure>"
            )
    if not figures:
        return ""
    tables = ""
    if analysis.scaling is not None:
        rows = [
            [
                str(point.slots),
                seconds(point.wall_seconds),
                f"{point.speedup:.2f}",
                f"{point.efficiency:.0%}",
                "" if point.karp_flatt is None else f"{point.karp_flatt:.3f}",
            ]
            for point in analysis.scaling.points
        ]
        heads = ["slots", "wall time", "speedup", "efficiency", "Karp-Flatt"]
        tables = f"<p>Measured:</p>{_table(heads, rows, words=())}"
    return f'<h2>Speedup</h2><div class="pair">{"".join(figures)}</div>{tables}'


def _laws(kind: str, scaling: Scaling) -> str:
    return (
        f"<b>{kind.capitalize()}</b>. Points: runs; line: Amdahl with serial fraction "
        f"{scaling.amdahl_fraction:.3g}, at most {limit(scaling)} x; dashed: ideal. Gustafson's "
        f"scaled speedup of the largest run: {scaling.scaled_speedup:.2f}."
    )


def _same_machines(analysis: Analysis) -> str:
    rows = [
        [
            str(each.slots),
            seconds(each.predicted_seconds),
            "" if each.measured_seconds is None else seconds(each.measured_seconds),
            "" if each.error is None else f"{each.error:+.1%}",
        ]
        for each in analysis.same_machines
    ]
    heads = ["slots", "predicted", "measured", "error"]
    return (
        "<h2>Other parallelism on the same machines</h2>"
        "<p>All predicted from this one job; beside it what was measured.</p>"
        f"{_table(heads, rows, words=())}"
    )


def _shapes(analysis: Analysis) -> str:
    heads = ["executors x cores", "slots", "predicted wall time", "CPU utilisation", "core-hours"]
    heads += ["cost"] * (analysis.price is not None)
    heads += ["in time"] * (analysis.deadline is not None)
    rows, best = [], None
    for i, offer in enumerate(analysis.offers):
        row = [
            str(offer.shape),
            str(offer.shape.slots),
            seconds(offer.wall_seconds),
            f"{offer.utilisation:.0%}",
            f"{offer.core_hours:.4g}",
        ]
        if offer.cost is not None:
            row.append(f"{offer.cost:.4g}")
        if offer.in_time is not None:
            row.append("yes" if offer.in_time else "no")
        rows.append(row)
        best = i if offer is analysis.best else best
    return (
        "<h2>Other clusters (predicted)</h2>"
        f"<p>{escape(verdict(analysis))}</p>{_table(heads, rows, words=(), best=best)}"
    )


def _notes(analysis: Analysis) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in analysis.timings.notes)
    return f"<h2>Notes</h2><ul>{notes}</ul>" if notes else ""


def _key(part: str, label: str) -> str:
    swatch = f'<span class="swatch" style="background:{COLOURS[part]}"></span>'
    return f'<span class="key">{swatch}{escape(label)}</span>'


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: Sequence[int] = (0,),
    best: int | None = None,
) -> str:
    """A table; `rows` hold markup, `words` are the columns of text, `best` a row to stress."""
    kinds = [' class="words"' if i in words else "" for i in range(len(heads))]
    head = "".join(f"<th{k}>{escape(h)}</th>" for k, h in zip(kinds, heads, strict=True))
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(f"<td{k}>{cell}</td>" for k, cell in zip(kinds, row, strict=True))
        body += f'<tr class="best">{cells}</tr>' if i == best else f"<tr>{cells}</tr>"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'
