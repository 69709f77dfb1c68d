"""ForecastEvaluator: forecast errors as a Spark ML Evaluator."""

from __future__ import annotations

import logging
import math
from typing import Any

from pyspark.ml.evaluation import Evaluator
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.series.metrics import METRICS, NEEDS_INTERVALS
from sparkprophet.series.ranges import Number, OneOf, text, texts
from sparkprophet.spark import columns
from sparkprophet.spark.input_checks import TIMES, check_type
from sparkprophet.spark.params import Spec, TableParams, with_params
from sparkprophet.spark.saving.stages import StageReader, StageWriter

_log = logging.getLogger("sparkprophet")


@with_params(
    Spec(
        "metricName",
        "wape",
        OneOf(*METRICS),
        f"One of {', '.join(METRICS)}. coverage is the share of labels inside the interval.",
    ),
    Spec("labelCol", "y", text, "Numeric column with what came."),
    Spec("predictionCol", "yhat", text, "Numeric column with the forecast."),
    Spec("groupCols", [], texts, "Key columns of the groups."),
    Spec("weightCol", None, text, "Numeric column with the weight of each row."),
    Spec(
        "average",
        "macro",
        OneOf("macro", "micro"),
        "macro: the plain mean of the groups' metrics; micro: one metric of all rows.",
    ),
    Spec("lowerCol", "yhat_lower", text, "Lower end of the interval (pinball, coverage)."),
    Spec("upperCol", "yhat_upper", text, "Upper end of the interval (pinball, coverage)."),
    Spec("intervalWidth", 0.8, Number(0, 1), "Nominal width of the interval (pinball)."),
    Spec("timestampCol", "ds", text, "Column that orders the rows of a group (mase)."),
)
class ForecastEvaluator(TableParams, Evaluator, MLWritable, MLReadable[Any]):
    """Error of forecasts, over all rows or averaged over groups.

    With e = label - prediction and w the weight: rmse, mae; wape = sum w|e| / sum w|label|;
    mape and mdape over rows with a label other than 0; smape as Prophet's; mase = mae over the
    mean absolute one-step change of the labels given; pinball of the interval's two ends;
    coverage. Rows where a needed value is NULL or NaN are left out: `counts` says how many; an
    infinite forecast counts, and is as bad as can be. Where nothing is left the result is the
    worst value, infinity (minus infinity for coverage), so that a tuner never picks it.
    """

    def isLargerBetter(self) -> bool:
        """True for coverage only."""
        return bool(self.getOrDefault("metricName") == "coverage")

    def counts(self, dataset: DataFrame) -> dict[str, int]:
        """Rows in all, rows used, and rows left out for want of a value."""
        self._check(dataset)
        usable = F.count_if(self._usable())
        rows, used = dataset.select(F.count("*"), usable).collect()[0]
        return {"rows": rows, "used": used, "ignored": rows - used}

    def _evaluate(self, dataset: DataFrame) -> float:
        self._check(dataset)
        metric = self.getOrDefault("metricName")
        groups = [
            columns.quoted(name).alias(f"key_{i}")
            for i, name in enumerate(self.getOrDefault("groupCols"))
        ]
        rows = dataset.filter(self._usable()).select(*groups, *self._values(metric))
        keys = [f"key_{i}" for i in range(len(groups))]
        if metric == "mase":
            order = Window.partitionBy(*(map(F.col, keys) if keys else [F.lit(0)])).orderBy(
                "at", "y"
            )
            rows = rows.withColumn("change", F.abs(F.col("y") - F.lag("y").over(order)))
        if self.getOrDefault("average") == "micro":
            keys = []
        each = rows.groupBy(*keys).agg(self._aggregate(metric).alias("value"))
        value = each.select(F.avg("value")).collect()[0][0]
        if value is None or math.isnan(value):
            worst = -math.inf if self.isLargerBetter() else math.inf
            _log.warning("%s is undefined: no row with the values it needs", metric)
            return worst
        return float(value)

    def _roles(self) -> dict[str, str]:
        """Internal name -> param of every number that the metric needs."""
        names = {"y": "labelCol", "yhat": "predictionCol"}
        if self.getOrDefault("metricName") in NEEDS_INTERVALS:
            names |= {"lower": "lowerCol", "upper": "upperCol"}
        if self.isDefined("weightCol"):
            names["w"] = "weightCol"
        return names

    def _needed(self) -> dict[str, str]:
        """Internal name -> column of every number that the metric needs."""
        return {name: self.getOrDefault(param) for name, param in self._roles().items()}

    def _usable(self) -> Column:
        usable = F.lit(True)
        for name in self._needed().values():
            value = columns.quoted(name).cast("double")
            # isnan is false for NULL.
            usable = usable & value.isNotNull() & ~F.isnan(value)
        if self.getOrDefault("metricName") == "mase":
            usable = usable & columns.quoted(self.getOrDefault("timestampCol")).isNotNull()
        return usable

    def _values(self, metric: str) -> list[Column]:
        needed = self._needed()
        weight = columns.quoted(needed.pop("w")).cast("double") if "w" in needed else F.lit(1.0)
        refuse = F.raise_error("weightCol: found a negative weight; weights must be >= 0")
        values = [columns.quoted(n).cast("double").alias(i) for i, n in needed.items()]
        values.append(F.when(weight < 0, refuse.cast("double")).otherwise(weight).alias("w"))
        if metric == "mase":
            values.append(columns.quoted(self.getOrDefault("timestampCol")).alias("at"))
        return values

    def _aggregate(self, metric: str) -> Column:
        y, w, e = F.col("y"), F.col("w"), F.abs(F.col("y") - F.col("yhat"))

        def mean(value: Column) -> Column:
            # NULL rows must count neither above nor below; a sum of weights of 0 is undefined.
            return F.try_divide(F.sum(w * value), F.sum(F.when(value.isNotNull(), w)))

        if metric == "rmse":
            return F.sqrt(mean(e * e))
        if metric == "mae":
            return mean(e)
        if metric == "wape":
            return F.try_divide(F.sum(w * e), F.sum(w * F.abs(y)))
        if metric == "mase":
            return F.try_divide(mean(e), F.avg("change"))
        if metric == "smape":
            size = (F.abs(y) + F.abs(F.col("yhat"))) / 2
            return mean(F.when(size == 0, 0.0).otherwise(e / size))
        relative = F.when(y != 0, F.try_divide(e, F.abs(y)))
        if metric == "mape":
            return mean(relative)
        if metric == "mdape":
            return F.median(relative)
        return self._interval_aggregate(metric, mean)

    def _interval_aggregate(self, metric: str, mean: Any) -> Column:
        y, lower, upper = F.col("y"), F.col("lower"), F.col("upper")
        if metric == "coverage":
            return mean(((lower <= y) & (y <= upper)).cast("double"))
        width = self.getOrDefault("intervalWidth")
        losses = []
        for bound, quantile in ((lower, (1 - width) / 2), (upper, (1 + width) / 2)):
            losses.append(F.greatest(quantile * (y - bound), (quantile - 1) * (y - bound)))
        return mean((losses[0] + losses[1]) / 2)

    def _check(self, dataset: DataFrame) -> None:
        """Raise for a column that is missing or of the wrong type, before any job."""
        metric = self.getOrDefault("metricName")
        if metric == "mdape" and self.isDefined("weightCol"):
            raise ValueError("weightCol: a median has no weights; unset it or choose mape")
        for param in self._roles().values():
            name = self.getOrDefault(param)
            check_type(dataset, param, name, (T.NumericType,), "a number; cast it")
        for name in self.getOrDefault("groupCols"):
            check_type(dataset, "groupCols", name, (T.AtomicType,), "an atomic type")
        if metric == "mase":
            name = self.getOrDefault("timestampCol")
            check_type(dataset, "timestampCol", name, TIMES, "a date or time")

    def write(self) -> StageWriter:
        """A writer: `write().overwrite().save(path)`."""
        return StageWriter(self)

    @classmethod
    def read(cls) -> StageReader:
        """A reader: `read().load(path)`, or shorter `ForecastEvaluator.load(path)`."""
        return StageReader(cls)


ForecastEvaluator.__module__ = "sparkprophet"
