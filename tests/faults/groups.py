"""Two good groups with a bad one beside them, fitted by a system, and what must hold then.

Rows are tuples (ds, y). What a forecast has to be is stock Prophet's own, fitted in this process
to the rows that it can use.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.cloudpickle import register_pickle_by_value
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

sys.path.append(str(Path(__file__).resolve().parents[1]))

import systems
from card import Broken, Case, broken_unless
from counted_jobs import counted_jobs
from systems import HORIZON, Outcome, Settings

# Workers have no path to the modules of tests.
register_pickle_by_value(systems)

Rows = Sequence[tuple[Any, Any]]

GOOD = ("good 1", "good 2")
ROWS = 80
START = datetime(2024, 1, 1)
MESSAGE_LIMIT = 500
# Stan stops where its steps get short, sparkprophet at the optimum: in the unit of the labels'
# standard deviation, their forecasts of these series differ by less than this.
TOLERANCE = 0.05


def days(rows: int = ROWS, start: datetime = START, step: timedelta = timedelta(days=1)) -> list:
    """Timestamps one step apart."""
    return [start + i * step for i in range(rows)]


def labels(seed: int, rows: int = ROWS) -> list[float]:
    """A trend, a week and noise, with two digits, as a decimal column can hold them."""
    t = np.arange(rows)
    noise = np.random.default_rng(seed).normal(0, 0.5, rows)
    return np.round(20 + 0.05 * t + 3 * np.sin(2 * np.pi * t / 7) + noise, 2).tolist()


def series(seed: int = 9, rows: int = ROWS) -> list[tuple[datetime, float]]:
    """Rows of one group."""
    return list(zip(days(rows), labels(seed, rows), strict=True))


def good() -> dict[str, Rows]:
    """The groups that nothing may change."""
    return {key: series(seed) for seed, key in enumerate(GOOD)}


def label_sql(at: str, week: str) -> str:
    """As `labels`, of a frame that Spark generates: at the step `at` of its number id."""
    wave = f"3 * sin(2 * pi() * ({at}) / {week})"
    return f"20 + 0.05 * ({at}) * 7 / {week} + {wave} + pmod(xxhash64(id), 1000) / 1000D"


def session() -> SparkSession:
    """The one that runs; outside pytest a new one."""
    return SparkSession.builder.getOrCreate()


def frame(groups: Mapping[Any, Rows], ds: str = "timestamp", y: str = "double") -> DataFrame:
    """A Spark frame g, ds, y; wall clocks become the session's instants, NULL and NaN differ."""
    records = [(key, *row) for key, rows in groups.items() for row in rows]
    data = session().createDataFrame(records, "g string, ds timestamp_ntz, y double")
    return data.select("g", F.col("ds").cast(ds).alias("ds"), F.col("y").cast(y).alias("y"))


def fitted(system: Any, data: DataFrame, settings: Settings = Settings()) -> dict[tuple, Outcome]:  # noqa: B008
    """What became of each group."""
    model = system.fit(data, settings)
    try:
        return system.outcomes(model)
    finally:
        model.unpersist()


@functools.cache
def alone(system: Any) -> dict[tuple, Outcome]:
    """The good groups' outcomes without company."""
    return fitted(system, frame(good()))


@functools.cache
def stock(rows: tuple, ahead: tuple[datetime, ...] = ()) -> tuple[float, ...]:
    """Stock Prophet's forecasts of `ahead`, by default of the HORIZON days after the rows."""
    logging.getLogger("cmdstanpy").disabled = True
    from prophet import Prophet

    model = Prophet(uncertainty_samples=0).fit(pd.DataFrame(list(rows), columns=["ds", "y"]))
    future = pd.DataFrame({"ds": list(ahead)})
    if not ahead:
        future = model.make_future_dataframe(HORIZON, include_history=False)
    return tuple(model.predict(future)["yhat"])


def check_keys(found: Mapping[tuple, Outcome], keys: set[tuple]) -> None:
    """P1."""
    missing, unknown = keys - set(found), set(found) - keys
    broken_unless(not missing, f"no row for {len(missing)} keys: {_shown(missing)}")
    broken_unless(not unknown, f"rows of keys that no input row has: {_shown(unknown)}")
    for key, outcome in found.items():
        coded = outcome.code is not None
        broken_unless(coded == (outcome.status != "ok"), f"{key}: {outcome.status} without a code")


def check_good(system: Any, found: Mapping[tuple, Outcome], keys: Sequence[tuple] = ()) -> None:
    """P2: the forecasts of the good groups, under these keys, are those without company."""
    for own, key in zip(GOOD, keys or [(name,) for name in GOOD], strict=True):
        expected = alone(system)[(own,)].forecast
        broken_unless(len(expected) == HORIZON and np.isfinite(expected).all(), "no forecast")
        broken_unless(found[key].forecast == expected, f"the forecast of {own!r} has changed")


def check_forecast(outcome: Outcome, expected: Sequence[float], unit: float) -> None:
    """The forecast is the right one; `unit` is the standard deviation of the labels."""
    if outcome.code is not None:
        raise Broken(f"{outcome.code} for a group that can be forecast: {outcome.message}")
    broken_unless(len(outcome.forecast) == len(expected), f"{len(outcome.forecast)} forecasts")
    away = max(abs(f - e) for f, e in zip(outcome.forecast, expected, strict=True))
    broken_unless(
        away <= TOLERANCE * unit,
        f"the forecast is {outcome.forecast[0]:g}, {expected[0]:g} is right",
    )


