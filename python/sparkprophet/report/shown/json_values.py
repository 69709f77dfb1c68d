"""The report as JSON values."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sparkprophet.report.shown.text import verdict

if TYPE_CHECKING:
    from sparkprophet.report.report import Report


def as_values(report: Report) -> dict[str, Any]:
    """Dicts, lists, strings, numbers and None; no array is longer than the slots or time bins."""
    measured, work = report.timings, report.job
    scaling, predicted = report.scaling, report.predicted
    return {
        "wall_seconds": measured.wall_seconds,
        "slots": report.slots.count,
        "groups": int(measured.groups.sum()),
        "cpu_utilisation": report.cpu_utilisation,
        "busy_share": report.busy_share,
        "parts": [asdict(part) for part in report.parts],
        "prologue_seconds": work.prologue,
        "epilogue_seconds": work.epilogue,
        "pauses": asdict(report.pauses),
        "contention": work.contention,
        "warm_up_seconds": work.per_slot,
        "balance": asdict(report.balance) | {"slots": _per_slot(report)},
        "usage": {
            "bin_seconds": measured.wall_seconds / len(report.usage.busy),
            "busy": report.usage.busy.tolist(),
            "cpu": report.usage.cpu.tolist(),
        },
        "same_machines": [asdict(each) | {"error": each.error} for each in report.same_machines],
        "scaling": None if scaling is None else _finite(asdict(scaling)),
        "predicted_scaling": None if predicted is None else _finite(asdict(predicted)),
        "gustafson": {"share": report.gustafson_share, "speedup": report.gustafson_speedup},
        "price": report.price,
        "deadline": report.deadline,
        "shapes": [_offer(offer) for offer in report.offers],
        "best_shape": None if report.best is None else str(report.best.shape),
        "fastest_shape": str(report.fastest.shape),
        "floor_seconds": work.floor,
        "verdict": verdict(report),
        "without_prologue_seconds": report.without_prologue,
        "even_tasks_seconds": report.even_tasks,
        "notes": list(measured.notes),
    }


def _per_slot(report: Report) -> list[dict[str, Any]]:
    slots = report.slots
    return [
        {
            "host": slots.hosts[i] or None,
            "groups": int(slots.groups[i]),
            "busy_seconds": float(slots.busy[i]),
            "cpu_seconds": float(slots.cpu[i]),
            "first": float(slots.first[i]) if slots.groups[i] else None,
            "last": float(slots.last[i]) if slots.groups[i] else None,
        }
        for i in range(slots.count)
    ]


def _offer(offer: Any) -> dict[str, Any]:
    return asdict(offer) | {"shape": str(offer.shape), "slots": offer.shape.slots}


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
