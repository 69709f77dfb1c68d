"""The scale: how many groups, how many rows, how many failures (4 cases, all slow)."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from card import Broken, Case, broken_unless
from groups import check_message, label_sql, session, stock
from sparkprophet import FitFailedError
from systems import SYSTEMS, Settings

HERE = Path(__file__).resolve().parent
CLUSTER = "local-cluster[2,1,5120]"
GROUPS = 1_000_000
ROWS = 10_000_000
HOUR = 3600
FIT_LIMIT = HOUR
ROWS_LIMIT = 10 * 60
MOST_MEMORY = 16 * 2**30  # address space of a process, in bytes
MARGIN = 16  # MiB that a driver's heap may differ by from one fit to the next


def scale_job(
    place: Path, system: Any, work: str, sizes: str, seconds: float, master: str = CLUSTER
) -> dict[str, Any]:
    """What `scale_job.py` found; Broken where it has no end in time or is out of memory."""
    name = next(name for name, known in SYSTEMS.items() if known is system)
    with open(place / "out", "wb") as out, open(place / "errors", "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, HERE / "scale_job.py", name, work, sizes, master],
            cwd=place,
            stdout=out,
            stderr=errors,
            start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY)),
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"no end within {seconds / 60:.0f} minutes") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if code:
        lines = (place / "errors").read_text(errors="replace").splitlines()
        raise Broken("the job failed: " + telling(lines))
    return json.loads((place / "out").read_text().splitlines()[-1])


def telling(lines: list[str]) -> str:
    """The error's own line in a log."""
    told = [line.strip() for line in lines if "Error" in line or "Exception" in line]
    return (told or lines or ["no word"])[-1]


def many_groups(system: Any, place: Path, groups: int = GROUPS) -> str:
    """A fit of ten times more groups leaves the driver's heap where it was, in an hour."""
    if system is SYSTEMS["plain"]:
        return few_of_many(system, place, groups)
    found = scale_job(place, system, "groups", f"{groups // 10},{groups}", 2 * HOUR)
    tenth, all_of_them = found["fits"]
    for name in ("rows", "keys", "ok"):
        broken_unless(all_of_them[name] == groups, f"{all_of_them[name]} {name} of {groups}")
    grown = all_of_them["heap"] - tenth["heap"]
    broken_unless(grown <= MARGIN, f"the driver's heap has grown by {grown:.0f} MiB")
    seconds = all_of_them["seconds"]
    broken_unless(seconds <= FIT_LIMIT, f"{seconds / 60:.0f} minutes")
    return (
        f"{seconds / 60:.0f} min, {1000 * seconds / groups:.1f} ms a group; driver's heap "
        f"{all_of_them['heap']:.0f} MiB ({tenth['heap']:.0f} with a tenth of the groups), its peak "
        f"{all_of_them['heap_peak']:.0f}; Python {all_of_them['python']:.0f}; "
        f"all processes {found['memory'] / 2**30:.1f} GiB"
    )


def few_of_many(system: Any, place: Path, groups: int, few: int = 400) -> str:
    """The time of all groups is that of some of them, extrapolated."""
    found = scale_job(place, system, "groups", f"{few // 4},{few}", FIT_LIMIT)
    quarter, some = found["fits"]
    each = (some["seconds"] - quarter["seconds"]) / (few - few // 4)
    if each * groups > FIT_LIMIT:
        raise Broken(
            f"no end within {FIT_LIMIT // 60} minutes: {1000 * each:.0f} ms a group, measured on "
            f"{few}, are {each * groups / HOUR:.1f} h"
        )
    return f"{each * groups / 60:.0f} min, extrapolated from {few} groups"


def large_group(system: Any, place: Path, rows: int = ROWS) -> str:
    """It is fitted, saved, loaded and forecast, and the small ones beside it as without it."""
    found = scale_job(place, system, "rows", str(rows), ROWS_LIMIT)
    keys = {"large", "small 0", "small 1", "small 2"}
    broken_unless(set(found["forecasts"]) == keys, f"keys {sorted(found['forecasts'])}")
    wrong = {key: code for key, code in found["codes"].items() if code}
    broken_unless(not wrong, f"failed: {wrong}")
    for key, alone in found["alone"].items():
        broken_unless(found["forecasts"][key] == alone, f"the forecast of {key!r} has changed")
    n, away = found["fitted"]["large"]
    broken_unless(n == rows, f"{n} of {rows} rows have a forecast")
    # The labels' noise is uniform from 0 to 1: its mean absolute deviation is a quarter.
    broken_unless(away < 0.5, f"fitted values are {away:.2g} away on average")
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in found["seconds"].items())
    return (
        f"{spent}; all processes {found['memory'] / 2**30:.1f} GiB, driver's heap "
        f"{found['heap_peak']:.0f} MiB at most; saved {found['saved'] / 2**20:.0f} MiB"
    )


