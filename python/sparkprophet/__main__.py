"""`python -m sparkprophet`, the console script `sparkprophet`, and the file for spark-submit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_BY_PATH = not __package__
if _BY_PATH:
    # As spark-submit runs it: the folder that Python puts first would make this
    # package's own subpackages importable, and not the package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.
    """
    from sparkprophet.command.line import run

    return run(sys.argv[1:] if argv is None else list(argv), _BY_PATH)


if __name__ == "__main__":
    sys.exit(main())
