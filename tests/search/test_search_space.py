"""The search space: its keys, its points, its JSON, and what it refuses."""

import json
import math
from fractions import Fraction

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkprophet.search import Choice, Fixed, Int, SearchSpace, Uniform

optuna.logging.set_verbosity(optuna.logging.WARNING)


def typed(value):
    """`value` with the type of every part, since Python holds 1 == 1.0 == True."""
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *(typed(item) for item in value))
    return (type(value).__name__, value)


def described(space):
    """Everything in a space, types included."""
    return [
        (type(entry).__name__, *(typed(value) for value in vars(entry).values()))
        for entry in (*space.dimensions, *space.fixed)
    ]


def random_study(seed=5):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))


MIXED = SearchSpace(
    (
        Uniform("scale", 1e-3, 10.0, log=True, parent="Stage_1"),
        Int("order", 2, 20, step=3, parent="Stage_1"),
        Choice("mode", ["additive", "multiplicative"], parent="Stage_1"),
        Uniform("scale", -1.0, 1.0, parent="Stage_2"),
        Int("size", 1, 1000, log=True),
    ),
    (Fixed("scale", 3.5, parent="Stage_3"), Fixed("columns", ["a", "b"])),
)


def test_points_are_optunas_own():
    ours, theirs = random_study(), random_study()
    for _ in range(30):
        trial = theirs.ask()
        expected = {
            "scale": trial.suggest_float("scale", 1e-3, 10.0, log=True),
            "order": trial.suggest_int("order", 2, 20, step=3),
            "mode": trial.suggest_categorical("mode", ["additive", "multiplicative"]),
            "scale#2": trial.suggest_float("scale#2", -1.0, 1.0),
            "size": trial.suggest_int("size", 1, 1000, log=True),
            "scale#3": 3.5,
            "columns": ["a", "b"],
        }
        point = MIXED.suggest(ours.ask())
        assert point == expected
        assert list(point) == list(expected)


def test_keys_number_params_of_the_same_name():
    assert [(key, entry.name, entry.parent) for key, entry in MIXED.keyed().items()] == [
        ("scale", "scale", "Stage_1"),
        ("order", "order", "Stage_1"),
        ("mode", "mode", "Stage_1"),
        ("scale#2", "scale", "Stage_2"),
        ("size", "size", None),
        ("scale#3", "scale", "Stage_3"),
        ("columns", "columns", None),
    ]
    assert len(MIXED) == 5


@pytest.mark.parametrize(
    "values",
    [
        [True, False, 1, 0, 10],
        [[1, 2], [1, 2, 3], []],
        [None, "None", 0.5, ["a", ["b"]]],
        [2**70, -1.5],
    ],
)
def test_choices_of_any_type_come_back_as_they_were(values):
    space = SearchSpace((Choice("c", values),))
    study, seen = random_study(), []
    for _ in range(200):
        seen.append(typed(space.suggest(study.ask())["c"]))
    assert set(seen) == {typed(value) for value in values}


def test_a_list_given_to_a_trial_is_its_own():
    space = SearchSpace((Choice("c", [[1, 2]]),), (Fixed("f", [3]),))
    point = space.suggest(random_study().ask())
    point["c"].append(9)
    point["f"].append(9)
    assert space.suggest(random_study().ask()) == {"c": [1, 2], "f": [3]}


