"""The compiled TPE: Optuna's conformance tests, its numerics, and its reading of the history."""

import copy
import json
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import _split_trials, default_gamma, default_weights
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import TrialState, create_trial
from scipy import stats

from sparkprophet.search import parzen
from sparkprophet.search.tpe import CompiledTPESampler

optuna.logging.set_verbosity(optuna.logging.WARNING)

DISTRIBUTIONS = {
    "c": CategoricalDistribution(["u", "v", "w"]),
    "f": FloatDistribution(-5.0, 5.0),
    "i": IntDistribution(2, 59, step=3),
    "l": FloatDistribution(1e-4, 10.0, log=True),
    "o": IntDistribution(1, 90, log=True),
    "s": FloatDistribution(0.0, 4.0, step=0.25),
}
SPACE = np.array(  # the same, as the kernels take it
    [
        [0, 0, 0, 0, 3],
        [-5, 5, 0, 0, 0],
        [2, 59, 3, 0, 0],
        [1e-4, 10, 0, 1, 0],
        [1, 90, 1, 1, 0],
        [0, 4, 0.25, 0, 0],
    ]
)
LOGARITHMIC = SPACE[:, parzen.LOG] > 0


# MultiObjectiveSamplerTestCase is left out: this sampler is for one objective.
class TestConformance(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture(params=[0, 10])
    def sampler(self, request):
        return lambda: CompiledTPESampler(seed=0, n_startup_trials=request.param)


def random_values(count, seed):
    """Values of DISTRIBUTIONS, as positions of choices and numbers, shape (6, count)."""
    uniforms = np.random.default_rng(seed).random((count, len(SPACE)))
    values = np.array([parzen.uniform_point(SPACE, row) for row in uniforms])
    return values.reshape(count, len(SPACE)).T


def coordinates(values, rows=slice(None)):
    found = values.copy()
    found[LOGARITHMIC[rows]] = np.log(values[LOGARITHMIC[rows]])
    return found


def objective(trial):
    x, i = trial.suggest_float("x", -5, 5), trial.suggest_int("i", 1, 9)
    c = trial.suggest_categorical("c", ["a", "b", None])
    y = trial.suggest_float("y", 0.1, 10, log=True)
    return (x - 1) ** 2 + i + (c == "a") + y


def points(study):
    return [trial.params for trial in study.trials]


# Stepped dimensions by themselves, and without ties: which of two equal observations gets the wider
# kernel is left to NumPy's sort in Optuna, and to the older one here.
@pytest.mark.parametrize("name", [["f"], ["l"], ["c"], ["f", "l", "c"], ["i"], ["o"], ["s"]])
@pytest.mark.parametrize("count", [0, 1, 2, 9, 40, 120])
def test_density_is_that_of_optunas_mixture(name, count):
    rows = [list(DISTRIBUTIONS).index(entry) for entry in name]
    observed = random_values(count, 1)[rows]
    if SPACE[rows, parzen.STEP].any():
        observed = np.unique(observed, axis=1)
    values = random_values(24, 2)[rows]
    reference = _ParzenEstimator(
        dict(zip(name, observed, strict=True)),
        {entry: DISTRIBUTIONS[entry] for entry in name},
        _ParzenEstimatorParameters(1.0, True, False, default_weights, True),
    ).log_pdf(dict(zip(name, values, strict=True)))
    mixture = parzen.mixture(coordinates(observed, rows), SPACE[rows])
    found = parzen.log_density(values, *mixture, SPACE[rows])
    np.testing.assert_allclose(found, reference, rtol=0, atol=1e-10)


@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 27, 200])
def test_weights_are_optunas_with_the_prior(count):
    expected = np.append(default_weights(count), 1.0)
    np.testing.assert_allclose(parzen.observation_weights(count), expected / expected.sum())


def test_bandwidths_by_hand():
    # Gaps 1, 3, 2 between neighbours; at least 10 / (4 + 2), at most 10.
    found = parzen.bandwidths(np.array([6.0, 2.0, 3.0, 8.0]), 0.0, 10.0)
    np.testing.assert_allclose(found, [3.0, 10 / 6, 3.0, 2.0])
    np.testing.assert_allclose(parzen.bandwidths(np.array([4.0]), 0.0, 10.0), [6.0])
    assert parzen.bandwidths(np.array([30.0]), 0.0, 10.0) == [10.0]  # outside, of another range


