"""One search per series on Dask distributed, with the function of Spark's workers.

What is tuned, and how, is in series_tuning.py; this is the engine alone.

    python examples/tune_on_dask.py [--input FILE --group-cols shop,item] [--trials 20]
    python examples/tune_on_dask.py --scheduler tcp://scheduler:8786     # a cluster that is there

Workers of a cluster need sparkprophet; series_tuning.py is sent to them.
"""

from __future__ import annotations

from distributed import Client, LocalCluster

import series_tuning
from series_tuning import arguments, search, show, tasks, tuned


def main() -> None:
    """Each task is one series. Processes of one thread: the work holds Python's lock."""
    parser = arguments(__doc__)
    parser.add_argument("--scheduler", help="address; none: processes of this machine")
    args = parser.parse_args()
    settings = search(args.trials, args.horizon)
    cluster = args.scheduler or LocalCluster(
        n_workers=args.workers, threads_per_worker=1, dashboard_address=None
    )
    with Client(cluster) as client:
        client.upload_file(series_tuning.__file__)
        waiting = client.map(tuned, tasks(args), settings=settings)
        show(client.gather(waiting))
    if not args.scheduler:
        cluster.close()


if __name__ == "__main__":
    main()
