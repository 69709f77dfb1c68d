"""CPU of one tuning trial of the Prophet-on-Spark paper's job, by its parts and beside its peers.

    python benchmarks/trial_cost.py [--series 5] [--trials 50] [--seed 0] [--json FILE]
    make bench-peers      # the same, with prophet-batch in an environment of its own

A trial is: propose a point of the paper's space, fit 2,246 days, forecast 90, score them (RMSE).
Ours is `tune_series`, as a Spark worker calls it. Stock Prophet fits and predicts the same points,
some of each study's, and is charged what Optuna's TPE costs for a study of that many trials.
prophet-batch gets all points of a study as one batch or, its strongest case, one point for many
series at once, which then share most of the work; it is charged for no sampler at all.

CPU is that of one thread and of the children it waited for (Stan is a child). The parts are
measured in a second pass, so that the clocks are not in the whole. Medians over trials, without
the first of each study, which makes what the others share; "mean" is over all of them, and
"with set-up" is all of `tune_series` (checks, folds, untuned value, last fit) by the number of
trials.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import holidays
import machine
import numpy as np
import optuna

from sparkprophet import GroupedProphet, paper_search_space, tuning
from sparkprophet.search import Choice, Fixed, SearchSpace
from sparkprophet.series import backtest, checks, fold_solver, genuine_prophet, stan
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.seasonality import resolve

ROWS, HORIZON = 2336, 90
SHARED_BATCH = 30  # series in one batch of prophet-batch with one point for all
PARTS = ("suggest", "fit", "forecast", "metric", "tell", "other")
PEERS_PYTHON = Path(__file__).resolve().parents[1] / ".cache" / "venv-peers" / "bin" / "python"
# Compiles all that the paper's job needs of the solver.
FIRST_FITS = """
import numpy as np
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
day = np.arange(2336)
ds = np.datetime64("2013-01-01", "us") + day * np.timedelta64(1, "D")
series = Series(ds, 20.0 + day % 7 + day * 7919 % 11)
for mode in ("additive", "multiplicative"):
    assert fit(series, Config(seasonalityMode=mode, countryHolidays="US")).status == "ok"
"""


@dataclass(frozen=True)
class Job:
    """One row of the tables; without a mode of its own, both are searched as in the paper."""

    name: str
    mode: str | None
    growth: str
    holidays: bool

    def space(self) -> SearchSpace:
        """The paper's, with the mode fixed where the job has one."""
        paper = paper_search_space(GroupedProphet(groupCols=["key"]))
        if self.mode is None:
            return paper
        searched = tuple(entry for entry in paper.dimensions if not isinstance(entry, Choice))
        return SearchSpace(searched, (Fixed("seasonalityMode", self.mode),))

    def config(self) -> Config:
        """What trials vary."""
        country = "US" if self.holidays else None
        return Config(growth=self.growth, countryHolidays=country)

    def series(self, seed: int) -> Series:
        """The seed's series, with a cap for logistic growth."""
        found = retail_series(seed)
        cap = {"cap": np.full(len(found), 1.3 * found.y.max())}
        return Series(found.ds, found.y, cap if self.growth == "logistic" else {})


JOBS = tuple(
    Job(f"{name}, {'with' if with_holidays else 'no'} holidays", mode, growth, with_holidays)
    for name, mode, growth in (
        ("additive", "additive", "linear"),
        ("multiplicative", "multiplicative", "linear"),
        ("logistic", "additive", "logistic"),
    )
    for with_holidays in (False, True)
) + (Job("paper's job", None, "linear", True),)


def retail_series(seed: int) -> Series:
    """Counts a day: a level that grows and shrinks, seasons, US holidays, noise."""
    random = np.random.default_rng(seed)
    day = np.arange(ROWS)
    ds = np.datetime64("2013-01-01", "us") + day * np.timedelta64(1, "D")
    segment = np.searchsorted(np.sort(random.integers(0, ROWS, 8)), day)
    mean = random.lognormal(3.5, 0.5) * np.exp(np.cumsum(random.normal(0, 4e-4, 9)[segment]))
    for harmonic in (1, 2, 3):
        angle = 2 * np.pi * harmonic * day / 365.25 + random.uniform(0, 2 * np.pi)
        mean *= 1 + 0.2 / harmonic * np.sin(angle)
    mean *= 1 + random.normal(0, 0.15, 7)[day % 7]
    days_off = holidays.country_holidays("US", years=range(2013, 2021))
    effect = {name: random.normal(0.1, 0.3) for name in sorted(set(days_off.values()))}
    names = [days_off.get(date) for date in ds.astype("datetime64[D]").tolist()]
    mean *= 1 + np.array([effect.get(name, 0.0) for name in names])
    return Series(ds, np.maximum(np.rint(mean * random.normal(1, 0.15, ROWS)), 0))


