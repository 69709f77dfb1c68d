"""The parser of the command line, and the options that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from sparkprophet.command.errors import UsageError
from sparkprophet.command.results import EXIT_CODES, Work
from sparkprophet.messages import nearest
from sparkprophet.version import __version__

AddOption = Callable[..., argparse.Action]
"""`add_argument` of a command's parser."""


@dataclass(frozen=True)
class Command:
    """A verb of the command line.

    Attributes
    ----------
    name : str
    about : str
        What it does, in a sentence.
    sections : tuple of str
        Of its help, below the options: examples, and what else there is to know.
    required : tuple of str
        Options, without their dashes, that it cannot do without.
    add_options : callable
        (add) -> None, adds its options.
    prepare : callable
        (arguments) -> Work; raises UsageError for all that is wrong and can be seen without Spark.
    """

    name: str
    about: str
    sections: tuple[str, ...]
    required: tuple[str, ...]
    add_options: Callable[[AddOption], None]
    prepare: Callable[[argparse.Namespace], Work]


class _Parser(argparse.ArgumentParser):
    """argparse, but every mistake is one line."""

    def __init__(self, **values: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **values
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def parse(argv: Sequence[str], table: Sequence[Command]) -> tuple[Command, argparse.Namespace]:
    """The command of a line, and its arguments; --help and --version end the program.

    Parameters
    ----------
    argv : sequence of str
    table : sequence of Command
        All there are.

    Raises
    ------
    UsageError
        For an unknown command or option, a missing option, or a value out of range.
    """
    commands = {command.name: command for command in table}
    program = _Parser(
        prog="sparkprophet",
        description="One Prophet per group of a table, fitted and tuned by Spark.",
        epilog=f"{EXIT_CODES}\nEach command has its own help, with examples: sparkprophet fit "
        "--help\n\nAlso: python -m sparkprophet ..., on this machine; and on a cluster\n"
        "  spark-submit --conf spark.log.level=ERROR path/to/sparkprophet/__main__.py fit ...\n"
        "whose master, memory and logs are those that spark-submit is given.",
    )
    program.add_argument("--version", action="version", version=__version__)
    subparsers = program.add_subparsers(dest="command", metavar="|".join(commands))
    parsers = {command.name: _add_parser(subparsers, command) for command in table}
    first = next((word for word in argv if not word.startswith("-")), None)
    if first is not None and first not in commands and argv[0] == first:
        raise UsageError(f"{first!r} is no command; {nearest(first, commands)}")
    arguments, unknown = program.parse_known_args(argv)
    if arguments.command is None:
        if unknown:
            raise UsageError(f"{unknown[0]}: unknown option; commands are {', '.join(commands)}")
        raise UsageError(f"no command; give one of {', '.join(commands)}, or --help")
    command = commands[arguments.command]
    if unknown:
        known = [o for a in parsers[command.name]._actions for o in a.option_strings]
        remedy = nearest(unknown[0], [o for o in known if o.startswith("--")])
        raise UsageError(f"{unknown[0]!r}: unknown to sparkprophet {command.name}; {remedy}")
    # Only now: a misspelt option is told as such, not as the absence of the right one.
    for name in command.required:
        if getattr(arguments, name) is None:
            raise UsageError(f"--{name}: is needed by sparkprophet {command.name}; add it")
    return command, arguments


def _add_parser(
    subparsers: argparse._SubParsersAction[_Parser], command: Command
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        command.name,
        help=command.about,
        description=command.about,
        epilog="\n".join([*command.sections, EXIT_CODES]),
    )
    add = parser.add_argument
    command.add_options(add)
    add("--json", action="store_true", help="the result as one JSON object, for programs")
    add("--verbose", action="store_true", help="a traceback with errors")
    return parser


def add_model(add: AddOption) -> None:
    """The option of a command that reads a saved model."""
    add("--input", metavar="MODEL", help="folder of the saved model")


def add_output(add: AddOption, horizon: str) -> None:
    """The options of a command that writes a folder; `horizon` says what its horizon is."""
    add("--output", metavar="FOLDER", help="must not exist, but with --overwrite")
    add("--horizon", metavar="N", type=whole, help=horizon)
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


def whole(text: str) -> int:
    """A whole number of at least 1.

    Raises
    ------
    argparse.ArgumentTypeError
        For any other text.
    """
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, must be a whole number >= 1")
    return int(text)
