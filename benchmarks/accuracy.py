"""The exact solver beside stock Prophet on real series: log posterior, forecast, holdout error.

    python benchmarks/accuracy.py --data FOLDER [--fits 120] [--tuned] [--processes 2] [--json FILE]

FOLDER holds NAME.parquet for every set of --sets (all of SETS by default). Each fit is of a random
series, cut to a random length, with a random config: growth linear, logistic or flat; additive,
multiplicative or mixed; with or without US holidays and regressors; prior scales and Fourier orders
of the Prophet-on-Spark paper (no yearly seasonality below two years). Both are fitted on the rows
before a holdout of 90 days or 13 weeks, ours by the native solver whatever the length. Stan is
fitted again with y times 1 + 1e-9: how far it is from itself is the yardstick for its distance from
us.

--tuned: 20 draws of the paper's space, the same for all series and both solvers, are scored on the
90 days before the holdout; each solver's best one is fitted again and scored on the holdout.
"""

from __future__ import annotations

import argparse
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import machine
import numpy as np
import pandas as pd

from sparkprophet import GroupedProphet, paper_search_space
from sparkprophet.search import Choice, Uniform
from sparkprophet.series import backtest, checks, genuine_prophet, stan
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.estimate import estimate
from sparkprophet.series.forecast import forecast
from sparkprophet.series.seasonality import resolve
from sparkprophet.series.state import State

DAY = np.timedelta64(1, "D")
TWO_YEARS = 730 * DAY
LONGEST_DAYS = 2336  # the paper's series; Stan's time grows with it
STOCK_LIMIT = 60.0  # seconds after which a fit of Stan's is given up
SMALLEST_LOSS = 1e-6  # of the log posterior, relative to Stan's
SCALED = 1 + 1e-9


@dataclass(frozen=True)
class DataSet:
    """Of one file: key columns, days of the holdout, regressors that configs choose among."""

    keys: tuple[str, ...]
    holdout: int
    regressors: tuple[str, ...] = ()
    daily: bool = True


SETS = {
    "prophet_examples": DataSet(("series",), 90),
    "chicago_l_daily": DataSet(
        ("station",),
        90,
        ("temp", "percip", "weather_rain", "weather_snow", "bulls_home", "cubs_home"),
    ),
    "dominicks_oj_weekly": DataSet(("store", "brand"), 91, ("price", "deal", "feat"), False),
    "jhu_covid_daily": DataSet(("metric", "country", "province"), 90),
}
GROWTHS = ("linear", "linear", "logistic", "flat")  # drawn from, so half are linear
TUNED_SETS = ("chicago_l_daily", "prophet_examples")
# Written to JSON.
KEPT = ("data", "series", "mode", "growth", "days", "difference", "yhat", "rmse_ratio")
KEPT_TUNED = ("data", "series", "rows", "same_best", "ratio", "best_ratio", "ours_cpu", "stock_cpu")


@dataclass(frozen=True)
class Task:
    """One fit: a series cut in two, and its config."""

    data: str
    series: str
    mode: str
    config: Config
    train: Series
    test: Series


@dataclass(frozen=True)
class TunedTask:
    """One series with its holdout cut off, and the points to try on it."""

    data: str
    series: str
    before: Series
    test: Series
    points: tuple[dict[str, Any], ...]


