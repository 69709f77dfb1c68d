"""The commands fit and tune."""

from __future__ import annotations

import argparse
import time

from pyspark.sql import DataFrame, SparkSession

from sparkprophet.command import places
from sparkprophet.command.arguments import AddOption, Command, add_output, whole
from sparkprophet.command.errors import UsageError, say
from sparkprophet.command.results import DONE, TOO_MANY_FAILED, Work, checked, show
from sparkprophet.command.settings import Settings, build, read_config
from sparkprophet.messages import clip
from sparkprophet.spark.errors import FitFailedError
from sparkprophet.spark.grouped.estimator import GroupedProphet
from sparkprophet.spark.grouped.model import GroupedProphetModel
from sparkprophet.spark.input_checks import check_input
from sparkprophet.spark.saving.files import whole_folder

_FIT_EXAMPLES = """\
examples:
  sparkprophet fit --input sales.parquet --group-cols store,item --output run1 --horizon 28
  sparkprophet fit --input sales.csv --config weekly.yaml --output run1 --overwrite
"""
_TUNE_EXAMPLES = """\
examples:
  sparkprophet tune --input sales.parquet --group-cols store,item --output run1 \\
    --horizon 28 --num-trials 50
  sparkprophet tune --input sales.parquet --config search.json --output run1
"""
_WRITES = """\
writes below --output:
  model/       the GroupedProphetModel, for forecast, report and GroupedProphetModel.load
  failures/    Parquet: groups with an error, its code and message
  forecasts/   Parquet, with --horizon; needs --regressors where the models use regressors
"""
_TUNE_WRITES = """\
  trials/      Parquet: every trial of every group
  comparison/  Parquet: each group's error tuned, untuned and seasonal naive, on the same holdout
"""
_CONFIG = """\
config file:
  One JSON or YAML object of param names and values, those of GroupedProphet and GroupedProphetTuner
  (python -c "import sparkprophet; print(sparkprophet.GroupedProphet().explainParams())"), and
  searchSpace: "paper" (the default), or an object such as
    {"dimensions": [{"kind": "uniform", "name": "changepointPriorScale", "low": 0.001, "high": 0.5,
                     "log": true},
                    {"kind": "choice", "name": "seasonalityMode",
                     "values": ["additive", "multiplicative"]}]}
  Flags win over the file. One file serves fit and tune.
"""


def _add_fit_options(add: AddOption) -> None:
    _add_input(add)
    add_output(add, horizon="also forecast N steps ahead")


def _add_tune_options(add: AddOption) -> None:
    _add_input(add)
    add_output(
        add, horizon="steps of the holdout that settings are judged on; also forecast N steps ahead"
    )
    add("--num-trials", metavar="N", type=whole, help="trials per group (50)")


def _add_input(add: AddOption) -> None:
    add(
        "--input",
        metavar="TABLE",
        help="Parquet, CSV with a header or JSON lines: by extension, or by a folder's content",
    )
    add("--group-cols", metavar="A,B", type=_names, help="key columns; none: one series")
    add("--config", metavar="FILE", help="JSON or YAML file of params, see below")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"found {text!r}, must be column names such as store,item")
    return names


def _prepare_fit(arguments: argparse.Namespace) -> Work:
    return _prepare(arguments, {}, tuning=False)


def _prepare_tune(arguments: argparse.Namespace) -> Work:
    return _prepare(arguments, {"numTrials": arguments.num_trials}, tuning=True)


def _prepare(arguments: argparse.Namespace, more: dict[str, object], tuning: bool) -> Work:
    """Check all that needs no Spark; `more` are values of params that one command alone has."""
    values = read_config(arguments.config) if arguments.config else {}
    flags = {"groupCols": arguments.group_cols, "horizon": arguments.horizon, **more}
    given = {name: value for name, value in flags.items() if value is not None}
    settings = build(tuning, values | given, arguments.config or "arguments")
    inputs = {"--input": arguments.input, "--regressors": arguments.regressors}
    places.check_early(inputs, arguments.output, arguments.overwrite)
    _check_forecast(arguments, settings)
    if settings.unused:
        say(f"fit makes no use of {', '.join(settings.unused)}: for tune only")
    return lambda spark: _fit(spark, arguments, settings)


def _check_forecast(arguments: argparse.Namespace, settings: Settings) -> None:
    """Raise for a forecast that is asked for and cannot be made."""
    if arguments.regressors and settings.horizon is None:
        raise UsageError("--regressors: is of use with --horizon only; add --horizon")
    needed = settings.estimator.series_config().column_names
    if not needed or settings.horizon is None or arguments.regressors:
        return
    # To tune, a horizon is needed in any case.
    if settings.tuner is None and arguments.horizon is not None:
        raise UsageError(
            f"--horizon: the models use {', '.join(needed)}, whose future is not known; add "
            "--regressors with a table of it, or leave --horizon out"
        )
    say(f"no forecasts: the models use {', '.join(needed)}; give their future with --regressors")


def _fit(spark: SparkSession, arguments: argparse.Namespace, settings: Settings) -> int:
    places.check_output(spark, arguments.output, arguments.overwrite)
    stage = settings.tuner or settings.estimator
    data = _table(spark, "--input", arguments.input, settings.estimator, fitting=True)
    future = None
    if arguments.regressors:
        future = _table(
            spark, "--regressors", arguments.regressors, settings.estimator, fitting=False
        )
    say(f"{arguments.command}: {arguments.input}")
    began = time.perf_counter()
    code = DONE
    try:
        model = stage.fit(data)
    except FitFailedError as error:
        say(clip(str(error), 1000))
        model, code = error.model, TOO_MANY_FAILED
    say(f"{arguments.command}: {time.perf_counter() - began:.1f} s; writing")
    written = _write(spark, arguments, settings, model, future)
    show(model, written, code, arguments.json)
    return code


def _table(
    spark: SparkSession, flag: str, path: str, estimator: GroupedProphet, fitting: bool
) -> DataFrame:
    """The table at `path`, its columns checked."""
    table = places.read_table(spark, flag, path, estimator)
    config = estimator.series_config()
    checked(flag, lambda: check_input(table, estimator, config, fitting))
    return table


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
    mode = places.save_mode(arguments.overwrite)
    with whole_folder(spark, arguments.output) as folder:
        writer = model.write().overwrite() if arguments.overwrite else model.write()
        writer.save(f"{folder}/model")
        for name, table in tables.items():
            table.write.mode(mode).parquet(f"{folder}/{name}")
    return {name: f"{arguments.output.rstrip('/')}/{name}" for name in ("model", *tables)}


FIT = Command(
    name="fit",
    about="Fit one Prophet per group.",
    sections=(_FIT_EXAMPLES, _WRITES, _CONFIG),
    required=("input", "output"),
    add_options=_add_fit_options,
    prepare=_prepare_fit,
)
TUNE = Command(
    name="tune",
    about="Search each group's settings, then fit each group with its best.",
    sections=(_TUNE_EXAMPLES, _WRITES + _TUNE_WRITES, _CONFIG),
    required=("input", "output"),
    add_options=_add_tune_options,
    prepare=_prepare_tune,
)