def tuned(job: Job, seed: int, trials: int) -> tuple[list[dict[str, Any]], float]:
    """The trials of one `tune_series`, and the CPU seconds of all of it."""
    search = tuning.Search(
        job.space().toJson(),
        HORIZON,
        "rmse",
        num_folds=1,
        num_trials=trials,
        combination="none",
        pruner="none",
    )
    series, config = job.series(seed), job.config()
    start = machine.cpu_seconds()
    outcome = tuning.tune_series(series, config, seed, search)
    seconds = machine.cpu_seconds() - start
    found = outcome.search["trials"]
    failed = [trial["error"] for trial in found if trial["state"] != "COMPLETE"]
    if failed or outcome.status != "ok":
        raise RuntimeError(f"{job.name}, seed {seed}: {failed or outcome.error_message}")
    return found, seconds


class Parts:
    """CPU seconds of every trial by part; nested calls count for the innermost part only."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what came before the study."""
        self.trials: list[dict[str, float]] = []
        self._current = dict.fromkeys(PARTS, 0.0)
        self._open = ["other"]
        self._mark = time.process_time()

    def timed(self, part: str, function: Callable) -> Callable:
        """The function, its time added to the part; a trial ends with "tell"."""

        def run(*arguments: Any, **options: Any) -> Any:
            self._switch(part)
            try:
                return function(*arguments, **options)
            finally:
                self._switch(None)
                if part == "tell":
                    self.trials.append(self._current)
                    self._current = dict.fromkeys(PARTS, 0.0)

        return run

    def _switch(self, part: str | None) -> None:
        now = time.process_time()
        self._current[self._open[-1]] += now - self._mark
        self._mark = now
        if part is None:
            self._open.pop()
        else:
            self._open.append(part)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Time what a trial calls."""
        places = (
            (optuna.study.Study, "ask", "suggest"),
            (SearchSpace, "suggest", "suggest"),
            (fold_solver.FoldSolver, "forecast", "fit"),
            (backtest, "_score", "metric"),
            (optuna.study._optimize, "_tell_with_warning", "tell"),
        )
        run_study, trend = tuning.run_study, fold_solver.trend

        def from_here(*arguments: Any, **options: Any) -> Any:
            self.reset()
            return run_study(*arguments, **options)

        def forecasting(*arguments: Any) -> Any:
            # What FoldSolver.forecast does first with a fitted point.
            self._switch(None)
            self._switch("forecast")
            return trend(*arguments)

        with ExitStack() as stack:
            stack.enter_context(patch.object(tuning, "run_study", from_here))
            stack.enter_context(patch.object(fold_solver, "trend", forecasting))
            for owner, name, part in places:
                timed = self.timed(part, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, timed))
            yield


def parts_of(job: Job, seed: int, trials: int) -> list[dict[str, float]]:
    """The CPU seconds of every trial by part, in a pass of its own."""
    parts = Parts()
    with parts.installed():
        tuned(job, seed, trials)
    return parts.trials


class Stock:
    """Stock Prophet on the holdout of a series; frames are made beforehand, as users have them."""

    def __init__(self, job: Job, seed: int) -> None:
        self._used = checks.usable(job.series(seed), job.config())
        self._base = job.config().replace({"uncertaintySamples": 0})
        rows = genuine_prophet.frame(self._used)
        self.train, self.test = rows.iloc[:-HORIZON], rows.iloc[-HORIZON:].drop(columns="y")
        self._y = self._used.y[-HORIZON:]

    def model(self, params: dict[str, Any]) -> Any:
        """The unfitted Prophet of a trial's params."""
        from prophet import Prophet

        config = self._base.replace(params)
        return genuine_prophet.build(Prophet, config, resolve(config, self._used.ds))

    def rmse(self, forecast: Any) -> float:
        """Of a forecast frame of the holdout."""
        return float(np.sqrt(np.mean((forecast["yhat"].to_numpy() - self._y) ** 2)))

    def trial(self, params: dict[str, Any]) -> tuple[float, float]:
        """CPU seconds and RMSE."""
        start = machine.cpu_seconds()
        fitted = self.model(params).fit(self.train)
        loss = self.rmse(fitted.predict(self.test))
        return machine.cpu_seconds() - start, loss


