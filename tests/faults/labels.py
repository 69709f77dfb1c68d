"""The label: what is wrong with y (12 cases)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from card import Case
from groups import (
    GOOD,
    HORIZON,
    Batch,
    Group,
    Rows,
    check_forecast,
    check_good,
    check_keys,
    fitted,
    frame,
    good,
    refused,
    series,
    stock,
)

Y = Batch("y")


def spoilt(value: Any, *at: int) -> Rows:
    """Rows with `value` as the label at some places, or everywhere."""
    return [(ds, value if i in at or not at else y) for i, (ds, y) in enumerate(series())]


def scaled(factor: float) -> Rows:
    return [(ds, y * factor) for ds, y in series()]


def without(*at: int) -> Rows:
    return [row for i, row in enumerate(series()) if i not in at]


def of_type(kind: str, *words: str) -> Case:
    """A label column of another type: right forecasts, or one clear error before any job."""

    def run(system: Any, place: Path) -> str:
        boolean = kind == "boolean"
        groups = {k: [(d, float(y > 20)) for d, y in rows] for k, rows in good().items()}
        data = frame(groups if boolean else good(), y=kind)
        seen: list[Any] = []
        error = refused(lambda: seen.append(fitted(system, data)), *words)
        if error is not None:
            return error
        check_keys(seen[0], {(key,) for key in GOOD})
        if not boolean:
            check_good(system, seen[0])
        for key, rows in (groups if boolean else good()).items():
            check_forecast(seen[0][(key,)], stock(tuple(rows)), 1.0)
        return "forecasts as stock Prophet's"

    return Case("y", kind.partition("(")[0], "P1 P2" if "(" in kind else "P7", run)


INFINITE = ("1 of 80 labels are infinite", "replace them by NULL")
RANGE = ("scale the label",)
CASES = [
    Y.case("NaN", Group("NaN", spoilt(math.nan, 7, 40), usable=without(7, 40))),
    Y.case("NULL", Group("NULL", spoilt(None, 7, 40), usable=without(7, 40))),
    Y.case("all NaN", Group("all NaN", spoilt(math.nan), "TOO_SHORT",
                            ("0 usable rows", "minObservations"))),
    Y.case("+inf", Group("+inf", spoilt(math.inf, 7), "Y_INFINITE", INFINITE)),
    Y.case("-inf", Group("-inf", spoilt(-math.inf, 7), "Y_INFINITE", INFINITE)),
    Y.case("constant", Group("constant", spoilt(5.0), expected=(5.0,) * HORIZON)),
    Y.case("all zero", Group("all zero", spoilt(0.0), expected=(0.0,) * HORIZON)),
    Y.case("1e300", Group("1e300", scaled(1e300), "Y_OUT_OF_RANGE", ("e+301", *RANGE)),
           may_forecast=True),
    Y.case("1e-300", Group("1e-300", scaled(1e-300), "Y_OUT_OF_RANGE", ("e-299", *RANGE)),
           may_forecast=True),
    of_type("decimal(20,4)"),
    of_type("string", "labelCol", "'y'", "string", "cast"),
    of_type("boolean", "labelCol", "'y'", "boolean", "cast"),
]  # fmt: skip
