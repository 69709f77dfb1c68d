"""The TPE sampler beside Optuna's: CPU per trial, and the best value found.

    python benchmarks/sampler.py [--seeds 20] [--trials 50]

CPU is that of the process, on the search space of the Prophet-on-Spark paper with an objective
that costs next to nothing; the samplers take turns within one run. Quality is on test functions of
known minimum: regret is the best value less the minimum.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from statistics import median

import machine
import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from scipy.stats import binomtest, wilcoxon

from sparkprophet import GroupedProphet, paper_search_space
from sparkprophet.search import Choice, Int, SearchSpace, Uniform, make_sampler, run_study
from sparkprophet.search import study as study_module

Sampler = Callable[[int], optuna.samplers.BaseSampler]

STARTUP = 10


def samplers(space: SearchSpace) -> dict[str, Sampler]:
    """Label -> seed -> sampler."""
    return {
        "ours (tpe)": lambda seed: make_sampler("tpe", seed, STARTUP, space),
        "Optuna TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
        "Optuna TPE, univariate": lambda seed: optuna.samplers.TPESampler(
            seed=seed, multivariate=False
        ),
        "Optuna QMC": lambda seed: make_sampler("qmc", seed, STARTUP, space),
        "Optuna random": lambda seed: make_sampler("random", seed, STARTUP, space),
    }


class Timed:
    """A sampler that adds up the CPU seconds spent in its own methods."""

    def __init__(self, sampler: optuna.samplers.BaseSampler) -> None:
        self.seconds = 0.0
        for name in (
            "infer_relative_search_space",
            "sample_relative",
            "sample_independent",
            "before_trial",
            "after_trial",
        ):
            setattr(sampler, name, self._timed(getattr(sampler, name)))
        self.sampler = sampler

    def _timed(self, method: Callable) -> Callable:
        def timed(*arguments: object) -> object:
            start = time.process_time()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.process_time() - start

        return timed


def study_cpu(
    space: SearchSpace, sampler: optuna.samplers.BaseSampler, seed: int, trials: int
) -> float:
    """CPU seconds of one `run_study` with the given sampler."""
    original = study_module.make_sampler
    study_module.make_sampler = lambda *_: sampler
    try:
        start = time.process_time()
        run_study(sum_of(space), space, num_trials=trials, seed=seed)
        return time.process_time() - start
    finally:
        study_module.make_sampler = original


def sum_of(space: SearchSpace) -> Callable[[dict], float]:
    """The sum of the numeric params, which costs next to nothing."""
    names = [key for key, entry in space.keyed().items() if not isinstance(entry, Choice)]
    return lambda point: sum(point[name] for name in names)


def print_cpu(seeds: int, trials: int) -> dict[str, float]:
    """The table of CPU per trial; returns label -> ms of a whole trial."""
    space = paper_search_space(GroupedProphet(groupCols=["key"]))
    makers = samplers(space)
    whole: dict[str, list[float]] = {label: [] for label in makers}
    own: dict[str, list[float]] = {label: [] for label in makers}
    for seed in range(-1, seeds):  # the first round compiles and imports
        for label, make in makers.items():
            seconds = study_cpu(space, make(max(seed, 0)), max(seed, 0), trials)
            timed = Timed(make(max(seed, 0)))
            study_cpu(space, timed.sampler, max(seed, 0), trials)
            if seed >= 0:
                whole[label].append(1000 * seconds / trials)
                own[label].append(1000 * timed.seconds / trials)
    print(f"CPU ms per trial, {len(space)} params, {trials} trials, median of {seeds} studies")
    print(f"{'sampler':<24}{'whole trial':>12}{'its sampler':>12}{'ours / it':>11}")
    ours = whole["ours (tpe)"]
    for label in makers:
        ratio = median(a / b for a, b in zip(ours, whole[label], strict=True))
        print(f"{label:<24}{median(whole[label]):>12.3f}{median(own[label]):>12.3f}{ratio:>11.2f}")
    print()
    return {label: median(values) for label, values in whole.items()}


def cube(count: int, low: float, high: float, log: bool = False) -> SearchSpace:
    """`count` real dimensions x0, x1, ... of the same range."""
    return SearchSpace(tuple(Uniform(f"x{i}", low, high, log) for i in range(count)))


def on_array(function: Callable[[np.ndarray], float]) -> Callable[[dict], float]:
    """The function of a point's values in order."""
    return lambda point: float(function(np.array(list(point.values()))))


def rosenbrock(x: np.ndarray) -> float:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def ackley(x: np.ndarray) -> float:
    bowl = -20 * np.exp(-0.2 * np.sqrt(np.mean(x**2)))
    return bowl - np.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + math.e


def branin(x: np.ndarray) -> float:
    a, b = x
    parabola = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return parabola**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10 - 0.39788735772973816


def levy(x: np.ndarray) -> float:
    w = 1 + (x - 1) / 4
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return np.sin(np.pi * w[0]) ** 2 + middle + last


