"""Peer: Ray Tune, one tuner per series as in the Prophet-on-Spark paper; a trial is an actor.

    python benchmarks/peers/ray_tune.py --data DIR --trials 20 --seed 0 --result FILE [--lean]

As many trials at a time as there are cores, proposed by Tune's OptunaSearch with the same sampler
as everywhere. Otherwise Tune runs as it comes; `--lean` keeps a tuner's actors from one trial to
the next and writes no result files.
"""

from __future__ import annotations

import logging
import os
import tempfile
from typing import Any

import optuna
import pandas as pd
import peer
import prophet_trial
import ray
import ray_engine
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from stock_study import SPACE, frames, sampler, warm_up_frame


def tuned(name: str, frame: pd.DataFrame, trials: int, seed: int, lean: bool) -> float:
    """The lowest RMSE that a tuner of one series finds."""

    def trial(params: dict[str, Any], frame: pd.DataFrame) -> dict[str, float]:
        return {"rmse": prophet_trial.holdout_rmse(frame, params)}

    search = OptunaSearch(
        space=SPACE.suggest, metric="rmse", mode="min", sampler=sampler(name, seed)
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trial, frame=frame), {"cpu": 1}),
            tune_config=tune.TuneConfig(
                metric="rmse",
                mode="min",
                search_alg=search,
                num_samples=trials,
                max_concurrent_trials=peer.CORES,
                reuse_actors=lean,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
    if results.errors:
        raise results.errors[0]
    return results.get_best_result().metrics["rmse"]


def main() -> None:
    """Warm up, tune, write."""
    parser = peer.parser(__doc__)
    parser.add_argument("--lean", action="store_true", help="reuse actors, no result files")
    arguments = parser.parse_args()
    if arguments.lean:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("ray").setLevel(logging.ERROR)
    ray_engine.start()
    tuned("warm-up", warm_up_frame(), peer.CORES, 0, arguments.lean)
    with peer.Meter() as meter:
        best = {
            name: tuned(name, frame, arguments.trials, arguments.seed, arguments.lean)
            for name, frame in frames(arguments.data).items()
        }
    peer.write(arguments.result, meter, best, arguments.trials * len(best))
    ray.shutdown()


if __name__ == "__main__":
    main()