def test_no_warning_where_no_step_ends_on_high(recwarn):
    space = SearchSpace((Int("i", 1, 10, step=4),))
    study = random_study()
    assert {space.suggest(study.ask())["i"] for _ in range(100)} == {1, 5, 9}
    assert list(recwarn) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"u": 0.1, "i": 1, "c": "a"}, {"u": 0.1, "i": 1, "c": "a"}),
        ({"u": 2, "i": 5.0, "c": "b"}, {"u": 2.0, "i": 5, "c": "b"}),
        ({"u": np.float64(0.5), "i": np.int64(9), "c": np.str_("a")}, {"u": 0.5, "i": 9, "c": "a"}),
        ({"u": 1.0, "i": 1, "c": "a", "f": 99, "other": 1}, {"u": 1.0, "i": 1, "c": "a"}),
        ({"u": 0.0999, "i": 1, "c": "a"}, None),
        ({"u": 2.0001, "i": 1, "c": "a"}, None),
        ({"u": math.nan, "i": 1, "c": "a"}, None),
        ({"u": "1", "i": 1, "c": "a"}, None),
        ({"u": True, "i": 1, "c": "a"}, None),
        ({"u": None, "i": 1, "c": "a"}, None),
        ({"u": 1.0, "i": 2, "c": "a"}, None),
        ({"u": 1.0, "i": 13, "c": "a"}, None),
        ({"u": 1.0, "i": 1.5, "c": "a"}, None),
        ({"u": 1.0, "i": math.inf, "c": "a"}, None),
        ({"u": 1.0, "i": True, "c": "a"}, None),
        ({"u": 1.0, "i": 1, "c": "z"}, None),
        ({"u": 1.0, "i": 1, "c": {}}, None),
        ({"u": 1.0, "i": 1, "c": np.array([1, 2])}, None),
        ({"u": 1.0, "i": 1}, None),
        ({}, None),
    ],
)
def test_encode(values, expected):
    space = SearchSpace(
        (Uniform("u", 0.1, 2.0), Int("i", 1, 10, step=4), Choice("c", ["a", "b"])), (Fixed("f", 3),)
    )
    encoded = space.encode(values)
    assert encoded == expected
    if expected is not None:
        assert {k: type(v) for k, v in encoded.items()} == {"u": float, "i": int, "c": str}


@pytest.mark.parametrize("value", [True, 1, [1, 2], None, "1"])
def test_encoded_choices_are_what_optuna_then_tries(value):
    space = SearchSpace((Choice("c", [False, "1", [1], True, None, 1, [1, 2]]),))
    study = random_study()
    study.enqueue_trial(space.encode({"c": value}))
    assert typed(space.suggest(study.ask())["c"]) == typed(value)


def test_encode_refuses_what_is_not_a_dict():
    with pytest.raises(
        TypeError, match=r"SearchSpace.encode: found \[1\] \(list\), must be a dict"
    ):
        MIXED.encode([1])


def test_json_is_as_documented():
    space = SearchSpace(
        (
            Uniform("u", 1, 2.5, log=True, parent="Stage_1"),
            Int("i", 1, 9, step=2),
            Choice("c", [1, 1.5, True, None, "é", [1, [2.0]]]),
        ),
        (Fixed("f", False, parent="Stage_1"),),
    )
    document = {
        "formatVersion": 1,
        "dimensions": [
            {
                "kind": "uniform", "name": "u", "low": 1.0, "high": 2.5, "log": True,
                "parent": "Stage_1", "when": [],
            },
            {
                "kind": "int", "name": "i", "low": 1, "high": 9, "step": 2, "log": False,
                "parent": None, "when": [],
            },
            {
                "kind": "choice", "name": "c", "values": [1, 1.5, True, None, "é", [1, [2.0]]],
                "parent": None, "when": [],
            },
        ],
        "fixed": [{"kind": "fixed", "name": "f", "value": False, "parent": "Stage_1"}],
    }  # fmt: skip
    assert json.loads(space.toJson()) == document
    assert described(SearchSpace.fromJson(json.dumps(document))) == described(space)


finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), finite, st.text(max_size=5))
plain_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
names = st.text(st.characters(exclude_characters="#"), min_size=1, max_size=5)


@st.composite
def uniforms(draw):
    low, high = sorted(draw(st.lists(finite, min_size=2, max_size=2, unique=True)))
    return Uniform(draw(names), low, high, log=low > 0 and draw(st.booleans()))


@st.composite
def ints(draw):
    low = draw(st.integers(-100, 100))
    high = low + draw(st.integers(1, 100))
    if low > 0 and draw(st.booleans()):
        return Int(draw(names), low, high, log=True)
    return Int(draw(names), low, high, step=draw(st.integers(1, high - low)))


def canonical(value):
    """Text that tells values apart as a Choice should: 1 and 1.0 are one, 1 and True are not."""
    if isinstance(value, list):
        return f"[{', '.join(canonical(item) for item in value)}]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(Fraction(value))
    return repr(value)


choices = st.builds(
    Choice, names, st.lists(plain_values, min_size=1, max_size=4, unique_by=canonical)
)
spaces = st.builds(
    SearchSpace,
    st.lists(st.one_of(uniforms(), ints(), choices), min_size=1, max_size=5),
    st.lists(st.builds(Fixed, names, plain_values), max_size=3),
)


@given(spaces)
@settings(max_examples=150, deadline=None)
def test_every_space_survives_json(space):
    again = SearchSpace.fromJson(space.toJson())
    assert again == space
    assert described(again) == described(space)


