"""The command line: the table of its commands, and running one of them."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Sequence

from sparkprophet.command.arguments import parse
from sparkprophet.command.errors import UsageError, in_a_line, say
from sparkprophet.command.fit import FIT, TUNE
from sparkprophet.command.forecast import FORECAST
from sparkprophet.command.report import REPORT
from sparkprophet.command.results import INTERRUPTED, JOB_FAILED, WRONG_ARGUMENTS
from sparkprophet.command.session import own_stderr, quiet_session, shipped
from sparkprophet.messages import clip

COMMANDS = (TUNE, FIT, FORECAST, REPORT)


def run(argv: Sequence[str], by_path: bool = False) -> int:
    """Run one command; returns the exit code.

    Nothing is raised but SystemExit of --help and --version: an error is a line on stderr.

    Parameters
    ----------
    argv : sequence of str
    by_path : bool
        Whether the package was run as a file, so that Spark's workers may not have it.
    """
    with own_stderr():
        return _run(argv, by_path, "--verbose" in argv)


def _run(argv: Sequence[str], by_path: bool, verbose: bool) -> int:
    try:
        command, arguments = parse(argv, COMMANDS)
        work = command.prepare(arguments)
        with quiet_session(f"sparkprophet {command.name}") as spark:
            with shipped(spark) if by_path else contextlib.nullcontext():
                return work(spark)
    except UsageError as error:
        return _ended(WRONG_ARGUMENTS, error, str(error), verbose)
    except KeyboardInterrupt as error:
        return _ended(INTERRUPTED, error, "interrupted; --output is as it was before", verbose)
    except Exception as error:
        message = f"{type(error).__name__}: {in_a_line(error)}"
        return _ended(JOB_FAILED, error, message, verbose)


def _ended(code: int, error: BaseException, message: str, verbose: bool) -> int:
    if verbose:
        traceback.print_exception(error)
    say(clip(message, 1000))
    return code
