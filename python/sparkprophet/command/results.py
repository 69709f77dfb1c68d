"""What the commands share: exit codes, models to load, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from pyspark.sql import SparkSession

from sparkprophet.command import places
from sparkprophet.command.errors import SPARK_ERRORS, UsageError, in_a_line
from sparkprophet.report.report import Report
from sparkprophet.spark.grouped.model import GroupedProphetModel

T = TypeVar("T")

DONE, JOB_FAILED, WRONG_ARGUMENTS, TOO_MANY_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
_MEANINGS = {
    DONE: "done",
    JOB_FAILED: "the job failed; one line on stderr says why, --verbose adds the traceback",
    WRONG_ARGUMENTS: "wrong arguments, config or files; nothing was computed, nothing written",
    TOO_MANY_FAILED: "finished and written, but all or more than maxFailedFraction of the groups "
    "failed",
    INTERRUPTED: "interrupted",
}
EXIT_CODES = (
    "exit codes:\n"
    + "".join(f"  {code:<3}  {meaning}\n" for code, meaning in _MEANINGS.items())
    + "\nstdout holds the result alone (a table, or one object with --json); the rest goes to "
    "stderr.\n"
)
"""A section of every help."""

Work = Callable[[SparkSession], int]
"""What is left of a command once everything that needs no Spark is checked; gives the exit code."""


def load(spark: SparkSession, path: str, flag: str = "--input") -> GroupedProphetModel:
    """A saved model.

    Parameters
    ----------
    spark : SparkSession
    path : str
        Of the model, or of what fit or tune wrote.
    flag : str
        What messages name.

    Raises
    ------
    UsageError
        Where there is no such model.
    """

    def read() -> GroupedProphetModel:
        reader = GroupedProphetModel.read().session(spark)
        model: GroupedProphetModel = reader.load(places.model_folder(spark, path))
        return model

    return checked(flag, read, f"{path} cannot be loaded as a saved GroupedProphetModel: ")


def checked(flag: str, check: Callable[[], T], prefix: str = "") -> T:
    """The value of `check()`; what it raises before any work is a wrong argument.

    Raises
    ------
    UsageError
        With the error's own text after flag and prefix.
    """
    try:
        return check()
    except (TypeError, ValueError, *SPARK_ERRORS) as error:
        raise UsageError(f"{flag}: {prefix}{in_a_line(error)}") from error


def show(
    model: GroupedProphetModel,
    written: dict[str, str],
    code: int,
    as_json: bool,
    report: Report | None = None,
) -> None:
    """Print the result on stdout.

    Parameters
    ----------
    model : GroupedProphetModel
    written : dict
        What was written -> path.
    code : int
        The exit code to be.
    as_json : bool
        As one JSON object, not as tables.
    report : Report, optional
    """
    if as_json:
        print(json.dumps(_facts(model, written, code, report)))
        return
    summary = model.summary
    print(summary)
    for count in [c for c in summary.counts if c.error_code is not None][:5]:
        print(f"{count.error_code} ({count.groups}), such as: {count.example}")
    if "best_value" in model.models.columns:
        print(model.comparison_text())
    if report is not None:
        print(f"\n{report}\n" if written else f"\n{report}")
    for name, path in written.items():
        print(f"{name:<11} {path}")


def _facts(
    model: GroupedProphetModel, written: dict[str, str], code: int, report: Report | None
) -> dict[str, object]:
    summary = model.summary
    facts = {
        "exit_code": code,
        "groups": summary.groups,
        "by_status": summary.by_status,
        "by_solver": summary.by_solver,
        "by_error_code": summary.by_error_code,
        "cpu_seconds": summary.cpu_seconds,
        "cpu_utilisation": summary.cpu_utilisation,
        **summary.to_dict(),
        "written": written,
    }
    return facts if report is None else facts | {"report": report.to_dict()}