@given(spaces, st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_every_point_of_a_space_can_be_tried_again(space, seed):
    point = space.suggest(random_study(seed).ask())
    study = random_study(seed + 1)
    study.enqueue_trial(space.encode(json.loads(json.dumps(point))))
    again = space.suggest(study.ask())
    assert {key: typed(value) for key, value in again.items()} == {
        key: typed(value) for key, value in point.items()
    }


def document(**changes):
    dimension = {
        "kind": "int",
        "name": "i",
        "low": 1,
        "high": 9,
        "step": 1,
        "log": False,
        "parent": None,
        "when": [],
    }
    return {"formatVersion": 1, "dimensions": [dimension | changes], "fixed": []}


def without(name):
    found = document()
    del found["dimensions"][0][name]
    return found


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (document() | {"formatVersion": 2}, ValueError, "formatVersion: found 2.*install the new"),
        (document() | {"formatVersion": "1"}, ValueError, r"formatVersion: found '1' \(str\)"),
        (document() | {"formatVersion": True}, ValueError, "formatVersion: found True"),
        ({"dimensions": [], "fixed": []}, ValueError, "formatVersion: found None"),
        ({"formatVersion": 1, "fixed": []}, ValueError, "field 'dimensions' is missing"),
        (document() | {"extra": 5}, ValueError, "unknown field 'extra' = 5.*remove it"),
        (document() | {"dimensions": {}}, TypeError, r"dimensions: found \{\}.*JSON array"),
        (
            document() | {"dimensions": []},
            ValueError,
            "dimensions: found none, must be at least one",
        ),
        (document() | {"dimensions": [3]}, TypeError, r"dimensions\[0\]: found 3.*JSON object"),
        (document() | {"fixed": document()["dimensions"]}, ValueError, r"fixed\[0\]: kind.*'int'"),
        ([], TypeError, "must be a JSON object"),
        (document(kind="normal"), ValueError, r"dimensions\[0\]: kind: found 'normal'.*uniform"),
        (document(kind=["int"]), ValueError, r"kind: found \['int'\]"),
        (document(kind="fixed"), ValueError, "kind: found 'fixed'"),
        (without("step"), ValueError, r"dimensions\[0\]: field 'step' is missing"),
        (without("parent"), ValueError, "field 'parent' is missing"),
        (without("when"), ValueError, "field 'when' is missing"),
        (document(base=2), ValueError, "unknown field 'base' = 2.*the fields are kind, name, low"),
        (document(low="1"), TypeError, r"dimensions\[0\]: Int 'i': low: found '1' \(str\), must"),
        (document(low=1.0), TypeError, r"low: found 1.0 \(float\), must be a whole number"),
        (document(low=True), TypeError, "low: found True"),
        (document(log=0), TypeError, "log: found 0.*True or False"),
        (document(name=7), TypeError, r"Int name: found 7 \(int\)"),
        (document(parent=7), TypeError, "parent: found 7"),
        (document(low=9), ValueError, "found low=9, high=9, must be low < high"),
    ],
)
def test_json_is_read_strictly(found, error, message):
    with pytest.raises(error, match=message):
        SearchSpace.fromJson(json.dumps(found))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the JSON of a search space"),
        ("{", "not the JSON of a search space"),
        ("[" * 100_000, "not the JSON of a search space"),
        (MIXED.toJson().replace("10.0", "NaN"), "found NaN, must be a finite number"),
        (MIXED.toJson().replace("10.0", "Infinity"), "found Infinity"),
        (MIXED.toJson().replace("10.0", "1e999"), "high: found inf"),
        ('{"formatVersion": 1, "formatVersion": 1}', "'formatVersion' found twice; give it once"),
    ],
)
def test_text_that_is_no_search_space(text, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace.fromJson(text)


def test_only_text_is_read():
    with pytest.raises(TypeError, match="must be the JSON text"):
        SearchSpace.fromJson(MIXED.toJson().encode())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: Uniform("u", 2, 1),
            ValueError,
            "Uniform 'u': found low=2.0, high=1.0, must be low",
        ),
        (lambda: Uniform("u", 1, 1), ValueError, "Choice with one value"),
        (
            lambda: Uniform("u", 0, 1, log=True),
            ValueError,
            "low=0.0 with log=True, must be low > 0",
        ),
        (lambda: Uniform("u", 0, math.inf), ValueError, "Uniform 'u': high: found inf"),
        (lambda: Uniform("u", math.nan, 1), ValueError, "Uniform 'u': low: found nan"),
        (lambda: Uniform("u", 0, 10**400), ValueError, "must be a finite number"),
        (lambda: Uniform("u", "0", 1), TypeError, r"low: found '0' \(str\), must be a number"),
        (lambda: Uniform("u", False, 1), TypeError, "low: found False"),
        (lambda: Uniform("u", 0, 1, log=1), TypeError, "log: found 1"),
        (lambda: Uniform("", 0, 1), ValueError, "Uniform name: found '', must be a non-empty"),
        (lambda: Uniform("a#2", 0, 1), ValueError, "found 'a#2'"),
        (lambda: Uniform(None, 0, 1), TypeError, "Uniform name: found None"),
        (lambda: Uniform("u", 0, 1, parent=3), TypeError, "parent: found 3"),
        (lambda: Int("i", 1, 1), ValueError, "Int 'i': found low=1, high=1"),
        (lambda: Int("i", 1, 2.0), TypeError, "high: found 2.0"),
        (lambda: Int("i", 1, 5, step=0), ValueError, "step=0, must be from 1 to "),
        (lambda: Int("i", 1, 5, step=5), ValueError, "step=5, must be from 1 to .*= 4"),
        (lambda: Int("i", 0, 5, log=True), ValueError, "low=0 with log=True, must be low >= 1"),
        (
            lambda: Int("i", 1, 5, step=2, log=True),
            ValueError,
            "step=2 with log=True, must be step=1",
        ),
        (lambda: Int("i", 0, 2**53 + 1), ValueError, "high: found 9007199254740993"),
        (lambda: Choice("c", []), ValueError, "Choice 'c': values: found none"),
        (lambda: Choice("c", "ab"), TypeError, "found 'ab' .*, must be a list"),
        (lambda: Choice("c", {1, 2}), TypeError, "must be a list of values"),
        (lambda: Choice("c", [1, 2, 1.0]), ValueError, "found 1.0 .* at positions 0 and 2; give"),
        (lambda: Choice("c", [[1, True], [1, True]]), ValueError, "twice, at positions 0 and 1"),
        (lambda: Choice("c", [math.nan]), ValueError, "found nan"),
        (lambda: Choice("c", [[1, math.inf]]), ValueError, "found inf"),
        (
            lambda: Choice("c", [{"a": 1}]),
            TypeError,
            r"found \{'a': 1\} \(dict\), must be a number",
        ),
        (lambda: Fixed("f", object), TypeError, "Fixed 'f': value: found"),
        (lambda: SearchSpace(()), ValueError, "must be at least one Uniform, Int or Choice"),
        (lambda: SearchSpace((), (Fixed("f", 1),)), ValueError, "found none"),
        (lambda: SearchSpace(3), TypeError, "must be a tuple of Uniform, Int, Choice"),
        (lambda: SearchSpace((Fixed("f", 1),)), TypeError, r"dimensions\[0\]: found Fixed"),
        (
            lambda: SearchSpace((Uniform("u", 0, 1, parent="S"), Int("u", 0, 1, parent="S"))),
            ValueError,
            "found 'u' of stage 'S' twice; give each param once",
        ),
    ],
)
def test_what_no_space_can_be_made_of(make, error, message):
    with pytest.raises(error, match=message) as raised:
        make()
    assert len(str(raised.value)) <= 500