def deviation(rows: Rows) -> float:
    """Standard deviation of the labels, however large or small; a billionth where they are one."""
    y = np.array([y for _, y in rows], dtype=float)
    largest = np.abs(y).max() or 1.0
    return max(float(np.std(y / largest)), 1e-9) * largest


def check_failed(key: str | None, outcome: Outcome, code: str, *words: str) -> None:
    """P7: a code, and a message that says which group, what and the remedy in one short line."""
    broken_unless(
        outcome.code is not None,
        f"status {outcome.status}, forecast {outcome.forecast}: nothing tells that it is no use",
    )
    broken_unless(outcome.code == code, f"code {outcome.code}, not {code}")
    check_message(outcome.message or "", f"group g={key}: ", *words)


def check_message(message: str, *words: str) -> None:
    """P7: short, on one line, with these words."""
    broken_unless(len(message) <= MESSAGE_LIMIT, f"a message of {len(message)} characters")
    broken_unless("\n" not in message, f"a message of several lines: {cause(message)}")
    for word in words:
        broken_unless(word in message, f"the message does not say {word!r}: {message}")


def refused(call: Callable[[], Any], *words: str) -> str | None:
    """P7: `call` raises before any Spark job, with such a message; None where it does not raise."""
    with counted_jobs(session()) as jobs:
        try:
            call()
        except Exception as error:
            begun = jobs()
            broken_unless(not begun, f"fails only in the job: {cause(error)}")
            check_message(str(error), *words)
            return f"{type(error).__name__} before any job: {cause(error)}"
    return None


def cause(error: Any) -> str:
    """An error's own line out of the tracebacks of Spark's workers and of Java."""
    lines = [re.sub(r"^(: |Caused by: )", "", line.strip()) for line in str(error).splitlines()]
    lines = [line for line in lines if not re.match(r"at \S+\(|\.\.\. \d+ (more|common)", line)]
    # An exception's own name is enough, without its modules.
    lines = [re.sub(r"^(\w+\.)+(?=\w+:)", "", line) for line in lines]
    told = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b.*:", line)]
    return (told or [line for line in lines if line] or [type(error).__name__])[-1]


@contextlib.contextmanager
def time_zone(name: str) -> Iterator[None]:
    """Run a block under another time zone of the session."""
    settings = session().conf
    before = settings.get("spark.sql.session.timeZone")
    settings.set("spark.sql.session.timeZone", name)
    try:
        yield
    finally:
        settings.set("spark.sql.session.timeZone", before)


@dataclass(frozen=True)
class Group:
    """A bad group: its rows, and what must become of it.

    Attributes
    ----------
    key : str or None
    rows : Rows
    code : str, optional
        Of the failed row; a group without one must be forecast.
    words : tuple of str
        Of its message.
    usable : Rows, optional
        The rows of which stock Prophet's forecast is the right one; by default all.
    expected : tuple of float, optional
        The right forecast where it is plain to see.
    """

    key: str | None
    rows: Rows
    code: str | None = None
    words: tuple[str, ...] = ()
    usable: Rows | None = None
    expected: tuple[float, ...] | None = None

    def check(self, outcome: Outcome, may_forecast: bool) -> str:
        """Raise Broken unless the outcome is right; say what it is."""
        if self.code is not None and not (may_forecast and outcome.code is None):
            check_failed(self.key, outcome, self.code, *self.words)
            return self.code
        rows = tuple(self.usable or self.rows)
        expected = self.expected or stock(rows)
        check_forecast(outcome, expected, deviation(rows))
        return "forecast as stock Prophet's" if self.expected is None else "forecast right"


class Batch:
    """The cases of one part that are groups of one frame.

    One fit of sparkprophet takes the groups of all cases at once. A job of applyInPandas ends with
    its first bad group, so there each case has a fit of its own.
    """

    def __init__(self, part: str) -> None:
        self.part, self.groups = part, {}
        self._seen: dict[Any, dict[tuple, Outcome]] = {}

    def case(self, name: str, *groups: Group, may_forecast: bool = False) -> Case:
        """The case of one group, or of some. With `may_forecast` a right forecast will do too."""
        self.groups |= {group.key: group.rows for group in groups}
        promise = "P1 P2 P7" if any(group.code for group in groups) else "P1 P2"

        def run(system: Any, place: Path) -> str:
            own = {group.key: group.rows for group in groups}
            if system is systems.SYSTEMS["ours"]:
                own = self.groups
            found = self._outcomes(system, own)
            check_keys(found, {(key,) for key in (*GOOD, *own)})
            check_good(system, found)
            seen = [group.check(found[(group.key,)], may_forecast) for group in groups]
            return ", ".join(dict.fromkeys(seen))

        return Case(self.part, name, promise, run)

    def _outcomes(self, system: Any, groups: dict[str, Rows]) -> dict[tuple, Outcome]:
        asked = (system, *groups)
        if asked not in self._seen:
            self._seen[asked] = fitted(system, frame(good() | groups))
        return self._seen[asked]


def job_error(error: Exception) -> str:
    """What a case says that ended with an error: a Broken's own words, or that the job failed."""
    if isinstance(error, Broken):
        return str(error)
    return f"{'the job failed' if isinstance(error, PySparkException) else 'fails'}: {cause(error)}"


def _shown(keys: set[tuple]) -> str:
    return ", ".join(sorted(map(repr, keys))[:3])
