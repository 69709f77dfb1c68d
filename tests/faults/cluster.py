"""A driver, its cluster and its Python workers as processes that a test may kill.

Every process of a job inherits an environment variable with a name of its own, by which /proc
tells them from all others: only they are ever killed, and nothing of them is left.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyspark

HERE = Path(__file__).resolve().parent
MARK = "FAULTS_JOB"
LOCAL_CLUSTER = "local-cluster[2,1,1024]"


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind((host, 0))
        return found.getsockname()[1]


class Job:
    """`job.py` in a process of its own; a context manager that leaves no process behind.

    Parameters
    ----------
    place : Path
        An empty folder: arguments, output and flag files of the job.
    system : str
        A key of `systems.SYSTEMS`.
    data : Path
        Parquet.
    master : str
    conf : dict
        Further Spark settings.
    hosts : tuple of str
        Loopback addresses: the executors are those of a standalone cluster with a worker on each,
        and not of `master`, whose executors are all on one host.
    **arguments
        Of `job.py`: settings (a dict), save (a path), saves (how often), meanwhile ("stop" or
        "cancel", while a group is at work).
    """

    def __init__(
        self,
        place: Path,
        system: str,
        data: Path,
        master: str = LOCAL_CLUSTER,
        conf: dict[str, str] | None = None,
        hosts: tuple[str, ...] = (),
        **arguments: Any,
    ) -> None:
        self.place, self._name = place, uuid.uuid4().hex
        self.flags = place / "flags"
        self.flags.mkdir(parents=True)
        given = {"system": system, "data": str(data), "out": str(place / "out.json")} | arguments
        (place / "arguments.json").write_text(json.dumps(given))
        path = os.pathsep.join([str(HERE / "injected"), str(HERE), *filter(None, sys.path)])
        own = {MARK: self._name, "FAULTS_FOLDER": str(self.flags), "PYTHONPATH": path}
        if hosts:
            master = f"spark://{hosts[0]}:{free_port(hosts[0])}"
            self._start_cluster(master, hosts, os.environ | own)
        settings = {
            "spark.master": master, "spark.ui.enabled": "false", "spark.driver.memory": "1g",
            "spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false",
            "spark.sql.warehouse.dir": str(place), "spark.executor.memory": "1g",
        }  # fmt: skip
        settings |= {f"spark.executorEnv.{name}": value for name, value in own.items()}
        options = [f"--conf {k}={v}" for k, v in (settings | (conf or {})).items()]
        submit = {"PYSPARK_SUBMIT_ARGS": " ".join([*options, "pyspark-shell"])}
        with open(place / "stderr.txt", "wb") as errors:
            self.driver = subprocess.Popen(
                [sys.executable, HERE / "job.py", place / "arguments.json"], cwd=place,
                stdout=errors, stderr=errors, env=os.environ | own | submit,
                start_new_session=True,
            )  # fmt: skip

    def _start_cluster(self, master: str, hosts: tuple[str, ...], env: dict[str, str]) -> None:
        """A standalone cluster: a master, and a worker of one core on each host."""
        port = master.rpartition(":")[2]
        programs = [("master.Master", "--host", hosts[0], "--port", port, "--webui-port", "0")]
        programs += [
            ("worker.Worker", "--host", host, "--cores", "1", "--memory", "1g", "--webui-port", "0",
             "--work-dir", str(self.place / "work"), master)
            for host in hosts
        ]  # fmt: skip
        spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
        for program, *arguments in programs:
            with open(self.place / f"{program}.txt", "ab") as output:
                subprocess.Popen(
                    [spark_class, f"org.apache.spark.deploy.{program}", *arguments], env=env,
                    stdout=output, stderr=output, start_new_session=True,
                )  # fmt: skip

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        while left := self.processes():
            for pid in left:
                self.kill(pid)
            time.sleep(0.02)
        self.driver.wait()

    def processes(self, having: str = "") -> list[int]:
        """Ids of the job's processes whose command line has this text."""
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        commands = {pid: self._command(pid) for pid in numbers}
        return [pid for pid, command in commands.items() if command and having in command]

    def executors(self) -> list[int]:
        """Ids of the executors' JVMs."""
        return self.processes("CoarseGrainedExecutorBackend")

    def kill(self, pid: int, how: int = signal.SIGKILL) -> None:
        """Send a signal to a process of this job, and to no other."""
        if self._command(pid):
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                return

    def kill_all(self) -> None:
        """As if the machine was lost."""
        self.__exit__()

    def flagged(self, name: str) -> list[int]:
        """Ids of the processes that left such a flag, the first first."""
        found = [path.name.split("-") for path in self.flags.glob(f"{name}-*")]
        return [int(pid) for _, pid, _ in sorted(found, key=lambda parts: int(parts[2]))]

    def wait_for(self, condition: Callable[[], Any], seconds: float = 120) -> Any:
        """The first true value of `condition`; an error where the job ends before."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if self.driver.poll() is not None:
                raise AssertionError(f"the job ended before: {self._errors()}")
            if time.monotonic() > end:
                raise AssertionError(f"nothing in {seconds} s: {self._errors()}")
            time.sleep(0.05)
        return found

    def go(self) -> None:
        """Let the groups that wait go on."""
        (self.flags / "go").touch()

    def result(self, seconds: float = 180) -> dict[str, Any]:
        """What the job wrote at its end: outcomes (key as JSON -> Outcome's fields) or error."""
        try:
            self.driver.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the job has not ended after {seconds:.0f} s") from None
        if not (self.place / "out.json").exists():
            raise AssertionError(f"exit code {self.driver.returncode}: {self._errors()}")
        return self.told()

    def told(self) -> dict[str, Any]:
        """What the job has written so far."""
        return json.loads((self.place / "out.json").read_text())

    def _command(self, pid: int) -> str:
        """The command line of a process of this job, "" for others and for those that ended."""
        try:
            if f"{MARK}={self._name}".encode() not in Path(f"/proc/{pid}/environ").read_bytes():
                return ""
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""

    def _errors(self) -> str:
        return (self.place / "stderr.txt").read_text(errors="replace")[-2000:]
