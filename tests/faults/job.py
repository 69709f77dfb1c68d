"""A driver program: fits a Parquet folder by one of the systems, writes what became of each group.

    python job.py ARGUMENTS.json
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from pyspark.sql import SparkSession

from systems import SYSTEMS, Settings


def main() -> None:
    """Fit, save where it is asked for, tell."""
    arguments = json.loads(Path(sys.argv[1]).read_text())
    system = SYSTEMS[arguments["system"]]
    given = arguments.get("settings", {})
    settings = Settings(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
    spark = SparkSession.builder.getOrCreate()
    try:
        model = system.fit(spark.read.parquet(arguments["data"]), settings)
        if "save" in arguments:
            system.save(model, arguments["save"])
        outcomes = system.outcomes(model)
        told = {"outcomes": {json.dumps(key): asdict(own) for key, own in outcomes.items()}}
    except Exception as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    Path(arguments["out"]).write_text(json.dumps(told))
    spark.stop()


if __name__ == "__main__":
    main()
