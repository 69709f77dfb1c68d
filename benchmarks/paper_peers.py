"""The Prophet-on-Spark paper's job on ours and on its peers: CPU of a trial, cores busy, errors.

    make bench-paper-peers      # or, in an environment with benchmarks/peers/requirements.txt:
    python benchmarks/paper_peers.py [--series 12] [--trials 20] [--seed 0] [--json FILE]
        [--ours-series 1416] [--ours-trials 50] [--only ours,ray_tasks] [--timeout 3600]

The series are those of paper_data.py, daily, 2,336 rows. A search per series: the paper's space,
US holidays, one holdout of the last 90 days, RMSE, TPE (Optuna's; ours is `sampler="tpe"`) with 10
random trials first. A trial of a peer is a fit, a forecast of the holdout without intervals and
its RMSE; no peer is charged for a final fit, ours is charged for all of its tuner's `fit`. Each
peer is a script in benchmarks/peers that says how it is arranged.

Ours takes a fraction of a second for the peers' few series, so it gets all of the paper's job; its
errors are those of the peers' series and of the peers' number of trials.

Peers run one after the other, each in a process of its own with single-threaded arithmetic, and
are measured in their tuning phase alone: engine started, every worker warm. CPU is what all cores
of the machine were busy with, less what they were busy with in three idle seconds before and what
this script used to watch: nothing else may be at work. Memory is the largest sum of proportional
set sizes of the peer's processes.
"Whole job" is 1,416 series x 50 trials on these cores: wall clock a trial times 70,800, marked with
a tilde, unless so many trials were measured. For a model that is not tuned it is 1,416 fits.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import paper_data
import process_tree
from peers.peer import CORES, busy_seconds

PAPER_TRIALS = 50  # a series
PACKAGES = (
    "sparkprophet", "pyspark", "prophet", "optuna", "ray", "distributed", "prophet-batch",
    "statsforecast", "numpy", "pandas", "numba",
)  # fmt: skip
HEADER = (
    "", "series", "trials", "core-ms/trial", "x ours", "cores busy", "wall s", "peak GB",
    "mean RMSE", "RMSE/ours", "whole job",
)  # fmt: skip
_IDLE_SECONDS, _QUIET = 3, 0.1  # cores


@dataclass(frozen=True)
class Peer:
    """A row of the table: a script of benchmarks/peers and its options."""

    name: str
    title: str
    script: str
    options: tuple[str, ...] = ()
    tuned: bool = True

    @property
    def whole_job(self) -> int:
        """Trials, as this peer counts them, of the paper's whole job."""
        return paper_data.SERIES * (PAPER_TRIALS if self.tuned else 1)


PEERS = (
    Peer("ours", "ours: GroupedProphetTuner", "ours"),
    Peer("spark", "Spark, a slot a core [1]", "spark_stock"),
    Peer("spark_one_task", "Spark, a task an executor [1]", "spark_stock",
         ("--task-cpus", str(CORES))),
    Peer("ray_tasks", "Ray tasks [1]", "ray_tasks"),
    Peer("ray_tune", "Ray Tune, a tuner a series [1]", "ray_tune"),
    Peer("ray_tune_lean", "  actors reused, no files [1]", "ray_tune", ("--lean",)),
    Peer("dask", "Dask distributed [1]", "dask_tasks"),
    Peer("prophet_batch", "prophet-batch, studies in step", "prophet_batches"),
    Peer("statsforecast", "statsforecast MSTL, AutoETS [2]", "statsforecast_ets",
         tuned=False),
)  # fmt: skip
NOTES = """[1] stock Prophet and Optuna, the same function of one series
[2] another model, not tuned: one fit of a series is its trial"""


def idle_rate() -> float:
    """Cores that are busy while nothing is measured."""
    start, busy = time.perf_counter(), busy_seconds()
    time.sleep(_IDLE_SECONDS)
    return (busy_seconds() - busy) / (time.perf_counter() - start)


def command(peer: Peer, data: dict[str, Path], arguments: argparse.Namespace) -> list[str]:
    """Of a peer's process, but for its result file."""
    script = Path(__file__).parent / "peers" / f"{peer.script}.py"
    options, trials, folder = peer.options, arguments.trials, data["some"]
    if peer.script == "ours":
        options = ("--compared", str(arguments.trials))
        trials, folder = arguments.ours_trials, data["all"]
    parts = [sys.executable, script, "--data", folder, "--trials", trials, *options]
    return list(map(str, [*parts, "--seed", arguments.seed]))


def run(words: list[str], timeout: float) -> dict[str, Any]:
    """What a peer's process wrote, and what was seen of it meanwhile; or its error."""
    with tempfile.TemporaryDirectory(prefix="peer-", ignore_cleanup_errors=True) as folder:
        result, errors = Path(folder, "result.json"), Path(folder, "errors.txt")
        start, own = time.time(), time.process_time()
        # Not pipes: what a peer leaves running would keep them open.
        with (
            errors.open("wb") as sink,
            subprocess.Popen(
                [*words, "--result", str(result)],
                stdout=subprocess.DEVNULL,
                stderr=sink,
                cwd=folder,
                env=os.environ | {"TMPDIR": folder},
                start_new_session=True,
            ) as process,
            process_tree.watched(process.pid) as usage,
        ):
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return {"error": f"not at its end after {timeout:g} s"}
        share = (time.process_time() - own) / (time.time() - start)
        if process.returncode or not result.exists():
            lines = errors.read_text(errors="replace").strip().splitlines() or ["no message"]
            return {"error": lines[-1], "stderr": lines[-50:]}
        found = json.loads(result.read_text())
    start, end = found["start"], found["end"]
    return found | {
        "wall": end - start,
        "watching_cpu": share * (end - start),  # of this process
        "tree_cpu": usage.cpu_between(start, end),
        "peak_memory": usage.peak_between(start, end),
    }


