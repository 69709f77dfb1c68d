"""GroupedProphet as a stage of a Pipeline, tuned by Spark's own TrainValidationSplit.

One setting for all series: Spark's tuner tries each entry of a grid on the whole table. Before the
models, a SQLTransformer derives a regressor and fills its gaps. (A search of its own for each
series is GroupedProphetTuner: see walkthrough.py.)

    python examples/pipeline_train_validation_split.py
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pandas as pd
from pyspark.ml import Pipeline
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.tuning import ParamGridBuilder, TrainValidationSplit
from pyspark.sql import SparkSession

from sparkprophet import ForecastEvaluator, GroupedProphet


def sales() -> pd.DataFrame:
    """Two years of weekly sales of four shops; every fifth price is missing."""
    random = np.random.default_rng(7)
    frames = []
    for shop in range(4):
        ds = pd.date_range("2023-01-02", periods=104, freq="7D")
        price = random.uniform(2, 3, len(ds))
        season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(len(ds)) / 52)
        y = (200 + np.arange(len(ds))) * season * (1.6 - 0.25 * price)
        y += random.normal(0, 8, len(ds))
        price[::5] = np.nan
        frames.append(pd.DataFrame({"shop": f"shop {shop}", "ds": ds, "y": y, "price": price}))
    return pd.concat(frames, ignore_index=True)


def run(spark: SparkSession) -> None:
    """Build the pipeline, search the grid, print what each entry gave."""
    data = spark.createDataFrame(sales())
    fill = SQLTransformer(
        statement="""
            SELECT shop, ds, y,
                   coalesce(nullif(price, 'NaN'),
                            avg(nullif(price, 'NaN')) OVER (PARTITION BY shop)) AS price_filled
            FROM __THIS__"""
    )
    prophet = GroupedProphet(
        groupCols=["shop"], regressors=["price_filled"], yearlySeasonality="3", uncertaintySamples=0
    )
    grid = (
        ParamGridBuilder()
        .addGrid(prophet.changepointPriorScale, [0.01, 0.2])
        .addGrid(prophet.seasonalityMode, ["additive", "multiplicative"])
        .build()
    )
    # ForecastEvaluator leaves rows without a forecast out and counts them. Spark's own
    # RegressionEvaluator refuses NULLs: with it, set handleInvalid="skip" on GroupedProphet.
    search = TrainValidationSplit(
        estimator=Pipeline(stages=[fill, prophet]),
        estimatorParamMaps=grid,
        evaluator=ForecastEvaluator(metricName="wape", groupCols=["shop"]),
        trainRatio=0.8,  # of the rows at random, as Spark does it, not of the first ones
        seed=1,
    )
    searched = search.fit(data)
    for values, metric in zip(grid, searched.validationMetrics, strict=True):
        settings = ", ".join(f"{param.name}={value}" for param, value in values.items())
        print(f"wape {metric:.4f}  {settings}")
    best = searched.bestModel.stages[-1]
    print(
        f"best: changepointPriorScale={best.getChangepointPriorScale()}, "
        f"seasonalityMode={best.getSeasonalityMode()}"
    )
    print(best.summary)


def main() -> None:
    """Under spark-submit its session is used, otherwise a local one is made."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers run the Python of this file
    quiet = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
    spark = SparkSession.builder.appName("pipeline").config(map=quiet).getOrCreate()
    try:
        run(spark)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