def load(folder: Path, name: str) -> dict[str, Series]:
    """Name -> series, of all daily or weekly series of a file."""
    about = SETS[name]
    rows = pd.read_parquet(folder / f"{name}.parquet")
    if "freq" in rows:
        rows = rows[rows["freq"] == "D"]
    if "price" in about.regressors:  # its own brand's
        prices = rows[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
        rows = rows.assign(price=prices[np.arange(len(rows)), rows["brand"].to_numpy() - 1])
    rows = rows.dropna(subset=["y", *about.regressors])
    found = {}
    for key, own in rows.groupby(list(about.keys), dropna=False):
        columns = {column: own[column].to_numpy(np.float64) for column in about.regressors}
        ds = own["ds"].to_numpy("datetime64[us]")
        label = "/".join(str(part) for part in key if not pd.isna(part))
        found[label] = Series(ds, own["y"].to_numpy(np.float64), columns).ordered()
    return found


def split(series: Series, days: int) -> tuple[Series, Series]:
    """The rows before the last `days` days, and those."""
    last = series.ds > series.ds[-1] - days * DAY
    return series.take(~last), series.take(last)


def drawn(random: np.random.Generator) -> dict[str, Any]:
    """A point of the paper's space."""
    point = {}
    for name, entry in paper_search_space(GroupedProphet(groupCols=["key"])).keyed().items():
        if isinstance(entry, Choice):
            point[name] = entry.values[random.integers(len(entry.values))]
        elif isinstance(entry, Uniform):
            point[name] = float(random.uniform(entry.low, entry.high))
        else:
            point[name] = int(random.integers(entry.low, entry.high + 1))
    return point


def task_of(
    name: str, label: str, series: Series, growths: Sequence[str], random: np.random.Generator
) -> Task | None:
    """A random cut and config of a series; None where too little is left, or all labels equal."""
    about = SETS[name]
    total = int((series.ds[-1] - series.ds[0]) / DAY)
    days = total if not about.daily else int(random.integers(300, max(301, total)))
    days = min(days, LONGEST_DAYS)
    train, test = split(series.take(series.ds >= series.ds[-1] - days * DAY), about.holdout)
    if len(train) < 60 or len(test) < 5 or train.y.min() == train.y.max():
        return None
    growth = str(random.choice(growths))
    if growth == "logistic":
        train, test = with_cap(train, train.y), with_cap(test, train.y)
    mode = str(random.choice(("additive", "multiplicative", "mixed")))
    settings = drawn(random) | {"growth": growth, "uncertaintySamples": 0}
    if mode != "mixed":
        settings["seasonalityMode"] = mode
    if random.random() < 0.5:
        settings["countryHolidays"] = "US"
    if train.ds[-1] - train.ds[0] < TWO_YEARS:
        del settings["yearlyFourierOrder"]
    if not about.daily:
        del settings["weeklyFourierOrder"], settings["monthlyFourierOrder"]
    other = {"additive": "multiplicative", "multiplicative": "additive"}
    own = settings["seasonalityMode"] if mode != "mixed" else other[settings["seasonalityMode"]]
    if mode == "mixed":
        season, period = ("weekly", 7.0) if about.daily else ("yearly", 365.25)
        order = settings.pop(f"{season}FourierOrder", 3)
        settings["seasonalities"] = [
            {"name": season, "period": period, "fourierOrder": order, "mode": own}
        ]
    if about.regressors and random.random() < 0.6:
        count = int(random.integers(1, 1 + min(4, len(about.regressors))))
        chosen = sorted(random.choice(about.regressors, count, replace=False).tolist())
        settings["regressors"] = [{"name": column, "mode": own} for column in chosen]
    return Task(name, label, mode, Config().replace(settings), train, test)


def with_cap(series: Series, y: np.ndarray) -> Series:
    """With a cap 30 % above the largest label and, where labels are negative, a floor below."""
    span = y.max() - min(0.0, y.min())
    ends = {"cap": np.full(len(series), y.max() + 0.3 * span)}
    if y.min() < 0:
        ends["floor"] = np.full(len(series), y.min() - 0.1 * span)
    return replace(series, columns={**series.columns, **ends})


def tasks(
    folder: Path, names: list[str], growths: Sequence[str], fits: int, seed: int
) -> Iterator[Task]:
    """`fits` of them, the sets in turn."""
    random = np.random.default_rng(seed)
    sets = {name: load(folder, name) for name in names}
    made = tried = 0
    while made < fits and tried < 10 * fits:
        name = names[tried % len(names)]
        labels = list(sets[name])
        label = labels[random.integers(len(labels))]
        task = task_of(name, label, sets[name][label], growths, random)
        tried += 1
        if task is not None:
            made += 1
            yield task


def native_fit(config: Config, train: Series, test: Series) -> tuple[State, float, np.ndarray]:
    """The native solver's state, log posterior and forecast."""
    seasonalities = resolve(config, train.ds)
    state, log_posterior = estimate(train, config, seasonalities, "native")
    return state, log_posterior, forecast(state, config, test, 0).yhat


def stock_fit(
    config: Config, train: Series, test: Series | None, scale: float = 1.0, **options: Any
) -> tuple[float, np.ndarray | None]:
    """Stock Prophet's log posterior and forecast; options are those of `Prophet.fit`."""
    from prophet import Prophet

    fitted = genuine_prophet.build(Prophet, config, resolve(config, train.ds))
    rows = genuine_prophet.frame(replace(train, y=train.y * scale))
    fitted.fit(rows, timeout=STOCK_LIMIT, **options)
    yhat = None
    if test is not None:
        yhat = fitted.predict(genuine_prophet.frame(test, with_y=False))["yhat"].to_numpy()
    return float(fitted.params["lp__"].item()), yhat


def timed(function: Callable, *arguments: Any) -> tuple[float, Any]:
    """CPU seconds and result."""
    start = machine.cpu_seconds()
    result = function(*arguments)
    return machine.cpu_seconds() - start, result


def compared(task: Task) -> dict[str, Any]:
    """Both solvers on one task, as a row of the results; `error` where one gave up."""
    row: dict[str, Any] = {
        "data": task.data,
        "series": task.series,
        "mode": task.mode,
        "growth": task.config.growth,
        "rows": len(task.train),
        "days": int((task.train.ds[-1] - task.train.ds[0]) / DAY),
        "config": changed(task.config),
    }
    try:
        with stan.quiet():
            row |= _compared(task)
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}"[:300]
        row["where"] = traceback.extract_tb(error.__traceback__)[-1].name
    return row


