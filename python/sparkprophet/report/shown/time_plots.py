"""Plots over the job's time: the Gantt chart of the slots, and utilisation."""

from __future__ import annotations

import numpy as np

from sparkprophet.report.analysis import Analysis
from sparkprophet.report.shown import svg

MOST_SLOTS = 150
"""Slots that the Gantt chart shows; of more, evenly chosen ones."""
_MOST_SEGMENTS = 30_000


def gantt(analysis: Analysis) -> str:
    """One line a slot, drawn where a group was worked on."""
    chosen = shown_slots(analysis)
    height = max(4.0, min(22.0, 560.0 / len(chosen)))
    top, bottom = 24.0, 24.0 + height * len(chosen)
    x = _time_scale(analysis)
    parts = [svg.x_axis(x, bottom, top, "seconds since the job began", svg.plain)]
    parts.append(_phases(analysis, x, top, bottom))
    places = {}
    for i, slot in enumerate(chosen):
        y = places[slot] = top + height * (i + 0.5)
        pieces = _segments(analysis, slot, len(chosen))
        drawn = "".join(f"M{x(a):.1f} {y:.1f}H{max(x(b), x(a) + 0.4):.1f}" for a, b in pieces)
        if drawn:
            parts.append(
                svg.element("path", d=drawn, stroke_width=round(0.72 * height, 2), class_="busy")
            )
    parts += _labels(analysis, chosen, top, height)
    longest = longest_shown(analysis)
    if longest is not None:
        y = places[int(analysis.slots.row[longest])]
        a, b = float(analysis.timings.start[longest]), float(analysis.timings.end[longest])
        mark = f"M{x(a):.1f} {y:.1f}H{max(x(b), x(a) + 1.5):.1f}"
        title = svg.element("title", f"the longest group: {b - a:.3g} s")
        width = round(0.72 * height, 2)
        parts.append(svg.element("path", title, d=mark, stroke_width=width, class_="longest"))
    return svg.figure("When each slot worked on groups", bottom + 44, parts)


def longest_shown(analysis: Analysis) -> int | None:
    """The entry of the longest group; None where it is no entry, or its slot is not shown."""
    longest = int(np.argmax(analysis.timings.longest))
    shown = int(analysis.slots.row[longest]) in shown_slots(analysis)
    return longest if shown and analysis.timings.one_by_one else None


def shown_slots(analysis: Analysis) -> list[int]:
    """Slots of the Gantt chart: by host, in order of their first group."""
    slots = analysis.slots
    order = sorted(range(slots.count), key=lambda i: (slots.hosts[i] == "", slots.hosts[i]))
    if len(order) <= MOST_SLOTS:
        return order
    return [order[i] for i in np.linspace(0, len(order) - 1, MOST_SLOTS).round().astype(int)]


def _segments(analysis: Analysis, slot: int, rows: int) -> list[tuple[float, float]]:
    """Stretches of work of one slot; pauses too short to be seen are drawn over."""
    entries = analysis.slots.row == slot
    start, end = analysis.timings.start[entries], analysis.timings.end[entries]
    if not len(start):
        return []
    resolution = min(800, max(100, 2 * _MOST_SEGMENTS // rows))
    breaks = np.flatnonzero(start[1:] - end[:-1] > analysis.timings.wall_seconds / resolution)
    firsts, lasts = np.r_[0, breaks + 1], np.r_[breaks, len(start) - 1]
    return list(zip(start[firsts].tolist(), end[lasts].tolist(), strict=True))


def _phases(analysis: Analysis, x: svg.Scale, top: float, bottom: float) -> str:
    """The time before the first group and after the last."""
    wall, work = analysis.timings.wall_seconds, analysis.job
    parts = []
    for begin, end, label in (
        (0.0, work.prologue, "before the first group"),
        (wall - work.epilogue, wall, "after the last"),
    ):
        left, right = x(begin), x(end)
        parts.append(
            svg.element(
                "rect",
                x=left,
                y=top,
                width=max(0.0, right - left),
                height=bottom - top,
                class_="phase",
            )
        )
        if right - left > 7 * len(label):
            parts.append(
                svg.text((left + right) / 2, top - 8, label, text_anchor="middle", class_="title")
            )
    return "".join(parts)


def _labels(analysis: Analysis, chosen: list[int], top: float, height: float) -> list[str]:
    """Host and number of each slot where there is room, else of each host's first one."""
    parts, last_y, previous = [], -1e9, None
    numbers: dict[str, int] = {}
    for i, slot in enumerate(chosen):
        host = analysis.slots.hosts[slot]
        numbers[host] = numbers.get(host, 0) + 1
        y = top + height * (i + 0.5) + 4
        new = host != previous
        previous = host
        if y - last_y < 13 or (height < 13 and not new):
            continue
        last_y = y
        name = shortened(host or "no work", 14 if height >= 13 else 18)
        words = f"{name} #{numbers[host]}" if height >= 13 and host else name
        parts.append(svg.text(svg.LEFT - 8, y, words, text_anchor="end"))
    return parts


def shortened(host: str, most: int) -> str:
    """The host's name, without its domain and then without its middle if it is long."""
    if len(host) > most:
        host = host.split(".")[0]
    if len(host) <= most:
        return host
    head = (most - 1) // 2
    return f"{host[:head]}…{host[-(most - 1 - head) :]}"


def utilisation(analysis: Analysis) -> str:
    """Share of the slots in groups, and of CPU seconds in that, over time."""
    top, bottom = 12.0, 172.0
    x, y = _time_scale(analysis), svg.Scale(0, 1, bottom, top)
    right = svg.WIDTH - svg.RIGHT
    parts = [
        svg.x_axis(x, bottom, top, "seconds since the job began", svg.plain),
        svg.y_axis(y, svg.LEFT, right, "of the slots", lambda v: f"{v:.0%}"),
    ]
    for values, kind in ((analysis.usage.busy, "wait"), (analysis.usage.cpu, "work")):
        points = [(x(0.0), y(0.0))]
        for value, a, b in zip(
            values.clip(0, 1).tolist(), analysis.usage.edges, analysis.usage.edges[1:], strict=False
        ):
            points += [(x(a), y(value)), (x(b), y(value))]
        points.append((points[-1][0], y(0.0)))
        parts.append(svg.element("path", d=svg.line(points) + "Z", class_=f"fill {kind}"))
    return svg.figure("Utilisation over time", bottom + 44, parts)


def _time_scale(analysis: Analysis) -> svg.Scale:
    return svg.Scale(0.0, analysis.timings.wall_seconds, svg.LEFT, svg.WIDTH - svg.RIGHT)
