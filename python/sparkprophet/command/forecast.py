"""The command forecast."""

from __future__ import annotations

import argparse
import json

from pyspark.sql import SparkSession

from sparkprophet.command import places
from sparkprophet.command.arguments import AddOption, Command, add_model, add_output
from sparkprophet.command.errors import UsageError, say
from sparkprophet.command.results import DONE, Work, checked, load
from sparkprophet.spark.saving.files import whole_folder
from sparkprophet.spark.saving.reading import exact

_EXAMPLES = """\
examples:
  sparkprophet forecast --input run1/model --horizon 28 --output tomorrow
  sparkprophet forecast --input run1/model --horizon 4 --regressors plan.parquet --output tomorrow
"""


def _add_options(add: AddOption) -> None:
    add_model(add)
    add_output(add, horizon="steps ahead, at most those in --regressors")
    add(
        "--freq",
        metavar="FREQ",
        help="pandas frequency such as D or W-THU; by default each group's own step is found",
    )


def _prepare(arguments: argparse.Namespace) -> Work:
    inputs = {"--input": arguments.input, "--regressors": arguments.regressors}
    places.check_early(inputs, arguments.output, arguments.overwrite)
    if arguments.regressors and arguments.freq:
        raise UsageError("--freq: the timestamps come from --regressors; leave one of the two out")
    return lambda spark: _forecast(spark, arguments)


def _forecast(spark: SparkSession, arguments: argparse.Namespace) -> int:
    places.check_output(spark, arguments.output, arguments.overwrite)
    model = load(spark, arguments.input)
    future = None
    if arguments.regressors:
        future = places.read_table(spark, "--regressors", arguments.regressors, model)
    forecasts = checked(
        "forecast", lambda: model.forecast(arguments.horizon, arguments.freq, regressors=future)
    )
    say(f"forecast: {arguments.input}, {arguments.horizon} steps")
    with whole_folder(spark, arguments.output) as folder:
        forecasts.write.mode(places.save_mode(arguments.overwrite)).parquet(folder)
    rows = spark.read.parquet(exact(arguments.output)).count()
    groups = model.summary.groups - model.summary.by_status.get("failed", 0)
    if arguments.json:
        print(json.dumps({"groups": groups, "rows": rows, "forecasts": arguments.output}))
    else:
        print(f"{'groups':>8} {'rows':>10}  forecasts")
        print(f"{groups:>8} {rows:>10}  {arguments.output}")
    return DONE


FORECAST = Command(
    name="forecast",
    about="Forecast every group of a saved model, from the step after its own last one.",
    sections=(_EXAMPLES,),
    required=("input", "output", "horizon"),
    add_options=_add_options,
    prepare=_prepare,
)
