"""A study in batches: the same points whatever happens to the processes that try them."""

import functools
import importlib.util
import json
import logging
import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

import sparkprophet.search
from sparkprophet.search import Choice, Fixed, Int, SearchSpace, Uniform, When
from sparkprophet.search.batched import ownership
from sparkprophet.search.batched.grid import GridStudy
from sparkprophet.search.batched.study import BatchedStudy

NEEDS = {"tpe": [], "random": [], "qmc": ["scipy"], "cmaes": ["cmaes"]}
SPACE = SearchSpace(
    (
        Uniform("x", -5, 5),
        Int("i", 1, 99),
        Choice("c", ["a", "b", [1]]),
        Uniform("y", 1, 9, log=True, when=(When("c", ["a", [1]]),)),
    ),
    (Fixed("f", 3),),
)
LINE = SearchSpace((Uniform("x", 0, 1),))
samplers = pytest.mark.parametrize("kind", NEEDS)


def made(kind="tpe", space=SPACE, **options):
    for module in NEEDS[kind]:
        pytest.importorskip(module)
    given = {"maximise": False, "seed": 5, "num_startup_trials": 5} | options
    return BatchedStudy(space, sampler=kind, **given)


def stored(folder, name="s", **options):
    return made(storage=f"sqlite:///{folder}/search.db", study_name=name, trusted=True, **options)


def as_optuna_has_them(folder, name="s"):
    storage = f"sqlite:///{folder}/search.db"
    return optuna.load_study(study_name=name, storage=storage).trials


def states(folder, name="s"):
    return [trial.state.name for trial in as_optuna_has_them(folder, name)]


def scores(point):
    value = point["x"] ** 2 + point["i"] / 50 + (point["c"] == "a") + point.get("y", 0)
    return [value, value + 1]


def told(study, asked):
    for point in asked:
        if point.number == 6:
            study.fail(6, "ValueError: no")
        else:
            study.tell(point.number, scores(point.params), 0.5)


def in_batches(study, batches=5, order=lambda asked: asked, size=4):
    """All trials after some more batches, each told in an order."""
    for _ in range(batches):
        told(study, order(study.ask(size)))
    return study.trials()


# What the points depend on


@samplers
def test_the_order_of_telling_changes_nothing(kind):
    trials = in_batches(made(kind))
    assert len(trials) == 20 and [t.state for t in trials].count("FAIL") == 1
    assert in_batches(made(kind), order=lambda asked: asked[::-1]) == trials
    assert in_batches(made(kind), order=lambda asked: asked[2:] + asked[:2]) == trials


@samplers
def test_a_restart_between_batches_changes_nothing(kind, tmp_path):
    for _ in range(5):
        trials = in_batches(stored(tmp_path, kind=kind), batches=1)
    assert trials == in_batches(made(kind))
    assert stored(tmp_path, kind=kind).trials() == trials


@samplers
def test_every_seed_has_points_of_its_own(kind):
    seeds = [0, 1, -1, 2**31, 2**32 + 7, -(2**40), 2**64 - 2]
    found = {seed: [p.params for p in made(kind, seed=seed).ask(4)] for seed in seeds}
    firsts = {points[0]["x"] for points in found.values()}
    assert len(firsts) == len(seeds)
    for seed, points in found.items():
        assert len({point["x"] for point in points}) == 4
        assert [p.params for p in made(kind, seed=seed).ask(4)] == points


@pytest.mark.parametrize("kind", ["tpe", "cmaes"])
def test_the_samplers_learn(kind):
    space = SearchSpace((Uniform("x", -5, 5), Int("i", 1, 99)), (Fixed("c", "b"),))
    trials = in_batches(made(kind, space), batches=15)
    values = [trial.value for trial in trials if trial.value is not None]
    assert sum(values[-20:]) < sum(values[:20]) / 2


LINE_AND_MORE = SearchSpace((Uniform("x", 0, 1), Choice("c", ["a"]), Int("i", 0, 9)))


def test_qmc_fills_the_range_evenly(tmp_path):
    # 16 points of a scrambled Sobol' sequence have one in each sixteenth; the first trial is
    # random, and here every batch is another process's.
    for _ in range(5):
        trials = in_batches(stored(tmp_path, kind="qmc", space=LINE_AND_MORE), batches=1)
    assert sorted(int(t.params["x"] * 16) for t in trials[1:17]) == list(range(16))


@samplers
@pytest.mark.parametrize("seed", range(3))
def test_conditional_and_fixed_params(kind, seed):
    trials = in_batches(made(kind, seed=seed), batches=6)
    for trial in trials:
        active = {"x", "i", "c", "f"} | ({"y"} if trial.params["c"] != "b" else set())
        assert trial.params.keys() == active and trial.params["f"] == 3
    values = [trial.params["y"] for trial in trials if "y" in trial.params]
    assert 2 < len(values) < len(trials)
    assert len(set(values)) == len(values)


