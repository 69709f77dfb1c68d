"""Cases of the card: the session's settings, the paths and where the rows come from (6 cases)."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from card import Broken, Case, broken_unless
from groups import alone, cause, fitted, frame, good, series, session, time_zone
from systems import Outcome, Settings


@contextlib.contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """Run a block under a setting of the session."""
    settings = session().conf
    before = settings.get(name)
    settings.set(name, value)
    try:
        yield
    finally:
        settings.set(name, before)


def check_same(found: dict[tuple, Outcome], expected: dict[tuple, Outcome]) -> None:
    """The same keys and, to the last bit, the same forecasts."""
    broken_unless(found.keys() == expected.keys(), f"{len(found)} keys of {len(expected)}")
    same = all(found[key].forecast == expected[key].forecast for key in expected)
    broken_unless(same, "the forecasts are others, without a word")


def kept(system: Any, path: str) -> dict[tuple, Outcome]:
    """Outcomes of a model that was saved to a path and loaded from it."""
    model = system.fit(frame(good()), Settings())
    try:
        system.save(model, path)
        return system.outcomes(system.load(session(), path))
    except Exception as error:
        raise Broken(f"it cannot be saved and loaded: {cause(error)}") from error
    finally:
        model.unpersist()


def under(name: str, value: str) -> Case:
    """Fitted, saved, loaded and forecast under a setting that decides on types or files."""

    def run(system: Any, place: Path) -> str:
        expected = alone(system)
        with setting(name, value):
            check_same(kept(system, str(place / "model")), expected)
        return "forecasts as without the setting"

    return Case("surroundings", f"{name.rpartition('.')[2]}={value}", "P3 P10", run, slow=True)


def relative(system: Any, place: Path) -> str:
    """A name without a folder in front of it, as a user types it."""
    name = f"card-{uuid.uuid4().hex}"
    try:
        check_same(kept(system, name), alone(system))
        check_same(system.outcomes(system.load(session(), f"./{name}")), alone(system))
    finally:
        shutil.rmtree(name, ignore_errors=True)
    return "saved and loaded under the name"


def glob(system: Any, place: Path) -> str:
    """A path that is a pattern too, beside a model whose path the pattern matches."""
    other = system.fit(frame({key: series(5) for key in good()}), Settings())
    system.save(other, str(place / "model1"))
    other.unpersist()
    check_same(kept(system, str(place / "model[1]")), alone(system))
    return "the model of that name, not the one that the pattern matches"


def from_pandas(system: Any, place: Path) -> str:
    """The same rows from a pandas frame and from Parquet."""
    rows = [(key, *row) for key, own in good().items() for row in own]
    table = pd.DataFrame(rows, columns=["g", "ds", "y"])
    local = session().createDataFrame(table)
    local.write.parquet(str(place / "rows"))
    for data in (local, session().read.parquet(str(place / "rows"))):
        check_same(fitted(system, data), alone(system))
    return "one result from both"


def other_zone(system: Any, place: Path) -> str:
    """Instants, fitted with the session in one zone and forecast with it in another."""
    with time_zone("America/New_York"):
        data = frame(good()).persist()
        data.count()
        model = system.fit(data, Settings())
        expected = system.transform(model, data).select("g", "y", "yhat").collect()
    with time_zone("Asia/Tokyo"):
        found = system.transform(model, data).select("g", "y", "yhat").collect()
    model.unpersist()
    data.unpersist()
    broken_unless(sorted(found) == sorted(expected), "the forecasts are others, without a word")
    return "the forecasts of the fit's zone"


CASES = [
    under("spark.sql.timestampType", "TIMESTAMP_NTZ"),
    under("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MILLIS"),
    Case("surroundings", "relative path", "P9", relative, slow=True),
    Case("surroundings", "glob characters in a path", "P4 P9", glob, slow=True),
    Case("surroundings", "frame from pandas", "P3", from_pandas, slow=True),
    Case("surroundings", "fitted in one zone, forecast in another", "P10", other_zone, slow=True),
]
