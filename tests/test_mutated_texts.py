"""JSON that was damaged at random: refused by a message of ours, or what it says is taken."""

import copy
import json
import random

import pyarrow as pa
import pytest

from sparkprophet import BayesianParamGridBuilder, GroupedProphet
from sparkprophet.command.errors import UsageError
from sparkprophet.command.settings import build, read_config
from sparkprophet.search.space import SearchSpace
from sparkprophet.series.config import Config
from sparkprophet.series.errors import SeriesError
from sparkprophet.spark.worker.group_layout import GroupLayout

STAGE = GroupedProphet()
SPACE = json.loads(
    BayesianParamGridBuilder()
    .addUniform(STAGE.changepointPriorScale, 0.001, 0.5, log=True)
    .addInt(STAGE.nChangepoints, 5, 40)
    .addChoice(STAGE.seasonalityMode, ["additive", "multiplicative"])
    .addUniform(STAGE.weeklyPriorScale, 0.1, 9, when={STAGE.seasonalityMode: ["additive"]})
    .baseOn((STAGE.growth, "linear"))
    .space()
    .toJson()
)
OVERRIDES = {
    "growth": "linear", "nChangepoints": 10, "changepoints": ["2024-01-05", "2024-02-01"],
    "weeklySeasonality": "3", "yearlyPriorScale": 0.5, "holidaysMode": None,
    "seasonalities": [{"name": "pay", "period": 15.2, "fourierOrder": 2, "mode": "additive"}],
    "holidays": [{"holiday": "fair", "ds": "2024-01-06", "lowerWindow": -1, "upperWindow": 1}],
    "countryHolidays": "US", "intervalWidth": 0.9, "uncertaintySamples": 10, "groupTimeout": 3.5,
}  # fmt: skip
CONFIG = OVERRIDES | {"groupCols": ["store"], "horizon": 7, "numTrials": 4, "metric": "mae"}
NASTY = [
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, -1e308, 2**31, 2**63, 2**64, 10**400, "", " ",
    "a", "1", "null", "NaN", "\u0000", "\u202e", "../x", "é" * 300, [], {}, [[]], [None], [{}],
    {"": None}, ["a"] * 50, {"name": "x"}, float("nan"), float("inf"), float("-inf"),
]  # fmt: skip


LETTERS = ["", '"', "{", "}", "[", ",", ":", "\\", "\n", "9", "e", "\ufeff"]


def places(value, path=()):
    """Paths to all values inside of one."""
    yield path
    children = value.items() if isinstance(value, dict) else ()
    children = enumerate(value) if isinstance(value, list) else children
    for key, child in children:
        yield from places(child, (*path, key))


def mutated(document, seed):
    """The JSON text of a document with a few changes, or with some of its letters changed."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        return with_other_letters(json.dumps(document), chance)
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(list(places(document))[1:] or [()])
        if not path:
            return json.dumps(chance.choice(NASTY))
        owner = document
        for key in path[:-1]:
            owner = owner[key]
        change(owner, path[-1], chance)
    return json.dumps(document)


def change(owner, key, chance):
    action = chance.randrange(4)
    if action == 0:
        del owner[key]
    elif action == 1 and isinstance(owner, dict):
        name = chance.choice(["", "x", str(key) + " ", str(key).upper(), "kind", "name"])
        owner[name] = copy.deepcopy(owner[key])
    elif action == 1:
        owner.append(copy.deepcopy(owner[key]))
    else:
        owner[key] = copy.deepcopy(chance.choice(NASTY))


def with_other_letters(text, chance):
    letters = list(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(letters))
        letters[at] = chance.choice(LETTERS)
    return "".join(letters)


def space_of(text):
    space = SearchSpace.fromJson(text)
    assert SearchSpace.fromJson(space.toJson()) == space


def overrides_of(text):
    base = Config(groupTimeout=5.0)
    rows = pa.table({"overrides": [text] * 3})
    config = GroupLayout(("g",), ()).config(rows, base)
    assert Config.from_json(config.to_json()) == config
    assert 0 < config.groupTimeout <= 5


def config_of(text, folder):
    path = folder / "c.json"
    path.write_text(text, "utf-8", errors="surrogatepass")
    build(True, read_config(str(path)), str(path))


KINDS = {
    "search space": (SPACE, lambda text, _: space_of(text), (TypeError, ValueError)),
    "overrides": (OVERRIDES, lambda text, _: overrides_of(text), (SeriesError,)),
    "config file": (CONFIG, config_of, (UsageError,)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_text_is_taken(kind, tmp_path):
    document, take, _ = KINDS[kind]
    take(json.dumps(document), tmp_path)


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(200), id="200"),
        pytest.param(range(200, 3000), id="3000", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_one_is_refused_by_a_message_or_taken(kind, seeds, tmp_path):
    document, take, errors = KINDS[kind]
    refused = 0
    for seed in seeds:
        text = mutated(document, seed)
        try:
            take(text, tmp_path)
        except errors as error:
            refused += 1
            message = str(error)
            assert message and len(message) < 1500 and "Traceback" not in message, text
            assert not isinstance(error, (UnicodeError, KeyError)), text
        except BaseException as error:
            error.add_note(f"seed {seed}: {text[:2000]}")
            raise
    assert refused > 0.5 * len(seeds)
