"""Dimensions that are in some trials only: when they are, and what that leaves in a study."""

import json
import math
import sys

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkprophet.search import (
    Choice,
    Fixed,
    Int,
    SearchSpace,
    Uniform,
    When,
    check_sampler,
    make_sampler,
    run_study,
)
from sparkprophet.search.tpe import CompiledTPESampler

optuna.logging.set_verbosity(optuna.logging.WARNING)

# A solver with two options of its own, one of which has an option too; the last has two conditions.
SOLVERS = SearchSpace(
    (
        Choice("solver", ["l-bfgs", "normal", [1, True]], parent="LR_1"),
        Int("depth", 2, 8, step=2),
        Uniform("mixing", 0.0, 1.0, parent="LR_1", when=(When("solver", ["l-bfgs"], "LR_1"),)),
        Choice("path", ["short", "long"], when=(When("solver", ["l-bfgs", [1, True]], "LR_1"),)),
        Uniform("length", 1.0, 100.0, log=True, when=[When("path", ("long",))]),
        Int("both", 1, 9, when=(When("path", ["short"]), When("depth", [2, 8.0]))),
    ),
    (Fixed("seed", 7),),
)


def keys_by_hand(solver, depth, path=None):
    """The keys that a point of SOLVERS has, from the conditions as they are written above."""
    keys = ["solver", "depth"]
    if solver == "l-bfgs":
        keys.append("mixing")
    if solver != "normal":
        keys.append("path")
        if path == "long":
            keys.append("length")
        if path == "short" and depth in (2, 8):
            keys.append("both")
    return [*keys, "seed"]


def keys_of(point):
    return keys_by_hand(point["solver"], point["depth"], point.get("path"))


POINTS = [
    {"solver": "normal", "depth": 2, "seed": 7},
    {"solver": "l-bfgs", "depth": 4, "mixing": 0.5, "path": "short", "seed": 7},
    {"solver": "l-bfgs", "depth": 8, "mixing": 0.5, "path": "short", "both": 3, "seed": 7},
    {"solver": "l-bfgs", "depth": 2, "mixing": 0.5, "path": "long", "length": 5.0, "seed": 7},
    {"solver": [1, True], "depth": 2, "path": "short", "both": 9, "seed": 7},
    {"solver": [1, True], "depth": 6, "path": "long", "length": 1.0, "seed": 7},
]


@pytest.mark.parametrize("point", POINTS)
def test_a_trial_is_asked_for_active_dimensions_alone(point):
    # A list is no choice of Optuna's: its position is.
    solver = ["l-bfgs", "normal", [1, True]].index(point["solver"])
    asked = {key: value for key, value in point.items() if key != "seed"} | {"solver": solver}
    trial = optuna.trial.FixedTrial(asked)  # raises for anything else that it is asked for
    assert SOLVERS.suggest(trial) == point
    assert trial.params == asked
    everything = {"mixing": 0.1, "path": "short", "length": 2.0, "both": 1} | asked
    assert SOLVERS.suggest(optuna.trial.FixedTrial(everything)) == point


@pytest.mark.parametrize("point", POINTS)
def test_encode_drops_inactive_dimensions_and_needs_the_active_ones(point):
    solver = ["l-bfgs", "normal", [1, True]].index(point["solver"])
    asked = {key: value for key, value in point.items() if key != "seed"}
    assert SOLVERS.encode(asked) == asked | {"solver": solver}
    outside = {"mixing": "?", "path": "?", "length": -1, "both": 0}
    assert SOLVERS.encode(outside | asked) == asked | {"solver": solver}
    for missing in asked:
        less = {key: value for key, value in asked.items() if key != missing}
        assert SOLVERS.encode(less) is None


def test_the_number_of_dimensions_and_their_keys_count_all():
    assert len(SOLVERS) == 6
    assert list(SOLVERS.keyed()) == ["solver", "depth", "mixing", "path", "length", "both", "seed"]


def test_one_and_true_are_not_the_same_value_of_a_condition():
    space = SearchSpace(
        (Choice("c", [1, True, 0, None]), Int("i", 1, 2, when=(When("c", [True, None]),)))
    )
    assert [list(space.at([share, 0])) for share in (0, 0.25, 0.5, 0.75)] == [
        ["c"],
        ["c", "i"],
        ["c"],
        ["c", "i"],
    ]


def test_a_point_by_shares_has_the_active_dimensions():
    assert SOLVERS.at([0.4, 0, "unused", -1, None, 5]) == {
        "solver": "normal",
        "depth": 2,
        "seed": 7,
    }
    assert SOLVERS.at([0, 0.75, 0.25, 0.5, 0.5, "unused"]) == {
        "solver": "l-bfgs",
        "depth": 8,
        "mixing": 0.25,
        "path": "long",
        "length": pytest.approx(10.0),
        "seed": 7,
    }
    assert SOLVERS.at([0.7, 0.75, "unused", 0, None, 0.95]) == {
        "solver": [1, True],
        "depth": 8,
        "path": "short",
        "both": 9,
        "seed": 7,
    }
    with pytest.raises(ValueError, match="found 2 shares, must be 6"):
        SOLVERS.at([0.4, 0])


