"""The commands tune, fit, forecast and report."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from sparkprophet.command import pages, places
from sparkprophet.command.arguments import parse
from sparkprophet.command.errors import SPARK_ERRORS, UsageError, in_a_line
from sparkprophet.command.session import own_stderr, quiet_session, shipped
from sparkprophet.command.settings import Settings, build, read_config
from sparkprophet.messages import clip
from sparkprophet.report.report import Report
from sparkprophet.spark.errors import FitFailedError
from sparkprophet.spark.grouped.model import GroupedProphetModel
from sparkprophet.spark.input_checks import check_input

DONE, JOB_FAILED, WRONG_ARGUMENTS, TOO_MANY_FAILED, INTERRUPTED = 0, 1, 2, 3, 130


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
        arguments = parse(argv)
        work = _COMMANDS[arguments.command](arguments)
        with quiet_session(f"sparkprophet {arguments.command}") as spark:
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
    _say(clip(message, 1000))
    return code


Work = Callable[[SparkSession], int]
"""What is left to do once everything that needs no Spark is checked."""


def _fit(arguments: argparse.Namespace) -> Work:
    """fit and tune."""
    settings = _settings(arguments)
    inputs = {"--input": arguments.input, "--regressors": arguments.regressors}
    places.check_early(inputs, arguments.output, arguments.overwrite)
    _check_forecast(arguments, settings)
    if settings.unused:
        _say(f"fit makes no use of {', '.join(settings.unused)}: for tune only")

    def work(spark: SparkSession) -> int:
        places.check_output(spark, arguments.output, arguments.overwrite)
        estimator = settings.estimator
        config = estimator.series_config()
        data = places.read_table(spark, "--input", arguments.input, estimator)
        _checked("--input", lambda: check_input(data, estimator, config, fitting=True))
        future = None
        if arguments.regressors:
            future = places.read_table(spark, "--regressors", arguments.regressors, estimator)
            ahead = future
            _checked("--regressors", lambda: check_input(ahead, estimator, config, False))
        _say(f"{arguments.command}: {arguments.input}")
        began = time.perf_counter()
        code, stage = DONE, settings.tuner or estimator
        try:
            model = stage.fit(data)
        except FitFailedError as error:
            _say(clip(str(error), 1000))
            model, code = error.model, TOO_MANY_FAILED
        _say(f"{arguments.command}: {time.perf_counter() - began:.1f} s; writing")
        written = _write(spark, arguments, settings, model, future)
        _show(model, written, code, arguments.json)
        return code

    return work


def _settings(arguments: argparse.Namespace) -> Settings:
    values = read_config(arguments.config) if arguments.config else {}
    flags = {"groupCols": arguments.group_cols, "horizon": arguments.horizon}
    if arguments.command == "tune":
        flags["numTrials"] = arguments.num_trials
    given = {name: value for name, value in flags.items() if value is not None}
    source = arguments.config or "arguments"
    return build(arguments.command == "tune", values | given, source)


def _check_forecast(arguments: argparse.Namespace, settings: Settings) -> None:
    """Raise for a forecast that is asked for and cannot be made."""
    if arguments.regressors and settings.horizon is None:
        raise UsageError("--regressors: is of use with --horizon only; add --horizon")
    needed = settings.estimator.series_config().column_names
    if not needed or settings.horizon is None or arguments.regressors:
        return
    if arguments.command == "fit" and arguments.horizon is not None:
        raise UsageError(
            f"--horizon: the models use {', '.join(needed)}, whose future is not known; add "
            "--regressors with a table of it, or leave --horizon out"
        )
    _say(f"no forecasts: the models use {', '.join(needed)}; give their future with --regressors")


def _write(
    spark: SparkSession,
    arguments: argparse.Namespace,
    settings: Settings,
    model: GroupedProphetModel,
    future: DataFrame | None,
) -> dict[str, str]:
    """Write everything below --output; returns part -> path."""
    tables = {"failures": model.failures}
    regressors = settings.estimator.series_config().column_names
    if settings.horizon is not None and (future is not None or not regressors):
        tables["forecasts"] = model.forecast(settings.horizon, regressors=future)
    if settings.tuner is not None:
        tables |= {"trials": model.trials, "comparison": model.comparison}
    mode = "overwrite" if arguments.overwrite else "errorifexists"
    with places.whole_folder(spark, arguments.output) as folder:
        writer = model.write().overwrite() if arguments.overwrite else model.write()
        writer.save(f"{folder}/model")
        for name, table in tables.items():
            table.write.mode(mode).parquet(f"{folder}/{name}")
    return {name: f"{arguments.output.rstrip('/')}/{name}" for name in ("model", *tables)}


def _forecast(arguments: argparse.Namespace) -> Work:
    inputs = {"--input": arguments.input, "--regressors": arguments.regressors}
    places.check_early(inputs, arguments.output, arguments.overwrite)
    if arguments.regressors and arguments.freq:
        raise UsageError("--freq: the timestamps come from --regressors; leave one of the two out")

    def work(spark: SparkSession) -> int:
        places.check_output(spark, arguments.output, arguments.overwrite)
        model = _load(spark, arguments.input)
        future = None
        if arguments.regressors:
            future = places.read_table(spark, "--regressors", arguments.regressors, model)
        forecasts = _checked(
            "forecast", lambda: model.forecast(arguments.horizon, arguments.freq, regressors=future)
        )
        _say(f"forecast: {arguments.input}, {arguments.horizon} steps")
        mode = "overwrite" if arguments.overwrite else "errorifexists"
        with places.whole_folder(spark, arguments.output) as folder:
            forecasts.write.mode(mode).parquet(folder)
        rows = spark.read.parquet(arguments.output).count()
        groups = model.summary.groups - model.summary.by_status.get("failed", 0)
        if arguments.json:
            print(json.dumps({"groups": groups, "rows": rows, "forecasts": arguments.output}))
        else:
            print(f"{'groups':>8} {'rows':>10}  forecasts")
            print(f"{groups:>8} {rows:>10}  {arguments.output}")
        return DONE

    return work


def _report(arguments: argparse.Namespace) -> Work:
    places.check_early({"--input": arguments.input}, None, False)
    for path in arguments.compare:
        places.check_early({"--compare": path}, None, False)
    if arguments.html:
        pages.check(arguments.html)

    def work(spark: SparkSession) -> int:
        model = _load(spark, arguments.input)
        others = [_load(spark, path, "--compare") for path in arguments.compare]
        try:
            report = model.report(others, arguments.shape, arguments.price, arguments.deadline)
        except ValueError as error:
            if arguments.html or others:
                raise UsageError(str(error)) from error
            _say(f"no more than the summary: {error}")
            report = None
        written = {}
        if report is not None and arguments.html:
            pages.write(arguments.html, report.to_html())
            written = {"html": arguments.html}
        _show(model, written, DONE, arguments.json, report)
        return DONE

    return work


_COMMANDS = {"fit": _fit, "tune": _fit, "forecast": _forecast, "report": _report}


def _load(spark: SparkSession, path: str, flag: str = "--input") -> GroupedProphetModel:
    def load() -> GroupedProphetModel:
        reader = GroupedProphetModel.read().session(spark)
        return reader.load(places.model_folder(spark, path))

    return _checked(flag, load, f"{path} cannot be loaded as a saved GroupedProphetModel: ")


def _checked(flag: str, check: Callable[[], Any], prefix: str = "") -> Any:
    """The value of `check()`; what it raises before any work is a wrong argument."""
    try:
        return check()
    except (TypeError, ValueError, *SPARK_ERRORS) as error:
        raise UsageError(f"{flag}: {prefix}{in_a_line(error)}") from error


def _show(
    model: GroupedProphetModel,
    written: dict[str, str],
    code: int,
    as_json: bool,
    report: Report | None = None,
) -> None:
    """The result on stdout."""
    summary = model.summary
    tuned = "best_value" in model.models.columns
    if as_json:
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
        if report is not None:
            facts["report"] = report.to_dict()
        print(json.dumps(facts))
        return
    print(summary)
    for count in [c for c in summary.counts if c.error_code is not None][:5]:
        print(f"{count.error_code} ({count.groups}), such as: {count.example}")
    if tuned:
        print(model.comparison_text())
    if report is not None:
        print(f"\n{report}\n" if written else f"\n{report}")
    for name, path in written.items():
        print(f"{name:<11} {path}")


def _say(line: str) -> None:
    print(f"sparkprophet: {line}", file=sys.stderr, flush=True)
