"""The look of the report's page."""

from __future__ import annotations

from sparkprophet.report.losses import LABELS

COLOURS = {
    "work": "#2b6cb0",
    "cpu_wait": "#e0a526",
    "between_groups": "#8fa3b5",
    "between_tasks": "#5f7285",
    "prologue": "#9a6fb8",
    "late_start": "#c39bd3",
    "tail": "#d1603d",
    "epilogue": "#4fa08b",
    "unused": "#c9c2b8",
}
"""Of every part of the slots' seconds, readable on a light and on a dark page."""
if set(COLOURS) != set(LABELS):
    raise AssertionError("COLOURS: must have one for every part of losses.LABELS")

_DARK_TEXT_ON = ("cpu_wait", "late_start", "unused")

CSS = """
:root { --page: #ffffff; --ink: #1f2933; --soft: #5b6875; --rule: #dde3e9; --band: #f2f4f7;
  --ideal: #9aa5b1; }
@media (prefers-color-scheme: dark) { :root { --page: #16191d; --ink: #e6e9ec; --soft: #9fabb7;
  --rule: #333b44; --band: #20252b; --ideal: #76828e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1010px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 38px 0 6px; padding-top: 14px; border-top: 1px solid var(--rule); }
p { margin: 6px 0; max-width: 78ch; text-wrap: pretty; }
.soft { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 4px; }
.facts div { flex: 1 1 130px; background: var(--band); border-radius: 8px; padding: 10px 14px; }
.facts b { display: block; font-size: 22px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: 13px; }
.pair { display: flex; flex-wrap: wrap; gap: 20px; }
.pair figure { flex: 1 1 420px; max-width: 480px; }
figure { margin: 8px 0; }
figcaption { color: var(--soft); font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 10px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: 13px; white-space: nowrap; }
td.words, th.words { text-align: left; }
td.words:first-child { white-space: nowrap; }
tr.best td { font-weight: 700; background: var(--band); }
.key { margin-right: 18px; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 7px; }
svg { display: block; width: 100%; height: auto; font-size: 12px; }
svg text { fill: var(--ink); }
svg text.title { fill: var(--soft); }
.grid { stroke: var(--rule); stroke-width: 1; }
.phase { fill: var(--band); }
.busy { stroke: #2b6cb0; fill: none; }
.longest { stroke: #d1603d; fill: none; }
.mean { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
.line { fill: none; stroke-width: 2; }
.line.ideal { stroke: var(--ideal); stroke-dasharray: 5 4; }
.line.measured, .point.measured { stroke: #2b6cb0; }
.point.measured { fill: #2b6cb0; }
.line.predicted, .point.predicted { stroke: #d1603d; }
.point.predicted { fill: var(--page); stroke-width: 2; }
.fill.wait { fill: #e0a526; }
svg text.on { fill: #ffffff; font-weight: 600; }
""" + "\n".join(
    [f".fill.{name} {{ fill: {colour}; }}" for name, colour in COLOURS.items()]
    + [f"svg text.on.{name} {{ fill: #1f2933; }}" for name in _DARK_TEXT_ON]
)
