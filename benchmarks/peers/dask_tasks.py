"""Peer: stock Prophet and Optuna on Dask distributed, one series a task, one process a core.

python benchmarks/peers/dask_tasks.py --data DIR --trials 20 --seed 0 --result FILE
"""

from __future__ import annotations

from functools import partial

import peer
import stock_study
from distributed import Client, LocalCluster


def main() -> None:
    """Warm up, tune, write."""
    arguments = peer.parser(__doc__).parse_args()
    peer.share_modules()
    cluster = LocalCluster(
        n_workers=peer.CORES, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, Client(cluster) as client:
        warm = stock_study.warm_up_frame()
        client.run(stock_study.tuned, "warm-up", warm, 1, 0)  # on every worker
        tune = partial(stock_study.tuned, trials=arguments.trials, seed=arguments.seed)
        with peer.Meter() as meter:
            frames = stock_study.frames(arguments.data)
            waiting = client.map(tune, list(frames), list(frames.values()))
            best = dict(zip(frames, client.gather(waiting), strict=True))
        peer.write(arguments.result, meter, best, arguments.trials * len(best))


if __name__ == "__main__":
    main()
