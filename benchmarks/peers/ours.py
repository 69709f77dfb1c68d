"""Ours: GroupedProphetTuner, with Spark and its slots as the peers on Spark have them.

    python benchmarks/peers/ours.py --data DIR --trials 50 --compared 20 --seed 0 --result FILE

All of `fit` is measured: besides the trials, which the peers are charged for, the checks, an
untuned and a naive forecast of every series, the final fit and the table of all models. The values
that the estimator begins with are no candidate (warmStart), or ours would have one more than the
peers. `best` is that of the first `--compared` trials of every series: what a search of so many
would have found, as a trial hangs on those before it alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import peer
from prophet_trial import HORIZON
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from spark_stock import session
from stock_study import STARTUP_TRIALS, warm_up_frame

from sparkprophet import GroupedProphet, GroupedProphetTuner, paper_search_space

_WARM_UP_SERIES, _WARM_UP_TRIALS = 16, 12


def tuner(trials: int, seed: int) -> GroupedProphetTuner:
    """The paper's search."""
    prophet = GroupedProphet(groupCols=["store", "item"], countryHolidays="US")
    return GroupedProphetTuner(
        estimator=prophet,
        searchSpace=paper_search_space(prophet),
        numTrials=trials,
        horizon=HORIZON,
        metric="rmse",
        numFolds=1,
        pruner="none",
        combination="none",
        numStartupTrials=STARTUP_TRIALS,
        warmStart=False,
        seed=seed,
    )


def warm_up_rows(spark: SparkSession) -> DataFrame:
    """Series enough for every worker to compile all that the job needs."""
    numbers = range(_WARM_UP_SERIES)
    rows = pd.concat([warm_up_frame().assign(store=0, item=number) for number in numbers])
    rows["y"] += np.random.default_rng(0).normal(0, 1, len(rows))
    return spark.createDataFrame(rows.assign(ds=rows["ds"].dt.date))


def main() -> None:
    """Warm up, tune, write."""
    parser = peer.parser(__doc__)
    parser.add_argument("--compared", type=int, default=20, help="trials that `best` is of")
    arguments = parser.parse_args()
    peer.share_modules()
    spark = session(1)
    tuner(_WARM_UP_TRIALS, 0).fit(warm_up_rows(spark))
    with peer.Meter() as meter:
        model = tuner(arguments.trials, arguments.seed).fit(spark.read.parquet(arguments.data))
    trials = model.trials
    first = trials.filter(F.col("trial") < arguments.compared)
    best = {
        peer.key(row.store, row.item): row.best
        for row in first.groupBy("store", "item").agg(F.min("value").alias("best")).collect()
    }
    peer.write(arguments.result, meter, best, trials.count())
    spark.stop()


if __name__ == "__main__":
    main()
