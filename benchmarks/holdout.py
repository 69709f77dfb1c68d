"""What forecasts are worth: errors on the ends of real series, which nothing has seen before.

    python benchmarks/holdout.py --data FOLDER [--series 200] [--half choosing|printing]
        [--methods untuned,combined,tuned,...] [--sets m3_monthly,...] [--processes 2] [--json FILE]

FOLDER holds the files that SETS names. Of each set a seeded sample of series is cut `horizon` steps
before the end; each method forecasts these from what is left. Recipes are chosen on one half of the
series (by a hash of the key) and shown on the other. Errors are MASE, with seasonal differences as
the unit, relative to those of Prophet's defaults on the same series: geometric means over the
series of a set and then over sets, with a bootstrap interval over series. Coverage, width and
pinball loss are those of the 80 % interval.

Ours: untuned (Prophet's defaults), combined (combination="folds", no search), tuned (the best of 50
trials in `suggested_search_space`), tuned_combined (the tuner's defaults). Peers:
statsforecast's SeasonalNaive, AutoETS, DynamicOptimizedTheta and MSTL, with gaps filled by the
value before; they are left out where statsforecast is not installed.
"""

from __future__ import annotations

import machine

machine.single_threaded()

import argparse  # noqa: E402
import multiprocessing  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
import zlib  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from sparkprophet.search.suggested import suggested_space  # noqa: E402
from sparkprophet.series import fit as fitting  # noqa: E402
from sparkprophet.series import frequency  # noqa: E402
from sparkprophet.series.config import Config  # noqa: E402
from sparkprophet.series.data import Series  # noqa: E402
from sparkprophet.series.forecast import forecast  # noqa: E402
from sparkprophet.tuning import Search, tune_series, warm_up  # noqa: E402

SEED = 5
TRIALS = 50
# An error below this share of the unit is no better than another one.
LEAST_ERROR = 1e-3
WORSE = 1.1
RESAMPLES = 1000
OURS = ("untuned", "combined", "tuned", "tuned_combined")
PEERS = ("SeasonalNaive", "AutoETS", "DynamicOptimizedTheta", "MSTL")
DAILY = ("restaurant", "chicago", "examples")
# Longer seasons than this are not estimated by AutoETS.
LONGEST_ETS_SEASON = 24


@dataclass(frozen=True)
class DataSet:
    """A set of series: of which file, which rows, and what is forecast of them."""

    file: str
    keys: tuple[str, ...]
    horizon: int
    season: int
    least: int
    rows: tuple[str, str] | None = None
    regressors: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    steps_a_year: int | None = None


ORANGE = (*(f"price{brand}" for brand in range(1, 12)), "deal", "feat")
M3 = partial(DataSet, "m3", ("unique_id",))
SETS = {
    "m3_monthly": M3(18, 12, 60, ("period", "Monthly"), steps_a_year=12),
    "m3_quarterly": M3(8, 4, 28, ("period", "Quarterly"), steps_a_year=4),
    "m3_yearly": M3(6, 1, 20, ("period", "Yearly"), steps_a_year=1),
    "tourism": DataSet(
        "tourism_quarterly", ("region", "state", "purpose"), 8, 4, 60, steps_a_year=4
    ),
    "walmart": DataSet("walmart_weekly", ("store", "dept"), 13, 52, 140, None, ("is_holiday",)),
    "dominicks": DataSet("dominicks_oj_weekly", ("store", "brand"), 8, 1, 100, None, ORANGE),
    "restaurant": DataSet(
        "restaurant_visits_daily", ("air_store_id",), 39, 7, 220, settings={"countryHolidays": "JP"}
    ),
    "chicago": DataSet(
        "chicago_l_daily", ("station",), 28, 7, 500, settings={"countryHolidays": "US"}
    ),
    "examples": DataSet("prophet_examples", ("series",), 28, 7, 300, ("freq", "D")),
}


@dataclass(frozen=True)
class Task:
    """One series, cut in two."""

    name: str
    key: str
    train: Series
    test: Series


@dataclass(frozen=True)
class Answer:
    """A forecast of the test rows, what a search promised, and its CPU seconds."""

    yhat: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    cpu: float
    promised: float = float("nan")


def half_of(name: str, key: str) -> str:
    return ("choosing", "printing")[zlib.crc32(f"{name}|{key}".encode()) & 1]


def tasks(folder: Path, name: str, count: int, half: str) -> Iterator[Task]:
    """The sampled series of a half of a set that can be cut."""
    about = SETS[name]
    rows = pd.read_parquet(folder / f"{about.file}.parquet")
    if about.rows:
        column, value = about.rows
        rows = rows[rows[column] == value]
    groups = [
        (str(key), own)
        for key, own in rows.groupby(list(about.keys), dropna=False, observed=True)
        if len(own) >= about.least and own.y.nunique() > 2
    ]
    random = np.random.default_rng([SEED, zlib.crc32(name.encode())])
    for index in np.sort(random.choice(len(groups), min(count, len(groups)), replace=False)):
        key, own = groups[index]
        if half_of(name, key) != half:
            continue
        own = own.dropna(subset=["y"]).sort_values("ds").drop_duplicates("ds")
        columns = {column: own[column].to_numpy(np.float64) for column in about.regressors}
        ds, y = own["ds"].to_numpy("datetime64[us]"), own["y"].to_numpy(np.float64)
        series = Series(ds, y, columns)
        end = frequency.infer(ds).shift(ds[-1], -about.horizon)
        train, test = series.take(ds <= end), series.take(ds > end)
        if len(test) and len(train) >= 10 and unit(train, about.season) > 0:
            yield Task(name, key, train, test)


