"""One series: its config, checks, fit, forecast, components, backtest, metrics and record."""