def outcome(found: dict[str, Any], peer: Peer, idle: float) -> dict[str, Any]:
    """A peer's figures, from what its process measured."""
    if "error" in found:
        return found
    cpu = found["machine_cpu"] - idle * found["wall"] - found["watching_cpu"]
    return found | {
        "cpu": cpu,
        "ms_per_trial": 1000 * cpu / found["trials"],
        "utilisation": cpu / (found["wall"] * CORES),
        "whole_job": found["wall"] * peer.whole_job / found["trials"],
    }


def compared(found: dict[str, dict[str, Any]], keys: list[str]) -> None:
    """Add to every outcome its mean best RMSE of these series and, beside ours, the ratios."""
    ours = found.get("ours", {})
    for own in found.values():
        if "error" in own:
            continue
        own["mean_rmse"] = sum(own["best"][key] for key in keys) / len(keys)
        if "best" in ours:
            ratios = [own["best"][key] / ours["best"][key] for key in keys]
            own["rmse_ratio"] = machine.middle(ratios)
            own["mean_rmse_ratio"] = own["mean_rmse"] / ours["mean_rmse"]
            own["times_ours"] = own["ms_per_trial"] / ours["ms_per_trial"]


def row(peer: Peer, own: dict[str, Any]) -> list[str]:
    """The cells of one peer."""
    if "error" in own:
        return [peer.title, "failed", *[""] * (len(HEADER) - 2)]
    measured = own["trials"] == peer.whole_job
    return [
        peer.title,
        f"{len(own['best']):,}",
        f"{own['trials']:,}",
        f"{own['ms_per_trial']:.{2 if own['ms_per_trial'] < 10 else 0}f}",
        f"{own['times_ours']:.0f}" if "times_ours" in own else "",
        f"{100 * own['utilisation']:.0f} %",
        f"{own['wall']:.1f}",
        f"{own['peak_memory'] / 1e9:.2f}",
        f"{own['mean_rmse']:.3f}",
        f"{own['rmse_ratio']:.4f}" if "rmse_ratio" in own else "",
        f"{'' if measured else '~'}{clock(own['whole_job'])}",
    ]


def clock(seconds: float) -> str:
    """h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def print_results(found: dict[str, dict[str, Any]], arguments: argparse.Namespace) -> None:
    """The table, its notes and the errors."""
    rows = [row(peer, found[peer.name]) for peer in PEERS if peer.name in found]
    machine.print_table(f"{CORES} cores; a peer's tuning phase", HEADER, rows)
    print(
        f"mean RMSE: of the best of {arguments.trials} trials on the holdout, mean over the "
        f"peers' {arguments.series} series (ours too)"
    )
    print("RMSE/ours: median over these series of the peer's best by ours")
    print(
        f"whole job: {paper_data.SERIES:,} series x {PAPER_TRIALS} trials, h:mm:ss; "
        "~ extrapolated from the trials measured"
    )
    print(NOTES)
    for name, own in found.items():
        if "error" in own:
            print(f"\n{name} failed: {own['error']}")


def arguments_of() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=12, help="of the peers")
    parser.add_argument("--trials", type=int, default=20, help="a series, of the peers")
    parser.add_argument("--ours-series", type=int, default=paper_data.SERIES)
    parser.add_argument("--ours-trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of data and searches")
    parser.add_argument("--only", metavar="NAME,...", help=", ".join(p.name for p in PEERS))
    parser.add_argument("--timeout", type=float, default=3600, help="seconds of one peer")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    arguments = parser.parse_args()
    unknown = set(filter(None, (arguments.only or "").split(","))) - {p.name for p in PEERS}
    if unknown:
        parser.error(f"--only: found {min(unknown)!r}; give {', '.join(p.name for p in PEERS)}")
    if arguments.ours_series < arguments.series or arguments.ours_trials < arguments.trials:
        parser.error("ours needs at least the peers' series and trials")
    return arguments


def main() -> None:
    """Write the data, run the peers, print."""
    machine.single_threaded()
    arguments = arguments_of()
    about = machine.description() | {"versions": machine.versions(PACKAGES)}
    machine.print_description(about)
    chosen = (arguments.only or ",".join(p.name for p in PEERS)).split(",")
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="paper-") as folder:
        data = {"some": Path(folder, "some"), "all": Path(folder, "all")}
        paper_data.write(data["some"], arguments.series, seed=arguments.seed)
        if "ours" in chosen:
            paper_data.write(data["all"], arguments.ours_series, seed=arguments.seed)
        idle = idle_rate()
        print(f"before the first peer, {idle:.2f} cores were busy", flush=True)
        if idle > _QUIET:
            print("THE MACHINE IS NOT QUIET: what others used is in every peer's CPU")
        print()
        for peer in PEERS:
            if peer.name in chosen:
                machine.progress(peer.title.strip())
                seen = run(command(peer, data, arguments), arguments.timeout)
                found[peer.name] = outcome(seen, peer, idle)
    keys = ["{}/{}".format(*paper_data.key(number)) for number in range(arguments.series)]
    compared(found, keys)
    print_results(found, arguments)
    machine.write_json(
        arguments.json,
        about | {"arguments": vars(arguments), "idle_cores_busy": idle, "peers": found},
    )


if __name__ == "__main__":
    main()