@pytest.mark.parametrize(
    ("a", "b"), [(-1, 2), (-100, 0.3), (0, 1e-3), (2, 3), (-9, -8), (5, 60), (-60, -35), (200, 300)]
)
def test_truncated_normal_agrees_with_scipy(a, b):
    a, b = float(a), float(b)
    inside = a + 0.3 * min(b - a, 1 / max(abs(a), 1))
    density = stats.norm.logpdf(inside) - parzen.log_normal_mass(a, b)
    assert density == pytest.approx(stats.truncnorm.logpdf(inside, a, b), rel=1e-9, abs=1e-9)
    uniforms = np.linspace(0, 1, 41)[:-1]
    drawn = np.array([parzen.truncated_normal_quantile(u, a, b) for u in uniforms])
    assert np.all((a <= drawn) & (drawn <= b))
    np.testing.assert_allclose(stats.truncnorm.cdf(drawn, a, b), uniforms, atol=1e-5)


def test_candidates_follow_the_density():
    observed = coordinates(random_values(7, 3))
    centres, widths, masses, weights = parzen.mixture(observed, SPACE)
    uniforms = np.random.default_rng(4).random((len(SPACE) + 1, 20000))
    drawn = parzen.candidates(centres, widths, weights, SPACE, uniforms)
    for row in (0, 2, 5):  # where the values can be counted
        values, counts = np.unique(drawn[row], return_counts=True)
        part = slice(row, row + 1)
        probabilities = np.exp(
            parzen.log_density(
                values[None], centres[part], widths[part], masses[part], weights, SPACE[part]
            )
        )
        assert probabilities.sum() == pytest.approx(1)
        assert stats.chisquare(counts, probabilities * counts.sum()).pvalue > 1e-3


def test_the_candidate_of_the_largest_ratio_wins():
    below, above = coordinates(random_values(5, 5)), coordinates(random_values(35, 6))
    uniforms = np.random.default_rng(7).random((len(SPACE) + 1, 24))
    good, other = parzen.mixture(below, SPACE), parzen.mixture(above, SPACE)
    values = parzen.candidates(good[0], good[1], good[3], SPACE, uniforms)
    ratios = parzen.log_density(values, *good, SPACE) - parzen.log_density(values, *other, SPACE)
    found = parzen.propose(below, above, SPACE, uniforms)
    np.testing.assert_array_equal(found, values[:, np.argmax(ratios)])


def proposals():
    """What the kernels propose from histories of several lengths."""
    found = []
    for count in (0, 1, 8, 90):
        observed = coordinates(random_values(count, count))
        uniforms = np.random.default_rng(count).random((len(SPACE) + 1, 24))
        split = count // 10 + (count > 0)
        found.append(
            parzen.propose(observed[:, :split].copy(), observed[:, split:].copy(), SPACE, uniforms)
        )
    return np.array(found)


def in_another_process(code, **environment):
    folder = os.path.dirname(__file__)
    code = f"import sys, json; sys.path.insert(0, {folder!r}); import test_tpe as t; {code}"
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    ).stdout
    return json.loads(output)


def test_compiled_and_plain_kernels_agree():
    pytest.importorskip("numba")
    plain = in_another_process("print(json.dumps(t.proposals().tolist()))", NUMBA_DISABLE_JIT="1")
    np.testing.assert_allclose(proposals(), plain, rtol=1e-10)


def searched(seed, trials=30):
    study = optuna.create_study(sampler=CompiledTPESampler(seed))
    study.optimize(objective, n_trials=trials)
    return points(study)


def test_the_seed_decides_in_any_process():
    found = searched(3)
    assert found == searched(3)
    assert found[:1] != searched(4, 1)
    assert found == in_another_process("print(json.dumps(t.searched(3)))", PYTHONHASHSEED="5")


def test_reseeding_takes_new_random_numbers():
    sampler = CompiledTPESampler(3)
    sampler.reseed_rng()
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=1)
    assert points(study) != searched(3, 1)


def twin(sampler):
    """A copy that has read no trials yet."""
    return pickle.loads(pickle.dumps(sampler))


def next_params(study, sampler):
    """The point that a sampler proposes next; the study is left as it is."""
    study = copy.deepcopy(study)
    study.sampler = sampler
    trial = study.ask()
    objective(trial)
    return trial.params


