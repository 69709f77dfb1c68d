"""A race over steps of work: who goes on, and what a study makes of those that do not."""

import numpy as np
import optuna
import pytest

from sparkprophet.search import SearchSpace, Uniform, run_study
from sparkprophet.search.race import Halving
from sparkprophet.search.study import Pruned

LINE = SearchSpace((Uniform("x", 0.0, 1.0),))


def test_the_better_half_so_far_goes_on():
    race, values = Halving(), np.random.default_rng(2).normal(size=60)
    for count, value in enumerate(values, start=1):
        better = np.sum(values[: count - 1] < value)
        assert race.goes_on(1, value) == (better < count / 2)


def test_steps_are_races_of_their_own():
    race = Halving()
    assert race.goes_on(1, 5.0) and race.goes_on(1, 4.0) and not race.goes_on(1, 6.0)
    assert race.goes_on(2, 9.0)


def test_one_of_equals_goes_on():
    race = Halving()
    assert all(race.goes_on(1, 3.0) for _ in range(4))


def given_up(params):
    """Points above a half are given up after two steps."""
    if params["x"] > 0.5:
        raise Pruned({1: params["x"], 2: params["x"] + 1})
    return params["x"]


def test_points_that_are_given_up_are_pruned_trials():
    study = run_study(given_up, LINE, num_trials=20, seed=1, sampler="random")
    states = {trial.state for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED"}
    for trial in study.trials:
        pruned = trial.params["x"] > 0.5
        assert (trial.state, trial.value) == (
            ("PRUNED", None) if pruned else ("COMPLETE", trial.params["x"])
        )
    assert study.best.value == min(t.value for t in study.trials if t.value is not None)


def test_tpe_learns_what_they_were_worth():
    """The same points as Optuna's own objective gives that reports and prunes."""

    def objective(trial):
        x = trial.suggest_float("x", 0.0, 1.0)
        if x > 0.5:
            trial.report(x, 1)
            trial.report(x + 1, 2)
            raise optuna.TrialPruned
        return x

    from sparkprophet.search.tpe import CompiledTPESampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = 7
    own = run_study(given_up, LINE, num_trials=30, seed=seed, num_startup_trials=5)
    theirs = optuna.create_study(sampler=CompiledTPESampler(seed, n_startup_trials=5))
    theirs.optimize(objective, n_trials=30)
    assert [t.params["x"] for t in own.trials] == [t.params["x"] for t in theirs.trials]


@pytest.mark.parametrize("error", [ValueError("no"), optuna.TrialPruned()])
def test_other_ends_are_as_before(error):
    def objective(params):
        raise error

    study = run_study(objective, LINE, num_trials=2, seed=0)
    wanted = "PRUNED" if isinstance(error, optuna.TrialPruned) else "FAIL"
    assert [trial.state for trial in study.trials] == [wanted] * 2 and study.best is None
