"""The samplers by name: ours and Optuna's own, quiet, and checked before a job starts."""

import sys
import warnings

import optuna
import pytest

from sparkprophet.search import Choice, Int, SearchSpace, Uniform, check_sampler, make_sampler
from sparkprophet.search.tpe import CompiledTPESampler

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = SearchSpace(
    (Uniform("x", -5, 5), Int("i", 1, 9), Choice("c", ["a", "b", [1]]), Uniform("y", 1, 9, True))
)
NEEDS = {"tpe": [], "random": [], "qmc": ["scipy"], "gp": ["scipy", "torch"], "cmaes": ["cmaes"]}
KINDS = list(NEEDS)


def need(kind):
    for module in NEEDS[kind]:
        pytest.importorskip(module)


def points(sampler, count=14):
    """Points of a plain Optuna study, without `run_study`."""
    study = optuna.create_study(sampler=sampler)

    def objective(trial):
        point = SPACE.suggest(trial)
        return point["x"] ** 2 + point["i"] + (point["c"] == "a") + point["y"]

    study.optimize(objective, n_trials=count)
    return [trial.params for trial in study.trials]


def direct(kind, seed):
    """The sampler by its class: all but tpe as Optuna's documentation makes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "tpe": lambda: CompiledTPESampler(seed=seed, n_startup_trials=4),
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
            "qmc": lambda: optuna.samplers.QMCSampler(seed=seed, scramble=True),
            "gp": lambda: optuna.samplers.GPSampler(seed=seed, n_startup_trials=4),
            "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=4),
        }[kind]()


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_those_of_the_class(kind):
    need(kind)
    found = points(make_sampler(kind, 7, 4, SPACE))
    assert found == points(direct(kind, 7))
    assert found != points(direct(kind, 8))


@pytest.mark.parametrize("kind", KINDS)
def test_no_warning_and_no_log_line_leaks(kind, capfd):
    need(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points(make_sampler(kind, 1, 4, SPACE))
    assert capfd.readouterr() == ("", "")


def test_making_qmc_leaves_the_warning_filters_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", sys)  # not used before the second trial
    before = list(warnings.filters)
    make_sampler("qmc", 1, 4, SPACE)
    assert warnings.filters == before


@pytest.mark.parametrize("kind", ["TPE", "grid", "", None, 3, ["tpe"]])
@pytest.mark.parametrize("check", [check_sampler, lambda kind: make_sampler(kind, 0, 10, SPACE)])
def test_unknown_kinds(check, kind):
    with pytest.raises(
        ValueError, match="sampler: found .*, must be one of tpe, random, qmc, gp, cm"
    ):
        check(kind)


@pytest.mark.parametrize(
    ("kind", "module", "command"),
    [
        ("qmc", "scipy", "pip install optuna scipy"),
        ("gp", "scipy", "pip install optuna scipy torch"),
        ("gp", "torch", "pip install optuna scipy torch"),
        ("cmaes", "cmaes", "pip install optuna cmaes"),
        ("tpe", "optuna", "pip install optuna"),
    ],
)
def test_missing_packages_are_named(monkeypatch, kind, module, command):
    for other in NEEDS[kind]:
        monkeypatch.setitem(sys.modules, other, sys)  # there, whatever this machine has
    monkeypatch.setitem(sys.modules, module, None)  # `import module` raises
    with pytest.raises(ImportError, match=f"'{kind}' needs {module}.*`{command}`"):
        check_sampler(kind)


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_samplers_that_need_nothing(monkeypatch, kind):
    for module in ("scipy", "torch", "cmaes"):
        monkeypatch.setitem(sys.modules, module, None)
    check_sampler(kind)
    points(make_sampler(kind, 3, 4, SPACE))


def test_cmaes_refuses_a_space_of_choices_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "cmaes", sys)
    check_sampler("cmaes", SPACE)
    check_sampler("cmaes")
    with pytest.raises(ValueError, match="choices only.*use 'tpe'"):
        check_sampler("cmaes", SearchSpace((Choice("c", [1, 2]),)))


@pytest.mark.parametrize(
    ("seed", "startup", "error", "message"),
    [
        (-1, 10, ValueError, "seed: found -1"),
        (2**32, 10, ValueError, "seed: found 4294967296 .*from 0 to 4294967295"),
        (1.0, 10, TypeError, "seed: found 1.0"),
        (None, 10, TypeError, "seed: found None"),
        (True, 10, TypeError, "seed: found True"),
        (0, -1, ValueError, "num_startup_trials: found -1"),
        (0, "10", TypeError, "num_startup_trials: found '10'"),
    ],
)
def test_seed_and_startup_trials_are_checked(seed, startup, error, message):
    with pytest.raises(error, match=message):
        make_sampler("tpe", seed, startup, SPACE)


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_ends_of_the_seeds_range(seed):
    assert points(make_sampler("tpe", seed, 4, SPACE)) == points(direct("tpe", seed))
