"""Points that served some groups well, for the searches of all groups to try first."""

from __future__ import annotations

import json
from dataclasses import replace

from pyspark.sql import functions as F

from sparkprophet.spark.grouped import packing, progress
from sparkprophet.spark.grouped.group_work import GroupWork


def best_points(work: GroupWork, groups: int) -> str:
    """Search a few groups alone; the best trial's point of each, as a JSON list.

    Which groups follows from the hashes of the keys alone: from each of the first buckets that are
    not empty, the group with the smallest hash. Those without a holdout give no point.

    Parameters
    ----------
    work : GroupWork
        A tuner's, which keeps the trials.
    groups : int
        At least 1.
    """
    buckets = work.data.groupBy(packing.bucket(F.col("seed")).alias("bucket"))
    first = buckets.agg(F.min("seed").alias("seed"), F.count("*").alias("rows"))
    chosen = first.orderBy("bucket").limit(groups).collect()
    data = work.data.filter(F.col("seed").isin([row["seed"] for row in chosen]))
    costs = packing.costs({row["bucket"]: row["rows"] for row in chosen})
    rows = replace(work, data=data).rows(costs, progress.Bar())
    trials = F.filter("trials", lambda trial: trial["value"].isNotNull())
    best = F.array_min(F.transform(trials, lambda t: F.struct(t["value"], t["trial"], t["params"])))
    points = rows.select("seed", best["params"].alias("point")).orderBy("seed").collect()
    return json.dumps([json.loads(row["point"]) for row in points if row["point"] is not None])