def test_true_and_one_are_two_choices():
    assert [typed(value) for value in Choice("c", [1, True, "1", 0, False]).values] == [
        ("int", 1),
        ("bool", True),
        ("str", "1"),
        ("int", 0),
        ("bool", False),
    ]


def test_numpys_scalars_become_pythons():
    made = SearchSpace(
        (
            Uniform("u", np.float32(0.5), np.int64(2)),
            Int("i", np.int32(1), np.int64(4)),
            Choice("c", [np.float64(0.1), np.int64(3), (np.str_("a"),)]),
        )
    )
    expected = SearchSpace((Uniform("u", 0.5, 2.0), Int("i", 1, 4), Choice("c", [0.1, 3, ["a"]])))
    assert described(made) == described(expected)


def test_equality_and_repr():
    def make(high, parent=None):
        return SearchSpace([Uniform("u", 0, high, parent=parent)], [Fixed("f", [1])])

    assert make(1) == make(1.0)
    assert make(1) != make(2)
    assert make(1, "Stage_1") != make(1, "Stage_2")
    assert repr(make(1)) == (
        "SearchSpace(dimensions=(Uniform(name='u', low=0.0, high=1.0, log=False, parent=None, "
        "when=()),), fixed=(Fixed(name='f', value=[1], parent=None),))"
    )


