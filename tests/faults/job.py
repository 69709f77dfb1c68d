"""A driver program: fits a Parquet folder by one of the systems, writes what became of each group.

python job.py ARGUMENTS.json
"""

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from pyspark.sql import SparkSession

from systems import SYSTEMS, Settings

FLAGS = Path(os.environ["FAULTS_FOLDER"])


def done(spark, arguments):
    """Fit, save where it is asked for; the outcomes, or the error, as JSON."""
    system = SYSTEMS[arguments["system"]]
    given = arguments.get("settings", {})
    settings = Settings(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
    try:
        model = system.fit(spark.read.parquet(arguments["data"]), settings)
        for number in range(arguments.get("saves", 1) if "save" in arguments else 0):
            if number == 1:
                (FLAGS / f"saving-{os.getpid()}-0").touch()
            system.save(model, arguments["save"])
        outcomes = system.outcomes(model)
        return {"outcomes": {json.dumps(key): asdict(own) for key, own in outcomes.items()}}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def give_up(spark, how):
    """Stop the session, or cancel its jobs, as soon as a group is at work."""
    while not list(FLAGS.glob("began-*")):
        time.sleep(0.05)
    spark.stop() if how == "stop" else spark.sparkContext.cancelAllJobs()


def main():
    """Do the work; where it is given up, tell at once, and do it again once it may go on."""
    arguments = json.loads(Path(sys.argv[1]).read_text())
    spark = SparkSession.builder.getOrCreate()
    out, how = Path(arguments["out"]), arguments.get("meanwhile")
    if how:
        threading.Thread(target=give_up, args=(spark, how), daemon=True).start()
        out.write_text(json.dumps(done(spark, arguments)))
        (FLAGS / "told").touch()
        while not (FLAGS / "go").exists():
            time.sleep(0.05)
    if how != "stop":
        out.write_text(json.dumps(done(spark, arguments)))
        spark.stop()


if __name__ == "__main__":
    main()
