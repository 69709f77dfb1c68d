"""Cases of the card: processes that end, groups that take too much, tasks that are done twice."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from card import Broken, Case, broken_unless
from cluster import Job
from systems import HORIZON, SYSTEMS

sys.path.append(str(Path(__file__).parent / "injected"))
from sitecustomize import FAULTS

LABEL = {fault.__name__: label for label, fault in FAULTS.items()}
GOOD, BAD, ROWS = ["a", "b", "c", "d", "e"], "faulty", 60


def rows_of(key: str, fault: str | None = None) -> pd.DataFrame:
    """A group's rows; its first label is that of the fault."""
    random = np.random.default_rng(len(key) + ord(key[0]))
    y = 10 + 0.1 * np.arange(ROWS) + random.normal(0, 1, ROWS)
    if fault:
        y[0] = LABEL[fault]
    days = pd.date_range("2024-01-01", periods=ROWS).astype("datetime64[us]")
    return pd.DataFrame({"g": key, "ds": days, "y": y})


def data_with(place: Path, fault: str | None) -> Path:
    """Parquet of the good groups and the faulty one; without a fault a good one more."""
    path = place / "data.parquet"
    pd.concat([*map(rows_of, GOOD), rows_of(BAD, fault)]).to_parquet(path)
    return path


def alone(system: Any, rows: pd.DataFrame) -> np.ndarray:
    """The forecast of one group's rows without Spark."""
    from prophet import Prophet

    from sparkprophet.series import FastProphet

    kind = FastProphet if system is SYSTEMS["ours"] else Prophet
    model = kind(uncertainty_samples=0).fit(rows[["ds", "y"]])
    future = model.make_future_dataframe(HORIZON, include_history=False)
    return model.predict(future)["yhat"].to_numpy()


def outcomes_of(job: Job, seconds: float = 300) -> dict[str, dict[str, Any]]:
    """By key, at the job's end; Broken where it failed."""
    told = job.result(seconds)
    if "error" in told:
        raise Broken(f"the job failed: {told['error']}")
    return {key.strip('["]'): outcome for key, outcome in told["outcomes"].items()}


def check_good(system: Any, outcomes: dict[str, dict[str, Any]], faulty_too: bool) -> None:
    """That all keys are there, and forecast as if they were alone."""
    found = sorted(outcomes)
    broken_unless(found == sorted([*GOOD, BAD]), f"the keys of the result are {found}")
    wanted = [rows_of(key) for key in GOOD] + [rows_of(BAD, "wait")] * faulty_too
    for rows in wanted:
        key = rows["g"].iloc[0]
        same = np.allclose(outcomes[key]["forecast"], alone(system, rows), rtol=1e-6)
        broken_unless(same, f"group {key} has another forecast than alone")


def name_of(system: Any) -> str:
    return next(name for name, known in SYSTEMS.items() if known is system)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def ancestors(pid: int) -> list[int]:
    """The process's parent, its parent and so on."""
    found = []
    while (pid := parent(pid)) > 1:
        found.append(pid)
    return found


def executor_killed(system: Any, place: Path) -> str:
    """SIGKILL of the executor's JVM in which a group is at work."""
    with Job(place / "job", name_of(system), data_with(place, "wait")) as job:
        at_work = job.found(lambda: job.flagged("began"))[0]
        (executor,) = set(ancestors(at_work)) & set(job.executors())
        job.kill(executor)
        job.found(lambda: [pid for pid in job.flagged("began") if pid != at_work])
        job.go()
        check_good(system, outcomes_of(job), faulty_too=True)
        left = [pid for pid in (executor, at_work) if alive(pid)]
        broken_unless(not left, f"{len(left)} processes of the lost executor run on")
    return "the groups in flight were done by another executor"


