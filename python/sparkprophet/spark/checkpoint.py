"""Rounds of a long job that survive a killed driver.

Keys are spread over a fixed number of rounds by their hash. Each round is one Spark job that is
written below the checkpoint folder; a job run again with the same arguments on the same data reads
the rounds that are there and does the rest.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkprophet.spark.persistence import Files

_ROUNDS = 16
_log = logging.getLogger("sparkprophet")


def fingerprint(data: DataFrame, arguments: str) -> str:
    """Names a job: a hash of its arguments and of the rows of `data`, whatever their order."""
    # The hash passes over NULLs: without these marks a value could move to another column unseen.
    marked = [c for name in data.columns for c in (F.col(name), F.col(name).isNull())]
    row = F.xxhash64(*marked).cast("decimal(38,0)")
    facts = data.select(F.count("*"), F.sum(row)).first()
    text = "\n".join([arguments, data.schema.json(), *map(str, facts)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def in_rounds(
    data: DataFrame,
    key_names: list[str],
    work: Callable[[DataFrame], DataFrame],
    folder: str,
    arguments: str,
) -> DataFrame:
    """`work(data)`, done in rounds that are kept below `folder`.

    Parameters
    ----------
    data : DataFrame
        Read once per round; kept in memory or on disk meanwhile.
    key_names : list of str
        Columns whose hash decides the round.
    work : callable
        Lazy, one row per key.
    arguments : str
        Everything that the result depends on besides the data.
    """
    spark = data.sparkSession
    data = data.persist()
    try:
        place = f"{folder.rstrip('/')}/{fingerprint(data, arguments)}"
        files = Files(spark, place)
        paths = [f"{place}/round-{i:02d}" for i in range(_ROUNDS)]
        round_ = F.pmod(F.xxhash64(*key_names), F.lit(_ROUNDS))
        for i, path in enumerate(paths):
            if files.exists(f"{path}/_SUCCESS"):
                _log.info("round %d of %d was done before: %s", i + 1, _ROUNDS, path)
                continue
            work(data.filter(round_ == i)).write.mode("overwrite").parquet(path)
    finally:
        data.unpersist()
    return spark.read.parquet(*paths)