def badness(point):
    value = point["depth"] + 3 * (point["solver"] == "normal")
    value += abs(point.get("mixing", 0.9) - 0.3) + point.get("both", 4)
    return value + math.log(point.get("length", 20.0))


NEEDS = {"tpe": [], "random": [], "qmc": ["scipy"], "gp": ["scipy", "torch"], "cmaes": ["cmaes"]}


@pytest.mark.parametrize("kind", NEEDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_inactive_param_is_ever_stored(kind, seed):
    for module in NEEDS[kind]:
        pytest.importorskip(module)
    study = optuna.create_study(sampler=make_sampler(kind, seed, 5, SOLVERS))
    points = []

    def objective(trial):
        points.append(SOLVERS.suggest(trial))
        return badness(points[-1])

    study.optimize(objective, n_trials=40)
    for point, trial in zip(points, study.trials, strict=True):
        assert list(point) == keys_of(point)
        assert list(trial.params) == [key for key in point if key != "seed"]
    assert {len(point) for point in points} >= {3, 5}  # some without, some with


def test_points_are_those_of_optunas_own_conditions():
    """The same study written as Optuna's users write it, with `if`."""
    study = optuna.create_study(sampler=CompiledTPESampler(seed=3, n_startup_trials=6))
    points = []

    def objective(trial):
        solver = trial.suggest_categorical("solver", (0, 1, 2))
        point = {"solver": SOLVERS.dimensions[0].values[solver]}
        point["depth"] = trial.suggest_int("depth", 2, 8, step=2)
        if solver == 0:
            point["mixing"] = trial.suggest_float("mixing", 0.0, 1.0)
        if solver != 1:
            point["path"] = trial.suggest_categorical("path", ["short", "long"])
            if point["path"] == "long":
                point["length"] = trial.suggest_float("length", 1.0, 100.0, log=True)
            elif point["depth"] in (2, 8):
                point["both"] = trial.suggest_int("both", 1, 9)
        points.append(point | {"seed": 7})
        return badness(point)

    study.optimize(objective, n_trials=40)
    ours = run_study(badness, SOLVERS, num_trials=40, seed=3, num_startup_trials=6)
    assert [trial.params for trial in ours.trials] == points
    assert ours.best.value == study.best_value


def test_initial_points_are_tried_without_what_is_inactive():
    tried = [
        {"solver": "normal", "depth": 4, "mixing": 0.5, "path": "long", "length": 0.0, "both": 0},
        {"solver": "normal", "depth": 4, "mixing": 0.7, "path": "?", "length": 1.0, "both": 1},
        {"solver": "l-bfgs", "depth": 4, "mixing": 0.5},  # its path is missing: not inside
        {"solver": [1, True], "depth": 8, "path": "short", "both": 5, "mixing": 99},
    ]
    study = run_study(badness, SOLVERS, num_trials=4, seed=0, initial_points=tried)
    assert [trial.params for trial in study.trials[:2]] == [
        {"solver": "normal", "depth": 4, "seed": 7},  # the second is the same point
        {"solver": [1, True], "depth": 8, "path": "short", "both": 5, "seed": 7},
    ]


def test_cmaes_goes_on_when_a_trial_lacks_a_dimension():
    pytest.importorskip("cmaes")
    space = SearchSpace(
        (
            Choice("c", ["a", "b"]),
            Uniform("x", -1, 1),
            Int("i", 1, 9),
            Uniform("y", 0, 1, when=(When("c", ["a"]),)),
        )
    )
    study = optuna.create_study(sampler=make_sampler("cmaes", 0, 1, space))
    study.enqueue_trial({"c": "a"})
    study.enqueue_trial({"c": "b"})
    drawn = []
    for _ in range(20):
        trial = study.ask()
        drawn.append(set(trial.relative_params))
        point = space.suggest(trial)
        study.tell(trial, point["x"] ** 2 + point["i"])
    assert drawn[1:] == [{"x", "i"}] * 19


def test_cmaes_needs_a_number_that_is_in_every_trial(monkeypatch):
    monkeypatch.setitem(sys.modules, "cmaes", sys)  # there, whatever this machine has
    choice, when = Choice("c", ["a", "b"]), (When("c", ["a"]),)
    with pytest.raises(ValueError, match="of choices and conditional dimensions only.*'tpe'"):
        check_sampler("cmaes", SearchSpace((choice, Uniform("x", 0, 1, when=when))))
    check_sampler("cmaes", SearchSpace((choice, Int("i", 1, 2), Uniform("x", 0, 1, when=when))))


def test_json_is_as_documented():
    space = SearchSpace(
        (
            Choice("solver", ["a", [1]], parent="LR_1"),
            Int("n", 1, 9),
            Uniform("u", 0, 1, when=(When("solver", ["a", [1]], "LR_1"), When("n", [2, 3]))),
        )
    )
    document = json.loads(space.toJson())
    assert [dimension["when"] for dimension in document["dimensions"]] == [
        [],
        [],
        [
            {"name": "solver", "values": ["a", [1]], "parent": "LR_1"},
            {"name": "n", "values": [2, 3], "parent": None},
        ],
    ]
    again = SearchSpace.fromJson(space.toJson())
    assert again == space
    assert again.toJson() == space.toJson()


def two_stages(first, second):
    return SearchSpace(
        (
            Choice("solver", ["a", "b"], first),
            Choice("solver", ["b", "a"], second),
            Uniform("u", 0, 1, parent=second, when=(When("solver", ["a"], second),)),
            Int("i", 1, 9, when=(When("solver", ["a"], first),)),
        ),
        (Fixed("u", 1, first), Fixed("f", 2)),
    )


def test_a_space_without_uids_is_the_same_in_any_process():
    found = two_stages("LR_1f", "LR_07").without_owners()
    assert found == two_stages("X", "LR_1f").without_owners() == two_stages("1", "2")
    for shares in ([0, 0, 0, 0], [0, 0.9, 0, 0], [0.9, 0, 0, 0], [0.9, 0.9, 0, 0]):
        assert found.at(shares) == two_stages("LR_1f", "LR_07").at(shares)
    assert found.at([0.9, 0.9, 0.5, 0]) == {
        "solver": "b",
        "solver#2": "a",
        "u": 0.5,
        "u#2": 1,
        "f": 2,
    }


@st.composite
def conditional_spaces(draw):
    """Spaces of any shape of conditions, with the dimensions that each one names by position."""
    dimensions, named = [], []
    for position in range(draw(st.integers(1, 7))):
        others = [i for i in range(position) if not isinstance(dimensions[i], Uniform)]
        chosen = draw(st.lists(st.sampled_from(others), max_size=2, unique=True)) if others else []
        when = []
        for other in chosen:
            entry = dimensions[other]
            values = list(range(1, 5)) if isinstance(entry, Int) else list(entry.values)
            some = draw(st.lists(st.sampled_from(range(len(values))), min_size=1, unique=True))
            when.append(When(entry.name, [values[i] for i in some], entry.parent))
        name, parent = f"p{position % 3}", f"stage{position}"
        kind = draw(st.sampled_from([Uniform, Int, Choice]))
        bounds = [["x", 1, True, [1]]] if kind is Choice else [1, 4]
        dimensions.append(kind(name, *bounds, parent=parent, when=when))
        named.append(chosen)
    return SearchSpace(dimensions, [Fixed("f", 0)]), named


def the_same(one, other):
    """Whether two values are equal and of one type, lists by their entries."""
    return type(one) is type(other) and json.dumps(one) == json.dumps(other)


@given(conditional_spaces(), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_what_is_active_follows_from_the_conditions(made, seed):
    space, named = made
    assert SearchSpace.fromJson(space.toJson()) == space
    assert SearchSpace.fromJson(space.toJson()).toJson() == space.toJson()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    point = space.suggest(study.ask())
    keys = list(space.keyed())
    for position, dimension in enumerate(space.dimensions):
        active = all(
            keys[other] in point and any(the_same(v, point[keys[other]]) for v in when.values)
            for other, when in zip(named[position], dimension.when, strict=True)
        )
        assert (keys[position] in point) == active
    study.enqueue_trial(space.encode(json.loads(json.dumps(point))))
    assert json.dumps(space.suggest(study.ask())) == json.dumps(point)


def document(**changes):
    first = {"kind": "choice", "name": "c", "values": ["a", "b"], "parent": None, "when": []}
    when = {"name": "c", "values": ["a"], "parent": None} | changes
    second = first | {"name": "d", "when": [{k: v for k, v in when.items() if v is not ...}]}
    return {"formatVersion": 1, "dimensions": [first, second], "fixed": []}


def with_when(value):
    found = document()
    found["dimensions"][1]["when"] = value
    return found


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (with_when(None), TypeError, r"dimensions\[1\]: when: found None .*must be a JSON array"),
        (with_when({}), TypeError, r"when: found \{\}"),
        (with_when(["c"]), TypeError, r"dimensions\[1\]: when\[0\]: found 'c' .*JSON object"),
        (document(parent=...), ValueError, r"when\[0\]: field 'parent' is missing"),
        (document(values=...), ValueError, r"when\[0\]: field 'values' is missing"),
        (document(kind="when"), ValueError, r"when\[0\]: unknown field 'kind' = 'when'.*remove"),
        (
            document(values="a"),
            TypeError,
            r"when\[0\]: When 'c': values: found 'a' .*must be a list",
        ),
        (document(values=[]), ValueError, "When 'c': values: found none, must be at least one"),
        (document(name=3), TypeError, r"When name: found 3 \(int\)"),
        (document(parent="S"), ValueError, "'d': when: found 'c' of stage 'S', which is not in"),
    ],
)
def test_json_is_read_strictly(found, error, message):
    with pytest.raises(error, match=message):
        SearchSpace.fromJson(json.dumps(found))