def worker_killed(system: Any, place: Path) -> str:
    """SIGKILL of the process that works on a group, then of its parent, in a second try."""
    with Job(place / "job", name_of(system), data_with(place, "wait")) as job:
        first = job.found(lambda: job.flagged("began"))[0]
        job.kill(first)
        second = job.found(lambda: [pid for pid in job.flagged("began") if pid != first])[0]
        # In sparkprophet it is a child of the process to which Spark talks, else that itself.
        worker = second if system is SYSTEMS["plain"] else parent(second)
        job.kill(worker)
        job.found(lambda: [p for p in job.flagged("began") if p not in (first, second)])
        job.go()
        check_good(system, outcomes_of(job), faulty_too=True)
    return "the group was done again, and all others once"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def lost_group(system: Any, place: Path) -> str:
    """A group that ends its process each time, as the kernel does where memory is short."""
    with Job(place / "job", name_of(system), data_with(place, "kill")) as job:
        outcomes = outcomes_of(job)
        check_good(system, outcomes, faulty_too=False)
        check_failed(outcomes, "WORKER_LOST")
        tries = len(job.flagged("killing"))
        broken_unless(tries == 2, f"the group was tried {tries} times")
    return "WORKER_LOST after two tries, all others fitted"


def out_of_memory(system: Any, place: Path) -> str:
    """A group that takes all the memory that it gets, with a bound where there is one."""
    (place / "killed").mkdir()
    lost = lost_group(system, place / "killed")
    conf = {} if system is SYSTEMS["ours"] else {"spark.executor.pyspark.memory": "1500m"}
    place = place / "bounded"
    place.mkdir()
    with Job(
        place / "job",
        name_of(system),
        data_with(place, "hog"),
        conf=conf,
        settings={"group_memory": 256},
    ) as job:
        outcomes = outcomes_of(job)
        check_good(system, outcomes, faulty_too=False)
        check_failed(outcomes, "OUT_OF_MEMORY")
    return f"OUT_OF_MEMORY at 256 MiB; where the kernel ends it: {lost}"


def check_failed(outcomes: dict[str, dict[str, Any]], code: str) -> None:
    """That the faulty group is a failed row with its name in the message."""
    own = outcomes[BAD]
    found = own["status"], own["code"]
    broken_unless(found == ("failed", code), f"the faulty group is {found}")
    broken_unless(own["message"].startswith(f"group g={BAD}: "), "the message names no group")
    broken_unless(len(own["message"]) <= 500, "the message is too long")


def hanging(system: Any, place: Path) -> str:
    """A group that never ends, in compiled code that holds Python's lock."""
    with Job(
        place / "job", name_of(system), data_with(place, "hang"), settings={"group_timeout": 10}
    ) as job:
        stuck = job.found(lambda: job.flagged("hanging"))[0]
        outcomes = outcomes_of(job, 120)
        check_good(system, outcomes, faulty_too=False)
        check_failed(outcomes, "TIMEOUT")
        broken_unless(not alive(stuck), "the process of the group runs on")
    return "TIMEOUT after groupTimeout, all others fitted"


def speculative(system: Any, place: Path) -> str:
    """Two copies of one task at work at one time; on two hosts, for Spark has no two on one."""
    conf = {
        "spark.speculation": "true", "spark.speculation.efficiency.enabled": "false",
        "spark.speculation.interval": "100ms",
        "spark.speculation.quantile": "0.1", "spark.speculation.multiplier": "1.1",
        "spark.speculation.minTaskRuntime": "500ms",
        "spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "8",
    }  # fmt: skip
    hosts = ("127.0.0.1", "127.0.0.2")
    data = data_with(place, "wait")
    with Job(place / "job", name_of(system), data, conf=conf, hosts=hosts) as job:
        job.found(lambda: len(set(job.flagged("began"))) > 1)
        job.go()
        check_good(system, outcomes_of(job), faulty_too=True)
    return "one row a key, from the copy that ended first"


CASES = [
    Case("workers", "executor SIGKILL", "P1 P2", executor_killed, slow=True),
    Case("workers", "Python worker SIGKILL", "P1 P2", worker_killed, slow=True),
    Case("workers", "group out of memory", "P2 P7 P8", out_of_memory, slow=True),
    Case("workers", "hanging group", "P2 P7 P8", hanging, slow=True),
    Case("workers", "speculative duplicate", "P1", speculative, slow=True),
]
