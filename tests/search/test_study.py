"""One study: its trials are Optuna's, its record is whole, it stops when it should."""

import json
import logging
import math
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest

import sparkprophet.search
from sparkprophet.search import Choice, Fixed, Int, SearchSpace, Uniform, run_study
from sparkprophet.search.tpe import CompiledTPESampler

SPACE = SearchSpace((Uniform("x", -5, 5), Int("i", 1, 9), Choice("c", ["a", "b"])))
LINE = SearchSpace((Uniform("x", 0, 1),))


def bowl(point):
    return (point["x"] - 1) ** 2 + point["i"] + (point["c"] == "a")


def recited(values):
    """An objective that returns, or raises, what the list says, in order."""
    left = iter(values)

    def objective(_):
        value = next(left)
        if isinstance(value, BaseException):
            raise value
        return value

    return objective


@pytest.mark.parametrize("startup", [3, 10])
def test_trials_and_best_are_those_of_optuna(startup):
    sampler = CompiledTPESampler(seed=11, n_startup_trials=startup)
    study = optuna.create_study(sampler=sampler)

    def objective(trial):
        return bowl(
            {
                "x": trial.suggest_float("x", -5, 5),
                "i": trial.suggest_int("i", 1, 9),
                "c": trial.suggest_categorical("c", ["a", "b"]),
            }
        )

    study.optimize(objective, n_trials=30)
    ours = run_study(bowl, SPACE, num_trials=30, seed=11, num_startup_trials=startup)
    assert [(t.number, t.params, t.value, t.state) for t in ours.trials] == [
        (t.number, t.params, t.value, t.state.name) for t in study.trials
    ]
    best = study.best_trial
    assert (ours.best.number, ours.best.value, ours.best.params) == (
        best.number,
        best.value,
        best.params,
    )
    assert ours.stopped_by == "numTrials"
    assert all(t.error is None and t.seconds > 0 for t in ours.trials)


def test_tpe_finds_the_bowls_bottom():
    study = run_study(bowl, SPACE, num_trials=80, seed=0)
    assert study.best.value < 1.05  # the least possible is 1
    assert study.best.value == min(trial.value for trial in study.trials)


def test_the_first_of_equal_trials_is_best():
    study = run_study(recited([2.0, 1.0, 1.0, 3.0]), LINE, num_trials=4, seed=0)
    assert study.best is study.trials[1]


def test_failed_trials_are_kept_and_never_win():
    values = [
        ValueError("y has no values"), math.nan, -math.inf, math.inf, 4.0, None, "much", [1.0],
        MemoryError(), 3.0, KeyError("k" * 600), 5,
    ]  # fmt: skip
    study = run_study(recited(values), LINE, num_trials=12, seed=0)
    assert [t.state for t in study.trials] == [
        "FAIL",
        "FAIL",
        "FAIL",
        "FAIL",
        "COMPLETE",
        "FAIL",
        "FAIL",
        "FAIL",
        "FAIL",
        "COMPLETE",
        "FAIL",
        "COMPLETE",
    ]
    assert [t.value for t in study.trials if t.state == "COMPLETE"] == [4.0, 3.0, 5.0]
    assert all(t.value is None for t in study.trials if t.state == "FAIL")
    errors = [t.error for t in study.trials]
    assert errors[0] == "ValueError: y has no values"
    assert errors[1] == "ValueError: objective: found nan returned, must be a finite number"
    assert errors[2].startswith("ValueError: objective: found -inf returned")
    assert errors[5] == "TypeError: objective: found None (NoneType) returned, " + (
        "must be a number"
    )
    assert errors[7].startswith("TypeError: objective: found [1.0] (list) returned")
    assert errors[8] == "MemoryError: "
    assert errors[10] == "KeyError: '" + "k" * 489
    assert errors[4] is errors[9] is errors[11] is None
    assert study.best.number == 9
    assert [t.number for t in study.trials] == list(range(12))


def test_failed_trials_teach_the_sampler_nothing():
    def shaky(point):
        if point["i"] % 3 == 0:
            raise RuntimeError("no")
        return bowl(point)

    reference = optuna.create_study(sampler=CompiledTPESampler(seed=2))
    reference.optimize(
        lambda trial: shaky(SPACE.suggest(trial)), n_trials=40, catch=(RuntimeError,)
    )
    study = run_study(shaky, SPACE, num_trials=40, seed=2)
    assert [t.params for t in study.trials] == [t.params for t in reference.trials]
    assert {"FAIL", "COMPLETE"} == {t.state for t in study.trials}


