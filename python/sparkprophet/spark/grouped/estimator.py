"""GroupedProphet: one Prophet per group as a Spark ML Estimator."""

from __future__ import annotations

from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame

from sparkprophet.numerics import solver
from sparkprophet.spark.grouped import group_work
from sparkprophet.spark.grouped.job import materialise
from sparkprophet.spark.grouped.model import GroupedProphetModel, finish
from sparkprophet.spark.input_checks import check_input
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.saving.stages import StageReader, StageWriter
from sparkprophet.spark.worker.group_row import fit_group, group_function


class GroupedProphet(GroupedProphetParams, Estimator[Any], MLWritable, MLReadable[Any]):
    """Fits one Prophet per group of a DataFrame.

    Every param is a keyword argument: `GroupedProphet(groupCols=["store", "item"])`;
    `explainParams()` documents them all. Works as a stage of a Pipeline and inside Spark's
    tuners; the settings are those of `prophet.Prophet` in Spark ML's spelling.

    Examples
    --------
    >>> model = GroupedProphet(groupCols=["store"]).fit(df)      # doctest: +SKIP
    >>> model.forecast(14).show()                                # doctest: +SKIP
    """

    def _fit(self, dataset: DataFrame) -> GroupedProphetModel:
        config = self.series_config()
        check_input(dataset, self, config, fitting=True)
        function = group_function(
            group_work.layout(self, config), config.to_json(), fit_group, (), solver.warm_up
        )
        data = group_work.keyed(dataset, self, config)
        time_type = dataset.schema[self.getOrDefault("timestampCol")].dataType

        work = group_work.GroupWork(data, self, time_type, lambda threads: function)
        done = materialise(dataset.sparkSession, "fit", lambda: work)
        return finish(self, self, *done)

    def write(self) -> StageWriter:
        """A writer: `write().overwrite().save(path)`."""
        return StageWriter(self)

    @classmethod
    def read(cls) -> StageReader:
        """A reader: `read().load(path)`, or shorter `GroupedProphet.load(path)`."""
        return StageReader(cls)


# Saved stages name one class that exists in Python and in Scala.
GroupedProphet.__module__ = "sparkprophet"
