"""The one way in which groups are worked on: a shuffle by key, then one row per key."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from pyspark import StorageLevel
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.series.config import Config
from sparkprophet.spark import columns, progress, summary
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.summary import Summary
from sparkprophet.spark.worker import RECORD_DDL, GroupLayout

# Several tasks a slot: they even out groups of unequal cost, and progress shows in tasks.
_TASKS_PER_SLOT = 8


def slots(spark: SparkSession) -> int:
    """Tasks that the cluster runs at one time, as far as the driver can know."""
    try:
        return max(1, spark.sparkContext.defaultParallelism)
    except Exception:
        # Spark Connect has no SparkContext; the shuffle's own width is the best guess there.
        return int(spark.conf.get("spark.sql.shuffle.partitions", "200"))


def tasks(spark: SparkSession, params: GroupedProphetParams) -> int:
    """Into how many tasks groups are spread; `parallelism` bounds them, and so those at work."""
    return params.getOrDefault("parallelism") or _TASKS_PER_SLOT * slots(spark)


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
        columns.seed(params).alias("seed"),
        *columns.inputs(params, config),
        label,
        *extra,
    )


def layout(params: GroupedProphetParams, config: Config) -> GroupLayout:
    """The worker's description of the columns of `keyed`."""
    return GroupLayout(tuple(params.getOrDefault("groupCols")), config.column_names)


def rows_per_key(
    data: DataFrame,
    params: GroupedProphetParams,
    time_type: T.DataType,
    function: Callable[[tuple[Any, ...], Any], Any],
    extra_ddl: str = "",
) -> DataFrame:
    """Lazy: one typed row per key of `data` (as `keyed` gives it), under the users' key names.

    `time_type` is the type of the timestamp column, which start and end get back.
    """
    groups = params.getOrDefault("groupCols")
    names = columns.key_names(len(groups))
    schema = T.StructType([data.schema[name] for name in names])
    for ddl in filter(None, (RECORD_DDL, extra_ddl)):
        schema = T.StructType(schema.fields + T.StructType.fromDDL(ddl).fields)
    # An explicit number of partitions is one that adaptive execution leaves alone.
    spread = data.repartition(tasks(data.sparkSession, params), *names)
    rows = spread.groupBy(*names).applyInArrow(function, schema)
    own = [F.col(n).alias(group) for n, group in zip(names, groups, strict=False)]
    rest = [
        F.col(c).cast(time_type).alias(c) if c in ("start", "end") else F.col(c)
        for c in rows.columns
        if c not in names
    ]
    return rows.select(*own, *rest)


def materialise(
    make: Callable[[], DataFrame], params: GroupedProphetParams, spark: SparkSession, what: str
) -> tuple[DataFrame, Summary]:
    """Do the work of the models table that `make` gives once, keep its rows, and count them.

    A lazy table would be fitted again at every use. The rows are kept by persist, not by a local
    checkpoint, so that a lost executor costs its own groups and not the model.
    """
    began_at, began = time.time(), time.perf_counter()
    with progress.shown(spark, what), _explained():
        models = make().persist(StorageLevel.MEMORY_AND_DISK)
        counted = summary.count(models)
    wall = time.perf_counter() - began
    at_once = min(slots(spark), params.getOrDefault("parallelism") or slots(spark))
    return models, Summary(counted, wall_seconds=wall, slots=at_once, began_at=began_at)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Say what to do where the workers' Python lacks a package: the first trap of a new user."""
    try:
        yield
    except PythonException as error:
        missing = re.search(r"No module named '([\w.]+)'", str(error))
        if missing is None:
            raise
        raise RuntimeError(
            f"the Python of Spark's workers has no module {missing[1]!r}; set the environment "
            f"variable PYSPARK_PYTHON to a Python with sparkprophet installed (this one is "
            f"{sys.executable}) before the session starts, or install it on every node"
        ) from error