def test_the_sampler_tells_true_from_one():
    values, letters = [True, 1, 0, False, 2.5, [1]], "abcdef"
    cost = dict(zip(letters, [5.0, 0.0, 4.0, 3.0, 2.0, 1.0], strict=True))
    reference = optuna.create_study(sampler=CompiledTPESampler(seed=3))
    reference.optimize(lambda t: cost[t.suggest_categorical("c", list(letters))], n_trials=40)

    def letter(point):
        found = [str(value) == str(point["c"]) for value in values]
        return letters[found.index(True)]

    study = run_study(
        lambda point: cost[letter(point)],
        SearchSpace((Choice("c", values),)),
        num_trials=40,
        seed=3,
    )
    assert [letter(t.params) for t in study.trials] == [t.params["c"] for t in reference.trials]


def test_a_study_of_failures_only_has_no_best():
    study = run_study(recited([math.nan] * 5), LINE, num_trials=5, seed=0)
    assert study.best is None
    assert (len(study.trials), study.stopped_by) == (5, "numTrials")


def test_pruned_trials():
    study = run_study(recited([optuna.TrialPruned("far off"), 1.0]), LINE, num_trials=2, seed=0)
    assert [(t.state, t.value, t.error) for t in study.trials] == [
        ("PRUNED", None, None),
        ("COMPLETE", 1.0, None),
    ]
    assert study.best.number == 1


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_go_through(signal):
    level = optuna.logging.get_verbosity()
    with pytest.raises(signal):
        run_study(recited([1.0, signal()]), LINE, num_trials=5, seed=0)
    assert optuna.logging.get_verbosity() == level


def test_a_broken_sampler_is_no_failed_trial(monkeypatch):
    def broken(self, *_):
        raise OSError("no entropy")

    monkeypatch.setattr(CompiledTPESampler, "sample_independent", broken)
    with pytest.raises(OSError, match="no entropy"):
        run_study(bowl, SPACE, num_trials=5, seed=0)


@pytest.mark.parametrize(
    ("values", "rounds", "min_delta", "tried"),
    [
        ([5, 5, 5, 5, 5, 5], 3, 0.0, 4),  # the first value is an improvement
        ([5, 4, 3, 2, 1, 0], 1, 0.0, 6),
        ([5, 6, 4, 6, 6, 6], 2, 0.0, 5),
        ([5, 4, 4, 3, 3, 3, 3], 2, 0.0, 6),
        ([10, 9.5, 8.9, 8.9, 8.9, 8.9], 3, 1.0, 5),  # 1.1 within three trials, then 0.6
        ([10, 9, 8, 7, 6, 5], 3, 3.0, 4),  # improving by exactly min_delta is not more than it
        ([10, 9, 8, 7, 6, 5], 3, 2.999, 6),
        ([math.nan] * 6, 3, 0.0, 3),  # no value at all
        ([math.nan, math.nan, 7, 7, 7, 7, 7], 3, 0.0, 6),
        ([7, math.nan, math.nan, 6, 6, 6], 3, 0.0, 6),
        ([7, math.nan, math.nan, math.nan, 6, 6], 3, 0.0, 4),
        ([5, 5, 5], 2, 0.0, 3),  # both at the last trial: nothing was cut short
        ([5, 5, 5, 5], 0, 0.0, 4),
    ],
)
def test_early_stopping_by_hand(values, rounds, min_delta, tried):
    study = run_study(
        recited(values),
        LINE,
        num_trials=len(values),
        seed=0,
        early_stopping_rounds=rounds,
        min_delta=min_delta,
    )
    assert len(study.trials) == tried
    assert study.stopped_by == ("numTrials" if tried == len(values) else "earlyStopping")


def first_stop(values, rounds, min_delta):
    """Length of the shortest stretch whose last `rounds` values brought too little."""
    for length in range(rounds, len(values)):
        earlier = [v for v in values[: length - rounds] if math.isfinite(v)]
        later = [v for v in values[length - rounds : length] if math.isfinite(v)]
        if not later:
            return length
        if earlier and min(earlier) - min(earlier + later) <= min_delta:
            return length
    return len(values)


