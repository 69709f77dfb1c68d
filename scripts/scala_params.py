"""Write the Scala sources that are made from Python's tables: params, columns of the models table.

    python scripts/scala_params.py

Names, defaults, ranges, types and documents then are the same in both languages; a test fails while
a file differs from what this writes.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pyspark.ml.tuning import CrossValidator

from sparkprophet import (
    BayesianCrossValidator,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetTuner,
)
from sparkprophet.series import ranges
from sparkprophet.series.config import FORECAST_SETTINGS, SETTINGS
from sparkprophet.series.ranges import Number, OneOf, Whole
from sparkprophet.spark import params, schema
from sparkprophet.spark.params import Spec
from sparkprophet.spark.schema import ModelColumn

_ROOT = Path(__file__).resolve().parents[1]
FOLDER = _ROOT / "scala/src/generated/scala/sparkprophet/params"
_WIDTH = 100
_INDENT = "    "
_HEAD = [
    "// Made by scripts/scala_params.py from Python's tables: not to be edited.",
    "// format: off",
    "package sparkprophet.params",
    "",
]
_ROWS = ("seasonalities", "holidays", "regressors")
# By converter: the Scala type, the class of the Param and the method of TableParams that makes one.
_KINDS: dict[Any, tuple[str, str, str]] = {
    ranges.text: ("String", "Param[String]", "text"),
    ranges.texts: ("Array[String]", "StringArrayParam", "texts"),
    ranges.flag: ("Boolean", "BooleanParam", "flag"),
    params.space_json: ("String", "Param[String]", "searchSpaceJson"),
    ranges.country: ("String", "Param[String]", "text"),
    ranges.switch: ("String", "Param[String]", "seasonality"),
    ranges.instants: ("Array[String]", "StringArrayParam", "texts"),
}


def _kind(spec: Spec) -> tuple[str, str, str]:
    """Scala type, class of the Param, and the call that makes it without name and doc."""
    convert = spec.convert
    if isinstance(convert, Number):
        high = "Double.PositiveInfinity" if convert.high == math.inf else f"{float(convert.high)}"
        open_ends = str(convert.open_ends).lower()
        return "Double", "DoubleParam", f"number({float(convert.low)}, {high}, {open_ends})"
    if isinstance(convert, Whole):
        if convert.low is None:
            return "Long", "LongParam", "long"
        return "Int", "IntParam", f"whole({convert.low})"
    if isinstance(convert, OneOf):
        values = ", ".join(map(json.dumps, convert.values))
        if len(values) > _WIDTH // 2:
            values = f"\n{_wrapped(values, _INDENT, _INDENT)}\n  "
        return "String", "Param[String]", f"oneOf({values})"
    if spec.name in _ROWS:
        return "Seq[Map[String, Any]]", "RowsParam", "rows"
    return _KINDS[convert]


def _literal(value: Any, kind: str) -> str:
    if kind.startswith("Seq["):
        return "Seq.empty[Map[String, Any]]"
    if kind == "Array[String]":
        return "Array.empty[String]"
    if kind == "Long":
        return f"{value}L"
    return json.dumps(value)


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=rest)


def _doc_literal(doc: str) -> str:
    """The doc as Scala strings, none longer than a line."""
    lines = textwrap.wrap(doc, _WIDTH - 12, drop_whitespace=False)
    return " +\n      ".join(json.dumps(line, ensure_ascii=False) for line in lines)


def _comment(text: str, indent: str = "  ") -> str:
    one_line = f"{indent}/** {text} */"
    if len(one_line) <= _WIDTH:
        return one_line
    rest = f"{indent} * "
    return "\n".join([f"{indent}/**", _wrapped(text, rest, rest), f"{indent} */"])


def _accessors(spec: Spec, kind: str) -> list[str]:
    """The getter and the setters of a param."""
    title = spec.name[0].upper() + spec.name[1:]
    value = f"$({spec.name})"
    setters = [(kind, "value")]
    if spec.convert is params.space_json:
        kind, value = "SearchSpace", f"SearchSpace.fromJson({value})"
        setters.append(("SearchSpace", "value.toJson"))
    end = "; fails where it is unset." if spec.default is None else "."
    lines = [
        f"  /** The value of [[{spec.name}]]{end} */",
        f"  def get{title}: {kind} = {value}",
        "",
    ]
    for takes, given in setters:
        setter = f"  def set{title}(value: {takes}): this.type = set({spec.name}, {given})"
        lines += [f"  /** Sets [[{spec.name}]]. */", setter, ""]
    return lines


def _param(spec: Spec) -> str:
    kind, cls, make = _kind(spec)
    default = "unset" if spec.default is None else json.dumps(spec.default)
    call = f"{make})(" if "(" in make else f"{make}("
    call = call.replace("))(", ")(")
    return "\n".join(
        [
            _comment(f"{spec.doc} Default: {default}."),
            f"  final val {spec.name}: {cls} = {call}",
            f"    {json.dumps(spec.name)},",
            f"    {_doc_literal(spec.doc)}",
            "  )",
            "",
            *_accessors(spec, kind),
        ]
    )


def trait(name: str, of: str, specs: Sequence[Spec]) -> str:
    """The Scala file of one trait."""
    given = [s for s in specs if s.default is not None]
    defaults = ",\n".join(f"    {s.name} -> {_literal(s.default, _kind(s)[0])}" for s in given)
    classes = sorted({_kind(s)[1].partition("[")[0] for s in specs} - {"RowsParam"})
    imports = [f"import org.apache.spark.ml.param.{{{', '.join(classes)}}}"]
    if any(s.convert is params.space_json for s in specs):
        imports += ["", "import sparkprophet.SearchSpace"]
    return "\n".join(
        [
            *_HEAD,
            *imports,
            "",
            _comment(f"The params of {of}, under the names that Python gives them.", indent=""),
            f"private[sparkprophet] trait {name} extends TableParams {{",
            "",
            *map(_param, specs),
            "  setDefault(",
            defaults,
            "  )",
            "}",
            "",
        ]
    )


def traits() -> dict[str, str]:
    """Scala text by file name."""
    own = [s for s in GroupedProphetTuner.specs if s.name != "estimator"]
    added = [s for s in BayesianCrossValidator.specs if not hasattr(CrossValidator, s.name)]
    files = [
        ("GroupedProphetParams", "`GroupedProphet` and its model", GroupedProphet.specs),
        ("GroupedProphetTunerParams", "`GroupedProphetTuner` but for its estimator", own),
        ("BayesianTunerParams", "both Bayesian tuners but for those of Spark's own", added),
        ("ForecastEvaluatorParams", "`ForecastEvaluator`", ForecastEvaluator.specs),
    ]
    return {f"{name}.scala": trait(name, of, specs) for name, of, specs in files}


def _texts(values: Iterable[str]) -> str:
    """Strings between the brackets of a Scala collection."""
    return _wrapped(", ".join(map(json.dumps, values)), _INDENT, _INDENT)


def _columns(name: str, doc: str, columns: Sequence[ModelColumn]) -> list[str]:
    """A schema, and what its columns hold."""
    lines = [""]
    for token in re.split("(?<=[, ])", schema.ddl(columns)):
        if len(lines[-1]) + len(token) > _WIDTH - 12:
            lines.append("")
        lines[-1] += token
    return [
        "  /**",
        f"   * {doc}",
        "   *",
        *(f"   *   - `{column.name}`: {column.doc}" for column in columns),
        "   */",
        f"  val {name}: StructType = StructType.fromDDL(",
        _INDENT + " +\n      ".join(map(json.dumps, lines)),
        "  )",
        "",
    ]


def model_columns() -> str:
    settings = [field.name for field in SETTINGS]
    """The Scala file of the columns of the models table."""
    return "\n".join(
        [
            *_HEAD,
            "import org.apache.spark.sql.types.StructType",
            "",
            "/** The columns of the models table besides its keys. */",
            "private[sparkprophet] object ModelColumns {",
            "",
            *_columns("Fit", "What every fit gives.", schema.FIT),
            *_columns("Search", "What a search adds.", schema.SEARCH),
            "  /** Fields of the column `state`. */",
            f"  val StateFields: Seq[String] = Seq(\n{_texts(schema.STATE_FIELDS)}\n  )",
            "",
            "  /** The params that are settings of each series. */",
            f"  val Settings: Seq[String] = Seq(\n{_texts(settings)}\n  )",
            "",
            "  /** Those of them that fitted models can be asked to change. */",
            f"  val ForecastSettings: Seq[String] = Seq(\n{_texts(FORECAST_SETTINGS)}\n  )",
            "",
            "  /** Columns of a saved table besides its own: hashes of rows and of trials. */",
            f"  val Checksums: Seq[String] = Seq(\n{_texts(schema.CHECKSUMS)}\n  )",
            "",
            "  /** Columns that tables of format 1 do not have. */",
            f"  val Since2: Set[String] = Set(\n{_texts(schema.SINCE_2)}\n  )",
            "",
            "  /** Names, in lower case, that no key column may have. */",
            f"  val Reserved: Set[String] = Set(\n{_texts(sorted(schema.RESERVED))}\n  )",
            "}",
            "",
        ]
    )


def sources() -> dict[str, str]:
    """Scala text of every generated file, by its name."""
    return {**traits(), "ModelColumns.scala": model_columns()}


if __name__ == "__main__":
    for name, text in sources().items():
        (FOLDER / name).write_text(text, "utf-8")