@pytest.mark.parametrize(
    ("dimension", "shares", "expected"),
    [
        (Uniform("u", -1, 3), [0, 0.25, 0.5, 0.75], [-1, 0, 1, 2]),
        (Uniform("u", 1e-4, 1.0, log=True), [0, 0.25, 0.5, 0.75], [1e-4, 1e-3, 1e-2, 1e-1]),
        # Three values, a third each.
        (Int("i", 1, 3), [0, 0.33, 0.34, 0.66, 0.67, 0.999], [1, 1, 2, 2, 3, 3]),
        # 2, 5, 8: no step ends on 10.
        (Int("i", 2, 10, step=3), [0, 0.33, 0.34, 0.66, 0.67, 0.999], [2, 2, 5, 5, 8, 8]),
        # From 0.5 to 4.5 in the logarithm: 2 ends at log(2.5 / 0.5) / log(9) = 0.7325.
        (Int("i", 1, 4, log=True), [0, 0.49, 0.51, 0.732, 0.733, 0.999], [1, 1, 2, 2, 3, 4]),
        (Choice("c", ["a", [1], None]), [0, 0.33, 0.34, 0.67], ["a", "a", [1], None]),
        (Choice("c", [7]), [0, 0.999], [7, 7]),
    ],
)
def test_value_at_a_share(dimension, shares, expected):
    found = [dimension.at(share) for share in shares]
    assert found == (pytest.approx(expected) if isinstance(dimension, Uniform) else expected)


@pytest.mark.parametrize(
    "dimension",
    [
        Uniform("u", -3, 8),
        Uniform("u", 1e-3, 50, log=True),
        Int("i", -4, 7),
        Int("i", 3, 40, step=4),
        Int("i", 1, 300, log=True),
        Int("i", 5, 9, log=True),
    ],
)
def test_values_at_random_shares_are_what_optunas_random_sampler_draws(dimension):
    study, shares = random_study(seed=11), np.random.RandomState(11).random_sample(300)
    theirs = [dimension.suggest(study.ask(), "key") for _ in shares]
    assert [dimension.at(share) for share in shares] == pytest.approx(theirs, rel=1e-12)


LARGEST_SHARE = math.nextafter(1, 0)


@given(spaces, st.floats(0, 1, exclude_max=True))
@settings(max_examples=150, deadline=None)
def test_values_at_any_share_are_inside(space, share):
    for found in (0, share, LARGEST_SHARE):
        point = space.at([found] * len(space))
        assert list(point) == list(space.keyed())
        assert space.encode(point) is not None
        trial = optuna.trial.FixedTrial(space.encode(point))
        assert described_point(space.suggest(trial)) == described_point(point)


def described_point(point):
    return {key: typed(value) for key, value in point.items()}


def test_a_point_by_shares():
    shares = [0.5, 0.99, 0, 0.75, 0]
    assert MIXED.at(np.array(shares)) == {
        "scale": pytest.approx(0.1),  # halfway from 1e-3 to 10 in the logarithm
        "order": 20,
        "mode": "additive",
        "scale#2": 0.5,
        "size": 1,
        "scale#3": 3.5,
        "columns": ["a", "b"],
    }
    MIXED.at(shares)["columns"].append("c")
    assert MIXED.at(shares)["columns"] == ["a", "b"]


@pytest.mark.parametrize(
    ("shares", "error", "message"),
    [
        ([0.5] * 4, ValueError, "SearchSpace.at: found 4 shares, must be 5, one per dimension"),
        ([0.5] * 6, ValueError, "found 6 shares"),
        (0.5, TypeError, r"SearchSpace.at: found 0.5 \(float\), must be a list of shares"),
        ([1.0, 0, 0, 0, 0], ValueError, "Uniform 'scale': share: found 1.0, must be .* below 1"),
        ([0, -0.1, 0, 0, 0], ValueError, "Int 'order': share: found -0.1, must be .* at least 0"),
        ([0, 0, "0", 0, 0], TypeError, "Choice 'mode': share: found '0'"),
        ([0, 0, 0, math.nan, 0], ValueError, "Uniform 'scale': share: found nan"),
    ],
)
def test_what_no_point_has_shares_of(shares, error, message):
    with pytest.raises(error, match=message):
        MIXED.at(shares)