def test_the_document_without_a_mistake_is_read():
    space = SearchSpace.fromJson(json.dumps(document()))
    assert space.dimensions[1].when == (When("c", ("a",)),)


CHOICE, COUNT = Choice("c", ["a", 1], "S"), Int("n", 1, 10, step=4)


def conditional(*when):
    return Uniform("u", 0, 1, when=when)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: When("c", []), ValueError, "When 'c': values: found none, must be at least one"),
        (lambda: When("c", "ab"), TypeError, "When 'c': values: found 'ab' .*must be a list"),
        (lambda: When("c", [1, 1.0]), ValueError, "When 'c': values: found 1.0 .* twice"),
        (lambda: When("c#2", [1]), ValueError, "When name: found 'c#2'"),
        (lambda: When("c", [1], 3), TypeError, "When 'c': parent: found 3"),
        (lambda: Uniform("u", 0, 1, when=When("c", [1])), TypeError, "'u': when: found When"),
        (lambda: Int("i", 0, 1, when=None), TypeError, "Int 'i': when: found None .*tuple of When"),
        (lambda: Choice("d", [1], when=["c"]), TypeError, r"Choice 'd': when\[0\]: found 'c'"),
        (
            lambda: conditional(When("c", ["a"], "S"), When("c", [1], "S")),
            ValueError,
            "Uniform 'u': when: found 'c' of stage 'S' twice; give all of its values in one When",
        ),
        (
            lambda: SearchSpace((CHOICE, conditional(When("c", ["a"])))),
            ValueError,
            "SearchSpace: Uniform 'u': when: found 'c', which is not in the space; add it before",
        ),
        (
            lambda: SearchSpace((conditional(When("c", ["a"], "S")), CHOICE)),
            ValueError,
            "Uniform 'u': when: found 'c' of stage 'S', which comes after it; move it before",
        ),
        (
            lambda: SearchSpace((Int("i", 1, 2, when=(When("i", [1]),)),)),
            ValueError,
            "Int 'i': when: found 'i', which is this one; name one before it",
        ),
        (
            lambda: SearchSpace((Uniform("v", 0, 1), conditional(When("v", [0])))),
            ValueError,
            "Uniform 'u': when: found 'v', which is a Uniform, must be an Int or a Choice",
        ),
        (
            lambda: SearchSpace((CHOICE, conditional(When("f", [1]))), (Fixed("f", 1),)),
            ValueError,
            "Uniform 'u': when: found 'f', which is a Fixed, must be an Int or a Choice",
        ),
        (
            lambda: SearchSpace((CHOICE, conditional(When("c", ["a", True], "S")))),
            ValueError,
            r"found True \(bool\), which 'c' of stage 'S' never is, must be some of \['a', 1\]",
        ),
        (
            lambda: SearchSpace((COUNT, conditional(When("n", [5, 7])))),
            ValueError,
            r"found 7 \(int\), which 'n' never is, must be whole numbers from 1 to 9 in steps of 4",
        ),
        (
            lambda: SearchSpace((COUNT, conditional(When("n", [13])))),
            ValueError,
            "found 13 .*from 1 to 9",
        ),
        (
            lambda: SearchSpace((Int("n", 1, 2), Int("n", 1, 2), conditional(When("n", [1])))),
            ValueError,
            "found 'n', which is 2 times in the space; give each the uid of its stage",
        ),
    ],
)
def test_conditions_that_cannot_hold(make, error, message):
    with pytest.raises(error, match=message) as raised:
        make()
    assert len(str(raised.value)) <= 500


def test_a_condition_is_part_of_a_dimensions_equality():
    assert conditional(When("n", [1])) == conditional(When("n", (1.0,)))
    assert conditional(When("n", [1])) != conditional(When("n", [5]))
    assert conditional(When("n", [1])) != conditional()
    with pytest.raises(TypeError):
        Uniform("u", 0, 1, False, None, (When("n", [1]),))  # by keyword only
