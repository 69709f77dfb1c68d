"""Plots of sums: lost time, load of the slots, speedup."""

from __future__ import annotations

from html import escape

import numpy as np

from sparkprophet.report.analysis import Analysis
from sparkprophet.report.scaling import Scaling, amdahl
from sparkprophet.report.shown import svg
from sparkprophet.report.shown.time_plots import shortened

_MOST_BARS = 32


def lost_time(analysis: Analysis) -> str:
    """The slots' seconds as one bar."""
    x = svg.Scale(0.0, 1.0, 8.0, svg.WIDTH - 8.0)
    parts, done = [], 0.0
    for part in analysis.parts:
        left, right = x(done), x(min(1.0, done + part.share))
        done += part.share
        if right - left < 0.3:
            continue
        title = svg.element("title", escape(f"{part.label}: {part.share:.1%}"))
        parts.append(
            svg.element(
                "rect",
                title,
                x=left,
                y=4.0,
                width=right - left,
                height=34.0,
                class_=f"fill {part.name}",
            )
        )
        if right - left > 40:
            parts.append(
                svg.text(
                    (left + right) / 2,
                    26,
                    f"{part.share:.0%}",
                    text_anchor="middle",
                    class_=f"on {part.name}",
                )
            )
    return svg.figure("Where the slots' seconds went", 42, parts)


def load(analysis: Analysis) -> str:
    """Seconds in groups of every slot; of many slots, how many had which load."""
    if analysis.slots.count > _MOST_BARS:
        return _load_histogram(analysis)
    slots = analysis.slots
    height, top = 20.0, 8.0
    bottom = top + height * slots.count
    x = svg.Scale(0.0, max(analysis.balance.busiest, 1e-9) * 1.02, svg.LEFT, svg.WIDTH - svg.RIGHT)
    parts = [svg.x_axis(x, bottom, top, "seconds in groups", svg.plain)]
    for i in range(slots.count):
        y = top + height * i
        for seconds, kind in ((slots.busy[i], "wait"), (slots.cpu[i], "work")):
            parts.append(
                svg.element(
                    "rect",
                    x=svg.LEFT,
                    y=y + 3,
                    width=x(float(seconds)) - svg.LEFT,
                    height=height - 6,
                    class_=f"fill {kind}",
                )
            )
        name = f"{shortened(slots.hosts[i], 14)} #{i + 1}" if slots.hosts[i] else "no work"
        parts.append(svg.text(svg.LEFT - 8, y + height / 2 + 4, name, text_anchor="end"))
    at = x(analysis.balance.mean)
    parts.append(svg.element("line", x1=at, x2=at, y1=top, y2=bottom, class_="mean"))
    return svg.figure("Seconds in groups of every slot", bottom + 44, parts)


def _load_histogram(analysis: Analysis) -> str:
    most = max(analysis.balance.busiest, 1e-9)
    counts, edges = np.histogram(analysis.slots.busy, 30, (0.0, most))
    top, bottom, right = 12.0, 152.0, svg.WIDTH - svg.RIGHT
    x = svg.Scale(0.0, float(edges[-1]), svg.LEFT, right)
    y = svg.Scale(0.0, float(counts.max()) * 1.05, bottom, top)
    parts = [
        svg.x_axis(x, bottom, top, "seconds in groups", svg.plain),
        svg.y_axis(y, svg.LEFT, right, "slots", svg.plain),
    ]
    for count, a, b in zip(counts.tolist(), edges, edges[1:], strict=False):
        at = y(count)
        parts.append(
            svg.element(
                "rect",
                x=x(a) + 0.5,
                y=at,
                width=x(b) - x(a) - 1,
                height=bottom - at,
                class_="fill work",
            )
        )
    at = x(analysis.balance.mean)
    parts.append(svg.element("line", x1=at, x2=at, y1=top, y2=bottom, class_="mean"))
    return svg.figure("How many slots had which load", bottom + 44, parts)


def speedup(scaling: Scaling, kind: str) -> str:
    """Speedup over slots on log scales: points, the fitted Amdahl curve, the ideal line."""
    width, height, left, top = 470.0, 340.0, 64.0, 14.0
    right, bottom = width - 16, height - 48
    base, most = scaling.base_slots, scaling.points[-1].slots
    lowest = min(1.0, *(point.speedup for point in scaling.points)) * 0.9
    highest = max(most / base, *(point.speedup for point in scaling.points)) * 1.1
    x = svg.Scale(base / 1.1, most * 1.1, left, right, log=True)
    y = svg.Scale(lowest, highest, bottom, top, log=True)
    slots = np.geomspace(base, most, 60)
    curve = amdahl(scaling.amdahl_fraction, slots / base)
    parts = [
        svg.x_axis(x, bottom, top, "slots", svg.plain),
        svg.y_axis(y, left, right, f"speedup over {base} slot{'s' if base > 1 else ''}", svg.plain),
        svg.element(
            "path", d=svg.line([(x(base), y(1)), (x(most), y(most / base))]), class_="line ideal"
        ),
        svg.element(
            "path",
            d=svg.line([(x(p), y(s)) for p, s in zip(slots, curve, strict=True)]),
            class_=f"line {kind}",
        ),
    ]
    for point in scaling.points:
        at_x, at_y = x(point.slots), y(point.speedup)
        title = svg.element("title", f"{point.slots} slots: {point.speedup:.2f}")
        parts.append(svg.element("circle", title, cx=at_x, cy=at_y, r=4.5, class_=f"point {kind}"))
    return svg.figure(f"Speedup, {kind}", height, parts, width)
