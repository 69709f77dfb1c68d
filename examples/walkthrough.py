"""A walk through the library, cell by cell: open it in an editor that knows `# %%`, or run it.

Fit, failures, transform, forecast, components, one Prophet, a plot, values of a group's own, saving
and loading, judging, tuning.

    python examples/walkthrough.py
"""

# %% Spark, and three small series: two shops with weekly ups and downs, and one that just opened
import os
import sys
import tempfile

import matplotlib
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkprophet import (
    BayesianParamGridBuilder,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
)

matplotlib.use("Agg")  # a notebook needs no such line
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers run the Python of this file
quiet = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
spark = SparkSession.builder.appName("walkthrough").config(map=quiet).getOrCreate()

random = np.random.default_rng(0)
days = pd.date_range("2025-01-01", periods=140, freq="D")
frames = []
for shop, level, length in (("Basel", 100, 140), ("Bern", 60, 140), ("Chur", 20, 1)):
    weekly = 1 + 0.3 * np.sin(2 * np.pi * days.dayofweek / 7)
    y = level * weekly + 0.2 * np.arange(140) + random.normal(0, 2, 140)
    frames.append(pd.DataFrame({"shop": shop, "ds": days, "y": y})[:length])
data = spark.createDataFrame(pd.concat(frames)).withColumn("ds", F.to_date("ds"))
history, holdout = data.filter("ds < '2025-05-07'"), data.filter("ds >= '2025-05-07'")

# %% Fit: one model per shop. The shop of one day has none, and says why; the job does not fail.
model = GroupedProphet(groupCols=["shop"], uncertaintySamples=200).fit(history)
print(model.summary)
model.failures.select("shop", "error_code", "error_message").show(truncate=70)
model.models.select("shop", "status", "solver", "n_obs", "start", "end").show()

# %% Forecast of the next days; transform adds the same columns to any rows.
model.forecast(3).orderBy("shop", "ds").show()
transformed = model.transform(holdout)
transformed.filter("shop = 'Bern'").orderBy("ds").show(3)

# %% What a forecast is made of
parts = model.components(holdout).filter("shop = 'Basel'").orderBy("ds")
parts.select("shop", "ds", "trend", "components.weekly").show(3)

# %% One shop as a genuine prophet.Prophet: it plots, predicts, cross-validates as any other
prophet = model.prophet(shop="Basel")
print(type(prophet), "with", len(prophet.changepoints), "changepoints")
figure = model.plot(shop="Basel")
with tempfile.NamedTemporaryFile(suffix=".png") as file:
    figure.savefig(file.name)

# %% Own values for some groups: a column of JSON, constant in a group
overrides = F.when(F.col("shop") == "Bern", F.lit('{"seasonalityMode": "multiplicative"}'))
prophets = GroupedProphet(groupCols=["shop"], overridesCol="overrides", fallback="naive")
mixed = prophets.fit(history.withColumn("overrides", overrides))
modes = F.get_json_object("config", "$.seasonalityMode").alias("seasonalityMode")
mixed.models.select("shop", "status", modes, "error_code").show()

# %% Save and load: JSON and Parquet, no pickle
with tempfile.TemporaryDirectory() as folder:
    model.write().overwrite().save(f"{folder}/model")
    loaded = GroupedProphetModel.load(f"{folder}/model")
    print("loaded:", loaded.models.count(), "rows,", loaded.getGroupCols())

# %% How good is it? Rows without a forecast are counted and left out.
evaluator = ForecastEvaluator(metricName="wape", groupCols=["shop"])
print("wape", round(evaluator.evaluate(transformed), 4), evaluator.counts(transformed))

# %% Tune: a search of its own for each shop, judged on the shop's last 14 days
base = GroupedProphet(groupCols=["shop"], uncertaintySamples=0, fallback="naive")
space = (
    BayesianParamGridBuilder()
    .addUniform(base.changepointPriorScale, 0.001, 0.5, log=True)
    .addChoice(base.seasonalityMode, ["additive", "multiplicative"])
    .space()
)
tuner = GroupedProphetTuner(estimator=base, searchSpace=space, numTrials=6, horizon=14)
tuned = tuner.fit(history)
tuned.trials.filter("shop = 'Basel'").orderBy("trial").select("trial", "value", "params").show(
    truncate=90
)
tuned.comparison.show()
print(tuned.comparison_text())

# %% Done
spark.stop()