def mixed(point: dict) -> float:
    """Of a choice, integers, and a scale that is searched in its logarithm."""
    off = {"a": 0.0, "b": 0.3, "c": 1.0}[point["c"]]
    scale = math.log10(point["l"]) + 2
    integers = abs(point["i"] - 7) / 5 + abs(math.log(point["o"] / 20))
    return off + scale**2 + integers + point["x"] ** 2


def problems() -> dict[str, tuple[Callable[[dict], float], SearchSpace]]:
    """Name -> function of minimum 0, and its space."""
    sphere = on_array(lambda x: np.sum((x - 1) ** 2))
    mixture = (
        Choice("c", ["a", "b", "c"]),
        Uniform("l", 1e-5, 10, True),
        Int("i", 1, 30),
        Int("o", 1, 200, log=True),
        Uniform("x", -3, 3),
    )
    return {
        "sphere, 5": (sphere, cube(5, -5, 5)),
        "sphere, 9": (sphere, cube(9, -5, 5)),
        "ellipsoid, 5": (on_array(lambda x: 10.0 ** np.arange(5) @ x**2), cube(5, -4, 5)),
        "log sphere, 4": (
            on_array(lambda x: np.sum((np.log10(x) + 2) ** 2)),
            cube(4, 1e-5, 10, True),
        ),
        "Rosenbrock, 4": (on_array(rosenbrock), cube(4, -2, 2)),
        "Rastrigin, 5": (
            on_array(lambda x: np.sum(x**2 - 10 * np.cos(2 * np.pi * x) + 10)),
            cube(5, -4, 5),
        ),
        "Ackley, 5": (on_array(ackley), cube(5, -10, 20)),
        "Griewank, 5": (
            on_array(
                lambda x: np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, 6)))) + 1
            ),
            cube(5, -40, 60),
        ),
        "Styblinski-Tang, 6": (
            on_array(lambda x: np.sum(x**4 - 16 * x**2 + 5 * x + 78.33233140754285) / 2),
            cube(6, -5, 5),
        ),
        "Levy, 5": (on_array(levy), cube(5, -10, 10)),
        "Branin, 2": (on_array(branin), SearchSpace((Uniform("a", -5, 10), Uniform("b", 0, 15)))),
        "mixed, 5": (mixed, SearchSpace(mixture)),
    }


def regrets(
    problem: tuple[Callable[[dict], float], SearchSpace], label: str, seeds: range, trials: int
) -> np.ndarray:
    """The regret of each seed's study, shape (seeds,)."""
    objective, space = problem
    make = samplers(space)[label]
    best = []
    for seed in seeds:
        study = optuna.create_study(sampler=make(seed))
        study.optimize(lambda trial: objective(space.suggest(trial)), n_trials=trials)
        best.append(study.best_value)
    return np.array(best)


def print_quality(label: str, first_seed: int, seeds: int, trials: int, other_trials: int) -> None:
    """Ours after `trials` trials beside another sampler after `other_trials`."""
    print(f"ours after {trials} trials, {label} after {other_trials}; {seeds} seeds each")
    print(f"{'function, params':<22}{'wins':>6}{'ties':>6}{'losses':>8}{'regret, ours / it':>20}")
    ratios = []
    for number, (name, problem) in enumerate(problems().items()):
        # Equal seeds give equal random points: no two functions may share them.
        first = first_seed + number * seeds
        own_seeds = range(first, first + seeds)
        ours = regrets(problem, "ours (tpe)", own_seeds, trials)
        ratios.append(np.log(ours / regrets(problem, label, own_seeds, other_trials)))
        print_comparison(name, ratios[-1])
    together = np.concatenate(ratios)
    print_comparison("all", together)
    wins, losses = int(np.sum(together < 0)), int(np.sum(together > 0))
    sign, rank = binomtest(wins, wins + losses).pvalue, wilcoxon(together).pvalue
    print(f"equal, two-sided: p = {sign:.2g} (sign test), {rank:.2g} (Wilcoxon)\n")


def print_comparison(name: str, ratios: np.ndarray) -> None:
    """One line of the table, of the logarithms of ours / theirs."""
    wins, losses = int(np.sum(ratios < 0)), int(np.sum(ratios > 0))
    ties = len(ratios) - wins - losses
    ratio = math.exp(np.median(ratios))
    print(f"{name:<22}{wins:>6}{ties:>6}{losses:>8}{ratio:>20.2f}", flush=True)


def main() -> None:
    """Print the machine and the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=50)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", ExperimentalWarning)
    machine.print_description(machine.description())
    print(f"seeds from {arguments.first_seed}\n")
    cpu = print_cpu(arguments.seeds, arguments.trials)
    seeds, trials = arguments.seeds, arguments.trials
    print_quality("Optuna TPE", arguments.first_seed, seeds, trials, trials)
    equal = round(trials * cpu["ours (tpe)"] / cpu["Optuna random"])
    print_quality("Optuna random", arguments.first_seed, seeds, trials, equal)


if __name__ == "__main__":
    main()
