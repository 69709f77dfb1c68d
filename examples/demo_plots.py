"""The plots of demo.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files only: works without a display

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

KEYS = ["origin", "carrier"]
AIRLINES = {
    "9E": "Endeavor", "AA": "American", "AS": "Alaska", "B6": "JetBlue", "DL": "Delta",
    "EV": "ExpressJet", "F9": "Frontier", "FL": "AirTran", "HA": "Hawaiian", "MQ": "Envoy",
    "OO": "SkyWest", "UA": "United", "US": "US Airways", "VX": "Virgin America",
    "WN": "Southwest", "YV": "Mesa",
}  # fmt: skip
BLUE, ORANGE, GREY = "#1f6fb4", "#d95f02", "#8a8a8a"
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e4e4e4",
        "axes.axisbelow": True,
        "figure.constrained_layout.use": True,
    }
)


def forecasts(
    daily: pd.DataFrame, table: pd.DataFrame, cutoff: pd.Timestamp, path: Path, panels: int = 6
) -> None:
    """History, what happened and what was forecast, for the busiest series."""
    table = table.assign(ds=pd.to_datetime(table.ds))
    forecast = table[table.ds > cutoff].groupby(KEYS).ds.size().index
    busiest = daily.groupby(KEYS).y.sum().sort_values(ascending=False).index
    chosen = [key for key in busiest if key in forecast][:panels]
    figure, axes = plt.subplots(
        -(-len(chosen) // 2), 2, figsize=(12, 3 * -(-len(chosen) // 2)), squeeze=False
    )
    since = cutoff - pd.Timedelta(days=56)
    for axis, (origin, carrier) in zip(axes.flat, chosen, strict=False):
        seen = daily[(daily.origin == origin) & (daily.carrier == carrier) & (daily.ds > since)]
        past, came = seen[seen.ds <= cutoff], seen[seen.ds > cutoff]
        ahead = table[(table.origin == origin) & (table.carrier == carrier)]
        axis.plot(past.ds, past.y, ".-", color="#333333", lw=0.8, ms=4, label="history")
        axis.plot(came.ds, came.y, "o", color=ORANGE, ms=4, zorder=3, label="held out: what came")
        axis.plot(ahead.ds, ahead.yhat, color=BLUE, lw=1.8, label="forecast")
        axis.fill_between(
            ahead.ds,
            ahead.yhat_lower,
            ahead.yhat_upper,
            color=BLUE,
            alpha=0.2,
            lw=0,
            label="80 % interval",
        )
        axis.axvline(cutoff + pd.Timedelta(hours=12), color=GREY, lw=1, ls="--")
        axis.set_title(f"{AIRLINES.get(carrier, carrier)} from {origin}", loc="left", weight="bold")
        axis.set_ylabel("departures per day")
        axis.set_ylim(bottom=0)
        axis.xaxis.set_major_locator(mdates.WeekdayLocator(byweekday=0, interval=2))
        axis.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
    for axis in list(axes.flat)[len(chosen) :]:
        axis.set_visible(False)
    figure.suptitle("Daily departures from New York, 2013: 14 days ahead", weight="bold", size=12)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def search(trials: pd.DataFrame, comparison: pd.DataFrame, path: Path) -> None:
    """Left: best error so far by trial, over the series. Right: each series before and after."""
    base = comparison.set_index(KEYS).untuned
    wide = trials.pivot_table(index=KEYS, columns="trial", values="value", dropna=False)
    # A search that stopped early keeps its best; a perfect (constant) series has nothing to gain.
    relative = wide.cummin(axis=1).ffill(axis=1).div(base, axis=0).replace(np.inf, np.nan).dropna()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6))
    number = relative.columns.to_numpy() + 1
    left.fill_between(
        number,
        100 * relative.quantile(0.25),
        100 * relative.quantile(0.75),
        step="post",
        color=BLUE,
        alpha=0.2,
        lw=0,
        label="middle half of the series",
    )
    left.step(number, 100 * relative.median(), where="post", color=BLUE, lw=2, label="median")
    left.axhline(100, color=GREY, ls="--", lw=1, label="untuned")
    left.set_xticks(number)
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    left.set_xlabel("trial")
    left.set_ylabel("best error so far over the untuned error")
    left.set_title(f"Search history of {len(relative)} series", loc="left", weight="bold")
    left.legend(frameon=False, loc="lower left")
    both = comparison.dropna(subset=["tuned", "untuned"])
    both = both[both.untuned > 1e-6]
    right.scatter(both.untuned, both.tuned, s=26, color=BLUE, alpha=0.8, label="a series")
    ends = [0.8 * both[["tuned", "untuned"]].min().min(), 1.25 * both.untuned.max()]
    right.plot(ends, ends, color=GREY, ls="--", lw=1, label="no gain (below the line: better)")
    right.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    right.set_xlabel("untuned: mean absolute error, departures per day")
    right.set_ylabel("tuned: mean absolute error, departures per day")
    right.set_title("Each series on the search's own holdout", loc="left", weight="bold")
    right.legend(frameon=False, loc="upper left")
    figure.savefig(path, dpi=130)
    plt.close(figure)
