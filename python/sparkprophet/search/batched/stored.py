"""The storage of a study: opened if it is whole, and its faults by name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparkprophet.search.batched.storage_url import HIDDEN, secrets, whole

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

CHECKSUM = "sparkprophet.checksum"
_TRIES, _PAUSE = 5, 0.3
_PICKLED = re.compile(r"(sep)?cma(wm)?:")
_made: set[tuple[str, str]] = set()  # URL and name of the studies that this process has begun


def opened(url: str | None) -> BaseStorage:
    """Optuna's storage of a URL; one in memory for None.

    Parameters
    ----------
    url : str, optional

    Returns
    -------
    optuna.storages.BaseStorage

    Raises
    ------
    ValueError
        Where it cannot be opened, and for the file of an SQLite database that is damaged.
    """
    import optuna

    url = url and whole(url)
    _check_file(url)
    for left in reversed(range(_TRIES)):
        try:
            return optuna.storages.get_storage(url)
        except Exception as error:
            # Two processes that make the tables of a new database at one time are in each other's
            # way, but the one that comes second finds them.
            if left and type(error).__name__ in ("OperationalError", "IntegrityError"):
                time.sleep(_PAUSE)
                continue
            cause = _without_secrets(str(error).partition("\n")[0], url)
            if _is_damage(error) and _filled_file(url):
                raise _damaged(url, f"{type(error).__name__}: {cause}") from error
            raise ValueError(
                f"storage: cannot be opened ({type(error).__name__}: {cause:.200}); give the URL "
                "of an Optuna storage, such as sqlite:///search.db, in a folder that is there"
            ) from error
    raise AssertionError("unreachable")


def _without_secrets(text: str, url: str | None) -> str:
    for secret in secrets(url or ""):
        text = text.replace(secret, HIDDEN)
    return text


@contextlib.contextmanager
def faults_named() -> Iterator[None]:
    """Say in one line that the storage failed.

    Raises
    ------
    RuntimeError
        Where the storage cannot be read or written.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        raise _failed(error) from error


@contextlib.contextmanager
def damage_named(url: str | None) -> Iterator[None]:
    """Say in one line that a study that is read cannot be what was written.

    Raises
    ------
    ValueError
        For any error in the block but those of a storage that is locked or away.
    RuntimeError
        For those.
    """
    try:
        yield
    except Exception as error:
        if not _is_damage(error):
            raise _failed(error) from error
        root = _root(error)
        raise _damaged(url, f"{type(root).__name__}: {root}".partition("\n")[0]) from error


def _failed(error: Exception) -> RuntimeError:
    cause = str(_root(error)).partition("\n")[0]
    return RuntimeError(
        f"storage: cannot be read or written ({cause:.200}); see that it "
        "is there and has space, and call fit again: trials that were told are kept"
    )


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_damage(error: Exception) -> bool:
    """Whether what is stored is at fault, and not that it is locked, full or away."""
    text = str(_root(error))
    if type(_root(error)).__name__ == "OperationalError":
        return any(word in text for word in ("Could not decode", "no such ", "malformed", "syntax"))
    return type(_root(error)).__name__ not in ("InterfaceError", "ConnectionError", "TimeoutError")


def checksum(trial: FrozenTrial, state: str, value: float | None, scores: Sequence[float]) -> str:
    """Of what a trial's result depends on."""
    drawn = [
        (name, repr(drawn_value), repr(trial.distributions[name]))
        for name, drawn_value in sorted(trial.params.items())
    ]
    facts = [trial.number, drawn, state, repr(value), list(map(repr, scores))]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def check_pickles(study: Study, url: str) -> None:
    """Look whether a study holds what Optuna's sampler of CMA-ES would unpickle.

    Raises
    ------
    ValueError
        Where it does, unless this process has made it.
    """
    trials = study.get_trials(deepcopy=False)
    if not trials:
        _made.add((url, study.study_name))
    if (url, study.study_name) in _made:
        return
    for trial in trials:
        # Optuna splits the pickle over attributes of these names.
        if any(_PICKLED.match(name) for name in trial.system_attrs):
            raise ValueError(
                f"studyName: {study.study_name!r} holds the state of sampler 'cmaes' as a pickle, "
                "and reading it runs code of whoever wrote it; set trustStorage if that was you, "
                "or give another studyName"
            )


def _check_file(url: str | None) -> None:
    path = _filled_file(url)
    if path is None:
        return
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError:  # locked, or not allowed: Optuna will say so
        return
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _damaged(url, str(error)) from error
    if verdict != "ok":
        raise _damaged(url, verdict)


def _filled_file(url: str | None) -> Path | None:
    """The file of an SQLite database, where it is there and not empty."""
    path = _file(url)
    filled = path is not None and path.is_file() and path.stat().st_size > 0
    return path if filled else None


def _file(url: str | None) -> Path | None:
    """The file of an SQLite database."""
    if url is None:
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(parsed.database)


def _damaged(url: str | None, what: str) -> ValueError:
    path = _file(url)
    what = " ".join(what.split())
    if path is None:
        remedy = "restore it from a backup, or give another studyName to begin anew"
        return ValueError(f"storage: is damaged ({what:.200}); {remedy}")
    return ValueError(
        f"storage: the file {str(path):.200} is damaged ({what:.150}); restore it from a backup, "
        "or delete it and begin anew"
    )
