"""Cases of the card: where models and studies are kept is full, gone, torn or shared (6 cases)."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame

from card import Broken, Case, broken_unless
from groups import alone, cause, check_message, fitted, frame, good, series, session
from sparkprophet import BayesianParamGridBuilder, BayesianTrainValidationSplit, ForecastEvaluator
from systems import SYSTEMS, Settings

MIB = 2**20


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of its own of `size` bytes at `folder`; needs the right to mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"a small file system cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def model_of(system: Any, groups: dict) -> Any:
    return system.fit(frame(groups), Settings())


def saved_forecasts(system: Any, path: str) -> dict[str, tuple]:
    """What the model at a path forecasts; Broken where it cannot be read."""
    try:
        loaded = system.outcomes(system.load(session(), path))
    except Exception as error:
        raise Broken(f"the old model cannot be read any more: {cause(error)}") from error
    return {key[0]: outcome.forecast for key, outcome in loaded.items()}


def forecasts(system: Any, groups: dict) -> dict[str, tuple]:
    return {key[0]: own.forecast for key, own in fitted(system, frame(groups)).items()}


def failing(save: Callable[[], Any]) -> Exception:
    """The error of a save that has to fail."""
    try:
        save()
    except Exception as error:
        return error
    raise Broken("a save that cannot work says nothing")


def left(path: Path, before: set[str]) -> set[str]:
    """Files beside a path that were not there before."""
    return {entry.name for entry in path.parent.iterdir()} - before


def disk_full(system: Any, place: Path) -> str:
    """A save of a large model over a small one, on a disk with room for half of it."""
    disk, rows = place / "disk", 40_000
    large = {
        "large": [
            (d, float(v))
            for d, v in zip(
                np.datetime64("2000-01-01T00:00", "us") + np.arange(rows) * np.timedelta64(1, "h"),
                np.random.default_rng(0).normal(10, 1, rows),
                strict=True,
            )
        ]
    }
    large = {k: [(d.item(), v) for d, v in own] for k, own in large.items()}
    with small_disk(disk, MIB // 4):
        path = disk / "model"
        system.save(model_of(system, good()), str(path))
        before = {entry.name for entry in disk.iterdir()}
        model = model_of(system, large)
        failing(lambda: system.save(model, str(path)))
        expected = {key[0]: outcome.forecast for key, outcome in alone(system).items()}
        broken_unless(saved_forecasts(system, str(path)) == expected, "the old model has changed")
        broken_unless(not left(path, before), f"files are left: {left(path, before)}")
        model.unpersist()
    return "the old model is as it was, and nothing is left beside it"


def failing_overwrite(system: Any, place: Path) -> str:
    """A save over a model whose source is gone, so that it fails in the middle."""
    source, path = place / "source", place / "model"
    system.save(model_of(system, good()), str(path))
    frame({"new": series(3)}).write.parquet(str(source))
    model = system.fit(session().read.parquet(str(source)), Settings())
    model.unpersist()
    shutil.rmtree(source)
    before = {entry.name for entry in place.iterdir()}
    failing(lambda: system.save(model, str(path)))
    expected = {key[0]: outcome.forecast for key, outcome in alone(system).items()}
    broken_unless(saved_forecasts(system, str(path)) == expected, "the old model has changed")
    broken_unless(not left(path, before), f"files are left: {left(path, before)}")
    return "the old model is as it was, and nothing is left beside it"


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls give, or the errors that they raise, in threads that start at one time."""
    barrier, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            found[number] = call()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def two_writers(system: Any, place: Path) -> str:
    """Two models saved to one path at one time, five times, while a third thread reads it."""
    path = str(place / "model")
    groups = [{key: series(seed) for key in ("x", "y")} for seed in (1, 2)]
    models = [model_of(system, own) for own in groups]
    whole = [{key[0]: own.forecast for key, own in system.outcomes(m).items()} for m in models]
    system.save(models[0], path)
    for _ in range(5):
        *saves, read = together(
            lambda: system.save(models[0], path),
            lambda: system.save(models[1], path),
            lambda: saved_forecasts(system, path),
        )
        errors = [save for save in saves if save is not None]
        broken_unless(not errors, f"a writer fails: {cause(errors[0]) if errors else ''}")
        # A reader whose files are replaced while it reads has an error, and loads again.
        for found in (read, saved_forecasts(system, path)):
            is_whole = isinstance(found, Broken) or found in whole
            broken_unless(is_whole, "what is read is neither of the two models")
    return "each time one of the two is there, whole"


def two_fits(system: Any, place: Path) -> str:
    """Two fits of other data in threads of one session."""
    groups = [{"x": series(seed), "y": series(seed + 1)} for seed in (1, 5)]
    expected = [forecasts(system, own) for own in groups]
    found = together(*[lambda own=own: forecasts(system, own) for own in groups])
    for own in found:
        if isinstance(own, Exception):
            raise Broken(f"a fit fails: {cause(own)}") from own
    broken_unless(found == expected, "the results are not those of one fit after the other")
    return "both results are those of one fit after the other"


def torn_study(system: Any, place: Path) -> str:
    """A study file that was cut off in the middle, or overwritten by something else."""
    file = place / "study.db"
    search(system, file)
    content = file.read_bytes()
    for torn in (content[: len(content) // 2], b"no study" * 1000):
        file.write_bytes(torn)
        try:
            search(system, file)
        except Exception as error:
            check_message(str(error), str(file))
            continue
        raise Broken("a torn study is gone on with, and nothing tells")
    return "refused before any fit, by the file's name"


def numbers() -> DataFrame:
    """Rows of a line, for any estimator."""
    from pyspark.ml.feature import VectorAssembler

    data = session().range(40).selectExpr("double(id) AS x", "double(2 * id + id % 3) AS label")
    return VectorAssembler(inputCols=["x"], outputCol="features").transform(data)


def search(system: Any, file: Path) -> None:
    """A search of three trials that is kept in a file, begun or gone on with."""
    session()  # which Spark's stages need from the first
    url, stage = f"sqlite:///{file}", LinearRegression()
    if system is SYSTEMS["ours"]:
        space = BayesianParamGridBuilder().addUniform(stage.regParam, 0.0, 1.0).space()
        BayesianTrainValidationSplit(
            estimator=stage,
            searchSpace=space,
            numTrials=3,
            seed=1,
            sampler="random",
            evaluator=ForecastEvaluator(labelCol="label", predictionCol="prediction"),
            storage=url,
            studyName="card",
        ).fit(numbers())
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=url, study_name="card", load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3 - len(study.trials))


def storage_gone(system: Any, place: Path) -> str:
    """The folder of the models goes away between the fit and the save."""
    model = model_of(system, good())
    (place / "gone").write_text("no folder any more")
    error = failing(lambda: system.save(model, str(place / "gone" / "model")))
    check_message(str(error), str(place / "gone"))
    system.save(model, str(place / "elsewhere"))
    expected = {key[0]: outcome.forecast for key, outcome in alone(system).items()}
    found = saved_forecasts(system, str(place / "elsewhere"))
    broken_unless(found == expected, "the model has changed")
    return "the error names the path, and the model can be saved elsewhere"


CASES = [
    Case("storage", "disk full", "P4", disk_full),
    Case("storage", "failing overwrite", "P4", failing_overwrite),
    Case("storage", "two writers", "P4", two_writers, slow=True),
    Case("storage", "two fits in threads", "P2 P3", two_fits),
    Case("storage", "torn study file", "P6 P7", torn_study, slow=True),
    Case("storage", "storage gone", "P4 P7", storage_gone),
]
