"""A study that is kept without copies, and asked for all params at once, is still Optuna's."""

import optuna
import pytest

from sparkprophet.search import Choice, Int, SearchSpace, Uniform, When, run_study
from sparkprophet.search.sampler import make_sampler

PLAIN = SearchSpace(
    (
        Uniform("x", -5, 5),
        Uniform("rate", 1e-4, 1.0, log=True),
        Int("i", 1, 9, step=2),
        Choice("c", ["a", None, 2]),
        Choice("lists", [[1, 2], [3]]),
    )
)
CONDITIONAL = SearchSpace(
    (
        Choice("c", ["a", "b"]),
        Uniform("x", -5, 5),
        Int("only a", 1, 9, when=(When("c", ["a"]),)),
        Uniform("only b", 0, 1, when=(When("c", ["b"]),)),
    )
)
START = {"x": 1.5, "rate": 0.01, "i": 3, "c": None, "lists": [3]}


def loss(point):
    return point["x"] ** 2 + point.get("i", 0) + point.get("only b", 0) + len(str(point["c"]))


def plainly(space, sampler, starts):
    """The trials of a study as Optuna keeps it, asked for one param after the other."""
    study = optuna.create_study(sampler=make_sampler(sampler, 5, 6, space))
    for start in starts:
        study.enqueue_trial(space.encode(start))
    asked = []

    def objective(trial):
        asked.append(space.suggest(trial))
        return loss(asked[-1])

    study.optimize(objective, n_trials=25)
    return [(point, trial.value) for point, trial in zip(asked, study.trials, strict=True)]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes"])
@pytest.mark.parametrize("starts", [[], [START]])
def test_the_points_are_those_of_a_study_asked_one_by_one(sampler, starts):
    found = run_study(
        loss,
        PLAIN,
        num_trials=25,
        seed=5,
        sampler=sampler,
        num_startup_trials=6,
        initial_points=starts,
    )
    assert [(trial.params, trial.value) for trial in found.trials] == plainly(
        PLAIN, sampler, starts
    )


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_with_params_that_not_every_trial_has(sampler):
    found = run_study(
        loss, CONDITIONAL, num_trials=25, seed=5, sampler=sampler, num_startup_trials=6
    )
    assert [(trial.params, trial.value) for trial in found.trials] == plainly(
        CONDITIONAL, sampler, []
    )
    assert {frozenset(trial.params) for trial in found.trials} == {
        frozenset({"c", "x", "only a"}),
        frozenset({"c", "x", "only b"}),
    }
