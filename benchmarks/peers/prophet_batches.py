"""Peer: prophet-batch, one process a core, the studies of each process in lockstep.

    python benchmarks/peers/prophet_batches.py --data DIR --trials 20 --seed 0 --result FILE

A batch can be one point for many series, which then share their design matrix (its strongest use),
or a model of its own for each. A search per series needs the second: in every round each series
gets the next point of its own TPE, all are fitted and forecast as one batch, and every study is
told its value. To give all trials of one series as a batch would be no faster, as its points
differ too, and would leave TPE nothing to learn from.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pandas as pd
import peer
import stock_study
from prophet_batch import fit_many, predict_many
from prophet_trial import HORIZON, model, rmse


def tuned(frames: dict[str, pd.DataFrame], trials: int, seed: int) -> dict[str, float]:
    """The lowest RMSE of a study of every series."""
    train = {name: frame.iloc[:-HORIZON] for name, frame in frames.items()}
    test = {name: frame.iloc[-HORIZON:] for name, frame in frames.items()}
    rows = pd.concat([own.assign(unique_id=name) for name, own in train.items()])
    futures = {name: own[["ds"]] for name, own in test.items()}
    studies = {name: stock_study.study(name, seed) for name in frames}
    for _ in range(trials):
        asked = {name: study.ask() for name, study in studies.items()}
        points = {name: stock_study.SPACE.suggest(trial) for name, trial in asked.items()}
        models = fit_many(rows, make_model=lambda name, points=points: model(points[name]))
        forecasts = predict_many(models, futures=futures, seed=0, columns=["ds", "yhat"])
        for name, study in studies.items():
            study.tell(asked[name], rmse(forecasts[name]["yhat"], test[name]["y"]))
    return {name: study.best_value for name, study in studies.items()}


def main() -> None:
    """Warm up, tune, write."""
    arguments = peer.parser(__doc__).parse_args()
    peer.share_modules()
    with ProcessPoolExecutor(peer.CORES, get_context("spawn")) as pool:
        warm = {"warm-up": stock_study.warm_up_frame()}
        # Each takes seconds, so that no process takes two.
        list(pool.map(tuned, [warm] * peer.CORES, [2] * peer.CORES, [0] * peer.CORES))
        with peer.Meter() as meter:
            frames = list(stock_study.frames(arguments.data).items())
            shares = [dict(frames[core :: peer.CORES]) for core in range(peer.CORES)]
            work = partial(tuned, trials=arguments.trials, seed=arguments.seed)
            best = {name: loss for part in pool.map(work, shares) for name, loss in part.items()}
    peer.write(arguments.result, meter, best, arguments.trials * len(best))


if __name__ == "__main__":
    main()
