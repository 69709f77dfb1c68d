"""One series tuned without Spark: what tune_on_ray.py, tune_on_dask.py and tune_on_joblib.py share.

`tune_series` is what a Spark worker calls for each key of a `GroupedProphetTuner`. It is a plain
function of one series and a seed, so any engine that maps a function over a list can call it; the
same seed finds the same values anywhere.

    python examples/series_tuning.py [--input FILE --group-cols shop,item] [--trials 20]
"""

from __future__ import annotations

import argparse
import json
import zlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sparkprophet.search import Choice, SearchSpace, Uniform
from sparkprophet.series import fit
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.tuning import Search, tune_series

SPACE = SearchSpace(
    (
        Choice("seasonalityMode", ("additive", "multiplicative")),
        Uniform("changepointPriorScale", 0.001, 0.5, log=True),
        Uniform("seasonalityPriorScale", 0.01, 10.0, log=True),
    )
)


class Task(NamedTuple):
    """A key with its rows: what goes to a worker."""

    key: tuple[Any, ...]
    ds: np.ndarray
    y: np.ndarray
    seed: int


def search(trials: int, horizon: int) -> Search:
    """The params of GroupedProphetTuner, the others with its defaults."""
    return Search(SPACE.toJson(), horizon, num_trials=trials, collect_trials=False)


def tuned(task: Task, settings: Search) -> dict[str, Any]:
    """The result row of one key, whatever happens to it."""
    series, config = Series(task.ds, task.y), Config(uncertaintySamples=0)
    try:
        tuned_fit = tune_series(series, config, task.seed, settings)
    except Exception as error:  # no series ends the work of the others
        tuned_fit = fit.failed(series, config, error)
    names = SPACE.keyed()
    values = {name: getattr(tuned_fit.config, name) for name in names}
    return {
        "key": task.key,
        "status": tuned_fit.status,
        "best": tuned_fit.search.get("best_value"),
        "untuned": tuned_fit.search.get("untuned_value"),
        "values": values,
        "error": tuned_fit.error_message,
    }


def generated() -> pd.DataFrame:
    """Two years of daily sales of three items in each of two shops, and one that just opened."""
    random, days = np.random.default_rng(11), pd.date_range("2024-01-01", periods=730, freq="D")
    frames = []
    for shop, length in (("Basel", 730), ("Bern", 730), ("Chur", 1)):
        for item in range(3 if length > 1 else 1):
            week = 1 + 0.3 * np.sin(2 * np.pi * days.dayofweek / 7 + item)
            level = (30 + 20 * item) * np.exp(np.cumsum(random.normal(0, 0.01, 730)))
            y = np.round(level * week + random.normal(0, 3, 730), 1)
            frames.append(pd.DataFrame({"shop": shop, "item": item, "ds": days, "y": y})[:length])
    return pd.concat(frames, ignore_index=True)


def arguments(doc: str) -> argparse.ArgumentParser:
    """The command line of the three examples."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", help="Parquet with the group columns, ds and y; none: made up")
    parser.add_argument("--group-cols", default="shop,item", help="comma-separated")
    parser.add_argument("--horizon", type=int, default=28, help="days of the holdout")
    parser.add_argument("--trials", type=int, default=20, help="per series")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    return parser


def tasks(args: argparse.Namespace) -> list[Task]:
    """One per key, in the order of the keys; the seed hangs on the key alone."""
    rows = pd.read_parquet(args.input) if args.input else generated()
    work = []
    for key, group in rows.groupby(args.group_cols.split(",")):
        seed = zlib.crc32(json.dumps(key, default=str).encode())
        ds = group["ds"].to_numpy("datetime64[us]")
        work.append(Task(key, ds, group["y"].to_numpy(float), seed))
    return work


def show(rows: list[dict[str, Any]]) -> None:
    """A line a key."""
    for row in rows:
        name = "/".join(map(str, row["key"]))
        if row["best"] is None:
            print(f"{name:12} {row['status']:8} {row['error'] or 'too short to search'}")
        else:
            errors = f"rmse {row['best']:.6f} (untuned {row['untuned']:.6f})"
            print(f"{name:12} {row['status']:8} {errors}  {json.dumps(row['values'])}")


def main() -> None:
    """One series after the other, in this process."""
    args = arguments(__doc__).parse_args()
    settings = search(args.trials, args.horizon)
    show([tuned(task, settings) for task in tasks(args)])


if __name__ == "__main__":
    main()
