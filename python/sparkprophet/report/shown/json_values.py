"""The report as JSON values."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from sparkprophet.report.analysis import Analysis
from sparkprophet.report.shapes import Offer
from sparkprophet.report.shown.text import verdict


def as_values(analysis: Analysis) -> dict[str, Any]:
    """Dicts, lists, strings, numbers and None; no array is longer than the slots or time bins."""
    measured, work = analysis.timings, analysis.job
    scaling, predicted = analysis.scaling, analysis.predicted
    return {
        "wall_seconds": measured.wall_seconds,
        "slots": analysis.slots.count,
        "groups": int(measured.groups.sum()),
        "cpu_utilisation": analysis.cpu_utilisation,
        "busy_share": analysis.busy_share,
        "parts": [asdict(part) for part in analysis.parts],
        "prologue_seconds": work.prologue,
        "epilogue_seconds": work.epilogue,
        "pauses": asdict(analysis.pauses),
        "contention": work.contention,
        "warm_up_seconds": work.per_slot,
        "balance": asdict(analysis.balance) | {"slots": _per_slot(analysis)},
        "usage": {
            "bin_seconds": measured.wall_seconds / len(analysis.usage.busy),
            "busy": analysis.usage.busy.tolist(),
            "cpu": analysis.usage.cpu.tolist(),
        },
        "same_machines": [asdict(each) | {"error": each.error} for each in analysis.same_machines],
        "scaling": None if scaling is None else _finite(asdict(scaling)),
        "predicted_scaling": None if predicted is None else _finite(asdict(predicted)),
        "gustafson": {"share": analysis.gustafson_share, "speedup": analysis.gustafson_speedup},
        "price": analysis.price,
        "deadline": analysis.deadline,
        "shapes": [_offer(offer) for offer in analysis.offers],
        "best_shape": None if analysis.best is None else str(analysis.best.shape),
        "fastest_shape": str(analysis.fastest.shape),
        "floor_seconds": work.floor,
        "verdict": verdict(analysis),
        "without_prologue_seconds": analysis.without_prologue,
        "even_tasks_seconds": analysis.even_tasks,
        "notes": list(measured.notes),
    }


def _per_slot(analysis: Analysis) -> list[dict[str, Any]]:
    slots = analysis.slots
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


def _offer(offer: Offer) -> dict[str, Any]:
    return asdict(offer) | {"shape": str(offer.shape), "slots": offer.shape.slots}


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
