"""The search for other languages: `python -m sparkprophet.search`, as they would use it."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

from sparkprophet.search import Choice, Int, SearchSpace, Uniform, When
from sparkprophet.search.batched.facts import facts_of
from sparkprophet.search.batched.rounds import propose
from sparkprophet.search.batched.study import BatchedStudy

SPACE = SearchSpace(
    (
        Uniform("x", -5, 5, parent="stage_1"),
        Int("i", 1, 99),
        Choice("c", ["a", "b", [1]]),
        Uniform("y", 1, 9, log=True, when=(When("c", ["a", [1]]),)),
    )
)
FACTS = {"estimator": "E", "evaluator": "V", "settings": {"metricName": "rmse"}, "others": {}}
OPEN = {
    "space": SPACE.toJson(), "maximise": False, "seed": 5, "sampler": "tpe",
    "numStartupTrials": 5, "storage": None, "studyName": None, "facts": FACTS, "numTrials": 20,
    "batchSize": 4, "earlyStoppingRounds": 0, "timeout": 0.0, "maxFailedTrials": None,
}  # fmt: skip


class Child:
    """The process, with a method for one request and its answer."""

    def __init__(self, script=None):
        started = ["-c", script] if script else ["-m", "sparkprophet.search"]
        self.process = subprocess.Popen(
            [sys.executable, *started],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def raw(self, text):
        self.send(text)
        return json.loads(self.process.stdout.readline())

    def call(self, name, **arguments):
        return self.raw(json.dumps({"call": name, **arguments}))["result"]

    def error(self, name, **arguments):
        return self.raw(json.dumps({"call": name, **arguments}))["error"]

    def end(self):
        """What it leaves on stdout and stderr once its standard input has ended."""
        left = self.process.communicate(timeout=600)
        assert self.process.returncode == 0
        return left


@pytest.fixture
def child():
    made = Child()
    with made.process:
        yield made
        made.process.kill()


def loss(params):
    return params["x"] ** 2 + params["i"] / 50 + params.get("y", 3.0)


def test_the_same_seed_gives_the_points_and_trials_of_the_study_itself(child):
    study = BatchedStudy(SPACE, maximise=False, seed=5, num_startup_trials=5)
    assert child.call("open", **OPEN) is None
    for _ in range(5):
        expected = study.ask(4)
        points = child.call("next")["points"]
        assert points == [{"number": a.number, "params": a.params} for a in expected]
        # Told in another order, as they end in another language.
        for asked in reversed(expected):
            if asked.number % 7 == 3:
                study.fail(asked.number, "ValueError: no", 0.5)
                child.call(
                    "fail",
                    number=asked.number,
                    error="ValueError: no",
                    seconds=0.5,
                    interrupted=False,
                )
            else:
                scores = [loss(asked.params), loss(asked.params) + 1]
                study.tell(asked.number, scores, 0.25)
                child.call("tell", number=asked.number, scores=scores, seconds=0.25)
    assert child.call("next") == {"stoppedBy": "numTrials"}
    trials = child.call("trials")
    assert [t["params"] for t in trials] == [t.params for t in study.trials()]
    assert [t["value"] for t in trials] == [t.value for t in study.trials()]
    assert [t["error"] for t in trials] == [t.error for t in study.trials()]
    assert trials[3]["state"] == "FAIL" and trials[3]["seconds"] == 0.5


@pytest.mark.parametrize(
    "text, number", [("NaN", "nan"), ("Infinity", "inf"), ("-Infinity", "-inf")]
)
def test_scores_that_json_has_no_form_for(child, text, number):
    child.call("open", **OPEN)
    child.call("next")
    child.call("tell", number=1, scores=[1.5, text], seconds=0.0)
    child.call("tell", number=0, scores=[0.1, 0.2], seconds=0.0)
    first, second = child.call("trials")
    assert (first["state"], first["scores"]) == ("COMPLETE", [0.1, 0.2])
    assert second["error"] == f"ValueError: the metric is {number} on fold 1"


def test_an_interrupted_trial_does_not_count_and_its_place_is_asked_for_again(child):
    child.call("open", **OPEN)
    for point in child.call("next")["points"]:
        interrupted = point["number"] == 2
        child.call("fail", number=point["number"], error="no", seconds=0.0, interrupted=interrupted)
    assert [trial["number"] for trial in child.call("trials")] == [0, 1, 3]
    assert [point["number"] for point in child.call("next")["points"]] == [4]


@pytest.mark.parametrize(
    "rules, told, ended",
    [
        ({"numTrials": 6}, 6, "numTrials"),
        ({"earlyStoppingRounds": 4}, 8, "earlyStopping"),
        ({"maxFailedTrials": 0}, 4, "maxFailedTrials"),
        ({"timeout": 1e-9}, 4, "timeout"),
    ],
)
def test_each_rule_ends_the_search(child, rules, told, ended):
    child.call("open", **OPEN | rules)
    count = 0
    while "points" in (answer := child.call("next")):
        for point in answer["points"]:
            count += 1
            score = "NaN" if "maxFailedTrials" in rules else float(count)
            child.call("tell", number=point["number"], scores=[score], seconds=0.0)
    assert answer == {"stoppedBy": ended} and count == told


def test_a_stored_study_goes_on_in_either_language(child, tmp_path):
    stored = {"storage": f"sqlite:///{tmp_path}/search.db", "studyName": "s"}
    child.call("open", **OPEN | stored)
    numbers = [point["number"] for point in child.call("next")["points"]]
    for number in numbers[:3]:
        child.call("tell", number=number, scores=[number / 3], seconds=0.0)
    child.end()
    facts = facts_of(SPACE, *FACTS.values())
    study = BatchedStudy(
        SPACE,
        maximise=False,
        seed=5,
        num_startup_trials=5,
        storage=stored["storage"],
        study_name="s",
        facts=facts,
    )
    assert [trial.value for trial in study.trials()] == [0.0, 1 / 3, 2 / 3]
    assert [asked.number for asked in study.ask(1)] == [3]


def test_points_in_rounds_are_those_of_propose(child):
    told = [({"x": 1.0, "i": 3, "c": "b"}, 2.0), ({"x": 2.0, "i": 4, "c": "b"}, math.nan)]
    sent = [[told[0][0], 2.0], [told[1][0], "NaN"], [{"x": 3.0, "i": 4, "c": "b"}, None]]
    history = [*told, ({"x": 3.0, "i": 4, "c": "b"}, None)]
    points = child.call("propose", space=SPACE.toJson(), history=sent, count=3, seed=9)
    assert points == propose(SPACE, history, 3, 9)


def test_errors_are_told_and_the_next_call_works(child):
    assert child.raw("{")["error"]["type"] == "JSONDecodeError"
    assert "must be an object with the name of a call" in child.raw("[1]")["error"]["message"]
    assert "must be one of open, next, tell" in child.error("close")["message"]
    assert "must be one of open" in child.error("_opened")["message"]
    assert child.error("next")["message"] == "there is no search; call open first"
    assert "unexpected keyword argument 'point'" in child.error("tell", point=1)["message"]
    wrong = child.error("open", **OPEN | {"space": '{"formatVersion": 1}'})
    assert wrong["type"] == "ValueError" and "field 'dimensions' is missing" in wrong["message"]
    assert "sampler: found 'best'" in child.error("open", **OPEN | {"sampler": "best"})["message"]
    child.call("open", **OPEN)
    assert child.error("tell", number=77, scores=[1.0], seconds=0.0)["type"] == "IndexError"
    assert len(child.call("next")["points"]) == 4


def test_a_missing_module_is_named():
    script = (
        "import sys; sys.modules['optuna'] = None\n"
        "from sparkprophet.search.batched.server import main; main()"
    )
    child = Child(script)
    error = child.error("open", **OPEN)
    child.end()
    assert error["type"] == "ImportError" and "needs optuna, which cannot" in error["message"]


def test_what_libraries_print_is_not_in_the_answers():
    script = (
        "import os, sparkprophet.search.batched.server as server\n"
        "server.Calls.noise = lambda self: (print('to Python'), os.system('echo to fd 1'))[1]\n"
        "server.main()"
    )
    child = Child(script)
    assert child.call("noise") == 0
    out, err = child.end()
    assert out == "" and {"to Python", "to fd 1"} <= set(err.splitlines())


BUSY = (
    "import sys, sparkprophet.search.batched.server as server\n"
    "def busy(self):\n    print('at work', file=sys.stderr, flush=True)\n    while True: pass\n"
    "server.Calls.busy = busy\n"
    "server.main()"
)


def test_the_end_of_its_input_ends_it_in_the_middle_of_a_call():
    child = Child(BUSY)
    child.send('{"call": "busy"}')
    assert child.process.stderr.readline() == "at work\n"
    assert child.process.poll() is None
    child.process.stdin.close()
    assert child.process.wait(600) == 0


def test_a_killed_parent_leaves_no_child():
    script = f"""
import subprocess, sys, time
pipe = subprocess.PIPE
child = subprocess.Popen([sys.executable, "-c", {BUSY!r}], stdin=pipe, stderr=pipe, text=True)
child.stdin.write('{{"call": "busy"}}' + chr(10))
child.stdin.flush()
assert child.stderr.readline() == "at work" + chr(10)
print(child.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + 60
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid):
    """Whether the process runs; one that nobody has waited for is dead all the same."""
    try:
        with open(f"/proc/{pid}/stat") as found:
            return found.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not os.path.exists("/proc/self/stat")


def test_ctrl_c_is_left_to_the_caller(child):
    child.call("open", **OPEN)
    child.process.send_signal(signal.SIGINT)
    assert len(child.call("next")["points"]) == 4
