"""The one way in which groups are worked on: a shuffle by key, then one row per key."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.series.config import Config
from sparkprophet.spark import columns
from sparkprophet.spark.grouped import packing, progress
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.schema import FIT, ModelColumn
from sparkprophet.spark.worker.group_layout import GroupLayout

_log = logging.getLogger("sparkprophet")

GroupFunction = Callable[[tuple[Any, ...], Any], Any]
"""Key and Arrow table of a group to the table of its row."""


def slots(spark: SparkSession) -> int:
    """Tasks that the cluster runs at one time, as far as the driver can know."""
    try:
        return max(1, spark.sparkContext.defaultParallelism)
    except Exception:
        # Spark Connect has no SparkContext; the shuffle's own width is the best guess there.
        return int(_setting(spark, "spark.sql.shuffle.partitions", "200"))


def tasks(spark: SparkSession, params: GroupedProphetParams) -> int:
    """Into how many tasks groups are spread; `parallelism` bounds them, and so those at work."""
    return params.getOrDefault("parallelism") or packing.BINS_PER_SLOT * slots(spark)


def threads(spark: SparkSession, params: GroupedProphetParams, groups: int) -> int:
    """Cores that each of a few groups can have, if there are more slots than groups.

    A group is in one task, so they are cores of one executor: those of its idle slots.
    """
    at_once = params.getOrDefault("parallelism") or slots(spark)
    if _setting(spark, "spark.master", "").startswith("local["):
        executor = at_once
    else:
        cores = int(_setting(spark, "spark.executor.cores", "1"))
        executor = cores // int(_setting(spark, "spark.task.cpus", "1"))
    return max(1, min(at_once // max(groups, 1), executor))


def _setting(spark: SparkSession, name: str, default: str) -> str:
    return spark.conf.get(name, default) or default


def keyed(dataset: DataFrame, params: GroupedProphetParams, config: Config) -> DataFrame:
    """What workers get of a fit's input: keys, seed, timestamp, label and columns."""
    extra = [
        columns.quoted(source).alias(name)
        for name, param in (("country", "countryHolidaysCol"), ("overrides", "overridesCol"))
        if (source := params._optional(param)) is not None
    ]
    label = columns.quoted(params.getOrDefault("labelCol")).cast("double").alias("y")
    return dataset.select(
        *columns.keys(params),
        columns.seed(params, dataset).alias("seed"),
        *columns.inputs(params, config),
        label,
        *extra,
    )


def layout(params: GroupedProphetParams, config: Config) -> GroupLayout:
    """The worker's description of the columns of `keyed`."""
    return GroupLayout(tuple(params.getOrDefault("groupCols")), config.column_names)


@dataclass(frozen=True)
class GroupWork:
    """One typed row per key, made by a function of the group's rows.

    Attributes
    ----------
    data : DataFrame
        As `keyed` gives it.
    params : GroupedProphetParams
    time_type : DataType
        Of the timestamp column, which start and end get back.
    function : callable
        From the number of cores that a group can have to the function for applyInArrow, as
        `worker.group_function` makes it. What it computes must not depend on the number.
    extra : sequence of ModelColumn
        Further columns of the function's rows.
    """

    data: DataFrame
    params: GroupedProphetParams
    time_type: T.DataType
    function: Callable[[int], GroupFunction]
    extra: Sequence[ModelColumn] = ()

    def rows(self, costs: np.ndarray, bar: progress.Bar) -> DataFrame:
        """Lazy: the rows of all groups in buckets whose cost is not NaN, under internal key names,
        with the group's seed.
        """
        spark, names = self.data.sparkSession, self.key_names
        falling = not self.params.getOrDefault("parallelism")
        packed = packing.pack(costs, tasks(spark, self.params), falling)
        bar.shares = packed.loads / max(packed.loads.sum(), 1.0)
        _log.info(
            "groups packed into %d tasks; the largest has %.1f %% of the rows",
            len(packed.loads),
            100 * bar.shares[0],
        )
        spread = packing.spread(self.data, packed)
        grouping = [*names, "bin"]
        if not all(columns.hashes_as_it_compares(spread, name) for name in names):
            # Their hashes put keys that are equal under a collation into one bucket only by leaving
            # such columns out: fit for a checkpoint, too coarse for tasks.
            spread, grouping = spread.repartition(len(packed.loads), *names), names
        groups = int(np.sum(costs > 0))  # or more
        function = self.function(threads(spark, self.params, groups))
        return spread.groupBy(*grouping).applyInArrow(function, self.schema)

    @property
    def schema(self) -> T.StructType:
        """Of `rows`."""
        kept = [self.data.schema[name] for name in [*self.key_names, "seed"]]
        return T.StructType(kept + columns.struct_type([*FIT, *self.extra]).fields)

    def named(self, rows: DataFrame) -> DataFrame:
        """`rows` under the users' key names and types, without the seed."""
        groups = self.params.getOrDefault("groupCols")
        pairs = zip(self.key_names, groups, strict=False)
        keys = [F.col(name).alias(group) for name, group in pairs]
        rest = [
            F.col(c).cast(self.time_type).alias(c) if c in ("start", "end") else F.col(c)
            for c in rows.columns
            if c not in (*self.key_names, "seed")
        ]
        return rows.select(*keys, *rest)

    @property
    def key_names(self) -> list[str]:
        """The internal names of the key columns."""
        return columns.key_names(self.params)
