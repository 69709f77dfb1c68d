"""A driver, its cluster and its Python workers as processes that a test may kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyspark

from own_processes import Program

HERE = Path(__file__).resolve().parent
LOCAL_CLUSTER = "local-cluster[2,1,1024]"


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind((host, 0))
        return found.getsockname()[1]


class Job(Program):
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
        self.place, self.flags = place, place / "flags"
        self.flags.mkdir(parents=True)
        given = {"system": system, "data": str(data), "out": str(place / "out.json")} | arguments
        (place / "arguments.json").write_text(json.dumps(given))
        path = os.pathsep.join([str(HERE / "injected"), str(HERE), *filter(None, sys.path)])
        own = {"FAULTS_FOLDER": str(self.flags), "PYTHONPATH": path}
        if hosts:
            master = f"spark://{hosts[0]}:{free_port(hosts[0])}"
        settings = {
            "spark.master": master,
            "spark.ui.enabled": "false",
            "spark.driver.memory": "1g",
            "spark.log.level": "ERROR",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.warehouse.dir": str(place),
            "spark.executor.memory": "1g",
        }
        settings |= {f"spark.executorEnv.{name}": value for name, value in own.items()}
        options = [f"--conf {k}={v}" for k, v in (settings | (conf or {})).items()]
        own["PYSPARK_SUBMIT_ARGS"] = " ".join([*options, "pyspark-shell"])
        super().__init__([HERE / "job.py", place / "arguments.json"], place / "log.txt", own)
        if hosts:
            self._start_cluster(master, hosts, own)

    def _start_cluster(self, master: str, hosts: tuple[str, ...], env: dict[str, str]) -> None:
        """A standalone cluster: a master, and a worker of one core on each host.

        The driver is started before, and tries to reach the master for a minute.
        """
        port = master.rpartition(":")[2]
        programs = [("master.Master", "--host", hosts[0], "--port", port, "--webui-port", "0")]
        programs += [
            (
                "worker.Worker",
                "--host",
                host,
                "--cores",
                "1",
                "--memory",
                "1g",
                "--webui-port",
                "0",
                "--work-dir",
                str(self.place / "work"),
                master,
            )
            for host in hosts
        ]
        spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
        for program, *arguments in programs:
            self.start([spark_class, f"org.apache.spark.deploy.{program}", *arguments], env)

    def processes(self, having: str = "") -> list[int]:
        """Ids of the job's processes whose command line has this text."""
        return [pid for pid in self.all() if having in _command(pid)]

    def executors(self) -> list[int]:
        """Ids of the executors' JVMs."""
        return self.processes("CoarseGrainedExecutorBackend")

    def kill(self, pid: int, how: int = signal.SIGKILL) -> None:
        """Send a signal to a process of this job, and to no other."""
        if pid in self.all():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)

    def flagged(self, name: str) -> list[int]:
        """Ids of the processes that left such a flag, the first first."""
        found = [path.name.split("-") for path in self.flags.glob(f"{name}-*")]
        return [int(pid) for _, pid, _ in sorted(found, key=lambda parts: int(parts[2]))]

    def found(self, condition: Callable[[], Any], seconds: float = 300) -> Any:
        """The first true value of `condition`; an error where the job ends before."""
        if not self.wait_for(condition, seconds):
            raise AssertionError(f"the job ended before: {self.said()}")
        return condition()

    def go(self) -> None:
        """Let the groups that wait go on."""
        (self.flags / "go").touch()

    def result(self, seconds: float = 300) -> dict[str, Any]:
        """What the job wrote at its end: outcomes (key as JSON -> Outcome's fields) or error."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the job has not ended after {seconds:.0f} s") from None
        if not (self.place / "out.json").exists():
            raise AssertionError(f"exit code {self.process.returncode}: {self.said()}")
        return self.told()

    def told(self) -> dict[str, Any]:
        """What the job has written so far."""
        return json.loads((self.place / "out.json").read_text())


def _command(pid: int) -> str:
    """The command line of a process, "" where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