def _compared(task: Task) -> dict[str, Any]:
    config, test = task.config, task.test
    train = checks.usable(task.train, config)
    ours_cpu, (state, ours, yhat) = timed(native_fit, config, train, test)
    stock_cpu, (stock, stock_yhat) = timed(stock_fit, config, train, test)
    _, again = stock_fit(config, train, test, SCALED)
    size = float(np.mean(np.abs(stock_yhat)))
    row = {
        "ours": ours,
        "stock": stock,
        "difference": ours - stock,
        "lost": ours - stock < -SMALLEST_LOSS * abs(stock),
        "yhat": share(float(np.mean(np.abs(yhat - stock_yhat))), size),
        "yhat_yardstick": share(float(np.mean(np.abs(again - stock_yhat))), size),
        "rmse_ratio": share(rmse(test.y, yhat), rmse(test.y, stock_yhat)),
        "rmse_yardstick": share(rmse(test.y, again), rmse(test.y, stock_yhat)),
        "ours_cpu": ours_cpu,
        "stock_cpu": stock_cpu,
    }
    return row | (opinions(config, train, state) if row["lost"] else {})


def opinions(config: Config, train: Series, state: State) -> dict[str, Any]:
    """What Stan makes of our point, and its Newton of the whole; None where it gave up."""
    p = state.parameters
    init = {"k": p.k, "m": p.m, "sigma_obs": p.sigma_obs, "delta": p.delta, "beta": p.beta}
    found = {}
    for name, options in {"from_ours": {"init": init}, "newton": {"algorithm": "Newton"}}.items():
        try:
            found[name] = stock_fit(config, train, None, **options)[0]
        except (RuntimeError, TimeoutError):
            found[name] = None
    return found


def rmse(y: np.ndarray, yhat: np.ndarray) -> float:
    return float(np.sqrt(np.mean((y - yhat) ** 2)))


def share(value: float, of: float) -> float:
    """Their ratio; NaN, which the tables leave out, of nothing."""
    return value / of if of else np.nan


def changed(config: Config) -> dict[str, Any]:
    """What a config has other than the defaults."""
    plain = Config()
    names = config.__dataclass_fields__
    return {n: getattr(config, n) for n in names if getattr(config, n) != getattr(plain, n)}


def tuned_tasks(folder: Path, names: list[str], draws: int, seed: int) -> Iterator[TunedTask]:
    """One for every series with two years before both of its holdouts."""
    random = np.random.default_rng(seed)
    points = tuple(drawn(random) for _ in range(draws))
    for name in (name for name in TUNED_SETS if name in names):
        for label, series in load(folder, name).items():
            days = (LONGEST_DAYS + SETS[name].holdout) * DAY
            plain = Series(series.ds, series.y).take(series.ds > series.ds[-1] - days)
            before, test = split(plain, SETS[name].holdout)
            if before.ds[-1] - before.ds[0] >= TWO_YEARS + SETS[name].holdout * DAY:
                yield TunedTask(name, label, before, test, points)