def failing(groups: int, good: str) -> DataFrame:
    """Groups of 30 days; those for which `good` does not hold have no label, infinite labels or a
    row without a timestamp, a third of them each.
    """
    rows = session().range(0, 30 * groups, numPartitions=4).selectExpr("id", "id div 30 AS number")
    y = label_sql("id % 30", "7")
    kind = f"CASE WHEN {good} THEN 0 ELSE 1 + number % 3 END"
    return rows.selectExpr("id", "CAST(number AS string) AS g", f"{kind} AS kind").selectExpr(
        "g",
        "IF(kind = 3 AND id % 30 = 7, NULL, date_add(DATE'2024-01-01', int(id % 30))) AS ds",
        f"CASE kind WHEN 1 THEN NULL WHEN 2 THEN double('inf') ELSE {y} END AS y",
    )


def most_failing(system: Any, place: Path, groups: int = 9_900) -> str:
    """Every failed group is a row, and every hundredth has the forecast that it has alone."""
    data = failing(groups, "number % 100 = 0")
    good = [str(number) for number in range(0, groups, 100)]
    model = system.fit(data, Settings())
    found = system.outcomes(model)
    broken_unless(len(found) == groups, f"{len(found)} rows of {groups}")
    codes = [o.code for (key,), o in found.items() if key not in good]
    expected = {code: len(codes) // 3 for code in ("TOO_SHORT", "Y_INFINITE", "DS_NULL")}
    counted = {code: codes.count(code) for code in set(codes)}
    broken_unless(counted == expected, f"codes {counted}, not {expected}")
    for (key,), outcome in found.items():
        if outcome.code is not None:
            check_message(outcome.message, f"group g={key}: ")
    counts = model.summary.by_error_code
    broken_unless(counts == expected, f"the summary counts {counts}")
    kept = data.filter(data.g.isin(good)).cache()
    alone = system.fit(kept, Settings())
    for (key,), outcome in system.outcomes(alone).items():
        broken_unless(found[(key,)].forecast == outcome.forecast, f"the forecast of {key} changed")
    rows = {}
    for row in kept.orderBy("ds").collect():
        rows.setdefault(row.g, []).append((row.ds, row.y))
    for key in good[:3]:
        away = max(
            abs(f - e) for f, e in zip(found[(key,)].forecast, stock(tuple(rows[key])), strict=True)
        )
        broken_unless(away <= 0.1, f"the forecast of {key} is {away:.2g} from stock Prophet's")
    for made in (model, alone, kept):
        made.unpersist()
    return f"{len(good)} forecasts, {len(codes)} rows with a code"


def all_failing(system: Any, place: Path, groups: int = 3_000) -> str:
    """One error with the codes, and the model that has every group's row."""
    try:
        system.fit(failing(groups, "false"), Settings())
    except FitFailedError as error:
        check_message(
            str(error),
            f"{groups} of {groups} groups failed",
            "TOO_SHORT",
            "Y_INFINITE",
            "DS_NULL",
            "maxFailedFraction",
            "group g=",
        )
        rows = error.model.models.filter("error_code IS NOT NULL").count()
        error.model.unpersist()
        broken_unless(rows == groups, f"{rows} rows of {groups}")
        return f"FitFailedError with 3 codes and a model of {rows} rows"
    raise Broken("a fit in which every group failed ends like any other")


CASES = [
    Case("scale", "1,000,000 groups of 30 rows in an hour", "P1 P8", many_groups, slow=True),
    Case("scale", "one group of 10,000,000 rows", "P1 P2 P8", large_group, slow=True),
    Case("scale", "99 % of groups failing", "P1 P2 P7", most_failing, slow=True),
    Case("scale", "all groups failing", "P1 P7", all_failing, slow=True),
]
