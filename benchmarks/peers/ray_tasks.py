"""Peer: stock Prophet and Optuna in Ray tasks, one series a task.

python benchmarks/peers/ray_tasks.py --data DIR --trials 20 --seed 0 --result FILE
"""

from __future__ import annotations

import peer
import ray
import ray_engine
import stock_study


def main() -> None:
    """Warm up, tune, write."""
    arguments = peer.parser(__doc__).parse_args()
    ray_engine.start()
    task = ray.remote(stock_study.tuned)
    ray.get([task.remote("warm-up", stock_study.warm_up_frame(), 2, 0) for _ in range(peer.CORES)])
    with peer.Meter() as meter:
        waiting = {
            name: task.remote(name, frame, arguments.trials, arguments.seed)
            for name, frame in stock_study.frames(arguments.data).items()
        }
        best = dict(zip(waiting, ray.get(list(waiting.values())), strict=True))
    peer.write(arguments.result, meter, best, arguments.trials * len(best))
    ray.shutdown()


if __name__ == "__main__":
    main()
