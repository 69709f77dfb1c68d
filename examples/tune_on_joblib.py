"""One search per series in joblib's processes, with the function of Spark's workers.

What is tuned, and how, is in series_tuning.py; this is the engine alone.

    python examples/tune_on_joblib.py [--input FILE --group-cols shop,item] [--trials 20]
"""

from __future__ import annotations

from joblib import Parallel, delayed

from series_tuning import arguments, search, show, tasks, tuned


def main() -> None:
    """Each task is one series; joblib hands out the next one to whoever is free."""
    args = arguments(__doc__).parse_args()
    settings = search(args.trials, args.horizon)
    # The solver is single-threaded: as many processes as cores, and no threads of BLAS beside them.
    pool = Parallel(n_jobs=args.workers, backend="loky", inner_max_num_threads=1)
    show(pool(delayed(tuned)(task, settings) for task in tasks(args)))


if __name__ == "__main__":
    main()
