"""The report as plain text, at most 100 characters a line."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from sparkprophet.report.scaling import Scaling
from sparkprophet.report.shapes import Offer

if TYPE_CHECKING:
    from sparkprophet.report.report import Report

_WIDTH = 100
_BAR = 30


def text(report: Report) -> str:
    """All sections, an empty line between them."""
    sections = [_use(report), _lost(report), _changes(report), _same(report)]
    if report.scaling is not None:
        sections.append(_scaling("measured", report.scaling))
    if report.predicted is not None:
        sections.append(_scaling("predicted", report.predicted))
    sections.append(_shapes(report))
    if report.timings.notes:
        sections.append([_wrapped(f"note: {note}", "  ") for note in report.timings.notes])
    return "\n\n".join("\n".join(lines) for lines in sections)


def seconds(value: float) -> str:
    """12.3 s up to ten minutes, then 12 min 5 s, 3 h 2 min."""
    if value < 600:
        return f"{value:.3g} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _use(report: Report) -> list[str]:
    measured, load = report.timings, report.balance
    hosts = len({host for host in report.slots.hosts if host})
    groups = int(measured.groups.sum())
    return [
        f"{_counted(groups, 'group')} in {seconds(measured.wall_seconds)} on "
        f"{_counted(report.slots.count, 'slot')} of {_counted(hosts, 'host')}",
        f"CPU utilisation {report.cpu_utilisation:.0%}; slots in groups {report.busy_share:.0%}; "
        f"from the first group to the last {_worked_share(report):.0%}",
        f"load: busiest slot {seconds(load.busiest)}, mean {seconds(load.mean)} "
        f"({load.imbalance:+.1%}); longest group {seconds(load.longest_group)}",
    ]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _worked_share(report: Report) -> float:
    """CPU utilisation between the first group's start and the last one's end."""
    span = report.timings.wall_seconds - report.job.prologue - report.job.epilogue
    return float(report.slots.cpu.sum()) / (span * report.slots.count) if span > 0 else 0.0


def _lost(report: Report) -> list[str]:
    lines = ["where the slots' seconds went"]
    for part in report.parts:
        bar = "#" * round(_BAR * part.share)
        lines.append(
            f"  {part.label:<26} {part.slot_seconds:>11.1f} {part.share:>6.1%}  {bar}".rstrip()
        )
    losses = sorted((p for p in report.parts if p.remedy), key=lambda p: -p.share)
    if losses:
        lines.append("what held it back")
        lines += [_wrapped(f"{p.share:.0%} {p.label}: {p.remedy}", "    ") for p in losses]
    return lines


def _changes(report: Report) -> list[str]:
    wall = report.timings.wall_seconds
    return [
        "what a change could bring at most",
        f"  caching the input          {_gain(wall, report.without_prologue)}",
        f"  more and smaller tasks     {_gain(wall, report.even_tasks)}",
        f"  slots without end          {_gain(wall, report.job.floor)}",
    ]


def _gain(wall: float, then: float) -> str:
    return f"{seconds(wall)} -> {seconds(min(wall, then))} ({less(wall, then):.0%} less)"


def less(wall: float, then: float) -> float:
    """The share of `wall` that is saved if it becomes `then`, at least 0."""
    return max(0.0, 1 - then / wall)


def _same(report: Report) -> list[str]:
    lines = ["parallelism on the same machines", "   slots   predicted    measured   error"]
    for each in report.same_machines:
        line = f"  {each.slots:>6} {seconds(each.predicted_seconds):>11}"
        if each.measured_seconds is not None:
            line += f" {seconds(each.measured_seconds):>11} {each.error:>+7.1%}"
        lines.append(line)
    return lines


def _scaling(kind: str, found: Scaling) -> list[str]:
    lines = [
        f"{kind} speedup over {found.base_slots} slot{'s' if found.base_slots > 1 else ''}",
        "   slots        wall  speedup  efficiency  Karp-Flatt",
    ]
    for point in found.points:
        serial = "" if point.karp_flatt is None else f"{point.karp_flatt:>11.3f}"
        lines.append(
            f"  {point.slots:>6} {seconds(point.wall_seconds):>11} {point.speedup:>8.2f} "
            f"{point.efficiency:>11.0%} {serial}".rstrip()
        )
    lines += [
        f"  Amdahl: serial fraction {found.amdahl_fraction:.3g}, so a speedup of at most "
        f"{limit(found)}",
        f"  Gustafson: serial share {found.gustafson_share:.3g} of the largest run, so a scaled "
        f"speedup of {found.scaled_speedup:.2f}",
    ]
    return lines


def limit(found: Scaling) -> str:
    """The speedup with slots without end."""
    return f"{found.limit:.3g}" if found.limit < 100 else f"{found.limit:,.0f}"


def _shapes(report: Report) -> list[str]:
    priced, due = report.price is not None, report.deadline is not None
    head = "   shape  slots   predicted  utilisation  core-hours"
    lines = ["predicted for other clusters (executors x cores)", head]
    if priced:
        lines[-1] += "        cost"
    if due:
        lines[-1] += "  in time"
    for offer in report.offers:
        line = (
            f"  {str(offer.shape):>6} {offer.shape.slots:>6} {seconds(offer.wall_seconds):>11} "
            f"{offer.utilisation:>12.0%} {offer.core_hours:>11.4g}"
        )
        if priced:
            line += f" {offer.cost:>11.4g}"
        if due:
            line += "      yes" if offer.in_time else "       no"
        lines.append(line)
    return [*lines, _wrapped(verdict(report), "  ")]


def verdict(report: Report) -> str:
    """Which shape to take, in a sentence."""
    quickest = report.fastest
    floor = (
        f"no number of slots goes below {seconds(report.job.floor)} (before the first group "
        f"{seconds(report.job.prologue)}, the longest group {seconds(report.job.longest)}, after "
        f"the last {seconds(report.job.epilogue)})"
    )
    if report.best is None:
        return (
            f"No shape meets the deadline of {seconds(report.deadline)}; the fastest is "
            f"{_named(quickest)}, and {floor}."
        )
    if report.deadline is None:
        return f"Cheapest: {_named(report.best)}; fastest: {_named(quickest)}; {floor}."
    return f"Cheapest within {seconds(report.deadline)}: {_named(report.best)}; {floor}."


def _named(offer: Offer) -> str:
    spent = f"{offer.core_hours:.3g} core-hours"
    if offer.cost is not None:
        spent = f"cost {offer.cost:.3g}"
    return f"{offer.shape} with {seconds(offer.wall_seconds)} ({spent})"


def _wrapped(line: str, indent: str) -> str:
    return textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent=indent + "  ")
