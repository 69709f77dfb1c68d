"""Small parts of SVG: elements, scales, axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 960.0
"""Of every plot over the page's full width, in the units of its viewBox."""
LEFT, RIGHT = 148.0, 24.0
"""Margins that plots over time have in common, so that their axes stand one below the other."""


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """One element; `content` is markup, attribute values are escaped, `_` in names means `-`."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{shown}>{content}</{name}>" if content else f"<{name}{shown}/>"


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """Escaped text."""
    return element("text", escape(words), x=x, y=y, **attributes)


def figure(label: str, height: float, parts: Sequence[str], width: float = WIDTH) -> str:
    """The svg element of a plot; `label` says what it shows, for those who cannot see it."""
    box = f"0 0 {_number(width)} {_number(height)}"
    return element("svg", "".join(parts), viewBox=box, role="img", aria_label=label)


@dataclass(frozen=True)
class Scale:
    """From values of `low` to `high` to positions of `at_low` to `at_high`."""

    low: float
    high: float
    at_low: float
    at_high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        change: Callable[[float], float] = math.log2 if self.log else float
        low, high = change(self.low), change(self.high)
        share = (change(value) - low) / (high - low)
        return self.at_low + share * (self.at_high - self.at_low)

    def ticks(self, most: int = 8) -> list[float]:
        """Round values within the scale: powers of two on a log scale, else 1, 2 or 5 x 10^n."""
        if self.log:
            powers = range(math.ceil(math.log2(self.low)), math.floor(math.log2(self.high)) + 1)
            every = max(1, -(-len(powers) // most))
            return [2.0**power for power in powers[::every]]
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def x_axis(scale: Scale, y: float, top: float, title: str, form: Callable[[float], str]) -> str:
    """Ticks below `y` with grid lines up to `top`, and the axis' title below them."""
    parts = []
    for tick in scale.ticks():
        x = scale(tick)
        parts.append(element("line", x1=x, x2=x, y1=top, y2=y, class_="grid"))
        parts.append(text(x, y + 16, form(tick), text_anchor="middle"))
    middle = (scale.at_low + scale.at_high) / 2
    parts.append(text(middle, y + 34, title, text_anchor="middle", class_="title"))
    return "".join(parts)


def y_axis(scale: Scale, x: float, right: float, title: str, form: Callable[[float], str]) -> str:
    """Ticks left of `x` with grid lines up to `right`; the title stands upright beside them."""
    parts = []
    for tick in scale.ticks(6):
        y = scale(tick)
        parts.append(element("line", x1=x, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(text(x - 6, y + 4, form(tick), text_anchor="end"))
    middle = (scale.at_low + scale.at_high) / 2
    turned = f"rotate(-90 {_number(x - 44)} {_number(middle)})"
    parts.append(
        text(x - 44, middle, title, text_anchor="middle", class_="title", transform=turned)
    )
    return "".join(parts)


def line(points: Sequence[tuple[float, float]]) -> str:
    """The d of a path through the points."""
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def plain(value: float) -> str:
    """A tick's number: 0.5, 20, 1500."""
    return f"{value:.10g}"


def _number(value: object) -> str:
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
