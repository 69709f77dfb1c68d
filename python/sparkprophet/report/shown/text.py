"""The report as plain text, at most 100 characters a line."""

from __future__ import annotations

import textwrap

from sparkprophet.report.analysis import Analysis
from sparkprophet.report.scaling import Scaling
from sparkprophet.report.shapes import Offer

_WIDTH = 100
_BAR = 30


def text(analysis: Analysis) -> str:
    """All sections, an empty line between them."""
    sections = [_use(analysis), _lost(analysis), _changes(analysis), _same(analysis)]
    if analysis.scaling is not None:
        sections.append(_scaling("measured", analysis.scaling))
    if analysis.predicted is not None:
        sections.append(_scaling("predicted", analysis.predicted))
    sections.append(_shapes(analysis))
    if analysis.timings.notes:
        sections.append([_wrapped(f"note: {note}", "  ") for note in analysis.timings.notes])
    return "\n\n".join("\n".join(lines) for lines in sections)


def seconds(value: float) -> str:
    """12.3 s up to ten minutes, then 12 min 5 s, 3 h 2 min."""
    if value < 600:
        return f"{value:.3g} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _use(analysis: Analysis) -> list[str]:
    measured, load = analysis.timings, analysis.balance
    groups = _counted(int(measured.groups.sum()), "group")
    slots = _counted(analysis.slots.count, "slot")
    hosts = _counted(analysis.slots.host_count, "host")
    return [
        f"{groups} in {seconds(measured.wall_seconds)} on {slots} of {hosts}",
        f"CPU utilisation {analysis.cpu_utilisation:.0%}; slots in groups "
        f"{analysis.busy_share:.0%}; from the first group to the last "
        f"{_worked_share(analysis):.0%}",
        f"load: busiest slot {seconds(load.busiest)}, mean {seconds(load.mean)} "
        f"({load.imbalance:+.1%}); longest group {seconds(load.longest_group)}",
    ]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _worked_share(analysis: Analysis) -> float:
    """CPU utilisation between the first group's start and the last one's end."""
    span = analysis.timings.wall_seconds - analysis.job.prologue - analysis.job.epilogue
    return float(analysis.slots.cpu.sum()) / (span * analysis.slots.count) if span > 0 else 0.0


def _lost(analysis: Analysis) -> list[str]:
    lines = ["where the slots' seconds went"]
    for part in analysis.parts:
        bar = "#" * round(_BAR * part.share)
        lines.append(
            f"  {part.label:<26} {part.slot_seconds:>11.1f} {part.share:>6.1%}  {bar}".rstrip()
        )
    losses = sorted((p for p in analysis.parts if p.remedy), key=lambda p: -p.share)
    if losses:
        lines.append("what held it back")
        lines += [_wrapped(f"{p.share:.0%} {p.label}: {p.remedy}", "    ") for p in losses]
    return lines


def _changes(analysis: Analysis) -> list[str]:
    wall = seconds(analysis.timings.wall_seconds)
    return [
        "what a change could bring at most",
        *(f"  {name:<25}  {wall} -> {then} ({less} less)" for name, then, less in gains(analysis)),
    ]


def gains(analysis: Analysis) -> list[tuple[str, str, str]]:
    """Changes to a job in words, each with the wall time that it could at best bring, and the
    share of the measured one that is saved.
    """
    wall = analysis.timings.wall_seconds
    changes = {
        "caching the input": analysis.without_prologue,
        "more and smaller tasks": analysis.even_tasks,
        "slots without end": analysis.job.floor,
    }
    return [
        (name, seconds(min(wall, then)), f"{max(0.0, 1 - then / wall):.0%}")
        for name, then in changes.items()
    ]


def _same(analysis: Analysis) -> list[str]:
    lines = ["parallelism on the same machines", "   slots   predicted    measured   error"]
    for each in analysis.same_machines:
        line = f"  {each.slots:>6} {seconds(each.predicted_seconds):>11}"
        if each.measured_seconds is not None:
            line += f" {seconds(each.measured_seconds):>11} {each.error:>+7.1%}"
        lines.append(line)
    return lines


def _scaling(kind: str, scaling: Scaling) -> list[str]:
    lines = [
        f"{kind} speedup over {scaling.base_slots} slot{'s' if scaling.base_slots > 1 else ''}",
        "   slots        wall  speedup  efficiency  Karp-Flatt",
    ]
    for point in scaling.points:
        serial = "" if point.karp_flatt is None else f"{point.karp_flatt:>11.3f}"
        lines.append(
            f"  {point.slots:>6} {seconds(point.wall_seconds):>11} {point.speedup:>8.2f} "
            f"{point.efficiency:>11.0%} {serial}".rstrip()
        )
    lines += [
        f"  Amdahl: serial fraction {scaling.amdahl_fraction:.3g}, so a speedup of at most "
        f"{limit(scaling)}",
        f"  Gustafson: serial share {scaling.gustafson_share:.3g} of the largest run, so a scaled "
        f"speedup of {scaling.scaled_speedup:.2f}",
    ]
    return lines


def limit(scaling: Scaling) -> str:
    """The speedup with slots without end."""
    return f"{scaling.limit:.3g}" if scaling.limit < 100 else f"{scaling.limit:,.0f}"


def _shapes(analysis: Analysis) -> list[str]:
    priced, due = analysis.price is not None, analysis.deadline is not None
    head = "   shape  slots   predicted  utilisation  core-hours"
    lines = ["predicted for other clusters (executors x cores)", head]
    if priced:
        lines[-1] += "        cost"
    if due:
        lines[-1] += "  in time"
    for offer in analysis.offers:
        line = (
            f"  {str(offer.shape):>6} {offer.shape.slots:>6} {seconds(offer.wall_seconds):>11} "
            f"{offer.utilisation:>12.0%} {offer.core_hours:>11.4g}"
        )
        if priced:
            line += f" {offer.cost:>11.4g}"
        if due:
            line += "      yes" if offer.in_time else "       no"
        lines.append(line)
    return [*lines, _wrapped(verdict(analysis), "  ")]


def verdict(analysis: Analysis) -> str:
    """Which shape to take, in a sentence."""
    quickest, job = analysis.fastest, analysis.job
    floor = (
        f"no number of slots goes below {seconds(job.floor)} (before the first group "
        f"{seconds(job.prologue)}, the longest group {seconds(job.longest)}, after the last "
        f"{seconds(job.epilogue)})"
    )
    due = "" if analysis.deadline is None else seconds(analysis.deadline)
    if analysis.best is None:
        return (
            f"No shape meets the deadline of {due}; the fastest is {_named(quickest)}, and {floor}."
        )
    if not due:
        return f"Cheapest: {_named(analysis.best)}; fastest: {_named(quickest)}; {floor}."
    return f"Cheapest within {due}: {_named(analysis.best)}; {floor}."


def _named(offer: Offer) -> str:
    spent = f"{offer.core_hours:.3g} core-hours"
    if offer.cost is not None:
        spent = f"cost {offer.cost:.3g}"
    return f"{offer.shape} with {seconds(offer.wall_seconds)} ({spent})"


def _wrapped(line: str, indent: str) -> str:
    return textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent=indent + "  ")
