"""The command report."""

from __future__ import annotations

import argparse
import math

from pyspark.sql import SparkSession

from sparkprophet.command import pages, places
from sparkprophet.command.arguments import AddOption, Command, add_model
from sparkprophet.command.errors import UsageError, say
from sparkprophet.command.results import DONE, Work, load, show
from sparkprophet.report.shapes import shape

_EXAMPLES = """\
examples:
  sparkprophet report --input run1/model
  sparkprophet report --input run1/model --json
  sparkprophet report --input run1/model --html run1.html --price 0.05 --deadline 3600 \\
    --shape 4x8 --shape 8x8
  sparkprophet report --input run1/model --compare run_with_parallelism_1/model
"""


def _add_options(add: AddOption) -> None:
    add_model(add)
    add("--html", metavar="FILE", help="also write the report as one page with plots")
    add(
        "--compare",
        metavar="MODEL",
        action="append",
        default=[],
        help="the same job on another number of slots: measured speedups; may be repeated",
    )
    add(
        "--shape",
        metavar="EXECUTORSxCORES",
        action="append",
        default=[],
        type=_shape,
        help="a cluster to predict, such as 4x8; may be repeated; by default 1, 2, 4, ... "
        "executors of the size of the fit's hosts",
    )
    add("--price", metavar="PRICE", type=_price, help="of one core for one hour, in any unit")
    add(
        "--deadline",
        metavar="SECONDS",
        type=_deadline,
        help="name the cheapest shape that meets it",
    )


def _shape(text: str) -> str:
    try:
        return str(shape(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("shape: ")) from error


def _price(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"found {text!r}, must be a number >= 0")
    return value


def _deadline(text: str) -> float:
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"found {text!r}, must be a number of seconds > 0")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _prepare(arguments: argparse.Namespace) -> Work:
    places.check_early({"--input": arguments.input}, None, False)
    for path in arguments.compare:
        places.check_early({"--compare": path}, None, False)
    if arguments.html:
        pages.check(arguments.html)
    return lambda spark: _report(spark, arguments)


def _report(spark: SparkSession, arguments: argparse.Namespace) -> int:
    model = load(spark, arguments.input)
    others = [load(spark, path, "--compare") for path in arguments.compare]
    try:
        report = model.report(others, arguments.shape, arguments.price, arguments.deadline)
    except ValueError as error:
        if arguments.html or others:
            raise UsageError(str(error)) from error
        say(f"no more than the summary: {error}")
        report = None
    written = {}
    if report is not None and arguments.html:
        pages.write(arguments.html, report.to_html())
        written = {"html": arguments.html}
    show(model, written, DONE, arguments.json, report)
    return DONE


REPORT = Command(
    name="report",
    about="Show how the fit of a saved model went: statuses, errors, gain of tuning, use of "
    "the slots, what held it back, and what other clusters would take and cost.",
    sections=(_EXAMPLES,),
    required=("input",),
    add_options=_add_options,
    prepare=_prepare,
)
