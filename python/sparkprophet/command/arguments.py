"""The command line's options and help."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import sparkprophet
from sparkprophet.command.errors import UsageError
from sparkprophet.messages import nearest
from sparkprophet.report.shapes import shape

_CODES = """\
exit codes:
  0    done
  1    the job failed; one line on stderr says why, --verbose adds the traceback
  2    wrong arguments, config or files; nothing was computed, nothing written
  3    finished and written, but all or more than maxFailedFraction of the groups failed
  130  interrupted

stdout holds the result alone (a table, or one object with --json); the rest goes to stderr.
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
_TREE = """\
writes below --output:
  model/       the GroupedProphetModel, for forecast, report and GroupedProphetModel.load
  failures/    Parquet: groups with an error, its code and message
  forecasts/   Parquet, with --horizon; needs --regressors where the models use regressors
"""
_TUNED = """\
  trials/      Parquet: every trial of every group
  comparison/  Parquet: each group's error tuned, untuned and seasonal naive, on the same holdout
"""
_EXAMPLES = {
    "fit": """\
examples:
  sparkprophet fit --input sales.parquet --group-cols store,item --output run1 --horizon 28
  sparkprophet fit --input sales.csv --config weekly.yaml --output run1 --overwrite
""",
    "tune": """\
examples:
  sparkprophet tune --input sales.parquet --group-cols store,item --output run1 \\
    --horizon 28 --num-trials 50
  sparkprophet tune --input sales.parquet --config search.json --output run1
""",
    "forecast": """\
examples:
  sparkprophet forecast --input run1/model --horizon 28 --output tomorrow
  sparkprophet forecast --input run1/model --horizon 4 --regressors plan.parquet --output tomorrow
""",
    "report": """\
examples:
  sparkprophet report --input run1/model
  sparkprophet report --input run1/model --json
  sparkprophet report --input run1/model --html run1.html --price 0.05 --deadline 3600 \\
    --shape 4x8 --shape 8x8
  sparkprophet report --input run1/model --compare run_with_parallelism_1/model
""",
}
_ABOUT = {
    "fit": "Fit one Prophet per group.",
    "tune": "Search each group's settings, then fit each group with its best.",
    "forecast": "Forecast every group of a saved model, from the step after its own last one.",
    "report": "Show how the fit of a saved model went: statuses, errors, gain of tuning, use of "
    "the slots, what held it back, and what other clusters would take and cost.",
}


class _Parser(argparse.ArgumentParser):
    """argparse, but every mistake is one line."""

    def __init__(self, **values: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **values
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; --help and --version end the program.

    Raises
    ------
    UsageError
        For an unknown command or option, a missing option, or a value out of range.
    """
    program = _Parser(
        prog="sparkprophet",
        description="One Prophet per group of a table, fitted and tuned by Spark.",
        epilog=f"{_CODES}\nEach command has its own help, with examples: sparkprophet fit --help\n"
        "\nAlso: python -m sparkprophet ..., on this machine; and on a cluster\n"
        "  spark-submit --conf spark.log.level=ERROR path/to/sparkprophet/__main__.py fit ...\n"
        "whose master, memory and logs are those that spark-submit is given.",
    )
    program.add_argument("--version", action="version", version=sparkprophet.__version__)
    commands = program.add_subparsers(dest="command", metavar="tune|fit|forecast|report")
    parsers = {name: _command(commands, name) for name in ("tune", "fit", "forecast", "report")}
    first = next((word for word in argv if not word.startswith("-")), None)
    if first is not None and first not in parsers and argv[0] == first:
        raise UsageError(f"{first!r} is no command; {nearest(first, parsers)}")
    found, unknown = program.parse_known_args(argv)
    if found.command is None:
        if unknown:
            raise UsageError(f"{unknown[0]}: unknown option; commands are {', '.join(parsers)}")
        raise UsageError("no command; give one of tune, fit, forecast, report, or --help")
    if unknown:
        known = [o for a in parsers[found.command]._actions for o in a.option_strings]
        remedy = nearest(unknown[0], [o for o in known if o.startswith("--")])
        raise UsageError(f"{unknown[0]!r}: unknown to sparkprophet {found.command}; {remedy}")
    # Only now: a misspelt option is told as such, not as the absence of the right one.
    for name in _REQUIRED[found.command]:
        if getattr(found, name) is None:
            raise UsageError(f"--{name}: is needed by sparkprophet {found.command}; add it")
    return found


_REQUIRED = {
    "fit": ("input", "output"),
    "tune": ("input", "output"),
    "forecast": ("input", "output", "horizon"),
    "report": ("input",),
}


def _command(commands: Any, name: str) -> argparse.ArgumentParser:
    parts = [_EXAMPLES[name], _CODES]
    if name in ("fit", "tune"):
        parts = [_EXAMPLES[name], _TREE + (_TUNED if name == "tune" else ""), _CONFIG, _CODES]
    parser = commands.add_parser(
        name, help=_ABOUT[name], description=_ABOUT[name], epilog="\n".join(parts)
    )
    add = parser.add_argument
    if name in ("forecast", "report"):
        add("--input", metavar="MODEL", help="folder of the saved model")
    else:
        add(
            "--input",
            metavar="TABLE",
            help="Parquet, CSV with a header or JSON lines: by extension, or by a folder's content",
        )
        add("--group-cols", metavar="A,B", type=_names, help="key columns; none: one series")
        add("--config", metavar="FILE", help="JSON or YAML file of params, see below")
    if name != "report":
        add("--output", metavar="FOLDER", help="must not exist, but with --overwrite")
        add("--horizon", metavar="N", type=_whole, help=_HORIZON[name])
        add(
            "--regressors",
            metavar="TABLE",
            help="future rows: key columns, timestamp, every regressor; formats as of --input",
        )
        add(
            "--overwrite",
            action="store_true",
            help="replace --output, if it holds nothing but what this program writes",
        )
    if name == "tune":
        add("--num-trials", metavar="N", type=_whole, help="trials per group (50)")
    if name == "forecast":
        add(
            "--freq",
            metavar="FREQ",
            help="pandas frequency such as D or W-THU; by default each group's own step is found",
        )
    if name == "report":
        _add_report_options(add)
    add("--json", action="store_true", help="the result as one JSON object, for programs")
    add("--verbose", action="store_true", help="a traceback with errors")
    return parser


def _add_report_options(add: Callable[..., Any]) -> None:
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


_HORIZON = {
    "fit": "also forecast N steps ahead",
    "tune": "steps of the holdout that settings are judged on; also forecast N steps ahead",
    "forecast": "steps ahead, at most those in --regressors",
}


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"found {text!r}, must be column names such as store,item")
    return names


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, must be a whole number >= 1")
    return int(text)


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
