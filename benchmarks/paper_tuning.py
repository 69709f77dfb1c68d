"""The paper's job as a user would submit it: tune every series, save the model.

    spark-submit benchmarks/paper_tuning.py --input DATA --output MODEL [--trials 50] [--seed 0]
        [--parallelism 0] [--checkpoint DIR]

DATA is a folder that paper_data.py wrote. Prints the summary and, as its last line, the times at
which its phases began, as JSON: seconds since 1970. paper_job.py runs it and measures it.
"""

from __future__ import annotations

import argparse
import json
import logging
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkprophet import (
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
    paper_search_space,
)

HORIZON = 90


class PackedAt(logging.Handler):
    """Notes when the stage logs that its groups are packed."""

    time: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging."""
        if record.msg.startswith("groups packed"):
            self.time = record.created


def tuner(arguments: argparse.Namespace) -> GroupedProphetTuner:
    """The paper's search: its space, US holidays, one holdout of 90 days, RMSE."""
    prophet = GroupedProphet(groupCols=["store", "item"], countryHolidays="US")
    stage = GroupedProphetTuner(
        estimator=prophet,
        searchSpace=paper_search_space(prophet),
        numTrials=arguments.trials,
        horizon=HORIZON,
        # As in the paper: one holdout, the best trial alone.
        metric="rmse",
        numFolds=1,
        pruner="none",
        combination="none",
        parallelism=arguments.parallelism,
        seed=arguments.seed,
    )
    return stage.setCheckpointDir(arguments.checkpoint) if arguments.checkpoint else stage


def groups_began_and_ended(model: GroupedProphetModel) -> tuple[float, float]:
    """First start and last end of a group's work, by its worker's clock."""
    began = F.unix_micros("started_at") / 1e6
    return model.models.agg(F.min(began), F.max(began + F.col("fit_seconds"))).first()


def main() -> None:
    """Run the job."""
    times = {"driver": time.time()}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parallelism", type=int, default=0)
    parser.add_argument("--checkpoint")
    arguments = parser.parse_args()
    packed = PackedAt()
    logging.getLogger("sparkprophet").addHandler(packed)
    logging.getLogger("sparkprophet").setLevel(logging.INFO)
    spark = SparkSession.builder.appName("the paper's job").getOrCreate()
    data = spark.read.parquet(arguments.input)
    times["fit"] = time.time()
    model = tuner(arguments).fit(data)
    times["quality"] = time.time()
    times["packed"] = packed.time
    times["groups"], times["counted"] = groups_began_and_ended(model)
    print(model.summary)
    print(model.comparison_text(), flush=True)
    times["save"] = time.time()
    model.write().overwrite().save(arguments.output)
    times["saved"] = time.time()
    spark.stop()
    print(json.dumps(times))


if __name__ == "__main__":
    main()
