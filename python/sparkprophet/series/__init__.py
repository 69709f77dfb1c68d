"""One series: its config, checks, fit, forecast, components, backtest, metrics and record."""

from typing import Any


def __getattr__(name: str) -> Any:
    # The one public class, imported when it is first used: it needs the whole of Prophet.
    if name != "FastProphet":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sparkprophet.series.fast_prophet import FastProphet

    return FastProphet
