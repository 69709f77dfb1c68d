"""Write docs/params.md from the tables that the Params are made from.

    python scripts/params_page.py > docs/params.md

A test fails while the page differs from what this prints.
"""

from __future__ import annotations

from sparkprophet import (
    BayesianCrossValidator,
    BayesianTrainValidationSplit,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetTuner,
)
from sparkprophet.series.errors import CODES
from sparkprophet.spark.params import SERIES_SPECS, Spec

_INTRODUCTION = """\
# Params and error codes

Made from the tables in the code by `scripts/params_page.py`; do not edit. Every param is a keyword
argument of its class and has `getX`, `setX` and `explainParam`. *unset* params have no default.
"""


def table(specs: tuple[Spec, ...]) -> str:
    """A Markdown table of params."""
    rows = ["| param | default | meaning |", "|---|---|---|"]
    for spec in specs:
        default = "*unset*" if spec.default is None else f"`{spec.default!r}`"
        rows.append(f"| {spec.name} | {default} | {spec.doc.replace('|', '&#124;')} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The whole page."""
    series = {spec.name for spec in SERIES_SPECS}
    stage = tuple(spec for spec in GroupedProphet.specs if spec.name not in series)
    shared = {spec.name for spec in BayesianCrossValidator.specs}
    own = tuple(spec for spec in BayesianTrainValidationSplit.specs if spec.name not in shared)
    parts = [
        _INTRODUCTION,
        "## GroupedProphet: columns and stage\n",
        table(stage),
        "## GroupedProphet: series params\n\nThese can be searched, and set per group through "
        "`overridesCol`.\n",
        table(SERIES_SPECS),
        "## GroupedProphetTuner\n",
        table(GroupedProphetTuner.specs),
        "## BayesianCrossValidator\n",
        table(BayesianCrossValidator.specs),
        "## BayesianTrainValidationSplit\n\nAs BayesianCrossValidator, but for numFolds and "
        "foldCol, and with:\n",
        table(own),
        "## ForecastEvaluator\n",
        table(ForecastEvaluator.specs),
        "## Error codes\n\nOf `error_code` in the models table.\n",
        "| code | meaning |\n|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in CODES.items()),
        "",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
