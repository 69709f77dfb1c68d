"""The Scala stages, called in the JVM of the tests' own session."""

import json
from pathlib import Path

import pytest
from py4j.java_gateway import JavaObject
from pyspark.ml import Pipeline
from pyspark.sql import DataFrame

import sparkprophet

JAR = Path(__file__).resolve().parents[3] / "target" / "scala-2.13"


class Scala:
    """The package `sparkprophet` of the JVM, for a session with its jar on the class path."""

    def __init__(self, spark):
        self._spark = spark
        self.classes = spark._jvm.sparkprophet
        if not any(JAR.glob(f"sparkprophet_*-{sparkprophet.__version__}.jar")):
            pytest.skip("the Scala side is not built: run `make jar`")

    def stage(self, stage):
        """The Scala stage of the same uid and set params as a Python one."""
        if isinstance(stage, Pipeline):
            return self._pipeline(stage)
        if not type(stage).__module__.startswith("sparkprophet"):
            return stage._to_java()
        made = getattr(self.classes, type(stage).__name__)(stage.uid)
        for param, value in stage._paramMap.items():
            title = param.name[0].upper() + param.name[1:]
            if param.name in ("estimator", "evaluator"):
                value = self.stage(value)
            else:
                value = made.getParam(param.name).jsonDecode(json.dumps(value))
            getattr(made, f"set{title}")(value)
        return made

    def _pipeline(self, pipeline):
        ml, gateway = self._spark._jvm.org.apache.spark.ml, self._spark._sc._gateway
        stages = gateway.new_array(ml.PipelineStage, len(pipeline.getStages()))
        for i, stage in enumerate(pipeline.getStages()):
            stages[i] = self.stage(stage)
        return ml.Pipeline(pipeline.uid).setStages(stages)

    def fit(self, stage, frame):
        """The Scala model of the Scala stage like this Python one."""
        return self.stage(stage).fit(frame._jdf)

    def frame(self, jvm_frame):
        """A DataFrame of the JVM as Python's."""
        return DataFrame(jvm_frame, self._spark)

    def transform(self, model, frame):
        """The rows of a frame with a Scala model's forecasts."""
        return self.frame(model.transform(frame._jdf))

    def load(self, path):
        """Whatever stage is saved at `path`."""
        return self.classes.StageLoader.load(str(path))

    def params(self, stage, defaults=False):
        """Name -> value, as JSON values, of the set params of a Scala stage, or of its defaults."""
        values = {}
        for param in stage.params():
            wanted = stage.hasDefault(param) if defaults else stage.isSet(param)
            if not wanted or param.name() in ("estimator", "evaluator", "estimatorParamMaps"):
                continue
            value = stage.getDefault(param).get() if defaults else stage.getOrDefault(param)
            values[param.name()] = _json(param, value)
        return values


def _json(param, value):
    # What py4j has made a Python value of went through no encoder yet.
    return json.loads(param.jsonEncode(value)) if isinstance(value, JavaObject) else value