def test_reading_by_and_by_equals_reading_at_once():
    study = optuna.create_study(sampler=CompiledTPESampler(1, n_startup_trials=4))
    study.optimize(objective, n_trials=70)
    for step in range(4):
        if step == 1:
            study.add_trial(study.trials[5])
        if step == 2:
            study.enqueue_trial({"x": 1.0, "i": 2, "c": None, "y": 0.3})
        if step == 3:  # trials that finish in another order than they began
            first, second = study.ask(), study.ask()
            values = objective(first), objective(second)
            study.tell(second, values[1])
            study.optimize(objective, n_trials=1)
            study.tell(first, values[0])
        reader = twin(study.sampler)
        expected = next_params(study, reader)
        trial = study.ask()
        study.tell(trial, objective(trial))
        if step != 2:
            assert trial.params == expected
    assert study.trials[73].params == {"x": 1.0, "i": 2, "c": None, "y": 0.3}


def test_a_resumed_study_goes_on(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(
        storage=storage, study_name="s", sampler=CompiledTPESampler(2, n_startup_trials=4)
    )
    study.optimize(objective, n_trials=12)
    resumed = optuna.load_study(storage=storage, study_name="s", sampler=twin(study.sampler))
    whole = optuna.create_study(sampler=CompiledTPESampler(2, n_startup_trials=4))
    whole.optimize(objective, n_trials=16)
    resumed.optimize(objective, n_trials=4)
    assert points(resumed) == points(whole)
    # The first sampler learns of the four trials from the storage.
    expected = next_params(whole, twin(study.sampler))
    study.optimize(objective, n_trials=1)
    assert points(study)[-1] == expected


def test_one_sampler_for_several_studies():
    sampler = CompiledTPESampler(0, n_startup_trials=4)
    one, two = optuna.create_study(sampler=sampler), optuna.create_study(sampler=sampler)
    for _ in range(12):
        one.optimize(objective, n_trials=1)
        two.optimize(lambda trial: trial.suggest_float("x", 100, 101), n_trials=1)
    expected = next_params(one, twin(sampler))
    one.optimize(objective, n_trials=1)
    assert points(one)[-1] == expected
    assert all(100 <= point["x"] <= 101 for point in points(two))


def finished_trial(number, value):
    """A complete, failed or pruned trial of one param, whose ranks have ties and gaps."""
    pruned = {0: {0: 1.0, number % 3: value}, 1: {1: math.nan}, 2: {}}[number % 3]
    state, value, steps = [
        (TrialState.COMPLETE, value if number % 8 else math.inf, {}),
        (TrialState.FAIL, None, {}),
        (TrialState.PRUNED, None, pruned),
    ][number % 4 % 3]
    return create_trial(
        state=state,
        value=value,
        params={"x": float(number)},
        distributions={"x": FloatDistribution(0, 1000)},
        intermediate_values=steps,
    )


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_good_trials_are_those_of_optuna(direction):
    study = optuna.create_study(direction=direction)
    sampler = CompiledTPESampler(0)
    values = np.random.default_rng(0).integers(5, size=300).astype(float)
    for number, value in enumerate(values.tolist()):
        study.add_trial(finished_trial(number, value))
        study._thread_local.cached_all_trials = None  # as at the start of every trial
        history = sampler._history(study)
        table = history.table({"x": FloatDistribution(0, 1000)})
        finished = study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
        expected = _split_trials(study, finished, default_gamma(len(finished)))
        for coordinates, trials in zip(history.split(table, -1), expected, strict=True):
            assert coordinates[0].tolist() == [trial.params["x"] for trial in trials]
    for size in range(len(finished)):  # the whole ranking, not only the best tenth
        expected = [trial.number for trial in _split_trials(study, finished, size)[0]]
        assert sorted(entry[-1] for entry in history.ranking[:size]) == expected


def test_running_trials_count_as_bad():
    study = optuna.create_study(sampler=CompiledTPESampler(0, n_startup_trials=4))
    study.optimize(objective, n_trials=20)
    running = study.ask()
    objective(running)
    asked = study.ask()
    asked.suggest_float("x", -5, 5)
    history = study.sampler._history(study)
    good, other = history.split(history.table(asked.relative_search_space), asked.number)
    assert good.shape == (4, 2)
    assert other.shape == (4, 19)
    names = list(asked.relative_search_space)
    assert other[names.index("x"), -1] == running.params["x"]


def test_random_until_enough_trials_have_finished():
    def worth(trial):
        if trial.number < 6:
            raise optuna.TrialPruned if trial.number % 2 else ValueError
        return objective(trial)

    study = optuna.create_study(sampler=CompiledTPESampler(0, n_startup_trials=5))
    study.optimize(worth, n_trials=8, catch=(ValueError,))
    other = optuna.create_study(sampler=CompiledTPESampler(0, n_startup_trials=1000))
    other.optimize(worth, n_trials=8, catch=(ValueError,))
    assert points(study) == points(other)  # 3 pruned and 2 complete
    study.optimize(worth, n_trials=1)
    other.optimize(worth, n_trials=1)
    assert points(study)[:8] == points(other)[:8]
    assert points(study)[8] != points(other)[8]


def test_conditional_params_are_learned_from_the_trials_that_have_them():
    def worth(trial):
        if trial.suggest_categorical("kind", ["near", "far"]) == "near":
            return abs(trial.suggest_float("a", 0, 10) - 3)
        return 1 + abs(trial.suggest_float("b", 0, 10) - 7)

    study = optuna.create_study(sampler=CompiledTPESampler(0))
    study.optimize(worth, n_trials=120)
    assert study.best_value < 0.1
    late = [trial.params for trial in study.trials[60:]]
    assert sum(point["kind"] == "near" for point in late) > 40
    assert np.median([abs(point["a"] - 3) for point in late if "a" in point]) < 1


def test_a_dimension_of_one_value_is_not_searched():
    def worth(trial):
        trial.suggest_float("one", 2.0, 2.0)
        trial.suggest_categorical("only", ["a"])
        return trial.suggest_int("n", 1, 1) + trial.suggest_float("x", 0, 1)

    study = optuna.create_study(sampler=CompiledTPESampler(0, n_startup_trials=2))
    study.optimize(worth, n_trials=8)
    assert all((p["one"], p["only"], p["n"]) == (2.0, "a", 1) for p in points(study))
    assert list(study.sampler.infer_relative_search_space(study, study.trials[0])) == ["x"]


def test_objectives_that_begin_with_nan():
    study = optuna.create_study(sampler=CompiledTPESampler(0, n_startup_trials=3))
    study.optimize(lambda t: objective(t) if t.number >= 9 else math.nan, n_trials=30)
    assert [trial.state for trial in study.trials[:9]] == [TrialState.FAIL] * 9
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials[9:])