def optuna_seconds(space: SearchSpace, seed: int, values: Sequence[float]) -> float:
    """CPU seconds a trial of Optuna's own TPE, on an objective that only looks up its value."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))

    def objective(trial: optuna.Trial) -> float:
        space.suggest(trial)
        return values[trial.number]

    start = machine.cpu_seconds()
    study.optimize(objective, n_trials=len(values))
    return (machine.cpu_seconds() - start) / len(values)


def spaced(count: int, wanted: int) -> list[int]:
    """`wanted` of the numbers 1 to count - 1, evenly spaced."""
    return sorted({int(n) for n in np.linspace(1, count - 1, min(wanted, count - 1))})


def measured(job: Job, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """All of one series of one job but prophet-batch."""
    trials, seconds = tuned(job, seed, arguments.trials)
    points = [json.loads(trial["params"]) for trial in trials]
    found = {
        "seed": seed,
        "points": points,
        "whole": [trial["cpu_seconds"] for trial in trials],
        "rmse": [trial["value"] for trial in trials],
        "with_setup": seconds / len(trials),
        "parts": parts_of(job, seed, arguments.trials),
        "optuna": optuna_seconds(job.space(), seed, [trial["value"] for trial in trials]),
        "stock": {},
    }
    stock = Stock(job, seed)
    for number in spaced(len(trials), arguments.stock_trials):
        found["stock"][number] = stock.trial(points[number])
    return found


def peer_python() -> str | None:
    """A Python that has prophet-batch: this one, or that of `make bench-peers`."""
    for python in (sys.executable, str(PEERS_PYTHON)):
        if Path(python).exists():
            code = "import importlib.util as u, sys; sys.exit(not u.find_spec('prophet_batch'))"
            if subprocess.run([python, "-c", code], check=False).returncode == 0:
                return python
    return None


def peer_results(
    python: str | None, found: dict[str, list[dict[str, Any]]], count: int
) -> tuple[str, dict[str, dict[str, Any]]]:
    """prophet-batch's version, or why there is none, and each job's first `count` series."""
    if python is None:
        return "not installed", {}
    work = {
        name: [{"seed": s["seed"], "points": s["points"]} for s in series[:count]]
        for name, series in found.items()
    }
    child = subprocess.run(
        [python, __file__, "--peer"],
        input=json.dumps(work),
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    if child.returncode:
        return "failed", {}
    answer = json.loads(child.stdout.splitlines()[-1])
    return answer["version"], answer["jobs"]


def as_peer() -> None:
    """In the peer's Python: read studies, print CPU seconds a trial and every RMSE of batches."""
    from prophet_batch import __version__

    work = json.load(sys.stdin)
    answer: dict[str, dict[str, Any]] = {}
    with stan.quiet():
        for job in JOBS:
            if job.growth == "logistic" or not work.get(job.name):
                continue
            studies = work[job.name]
            seeds, points = [study["seed"] for study in studies], studies[0]["points"]
            peer_batch(job, seeds[:1] * 3, points[:3])  # imports, fills caches
            machine.progress(f"prophet-batch: {job.name}")
            answer[job.name] = {
                "studies": [
                    peer_batch(job, [s["seed"]] * len(s["points"]), s["points"]) for s in studies
                ],
                "shared": [
                    peer_batch(job, range(SHARED_BATCH), [points[n]] * SHARED_BATCH)
                    for n in spaced(len(points), 3)
                ],
            }
    print(json.dumps({"version": __version__, "jobs": answer}))