def tuned(task: TunedTask) -> dict[str, Any]:
    """Both solvers' best point on the fold, and its error on the holdout."""
    base = Config(solver="native", countryHolidays="US", uncertaintySamples=0)
    configs = [base.replace(point) for point in task.points]
    before, days = task.before, SETS[task.data].holdout
    folds = backtest.make_folds(before, days, 1, None, None)
    largest = {
        name: max(point[f"{name}FourierOrder"] for point in task.points)
        for name in ("yearly", "monthly", "weekly")
    }
    with stan.quiet():
        tests = backtest.Backtest(before, base, folds, "rmse", 0, largest)
        ours_cpu, ours = timed(lambda: [tests.loss(config) for config in configs])
        fold = folds[0]
        stock_cpu, stock = timed(
            lambda: [rmse(fold.test.y, stock_fit(c, fold.train, fold.test)[1]) for c in configs]
        )
        best, stock_best = int(np.argmin(ours)), int(np.argmin(stock))
        error = rmse(task.test.y, native_fit(configs[best], before, task.test)[2])
        stock_error = rmse(task.test.y, stock_fit(configs[stock_best], before, task.test)[1])
    return {
        "data": task.data,
        "series": task.series,
        "rows": len(before),
        "best": best,
        "stock_best": stock_best,
        "same_best": best == stock_best,
        "rmse": error,
        "stock_rmse": stock_error,
        "ratio": share(error, stock_error),
        "fold_ratios": [share(a, b) for a, b in zip(ours, stock, strict=True)],
        "best_ratio": share(min(ours), min(stock)),
        "ours_cpu": ours_cpu,
        "stock_cpu": stock_cpu,
    }


def warm_up() -> None:
    """In each process: compile or load the kernels, import Prophet."""
    day = np.arange(800)
    y = 20.0 + day % 7 + day * 7919 % 11
    train = Series(np.datetime64("2020-01-01", "us") + day * DAY, y, {"cap": np.full(800, 60.0)})
    for growth in ("linear", "logistic"):
        for mode in ("additive", "multiplicative"):
            native_fit(Config(growth=growth, seasonalityMode=mode), train, train)
    with stan.quiet():
        stock_fit(Config(uncertaintySamples=0), train, train)


def in_processes(
    function: Callable, work: list[Any], processes: int, label: str
) -> list[dict[str, Any]]:
    """The function of every task, in order; one line on stderr for each."""
    context = multiprocessing.get_context("spawn")
    found = []
    with context.Pool(processes, initializer=warm_up) as pool:
        for row in pool.imap(function, work):
            found.append(row)
            machine.progress(f"{label} {len(found)}/{len(work)}: {row['data']} {row['series']}")
    return found