def unit(train: Series, season: int) -> float:
    """Mean absolute seasonal difference, or of one step where there is no season."""
    lag = season if len(train) > season + 1 else 1
    return float(np.mean(np.abs(train.y[lag:] - train.y[:-lag])))


def config_of(about: DataSet) -> Config:
    return Config(regressors=list(about.regressors), **about.settings)


def ours(method: str, task: Task) -> Answer:
    """A forecast of this project's, through the same calls as in a worker."""
    about = SETS[task.name]
    config, seed = config_of(about), zlib.crc32(task.key.encode())
    began, promised = time.process_time(), float("nan")
    if method == "untuned":
        outcome = fitting.fit(task.train, config)
    elif method == "combined":
        outcome = fitting.fit(
            task.train, config.replace({"combination": "folds", "horizon": about.horizon})
        )
    else:
        space = suggested_space(True, bool(about.regressors or about.settings), about.steps_a_year)
        search = Search(
            space.toJson(),
            about.horizon,
            "mae",
            num_folds=3,
            period=about.horizon,
            initial=about.horizon,
            num_trials=TRIALS,
            combination="folds" if method == "tuned_combined" else "none",
        )
        outcome = tune_series(task.train, config, seed, search)
        values = outcome.search.get("best_value"), outcome.search.get("untuned_value")
        if all(values):
            promised = values[0] / values[1]
    if outcome.status != "ok":
        raise ValueError(f"{outcome.error_code}: {outcome.error_message}")
    ahead = Series(task.test.ds, np.full(len(task.test), np.nan), task.test.columns)
    made = forecast(outcome.state, outcome.config, ahead, seed)
    cpu = time.process_time() - began
    return Answer(made.yhat, made.lower, made.upper, cpu, promised)


def peer(method: str, task: Task) -> Answer:
    """A forecast of statsforecast's."""
    from statsforecast import models

    about = SETS[task.name]
    step = frequency.infer(task.train.ds)
    at = step.position(task.train.ds, task.train.ds[0])
    filled = pd.Series(task.train.y, index=at).groupby(level=0).last()
    y = filled.reindex(range(int(at[-1]) + 1)).ffill().to_numpy(np.float64)
    ahead = np.maximum(step.position(task.test.ds, task.train.ds[-1]), 1)
    season = about.season
    if method == "AutoETS" and season > LONGEST_ETS_SEASON:
        season = 1
    began = time.process_time()
    if method == "MSTL" and season == 1:
        raise LookupError("MSTL needs a season")
    model = getattr(models, method)(season_length=season)
    made = model.forecast(y, int(ahead.max()), level=[80])
    cpu = time.process_time() - began
    rows = ahead - 1
    return Answer(made["mean"][rows], made["lo-80"][rows], made["hi-80"][rows], cpu)


def judge(task: Task, methods: list[str]) -> dict[str, Any]:
    """Errors of all methods on one series; a method that fails has a text in their place."""
    warnings.filterwarnings("ignore")
    y, scale = task.test.y, unit(task.train, SETS[task.name].season)
    judged: dict[str, Any] = {"set": task.name, "series": task.key}
    for method in methods:
        try:
            answer = ours(method, task) if method in OURS else peer(method, task)
        except Exception as error:  # peers raise what they like
            judged[method] = f"{type(error).__name__}: {error}"[:200]
            continue
        inside = (answer.lower <= y) & (y <= answer.upper)
        misses = [
            np.maximum(q * (y - bound), (q - 1) * (y - bound)).mean()
            for q, bound in ((0.1, answer.lower), (0.9, answer.upper))
        ]
        error = np.abs(y - answer.yhat)
        size = (np.abs(y) + np.abs(answer.yhat)) / 2
        judged[method] = {
            "mase": max(float(error.mean()) / scale, LEAST_ERROR),
            "smape": float(np.mean(np.divide(error, size, out=np.zeros_like(y), where=size > 0))),
            "wape": float(error.sum() / max(np.abs(y).sum(), 1e-300)),
            "coverage": float(inside.mean()),
            "width": float(np.mean(answer.upper - answer.lower)) / scale,
            "pinball": float(np.mean(misses)) / scale,
            "cpu": answer.cpu,
            "promised": answer.promised,
        }
    return judged


def ratios(rows: list[dict[str, Any]], method: str) -> np.ndarray:
    """Errors of a method relative to Prophet's defaults; a failed one counts as the defaults."""
    return np.array(
        [
            row[method]["mase"] / row["untuned"]["mase"] if isinstance(row[method], dict) else 1.0
            for row in rows
        ]
    )