def peer_batch(job: Job, seeds: Sequence[int], points: list[dict[str, Any]]) -> dict[str, Any]:
    """One batch of a trial for every seed and point: the rows of its series under its own id."""
    import pandas as pd
    from prophet_batch import fit_many, predict_many

    by_seed = {seed: Stock(job, seed) for seed in seeds}
    stocks = [by_seed[seed] for seed in seeds]
    rows = pd.concat([stock.train.assign(unique_id=n) for n, stock in enumerate(stocks)])
    start = machine.cpu_seconds()
    models = fit_many(rows, make_model=lambda n: stocks[n].model(points[n]))
    futures = {n: stock.test for n, stock in enumerate(stocks)}
    forecasts = predict_many(models, futures=futures, seed=0)
    losses = [stock.rmse(forecasts[n]) for n, stock in enumerate(stocks)]
    return {"seconds": (machine.cpu_seconds() - start) / len(stocks), "rmse": losses}


def first_fits() -> dict[str, dict[str, float]]:
    """Seconds of a fresh process that imports and fits twice, with no kernels kept and with all."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for state in ("empty", "filled"):
            wall, cpu = time.perf_counter(), machine.cpu_seconds()
            subprocess.run(
                [sys.executable, "-c", FIRST_FITS],
                check=True,
                env=os.environ | {"NUMBA_CACHE_DIR": folder},
            )
            seconds[state] = {
                "wall": time.perf_counter() - wall,
                "cpu": machine.cpu_seconds() - cpu,
            }
    return seconds


def milliseconds(seconds: float, digits: int = 3) -> str:
    return f"{1000 * seconds:.{digits}f}"


def print_parts(found: dict[str, list[dict[str, Any]]]) -> None:
    """Our parts and wholes."""
    rows = []
    for name, series in found.items():
        split = [trial for s in series for trial in s["parts"][1:]]
        whole = [seconds for s in series for seconds in s["whole"][1:]]
        rows.append(
            [
                name,
                *(milliseconds(machine.middle(trial[part] for trial in split)) for part in PARTS),
                milliseconds(machine.middle(sum(trial.values()) for trial in split)),
                milliseconds(machine.middle(whole)),
                milliseconds(float(np.mean([seconds for s in series for seconds in s["whole"]]))),
                milliseconds(machine.middle(s["with_setup"] for s in series)),
            ]
        )
    header = ("ours, CPU ms a trial", *PARTS, "timed", "whole", "mean", "with set-up")
    machine.print_table("Medians; the parts' clocks are in `timed`, not in `whole`", header, rows)


def ratios(series: list[dict[str, Any]], peer: dict[str, Any]) -> dict[str, list[float]]:
    """Theirs / ours, by trial for stock Prophet, by the median of a study for prophet-batch."""
    stock = [(s, n, seconds, loss) for s in series for n, (seconds, loss) in s["stock"].items()]
    medians = [machine.middle(s["whole"][1:]) for s in series]
    studies, shared = peer.get("studies", []), peer.get("shared", [])
    return {
        "stock": [(seconds + s["optuna"]) / s["whole"][n] for s, n, seconds, _ in stock],
        "stock_rmse": [loss / s["rmse"][n] for s, n, _, loss in stock],
        "study": [batch["seconds"] / own for batch, own in zip(studies, medians, strict=False)],
        "shared": [batch["seconds"] / own for batch in shared for own in medians],
        "study_rmse": [
            theirs / ours
            for batch, s in zip(studies, series, strict=False)
            for theirs, ours in zip(batch["rmse"], s["rmse"], strict=True)
        ],
    }


def compared(
    found: dict[str, list[dict[str, Any]]], peers: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Job -> medians, and ratios as p5, median, p95; NaN where there is no peer."""
    results = {}
    for name, series in found.items():
        peer = peers.get(name, {})
        pairs = ratios(series, peer).items()
        results[name] = {
            "ours": machine.middle(v for s in series for v in s["whole"][1:]),
            "parts": {
                part: machine.middle(trial[part] for s in series for trial in s["parts"][1:])
                for part in PARTS
            },
            "optuna_tpe": machine.middle(s["optuna"] for s in series),
            "stock": machine.middle(v for s in series for v, _ in s["stock"].values()),
            "study": machine.middle(batch["seconds"] for batch in peer.get("studies", [])),
            "shared": machine.middle(batch["seconds"] for batch in peer.get("shared", [])),
            "ratios": {key: machine.spread(values) for key, values in pairs},
        }
    return results


