"""The Spark session of a benchmark: quiet, and without a server or a folder of its own."""

from __future__ import annotations

import tempfile

from pyspark.sql import SparkSession


def session(master: str, log_level: str = "ERROR", **conf: str) -> SparkSession:
    """A session of this process.

    Parameters
    ----------
    master : str
    log_level : str
        "OFF" where errors are what is being tried.
    **conf : str
        Further settings by their names without "spark.", with `_` for a dot:
        `driver_memory="4g"` is spark.driver.memory.
    """
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": tempfile.gettempdir(),
    }
    settings |= {f"spark.{name.replace('_', '.')}": value for name, value in conf.items()}
    spark = SparkSession.builder.master(master).config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel(log_level)
    return spark