def test_choices_and_ranges_that_have_changed():
    study = optuna.create_study(sampler=CompiledTPESampler(0, n_startup_trials=0))
    distributions = {"c": CategoricalDistribution(["x", "y"]), "f": FloatDistribution(-4, 4)}
    for number in range(12):
        params = {"c": "xy"[number % 2], "f": -3.0}
        study.add_trial(
            create_trial(value=float(number), params=params, distributions=distributions)
        )
    trial = study.ask()  # Optuna lets trials that are added differ in their distributions
    found = study.sampler.sample_independent(study, trial, "c", CategoricalDistribution(["y", "z"]))
    assert found in ("y", "z")
    logarithmic = FloatDistribution(0.5, 10, log=True)
    assert 0.5 <= study.sampler.sample_independent(study, trial, "f", logarithmic) <= 10
    assert 20 <= trial.suggest_float("f", 20, 30) <= 30


def test_pruners_callbacks_and_parallel_workers_work():
    def worth(trial):
        value = objective(trial)
        for step in range(4):
            trial.report(value + step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    seen = []
    study = optuna.create_study(
        sampler=CompiledTPESampler(0), pruner=optuna.pruners.HyperbandPruner(max_resource=4)
    )
    study.optimize(
        worth, n_trials=60, n_jobs=3, callbacks=[lambda _, trial: seen.append(trial.number)]
    )
    assert sorted(seen) == list(range(60))
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_several_objectives_and_constraints_are_refused():
    study = optuna.create_study(directions=["minimize"] * 2, sampler=CompiledTPESampler(0))
    with pytest.raises(ValueError, match="2 objectives.*use optuna.samplers.TPESampler"):
        study.ask().suggest_float("x", 0, 1)
    study = optuna.create_study(sampler=CompiledTPESampler(0))
    trial = study.ask()
    trial.set_constraint("size", 1.0)
    study.tell(trial, 1.0)
    for _ in range(2):
        with pytest.raises(ValueError, match="in trial 0.*use optuna.samplers.TPESampler"):
            study.ask().suggest_float("x", 0, 1)
