"""The nightly job: fit every series, keep models, failures and forecasts, end with a clear code.

Weekly orange juice sales of (store, brand) with prices and promotions, or any table like it.

    spark-submit examples/nightly_job.py --input sales.parquet --output runs/2026-01-31
    python examples/nightly_job.py --limit 20     # a first try, with the first 20 series

Exit codes, for cron and for schedulers: 0 all is written; 1 the job failed and wrote nothing;
2 wrong arguments; 3 written, but more than 5 % of the series have no model.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from sparkprophet import FitFailedError, GroupedProphet, GroupedProphetModel
from sparkprophet.spark.saving.files import whole_folder

DATA = Path(os.environ.get("SPARKPROPHET_DATA", Path(__file__).parents[2] / "shared" / "data"))
REGRESSORS = [*(f"price{i}" for i in range(1, 12)), "deal", "feat"]


def arguments() -> argparse.Namespace:
    """The command line; argparse ends with code 2 where it is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", default=str(DATA / "dominicks_oj_weekly.parquet"))
    parser.add_argument("--output", default="nightly-output", help="folder of this night's run")
    parser.add_argument("--group-cols", default="store,brand", help="comma-separated")
    parser.add_argument("--regressors", default=",".join(REGRESSORS), help="'' for none")
    parser.add_argument("--horizon", type=int, default=4, help="weeks ahead")
    parser.add_argument("--limit", type=int, help="only the first N series")
    return parser.parse_args()


def future_rows(sales: DataFrame, keys: list[str], regressors: list[str], weeks: int) -> DataFrame:
    """The regressors of the coming weeks: each series' last known values, held.

    A shop that knows next month's prices and promotions reads them from its planning table
    instead; this is the honest guess of one that does not.
    """
    newest = F.row_number().over(Window.partitionBy(*keys).orderBy(F.desc("ds")))
    last = sales.withColumn("n", newest).filter("n = 1").select(*keys, "ds", *regressors)
    step = F.explode(F.sequence(F.lit(1), F.lit(weeks))).alias("step")
    ahead = last.select("*", step)
    return ahead.withColumn("ds", F.col("ds") + F.col("step") * F.expr("INTERVAL 7 DAYS"))


def check(model: GroupedProphetModel, sales: DataFrame, keys: list[str]) -> None:
    """One row per key of the input, whatever happened to it: believe it, then count."""
    expected = sales.select(*keys).distinct().count()
    rows, distinct = model.models.count(), model.models.select(*keys).distinct().count()
    print(f"models table: {rows} rows for {expected} series")
    if not rows == distinct == expected:
        raise RuntimeError(f"{rows} rows, {distinct} keys in the models table, {expected} in sales")


def run(spark: SparkSession, args: argparse.Namespace) -> int:
    """Read, fit, check, write; returns the exit code."""
    keys = args.group_cols.split(",")
    regressors = [name for name in args.regressors.split(",") if name]
    sales = spark.read.parquet(args.input).select(*keys, "ds", "y", *regressors)
    if args.limit:
        chosen = sales.select(*keys).distinct().orderBy(*keys).limit(args.limit)
        sales = sales.join(F.broadcast(chosen), keys)
    estimator = GroupedProphet(
        groupCols=keys,
        regressors=regressors,
        seasonalityMode="multiplicative",
        uncertaintySamples=100,
        fallback="seasonalNaive",  # a series that Prophet cannot fit is still forecast
        maxFailedFraction=0.05,
    )
    code = 0
    try:
        model = estimator.fit(sales)
    except FitFailedError as error:
        print(f"nightly_job: {error}", file=sys.stderr)
        model, code = error.model, 3
    print(model.summary)
    check(model, sales, keys)

    # Written beside the output folder and renamed: readers find a whole run or none.
    future = future_rows(sales, keys, regressors, args.horizon) if regressors else None
    with whole_folder(spark, args.output) as folder:
        model.write().save(f"{folder}/model")
        model.failures.write.parquet(f"{folder}/failures")
        model.forecast(args.horizon, regressors=future).write.parquet(f"{folder}/forecasts")
    forecasts = spark.read.parquet(f"{args.output}/forecasts")
    print(f"forecasts: {forecasts.count()} rows in {args.output}/forecasts")
    return code


def main() -> int:
    """Under spark-submit its session is used, otherwise a local one is made."""
    args = arguments()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers run the Python of this file
    builder = SparkSession.builder.appName("nightly forecasts")
    spark = builder.config("spark.log.level", "ERROR").getOrCreate()
    try:
        return run(spark, args)
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(main())