def geometric(values: np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(values))))


def over_sets(by_set: dict[str, np.ndarray]) -> tuple[float, float, float]:
    """Geometric mean over sets of those over series, and a bootstrap interval of 95 %."""
    random = np.random.default_rng(SEED)
    draws = [
        np.mean([np.mean(np.log(v[random.integers(0, len(v), len(v))])) for v in by_set.values()])
        for _ in range(RESAMPLES)
    ]
    middle = float(np.exp(np.mean([np.mean(np.log(v)) for v in by_set.values()])))
    low, high = np.exp(np.percentile(draws, [2.5, 97.5]))
    return middle, float(low), float(high)


def summary(rows: list[dict[str, Any]], methods: list[str]) -> dict[str, Any]:
    """What is printed, by method."""
    sets = {name: [r for r in rows if r["set"] == name] for name in SETS}
    sets = {name: own for name, own in sets.items() if own}
    table: dict[str, Any] = {}
    for method in methods:
        by_set = {name: ratios(own, method) for name, own in sets.items()}
        judged = {
            name: [r[method] for r in own if isinstance(r[method], dict)]
            for name, own in sets.items()
        }

        def mean(what: str, judged: dict[str, list[Any]] = judged) -> float:
            values = [np.nanmean([one[what] for one in own]) for own in judged.values() if own]
            return float(np.mean(values)) if values else float("nan")

        middle, low, high = over_sets(by_set)
        daily = [geometric(by_set[name]) for name in DAILY if name in by_set]
        promised = [
            geometric(np.array(kept))
            for own in judged.values()
            if (kept := [one["promised"] for one in own if np.isfinite(one["promised"])])
        ]
        cpu = [float(np.mean([one["cpu"] for one in own])) for own in judged.values() if own]
        table[method] = {
            "sets": {name: geometric(values) for name, values in by_set.items()},
            "all": middle,
            "interval": [low, high],
            "daily": geometric(np.array(daily)) if daily else float("nan"),
            "worse": float(np.mean([np.mean(v > WORSE) for v in by_set.values()])),
            "coverage": mean("coverage"),
            "cpu": float(np.median(cpu)) if cpu else float("nan"),
            "promised": geometric(np.array(promised)) if promised else float("nan"),
            "failed": int(sum(not isinstance(r[method], dict) for r in rows)),
        }
    return table


def show(table: dict[str, Any], half: str, counts: dict[str, int]) -> None:
    names = list(next(iter(table.values()))["sets"])
    machine.print_table(
        f"MASE relative to Prophet's defaults, {half} half; series: "
        + ", ".join(f"{name} {counts[name]}" for name in names),
        ["", *names],
        [[m, *(f"{row['sets'][n]:.3f}" for n in names)] for m, row in table.items()],
    )
    machine.print_table(
        "Over sets, with a 95 % bootstrap interval; share of series more than 10 % worse than the "
        "defaults; coverage of 80 %; CPU s a series (median of sets)",
        [
            "",
            "all",
            "interval",
            "daily",
            "worst",
            "worse",
            "coverage",
            "CPU s",
            "promised",
            "failed",
        ],
        [
            [
                m,
                f"{row['all']:.3f}",
                "{:.3f} .. {:.3f}".format(*row["interval"]),
                f"{row['daily']:.3f}",
                f"{max(row['sets'].values()):.3f}",
                f"{row['worse']:.1%}",
                f"{row['coverage']:.2f}",
                f"{row['cpu']:.4f}",
                f"{row['promised']:.3f}",
                str(row["failed"]),
            ]
            for m, row in table.items()
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--series", type=int, default=200, help="sampled of each set")
    parser.add_argument("--half", choices=("choosing", "printing"), default="printing")
    parser.add_argument("--methods", default=",".join((*OURS, *PEERS)))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    try:
        import statsforecast  # noqa: F401
    except ImportError:
        asked = [name for name in arguments.methods.split(",") if name not in PEERS]
    else:
        asked = arguments.methods.split(",")
    methods = list(dict.fromkeys(["untuned", *asked]))
    about = machine.description()
    machine.print_description(about)
    work: Callable[[Task], dict[str, Any]] = partial(judge, methods=methods)
    rows: list[dict[str, Any]] = []
    warm_up("tpe")
    with multiprocessing.get_context("fork").Pool(arguments.processes) as pool:
        for name in arguments.sets.split(","):
            own = list(tasks(arguments.data, name, arguments.series, arguments.half))
            rows += pool.map(work, own, chunksize=4)
            machine.progress(f"{name}: {len(own)} series")
    unusable = [row for row in rows if not isinstance(row["untuned"], dict)]
    for row in unusable:
        print("left out:", row["set"], row["series"], row["untuned"])
    rows = [row for row in rows if isinstance(row["untuned"], dict)]
    table = summary(rows, methods)
    counts = {name: sum(row["set"] == name for row in rows) for name in SETS}
    show(table, arguments.half, counts)
    results = {"about": about, "half": arguments.half, "series": counts, "methods": table}
    machine.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
