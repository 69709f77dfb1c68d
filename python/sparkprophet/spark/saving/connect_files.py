"""The files of saved folders where only Spark itself can see them: over Spark Connect."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkprophet.spark.saving.reading import check_length, exact, visible


class ConnectFiles:
    """The files of a path as Spark's server sees them.

    Parameters
    ----------
    spark : SparkSession
        Of Spark Connect.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._files = spark.read.format("binaryFile").option("recursiveFileLookup", "true")

    def lengths(self, path: str) -> dict[str, int]:
        """As `Files.lengths`."""
        rows = self._files.load(exact(path)).select("path", "length").collect()
        return visible({_below(path, row.path): row.length for row in rows})

    def read(self, path: str) -> bytes:
        """As `Files.read`."""
        file = self._files.load(exact(path))
        check_length(path, file.select("length").collect()[0].length)
        return bytes(file.select("content").collect()[0].content)

    def sha256(self, path: str, names: Iterable[str]) -> dict[str, str]:
        """As `Files.sha256`."""
        paths = [exact(f"{path}/{name}") for name in names]
        if not paths:
            return {}
        rows = self._files.load(paths).select("path", F.sha2("content", 256).alias("hash"))
        return {_below(path, row.path): row.hash for row in rows.collect()}

    def left_beside(self, path: str, why: str) -> dict[str, float]:
        """None: nothing is written beside its place there."""
        return {}


def _below(path: str, file: str) -> str:
    """The server's name of a file below `path`, relative to it."""
    # The server has its own names of schemes, hosts and the folder that paths are relative to.
    folder = re.sub(r"^[\w+.-]+:(//[^/]*)?", "", path).strip("/")
    return file.rpartition(posixpath.normpath(f"/{folder}") + "/")[2]
