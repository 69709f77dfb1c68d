"""A storage's URL without its secrets: for what is saved, shown and said."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

HIDDEN = "***"
PASSWORD = "SPARKPROPHET_STORAGE_PASSWORD"
"""The environment variable that has the password of a URL which was saved without it."""

# As SQLAlchemy reads it: all from the first colon behind the name of the user to the @.
_USERS = re.compile(r"^([^:/?#]+://[^:/@]*:)([^@]*)(?=@)")
_QUERYS = re.compile(r"([?&][^=&]*(?:passw(?:or)?d|pwd|secret|token)=)([^&]*)", re.IGNORECASE)


def masked(url: str) -> str:
    """`url` with *** for its password, and for secrets among the arguments of its query."""
    return _QUERYS.sub(rf"\1{HIDDEN}", _USERS.sub(rf"\1{HIDDEN}", url))


def secrets(url: str) -> list[str]:
    """The texts that `masked` hides."""
    found = [match[2] for pattern in (_USERS, _QUERYS) for match in pattern.finditer(url)]
    return [text for text in found if text]


def whole(url: str) -> str:
    """`url` with the password of the environment, where it was saved without its own.

    Raises
    ------
    ValueError
        Where there is none.
    """
    if HIDDEN not in secrets(url):
        return url
    given = os.environ.get(PASSWORD)
    if not given:
        raise ValueError(
            f"storage: {url!r} was saved without its password; set storage again, or the "
            f"environment variable {PASSWORD}"
        )
    return url.replace(f":{HIDDEN}@", f":{quote(given, '')}@").replace(
        f"={HIDDEN}", f"={quote(given, '')}"
    )