# Processes that end, and some that do not

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_batched_study import in_batches, stored, told

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def between(study):
    told(study, study.ask(4))
    asked = study.ask(4)
    told(study, [asked[2], asked[1]])
    die()

def while_trying(study):
    told(study, study.ask(4))
    study.ask(4)
    die()

def while_drawing(study):
    told(study, study.ask(4))
    storage, left = study._study._storage, [6]
    write = storage.set_trial_param

    def limited(*arguments):
        write(*arguments)
        left[0] -= 1
        if not left[0]:
            die()

    storage.set_trial_param = limited
    study.ask(4)

in_batches(stored(sys.argv[1]))  # imports and compiles once for all
for kind in sys.argv[3:]:
    for death in (between, while_trying, while_drawing):
        child = os.fork()
        if child == 0:
            death(stored(sys.argv[1], f"{kind}-{death.__name__}", kind=kind))
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""


def python(script, *arguments, **options):
    source = Path(sparkprophet.search.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(source)},
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder with a storage, in which every killed process has left a study."""
    folder = tmp_path_factory.mktemp("killed")
    kinds = [kind for kind in NEEDS if all(map(importlib.util.find_spec, NEEDS[kind]))]
    child = python(KILLED, folder, Path(__file__).parent, *kinds)
    assert child.wait(timeout=600) == 0
    return folder


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[] if k == "tpe" else [pytest.mark.slow]) for k in NEEDS]
)
@pytest.mark.parametrize(
    ("death", "found"),
    [
        ("between", ["COMPLETE"] * 4 + ["RUNNING", "COMPLETE", "FAIL", "RUNNING"]),
        ("while_trying", ["COMPLETE"] * 4 + ["RUNNING"] * 4),
        ("while_drawing", ["COMPLETE"] * 4 + ["RUNNING"] * 2),
    ],
)
def test_a_killed_process_search_goes_on_where_it_was(kind, death, found, killed):
    undisturbed = in_batches(made(kind))
    name = f"{kind}-{death}"
    running = [t for t in as_optuna_has_them(killed, name) if t.state.name == "RUNNING"]
    assert states(killed, name) == found
    study = stored(killed, name, kind=kind)
    asked = study.ask(4 - len(study.trials()) % 4)
    assert [p.number for p in asked[: len(running)]] == [t.number for t in running]
    assert {p.number for p in asked} | {t.number for t in study.trials()} == set(range(8))
    for point, trial in zip(asked, running, strict=False):
        assert trial.params.items() <= SPACE.encode(point.params).items()
    told(study, asked)
    assert in_batches(stored(killed, name, kind=kind), batches=3) == undisturbed
    assert "RUNNING" not in states(killed, name)


LIVING = """
import sys
sys.path.insert(0, sys.argv[2])
from test_batched_study import stored
print([point.number for point in stored(sys.argv[1]).ask(2)], flush=True)
sys.stdin.read()
"""


def test_a_living_process_keeps_its_trials(tmp_path):
    arguments = (LIVING, tmp_path, Path(__file__).parent)
    with python(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert json.loads(living.stdout.readline()) == [0, 1]
        study = stored(tmp_path)
        asked = study.ask(2)
        assert [point.number for point in asked] == [2, 3]
        told(study, asked)
        assert states(tmp_path) == ["RUNNING", "RUNNING", "COMPLETE", "COMPLETE"]
        living.kill()
        living.wait(timeout=60)
    assert [point.number for point in stored(tmp_path).ask(2)] == [0, 1]


def test_trials_of_another_host_or_an_earlier_process_are_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "PATIENCE", 0.5)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "elsewhere")
        asked = stored(tmp_path).ask(2)
    study = stored(tmp_path)
    assert study.ask(2) == asked
    third = stored(tmp_path)
    assert [point.number for point in third.ask(1)] == [2]  # now the others are this process's
    # The process numbers of a machine come back: the same one, but of another process.
    trial = study._frozen()[0]
    machine, pid, _, token = trial.user_attrs["sparkprophet.owner"]
    owner = [machine, pid, "1", token]
    study._study._storage.set_trial_user_attr(trial._trial_id, "sparkprophet.owner", owner)
    assert stored(tmp_path).ask(1) == asked[:1]


def test_an_interrupted_ask_leaves_nothing_at_work(tmp_path, monkeypatch):
    study, left = stored(tmp_path), [2]
    suggest = SearchSpace.suggest

    def limited(space, trial):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return suggest(space, trial)

    with monkeypatch.context() as patched:
        patched.setattr(SearchSpace, "suggest", limited)
        with pytest.raises(KeyboardInterrupt):
            study.ask(4)
    assert states(tmp_path) == ["FAIL"] * 3
    assert study.trials() == []
    assert [point.number for point in study.ask(2)] == [3, 4]


# What is told and kept, in a study and in a grid


@pytest.fixture(params=["study", "stored", "grid"])
def make(request, tmp_path):
    """Makes a study of a line's points, or a grid of 12 of them."""

    def new(maximise=False):
        if request.param == "grid":
            return GridStudy([{"x": number / 12} for number in range(12)], maximise)
        options = (
            {}
            if request.param == "study"
            else {"storage": f"sqlite:///{tmp_path}/a.db", "study_name": "a"}
        )
        return made(space=LINE, maximise=maximise, **options)

    return new


