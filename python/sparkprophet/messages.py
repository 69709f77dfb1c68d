"""The words of error messages. Imports nothing of ours, so that every part can use them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

MESSAGE_LIMIT = 500


def clip(message: str, limit: int = MESSAGE_LIMIT) -> str:
    """`message` on one line, cut in the middle to at most `limit` characters.

    The start names group and column, the end holds the remedy, so both ends are kept.
    """
    line = printable(" ".join(message.split()))
    if len(line) <= limit:
        return line
    tail = limit // 3
    return f"{line[: limit - tail - 3]}...{line[-tail:]}"


def printable(text: str) -> str:
    """`text` with its control characters escaped, as `\\x1b`.

    Keys come from strangers' data, and a terminal does what such characters say: ECMA-48's, and
    those of Unicode that turn the direction of writing.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: Any) -> str:
    """`value` and its type, at most about 120 characters."""
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + "..."
    return f"{text} ({type(value).__name__})"


def nearest(name: str, known: Iterable[str], kind: str = "known") -> str:
    """The remedy for an unknown name: the nearest known one, else all of them.

    A name that differs in case alone is the nearest. `kind` is what the known names are.
    """
    names = list(known)
    near = [other for other in names if other.lower() == name.lower()]
    near = near or difflib.get_close_matches(name, names, 1)
    return (
        f"did you mean {near[0]!r}?" if near else clip(f"{kind}: {', '.join(names) or 'none'}", 400)
    )