def test_early_stopping_against_brute_force():
    generator = random.Random(20)
    for _ in range(150):
        values = [generator.choice([math.nan, *range(12)]) for _ in range(generator.randint(1, 15))]
        rounds, min_delta = generator.randint(1, 6), generator.choice([0, 1, 3])
        study = run_study(
            recited(values),
            LINE,
            num_trials=len(values),
            seed=0,
            sampler="random",
            early_stopping_rounds=rounds,
            min_delta=min_delta,
        )
        assert len(study.trials) == first_stop(values, rounds, min_delta), (values, rounds)


@pytest.mark.parametrize(
    ("deadline", "tried", "reason"),
    [(-50.0, 1, "timeout"), (0.0, 1, "timeout"), (25.0, 3, "timeout"), (30.0, 3, "timeout"),
     (30.5, 4, "timeout"), (80.0, 8, "numTrials"), (math.inf, 8, "numTrials"),
     (None, 8, "numTrials")],
)  # fmt: skip
def test_no_trial_starts_after_the_deadline(monkeypatch, deadline, tried, reason):
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def ten_seconds(_):
        clock[0] += 10
        return 1.0

    deadline = None if deadline is None else 1000 + deadline
    study = run_study(ten_seconds, LINE, num_trials=8, seed=0, deadline=deadline)
    assert (len(study.trials), study.stopped_by) == (tried, reason)
    assert [t.seconds for t in study.trials] == [10.0] * tried


def test_initial_points_come_first():
    points = [
        {"x": 0.5, "i": 3, "c": "b"},
        {"x": 9.0, "i": 3, "c": "b"},  # outside
        {"x": 0.5, "i": 3.0, "c": "b", "further": 1},  # the first again
        {"x": 0.5, "i": 3},  # not whole
        {"x": 0.5000001, "i": 3, "c": "b"},  # near, but another
        {"x": -5, "i": 9, "c": "a"},
    ]
    study = run_study(bowl, SPACE, num_trials=6, seed=4, initial_points=iter(points))
    assert [t.params for t in study.trials[:3]] == [points[0], points[4], points[5]]
    assert len(study.trials) == 6
    fewer = run_study(bowl, SPACE, num_trials=2, seed=4, initial_points=points)
    assert [t.params for t in fewer.trials] == [points[0], points[4]]


def test_initial_points_leave_later_ones_to_optuna():
    reference = optuna.create_study(sampler=CompiledTPESampler(seed=6))
    reference.enqueue_trial({"x": 1.0, "i": 1, "c": "b"})
    reference.optimize(lambda trial: bowl(SPACE.suggest(trial)), n_trials=20)
    study = run_study(
        bowl, SPACE, num_trials=20, seed=6, initial_points=[{"x": 1.0, "i": 1, "c": "b"}]
    )
    assert [t.params for t in study.trials] == [t.params for t in reference.trials]


def test_the_objective_gets_fixed_params_and_a_copy():
    space = SearchSpace((Choice("c", [[1], [2]]),), (Fixed("f", ["a"]),))

    def spoiling(point):
        point["c"].append(3)
        point["f"].clear()
        point["new"] = 1
        return 1.0

    study = run_study(spoiling, space, num_trials=8, seed=0)
    assert all(t.params in ({"c": [1], "f": ["a"]}, {"c": [2], "f": ["a"]}) for t in study.trials)


def test_cpu_seconds_count_children_that_were_waited_for():
    burn = "import time\nwhile time.process_time() < 0.3: pass"

    def objective(_):
        subprocess.run([sys.executable, "-c", burn], check=True)
        return 1.0

    study = run_study(objective, LINE, num_trials=2, seed=0)
    assert all(t.cpu_seconds > 0.28 for t in study.trials)  # os.times() counts in 0.01


def test_studies_may_nest():
    reference = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    lowest = min(reference.ask().suggest_float("x", 0, 1) for _ in range(3))

    def inner(point):
        added = run_study(
            lambda p: p["x"] + point["x"], LINE, num_trials=3, seed=1, sampler="random"
        )
        return added.best.value

    study = run_study(inner, LINE, num_trials=4, seed=0)
    assert [t.value for t in study.trials] == [t.params["x"] + lowest for t in study.trials]