def groups(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Label -> rows: all, by length, set, growth and mode."""
    found = {
        "all": rows,
        "2 years and more": [row for row in rows if row["days"] >= 730],
        "the daily ones of these": [
            row for row in rows if row["days"] >= 730 and SETS[row["data"]].daily
        ],
        "shorter": [row for row in rows if row["days"] < 730],
    }
    for column in ("data", "growth", "mode"):
        for value in sorted({row[column] for row in rows}):
            found[value] = [row for row in rows if row[column] == value]
    return {label: own for label, own in found.items() if own}


def print_log_posteriors(rows: list[dict[str, Any]]) -> None:
    """Distribution of ours less Stan's by group."""
    lines = []
    for label, own in groups(rows).items():
        values = [row["difference"] for row in own]
        numbers = (min(values), *machine.spread(values), max(values))
        below = sum(row["lost"] for row in own)
        ours, stock = (machine.middle(row[c] for row in own) for c in ("ours_cpu", "stock_cpu"))
        lines.append(
            [
                label,
                str(len(own)),
                *(f"{number:.4g}" for number in numbers),
                str(below),
                f"{1000 * ours:.1f}",
                f"{1000 * stock:.0f}",
            ]
        )
    header = ("series", "fits", "min", "p5", "median", "p95", "max", f"below -{SMALLEST_LOSS:g}",
              "CPU ms ours", "stock")  # fmt: skip
    machine.print_table(
        f"Log posterior, ours less Stan's; fits more than {SMALLEST_LOSS:g} (relative) below; "
        "median CPU of fit and forecast",
        header,
        lines,
    )


def print_forecasts(rows: list[dict[str, Any]]) -> None:
    """Forecasts on the holdout beside Stan's, and Stan's beside its own of y (1 + 1e-9)."""
    lines = []
    for label, own in groups(rows).items():
        cells = [label, str(len(own))]
        for name in ("yhat", "yhat_yardstick"):
            _, mid, high = machine.spread(row[name] for row in own)
            cells += [f"{100 * mid:.2f} %", f"{100 * high:.2f} %"]
        for name in ("rmse_ratio", "rmse_yardstick"):
            cells += [f"{number:.4f}" for number in machine.spread(row[name] for row in own)]
        lines.append(cells)
    header = (
        "series", "fits", "yhat: median", "p95", "Stan's own: median", "p95",
        "RMSE ratio: p5", "median", "p95", "Stan's own: p5", "median", "p95",
    )  # fmt: skip
    machine.print_table(
        "Holdout: mean |yhat - Stan's yhat| / mean |Stan's yhat|; RMSE, ours / Stan's; "
        "Stan's own: the same of Stan on y (1 + 1e-9)",
        header,
        lines,
    )


def print_losses(rows: list[dict[str, Any]]) -> None:
    """Every fit whose log posterior is below Stan's, with what tells which mode it is."""
    lost = [row for row in rows if row["lost"]]
    print(
        f"Fits below Stan's: {len(lost)}"
        + (
            "; `from ours` is Stan started at our point: where it stays, ours is a mode too"
            if lost
            else ""
        )
    )
    for row in sorted(lost, key=lambda row: row["difference"]):
        print(
            f"  {row['data']} {row['series']}, {row['rows']} rows, {row['days']} days: ours "
            f"{row['ours']:.5f}, Stan {row['stock']:.5f}, Stan from ours {row['from_ours']}, "
            f"Stan's Newton {row['newton']}\n    {row['config']}"
        )
    print(flush=True)


def print_tuned(rows: list[dict[str, Any]], draws: int) -> None:
    """The tuned holdout error, ours / stock's."""
    lines = []
    for label in ("all", *dict.fromkeys(row["data"] for row in rows)):
        own = [row for row in rows if label in ("all", row["data"])]
        cells = [label, str(len(own)), f"{sum(row['same_best'] for row in own)}"]
        for name in ("ratio", "best_ratio"):
            cells += [f"{number:.4f}" for number in machine.spread(row[name] for row in own)]
        pairs = machine.spread(ratio for row in own for ratio in row["fold_ratios"])
        cells += [f"{number:.4f}" for number in pairs]
        cells += [
            f"{1000 * machine.middle(r[name] / draws for r in own):.1f}"
            for name in ("ours_cpu", "stock_cpu")
        ]
        lines.append(cells)
    header = (
        "series", "count", "same best", "holdout: p5", "median", "p95", "best on fold: p5",
        "median", "p95", "draw by draw: p5", "median", "p95", "CPU ms ours", "stock",
    )  # fmt: skip
    machine.print_table(
        f"Best of the same {draws} draws: RMSE, ours / stock's, on the holdout and on the fold; "
        "CPU a draw",
        header,
        lines,
    )
    for row in sorted(rows, key=lambda row: row["ratio"]):
        ours = f"ours {row['rmse']:.5g} of draw {row['best']}"
        stock = f"stock {row['stock_rmse']:.5g} of draw {row['stock_best']}"
        print(f"  {row['ratio']:.4f}  {row['data']} {row['series']}: {ours}, {stock}")
    print(flush=True)


def arguments_of() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--growths", nargs="+", choices=sorted(set(GROWTHS)), default=GROWTHS)
    parser.add_argument("--fits", type=int, default=120, help="0: none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tuned", action="store_true", help="the second part too")
    parser.add_argument("--draws", type=int, default=20, help="points a series, with --tuned")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    return parser.parse_args()


def as_columns(rows: list[dict[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """The rows' values by name, in order; the rest of a row follows from the seed."""
    return {name: [row[name] for row in rows] for name in names}


def main() -> None:
    """Fit, compare, print."""
    machine.single_threaded()
    arguments = arguments_of()
    about = machine.description()
    machine.print_description(about)
    work = list(
        tasks(arguments.data, arguments.sets, arguments.growths, arguments.fits, arguments.seed)
    )
    rows = in_processes(compared, work, arguments.processes, "fit") if work else []
    failed = [row for row in rows if "error" in row]
    for row in failed:
        print(f"left out: {row['data']} {row['series']}: {row['error']} {row['config']}")
    done = [row for row in rows if "error" not in row]
    if done:
        print_log_posteriors(done)
        print_losses(done)
        print_forecasts(done)
    tuned_rows: list[dict[str, Any]] = []
    if arguments.tuned:
        series = list(tuned_tasks(arguments.data, arguments.sets, arguments.draws, arguments.seed))
        tuned_rows = in_processes(tuned, series, arguments.processes, "tuned")
        print_tuned(tuned_rows, arguments.draws)
    machine.write_json(
        arguments.json,
        about
        | {
            "arguments": {k: str(v) for k, v in vars(arguments).items()},
            "fits": as_columns(rows, KEPT),
            "tuned": as_columns(tuned_rows, KEPT_TUNED),
        },
    )


if __name__ == "__main__":
    main()