def print_peers(results: dict[str, dict[str, Any]], version: str) -> None:
    """Ours beside stock Prophet, then beside prophet-batch."""

    def spread(name: str, key: str, digits: int) -> str:
        low, mid, high = results[name]["ratios"][key]
        return f"{mid:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"

    rows = [
        [
            name,
            milliseconds(result["ours"]),
            milliseconds(result["optuna_tpe"]),
            milliseconds(result["stock"], 1),
            spread(name, "stock", 0),
            spread(name, "stock_rmse", 4),
        ]
        for name, result in results.items()
    ]
    header = (
        "CPU ms a trial",
        "ours",
        "Optuna's TPE",
        "stock fit, predict",
        "(stock + TPE) / ours",
        "RMSE, stock / ours",
    )
    machine.print_table("Medians; ratios of pairs as median (p5..p95)", header, rows)
    print_batches(results, version, spread)


def print_batches(
    results: dict[str, dict[str, Any]], version: str, spread: Callable[[str, str, int], str]
) -> None:
    """Ours beside prophet-batch."""
    absent = version in ("not installed", "failed")
    rows = []
    for name, result in results.items():
        cells = [name, milliseconds(result["ours"])]
        if np.isfinite(result["study"]):
            for key in ("study", "shared"):
                cells += [milliseconds(result[key], 1), spread(name, key, 1)]
            cells.append(spread(name, "study_rmse", 4))
        else:
            cells += [version if absent else "no [1]", "", "", "", ""]
        rows.append(cells)
    header = (
        "CPU ms a trial",
        "ours",
        "a study's points",
        "/ ours",
        f"a point, {SHARED_BATCH} series",
        "/ ours",
        "RMSE, theirs / ours",
    )
    machine.print_table(f"prophet-batch ({version}), by what one batch is", header, rows)
    if absent:
        print("`make bench-peers` installs it\n")
    else:
        print("[1] no solver for logistic growth: such series go to Stan one by one\n")


def arguments_of() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=5, help="series a job")
    parser.add_argument("--trials", type=int, default=50, help="trials a study")
    parser.add_argument("--stock-trials", type=int, default=4, help="of these, by stock Prophet")
    parser.add_argument("--batch-series", type=int, default=2, help="series by prophet-batch")
    parser.add_argument("--seed", type=int, default=0, help="of the first series and study")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Warm up, measure, print."""
    machine.single_threaded()
    arguments = arguments_of()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if arguments.peer:
        return as_peer()
    about = machine.description()
    machine.print_description(about)
    print(f"{arguments.series} series of {ROWS} days, seeds from {arguments.seed}")
    print(
        f"{arguments.trials} trials each, {arguments.stock_trials} of them by stock Prophet; "
        f"all by prophet-batch for {arguments.batch_series} series\n",
        flush=True,
    )
    starts = first_fits()
    states = [f"{name} cache {s['wall']:.1f} s, CPU {s['cpu']:.1f} s" for name, s in starts.items()]
    print(f"fresh process, imports and two first fits: {'; '.join(states)}\n", flush=True)
    found: dict[str, list[dict[str, Any]]] = {job.name: [] for job in JOBS}
    with stan.quiet():
        for job in JOBS:  # compiles, imports, fills caches
            tuned(job, arguments.seed + arguments.series, 15)
        Stock(JOBS[0], arguments.seed).trial({})
        gc.collect()
        gc.freeze()  # or one trial pays 100 ms for a look at all that was imported
        for seed in range(arguments.seed, arguments.seed + arguments.series):
            for job in JOBS:
                machine.progress(f"{job.name}, seed {seed}")
                found[job.name].append(measured(job, seed, arguments))
    print_parts(found)
    version, peers = peer_results(peer_python(), found, arguments.batch_series)
    results = compared(found, peers)
    print_peers(results, version)
    machine.write_json(
        arguments.json,
        about
        | {
            "arguments": vars(arguments),
            "prophet_batch": version,
            "fresh_process_seconds": starts,
            "jobs": results,
        },
    )


if __name__ == "__main__":
    main()