def test_optunas_log_is_silent_only_while_a_study_runs(capfd, caplog):
    logger = logging.getLogger("optuna")
    before = logger.level
    optuna.logging.set_verbosity(optuna.logging.INFO)
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    try:
        seen = []

        def objective(point):
            seen.append(logger.level)
            if len(seen) == 2:
                raise ValueError("no")
            return 1.0

        with caplog.at_level(logging.INFO):
            run_study(objective, LINE, num_trials=3, seed=0)
            assert caplog.records == []
            optuna.create_study()
            assert {record.name.split(".")[0] for record in caplog.records} == {"optuna"}
        assert seen == [logging.ERROR] * 3
        assert logger.level == logging.INFO
        assert capfd.readouterr() == ("", "")
    finally:
        optuna.logging.disable_propagation()
        optuna.logging.enable_default_handler()
        logger.setLevel(before)


def test_studies_in_threads_give_the_log_level_back():
    logger = logging.getLogger("optuna")
    before = logger.level
    first_runs, second_done = threading.Event(), threading.Event()
    levels = {}

    def first(_):
        first_runs.set()
        second_done.wait(60)
        levels["first, after the second ended"] = logger.level
        return 1.0

    thread = threading.Thread(target=lambda: run_study(first, LINE, num_trials=1, seed=0))
    thread.start()
    assert first_runs.wait(60)
    run_study(lambda _: 1.0, LINE, num_trials=1, seed=0)
    second_done.set()
    thread.join(60)
    assert levels == {"first, after the second ended": logging.ERROR}
    assert logger.level == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_trials": 0}, ValueError, "num_trials: found 0"),
        ({"num_trials": 2.0}, TypeError, "num_trials: found 2.0"),
        ({"early_stopping_rounds": -1}, ValueError, "early_stopping_rounds: found -1"),
        ({"min_delta": -0.1}, ValueError, "min_delta: found -0.1"),
        ({"min_delta": math.nan}, ValueError, "min_delta: found nan"),
        ({"min_delta": "0"}, TypeError, "min_delta: found '0'"),
        ({"deadline": "soon"}, TypeError, "deadline: found 'soon'"),
        ({"deadline": math.nan}, ValueError, "deadline: found nan"),
        ({"sampler": "grid"}, ValueError, "sampler: found 'grid'"),
        ({"seed": -1}, ValueError, "seed: found -1"),
        ({"num_startup_trials": -1}, ValueError, "num_startup_trials: found -1"),
        ({"initial_points": [3]}, TypeError, "SearchSpace.encode: found 3"),
        ({"space": {"x": 1}}, TypeError, "space: found .*must be a SearchSpace"),
    ],
)
def test_arguments_are_checked_before_the_first_trial(arguments, error, message):
    called = []
    given = {"space": LINE, "num_trials": 3, "seed": 0} | arguments
    with pytest.raises(error, match=message):
        run_study(lambda point: called.append(point) or 1.0, **given)
    assert called == []


def run_python(script, hash_seed="0"):
    source = Path(sparkprophet.search.__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


SAME_TRIALS = """
import json, uuid
from sparkprophet.search import *

one, two = "Stage_" + uuid.uuid4().hex[-12:], "Stage_" + uuid.uuid4().hex[-12:]
space = SearchSpace(
    (Uniform("x", -5, 5, parent=one), Int("i", 1, 9, parent=two), Uniform("x", 0, 1, parent=two),
     Choice("c", ["a", "b", [1]], parent=one)),
    (Fixed("f", 1, parent=two),),
)
study = run_study(lambda p: p["x"] ** 2 + p["x#2"] + p["i"], space, num_trials=25, seed=9)
print(json.dumps([one, [[t.params, t.value] for t in study.trials]]))
"""


def test_the_same_trials_in_any_process_whatever_the_stages_uids():
    uid, trials = run_python(SAME_TRIALS, hash_seed="1")
    other_uid, other_trials = run_python(SAME_TRIALS, hash_seed="2")
    assert uid != other_uid
    assert trials == other_trials
    assert len(trials) == 25


def test_the_import_is_light():
    script = (
        "import json, sys; import sparkprophet.search; "
        "print(json.dumps([name for name in sys.modules]))"
    )
    loaded = {name.split(".")[0] for name in run_python(script)}
    assert "sparkprophet" in loaded
    assert loaded & {"optuna", "pandas", "pyspark", "numba", "scipy", "prophet"} == set()
