"""Cases of the card: saved folders that are damaged, or made by somebody else (4 cases)."""

from __future__ import annotations

import json
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from card import Broken, Case, broken_unless
from groups import alone, cause, frame, good, session
from systems import SYSTEMS, Settings

FLIPS = 25


def saved(system: Any, place: Path) -> Path:
    """A saved model of the good groups in several files, as an object store keeps it."""
    path = place / "model"
    if not path.exists():
        model = system.fit(frame(good()), Settings())
        system.save(model, str(path))
        model.unpersist()
        for checksum in path.rglob(".*.crc"):
            checksum.unlink()
    return shutil.copytree(path, place / "damaged")


def parts(path: Path) -> list[Path]:
    """The Parquet files that hold rows, the largest first."""
    return sorted(path.rglob("part-*.parquet"), key=lambda file: -file.stat().st_size)


def check_refused(system: Any, path: Path, may_be_equal: bool = False) -> None:
    """That a folder is refused with its path; or, where this is allowed, forecasts as before."""
    expected = {key: outcome.forecast for key, outcome in alone(system).items()}
    try:
        found = system.outcomes(system.load(session(), str(path)))
    except Exception as error:
        broken_unless(path.name in str(error), f"the error does not name it: {cause(error)}")
        return
    forecasts = {key: outcome.forecast for key, outcome in found.items()}
    missing = expected.keys() - forecasts.keys()
    broken_unless(not missing, f"{len(missing)} of {len(expected)} keys are gone without a word")
    broken_unless(forecasts == expected, "it forecasts something else without a word")
    broken_unless(may_be_equal, "it is loaded as if nothing was wrong")


def truncated(system: Any, place: Path) -> str:
    """What describes the data is cut off: the metadata, or the footer of a Parquet file."""
    path = saved(system, place)
    for file in [*path.glob("metadata/part-*"), *path.glob("manifest/part-*"), parts(path)[0]]:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) * 2 // 3])
        check_refused(system, path)
        file.write_bytes(content)
    return "refused by name"


def missing_part(system: Any, place: Path) -> str:
    path = saved(system, place)
    parts(path)[0].unlink()
    check_refused(system, path)
    return "refused by name"


def flipped(system: Any, place: Path) -> str:
    """One bit of a data file is another one, at FLIPS places."""
    path, chance = saved(system, place), random.Random(0)
    file = parts(path)[0]
    content = file.read_bytes()
    for _ in range(FLIPS):
        changed = bytearray(content)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        check_refused(system, path, may_be_equal=True)
    return f"{FLIPS} times refused, or the forecasts are the same"


def evil(system: Any, place: Path) -> str:
    """A pickle that runs code, a class that does, a format of the future."""
    mark, seen = place / "was here", []
    for name, change in EVIL.items():
        path = saved(system, place)
        change(system, path, mark)
        if name == "pickle":  # that lies about is nothing to refuse, if nobody opens it
            try:
                check_refused(system, path, may_be_equal=True)
            finally:
                broken_unless(not mark.exists(), "the pickle was run")
        else:
            try:
                check_refused(system, path)
            except Broken as broken:
                raise Broken(f"{name}: {broken}") from broken
        broken_unless(not mark.exists(), f"code of the file was run: {name}")
        seen.append(name)
        shutil.rmtree(path)
    return f"no code was run: {', '.join(seen)}"


class Touch:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def with_pickle(system: Any, path: Path, mark: Path) -> None:
    for folder in (path, parts(path)[0].parent):
        (folder / "model.pkl").write_bytes(pickle.dumps(Touch(mark)))


def with_metadata(**changes: Any) -> Callable[[Any, Path, Path], None]:
    """The change of saved metadata; of Plain's models the same keys in each model's JSON."""

    def change(system: Any, path: Path, mark: Path) -> None:
        if system is SYSTEMS["ours"]:
            (file,) = path.glob("metadata/part-*")
            file.write_text(json.dumps(json.loads(file.read_text()) | changes))
            return
        rows = session().read.parquet(str(path)).toPandas()
        versions = {"__prophet_version": "99.0"} | changes
        rows["model"] = [json.dumps(json.loads(text) | versions) for text in rows["model"]]
        shutil.rmtree(path)
        session().createDataFrame(rows).write.parquet(str(path))

    return change


EVIL = {
    "pickle": with_pickle,
    "class": with_metadata(**{"class": "os.system"}),
    "format": with_metadata(format_version=99),
}
CASES = [
    Case("files", "truncated metadata", "P4 P7", truncated),
    Case("files", "missing part", "P1 P4", missing_part),
    Case("files", "flipped byte", "P4", flipped, slow=True),
    Case("files", "evil class, pickle or newer format", "P5", evil),
]