def test_the_value_is_the_mean_of_the_scores(make):
    study = make()
    asked = study.ask(3)
    assert study.trials() == [] and study.best() is None
    study.tell(asked[2].number, [0.5, 1, 3.0], 2.25)
    study.tell(asked[0].number, [-4.0], 0.0)
    first, last = study.trials()
    assert (first.number, first.value, first.scores, first.seconds) == (0, -4.0, (-4.0,), 0.0)
    assert (last.number, last.value, last.scores, last.seconds) == (2, 1.5, (0.5, 1.0, 3.0), 2.25)
    assert (first.state, first.error, first.params) == ("COMPLETE", None, asked[0].params)
    assert [point.number for point in study.ask(1)] == [3]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_a_failure_of_its_fold(make, score):
    study = make()
    (asked,) = study.ask(1)
    study.tell(0, [1.0, 2.0, score, math.nan], 1.5)
    (trial,) = study.trials()
    assert (trial.state, trial.value, trial.scores, trial.seconds) == ("FAIL", None, (), 1.5)
    assert trial.error == f"ValueError: the metric is {score} on fold 2"
    assert trial.params == asked.params
    assert study.best() is None


def test_failed_trials_count_and_interrupted_ones_do_not(make):
    study = make()
    study.ask(4)
    study.fail(1, "KeyError: " + "k" * 600, seconds=3.0)
    study.fail(2, "interrupted", interrupted=True)
    study.tell(3, [7.0], 1.0)
    assert [t.number for t in study.trials()] == [1, 3]
    failed = study.trials()[0]
    assert (failed.state, failed.value, failed.seconds) == ("FAIL", None, 3.0)
    assert failed.error == "KeyError: " + "k" * 490
    assert study.best().number == 3


@pytest.mark.parametrize(("maximise", "best"), [(False, 2), (True, 1)])
def test_the_first_of_equal_trials_is_best(make, maximise, best):
    study = make(maximise)
    asked = study.ask(6)
    values = [3.0, 5.0, -1.0, -1.0, 5.0, None]
    for point, value in reversed(list(zip(asked, values, strict=True))):
        study.tell(point.number, [math.nan if value is None else value], 0.0)
    assert study.best() == study.trials()[best]


def test_a_grid_is_tried_in_order_to_its_end():
    points = [{"stage.a": 1, "stage.b": [2]}, {"stage.a": 2}, {}]
    grid = GridStudy(points, maximise=True)
    assert [(p.number, p.params) for p in grid.ask(2)] == list(enumerate(points[:2]))
    assert [(p.number, p.params) for p in grid.ask(2)] == [(2, {})]
    assert grid.ask(2) == []
    grid.tell(2, [1.0], 0.0)
    grid.tell(1, [1.0], 0.0)
    assert [trial.params for trial in grid.trials()] == points[1:]
    assert grid.best().number == 1


# Storages, and Optuna's log

FACTS = {"seed": 1, "space": {"x": [0, 1]}, "column": None}


def test_a_stored_study_of_another_search_is_refused(tmp_path):
    stored(tmp_path, facts=FACTS)
    stored(tmp_path, facts=json.loads(json.dumps(FACTS)))
    changes = {"seed": 2, "space": {"x": [0, 2]}, "column": "ds", "new": "thing"}
    for name, value in changes.items():
        with pytest.raises(ValueError, match=f"^studyName: 's' .* its {name} is ") as caught:
            stored(tmp_path, facts=FACTS | {name: value})
        assert f"is {FACTS.get(name)}, here {value};" in str(caught.value)
    with pytest.raises(ValueError, match="its maximise is False, here True"):
        stored(tmp_path, facts=FACTS, maximise=True)
    assert states(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"storage": "sqlite:///:memory:"}, "^storage: is set without studyName"),
        ({"study_name": "s"}, "^studyName: is set without storage"),
    ],
)
def test_storage_and_name_go_together(given, message):
    with pytest.raises(ValueError, match=message):
        made(**given)


def test_optunas_log_stays_quiet_and_as_it_was(tmp_path, capfd, request):
    logger = logging.getLogger("optuna")
    request.addfinalizer(functools.partial(logger.setLevel, logger.level))
    logger.setLevel(logging.INFO)
    optuna.logging.enable_default_handler()
    in_batches(stored(tmp_path))
    in_batches(stored(tmp_path))
    stored(tmp_path).best()
    assert logger.level == logging.INFO
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/a.db", "search.db", "nosuchdb://ann:secret@host/x"]
)
def test_a_storage_that_cannot_be_opened_is_refused(url):
    with pytest.raises(ValueError, match="^storage: cannot be opened .*sqlite:///") as caught:
        made(storage=url, study_name="s")
    assert caught.value.__cause__ is not None
    assert "secret" not in str(caught.value)
