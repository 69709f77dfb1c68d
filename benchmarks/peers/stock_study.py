"""One series tuned with stock Prophet and Optuna: the function that the engines run.

Every series has a study of its own, with Optuna's TPE seeded by the series' name. There is no
final fit.
"""

from __future__ import annotations

import zlib

import numpy as np
import optuna
import pandas as pd
import peer
from prophet_trial import holdout_rmse

from sparkprophet import GroupedProphet, paper_search_space

STARTUP_TRIALS = 10
SPACE = paper_search_space(GroupedProphet(groupCols=["store", "item"]))


def frames(folder: str) -> dict[str, pd.DataFrame]:
    """Key -> rows (ds, y) of every series of a folder, in the order of their keys."""
    rows = pd.read_parquet(folder)
    rows["ds"] = pd.to_datetime(rows["ds"])
    return {
        peer.key(*pair): own[["ds", "y"]].sort_values("ds", ignore_index=True)
        for pair, own in rows.groupby(["store", "item"])
    }


def warm_up_frame() -> pd.DataFrame:
    """A series to start an engine's workers with."""
    day = np.arange(800)
    ds = pd.Timestamp("2013-01-01") + pd.to_timedelta(day, unit="D")
    return pd.DataFrame({"ds": ds, "y": 20.0 + day % 7 + day * 7919 % 11})


def sampler(name: str, seed: int) -> optuna.samplers.TPESampler:
    """That of one series."""
    return optuna.samplers.TPESampler(
        n_startup_trials=STARTUP_TRIALS, seed=seed + zlib.crc32(name.encode())
    )


def study(name: str, seed: int) -> optuna.Study:
    """That of one series, which logs nothing by trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=sampler(name, seed))


def tuned(name: str, frame: pd.DataFrame, trials: int, seed: int) -> float:
    """The lowest RMSE of a study of one series."""
    own = study(name, seed)
    own.optimize(lambda trial: holdout_rmse(frame, SPACE.suggest(trial)), n_trials=trials)
    return own.best_value
