"""Saving and loading of the Bayesian tuners and their models.

Folders and metadata are those of Spark's own tuners: Spark's `CrossValidatorModel.load` can read a
saved BayesianCrossValidatorModel, which then is one without the record of its search. So candidates
that failed have no place among the saved metrics and param maps, only in the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Protocol, Self

from pyspark.ml import Estimator, Pipeline, Transformer
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Param, Params
from pyspark.ml.util import MetaAlgorithmReadWrite
from pyspark.sql import SparkSession

from sparkprophet.search.batched.storage_url import masked
from sparkprophet.search.batched.trials import ScoredTrial
from sparkprophet.spark.saving.saved_stage import saved_value
from sparkprophet.spark.saving.stage_loader import load_part
from sparkprophet.spark.saving.stages import StageReader, StageWriter

_APART = ("estimator", "evaluator", "estimatorParamMaps")


class SavedModel(Protocol):
    """What a tuner's model says of itself to be saved and loaded.

    Attributes
    ----------
    metric_names : tuple of str
        The attributes with one number per trial.
    """

    metric_names: tuple[str, ...]

    @staticmethod
    def fold_folders(count: int) -> list[str]:
        """Folder of each of `count` folds' sub-models below `subModels`, as Spark names them."""

    def models_of_folds(self) -> list[list[Any]]:
        """Sub-models by fold and trial."""

    def set_models_of_folds(self, models: list[list[Any]]) -> None:
        """The inverse of `models_of_folds`."""

    def _record(
        self, trials: Sequence[ScoredTrial], stopped_by: str, maximise: bool, space_json: str | None
    ) -> Self: ...


class TunerWriter(StageWriter):
    """Writer of a tuner: metadata, `estimator/` and `evaluator/`, as Spark's."""

    instance: Any

    def saveImpl(self, path: str) -> None:
        """Data first, metadata last."""
        for name in ("estimator", "evaluator"):
            if not self.instance.isDefined(name):
                raise ValueError(f"{name}: is not set; a tuner can be saved once it has one")
            self._save(self.instance.getOrDefault(name), f"{path}/{name}")
        values = self.instance._paramMap.items()
        params = {param.name: value for param, value in values if param.name not in _APART}
        if "storage" in params:
            params["storage"] = masked(params["storage"])
        self._extra = self._write_parts(path, self._param_maps(path), params) | {"paramMap": params}
        super().saveImpl(path)

    def _write_parts(
        self, path: str, maps: list[list[dict[str, str]]], params: dict[str, Any]
    ) -> dict[str, Any]:
        """Write what there is besides, put the param maps among the params; further metadata."""
        # Spark's reader wants some where there is something to try.
        params["estimatorParamMaps"] = maps or [[]] * self.instance.isSet("searchSpace")
        return {}

    def _param_maps(self, path: str) -> list[list[dict[str, str]]]:
        """The param maps as the JVM writes them; values that are stages get their own folders."""
        maps = self.instance._paramMap.get(self.instance.estimatorParamMaps, [])
        stages = MetaAlgorithmReadWrite.getUidMap(self.instance.getOrDefault("estimator"))
        saved, count = [], 0
        for param_map in maps:
            entries = []
            known = stages | _stages_in(param_map.values())
            for param, value in param_map.items():
                if param.parent not in known:
                    raise ValueError(
                        f"estimatorParamMaps: {param.parent}.{param.name} is no param of the "
                        "estimator or of a stage inside it"
                    )
                stage = _as_stage(value)
                is_json = stage is None
                if not is_json:
                    folder, count = f"epm_{param.name}{count}", count + 1
                    self._save(stage, f"{path}/{folder}")
                    value = folder
                entries.append(
                    {
                        "parent": param.parent,
                        "name": param.name,
                        "value": json.dumps(value),
                        "isJson": json.dumps(is_json),
                    }
                )
            saved.append(entries)
        return saved

    def _save(self, stage: Any, path: str) -> None:
        if not hasattr(stage, "write"):
            raise ValueError(f"{stage.uid} cannot be saved: {type(stage).__name__} has no write()")
        stage.write().session(self.sparkSession).save(path)


class ModelWriter(TunerWriter):
    """Writer of a tuner's model: as of a tuner, with metrics, `bestModel/` and `subModels/`.

    `option("persistSubModels", "false")` leaves the sub-models out.
    """

    def _write_parts(
        self, path: str, maps: list[list[dict[str, str]]], params: dict[str, Any]
    ) -> dict[str, Any]:
        model, complete = self.instance, self._complete()
        self._save(model.bestModel, f"{path}/bestModel")
        keep = self._keeps_sub_models()
        if keep:
            self._save_sub_models(path)
        params["estimatorParamMaps"] = [maps[i] for i in complete]
        metrics = {name: [getattr(model, name)[i] for i in complete] for name in model.metric_names}
        return metrics | {
            "persistSubModels": keep,
            "failedParamMaps": [m for i, m in enumerate(maps) if i not in complete],
            "stoppedBy": model.stoppedBy,
            "searchSpace": model._space_json,
            "maximise": model._maximise,
            "trials": [asdict(trial) for trial in model._trials],
        }

    def _complete(self) -> list[int]:
        """Positions of the trials that succeeded."""
        return [i for i, t in enumerate(self.instance._trials) if t.value is not None]

    def _keeps_sub_models(self) -> bool:
        option = str(self.optionMap.get("persistsubmodels", "")).lower()
        if option not in ("", "true", "false"):
            raise ValueError(f"persistSubModels: found {option!r}, must be true or false")
        has = self.instance.subModels is not None
        if option == "true" and not has:
            raise ValueError(
                "persistSubModels: the model has none; fit with collectSubModels=True to have them"
            )
        return has and option != "false"

    def _save_sub_models(self, path: str) -> None:
        model = self.instance
        of_folds = model.models_of_folds()
        for folder, models in zip(model.fold_folders(len(of_folds)), of_folds, strict=True):
            for place, position in enumerate(self._complete()):
                if models[position] is None:
                    raise ValueError(
                        f"persistSubModels: trial {position} was fitted before a restart and has "
                        "no sub-models; use option('persistSubModels', 'false')"
                    )
                self._save(models[position], f"{path}/subModels/{folder}{place}")


class TunerReader(StageReader):
    """Reader of a tuner class."""

    def __init__(self, cls: type) -> None:
        super().__init__(cls, self._build, ("estimatorParamMaps",))

    def _build(self, spark: SparkSession, path: str, metadata: dict[str, Any]) -> Any:
        tuner = self._cls()
        self._set_apart(tuner, spark, path, metadata)
        return tuner

    def _set_apart(
        self, instance: Params, spark: SparkSession, path: str, metadata: dict[str, Any]
    ) -> None:
        """Set the estimator, the evaluator and the param maps."""
        estimator = load_part(f"{path}/estimator", spark)
        instance._set(estimator=estimator, evaluator=load_part(f"{path}/evaluator", spark))
        stages = MetaAlgorithmReadWrite.getUidMap(estimator)
        maps = [_read_map(spark, path, stages, entries) for entries in self._saved_maps(metadata)]
        if maps and (maps != [{}] or "searchSpace" not in metadata["paramMap"]):
            instance._set(estimatorParamMaps=maps)

    def _saved_maps(self, metadata: dict[str, Any]) -> list[list[dict[str, str]]]:
        return metadata["paramMap"]["estimatorParamMaps"]


class ModelReader(TunerReader):
    """Reader of a class of a tuner's models."""

    def _build(self, spark: SparkSession, path: str, metadata: dict[str, Any]) -> SavedModel:
        trials = [
            ScoredTrial(**trial | {"scores": tuple(trial["scores"])})
            for trial in metadata["trials"]
        ]
        model = self._cls(load_part(f"{path}/bestModel", spark))
        self._set_apart(model, spark, path, metadata)
        for name in model.metric_names:
            setattr(model, name, _spread(metadata, metadata[name], float("nan")))
        if metadata["persistSubModels"]:
            count = len(metadata["paramMap"]["estimatorParamMaps"])
            of_folds = [
                _spread(
                    metadata,
                    [load_part(f"{path}/subModels/{folder}{i}", spark) for i in range(count)],
                    None,
                )
                for folder in model.fold_folders(metadata["paramMap"].get("numFolds", 1))
            ]
            model.set_models_of_folds(of_folds)
        return model._record(
            trials, metadata["stoppedBy"], metadata["maximise"], metadata["searchSpace"]
        )

    def _saved_maps(self, metadata: dict[str, Any]) -> list[list[dict[str, str]]]:
        failed = iter(metadata["failedParamMaps"])
        spread = _spread(metadata, super()._saved_maps(metadata), None)
        return [next(failed) if entries is None else entries for entries in spread]


def _as_stage(value: Any) -> Any:
    """What is saved of a param map's value that is a stage or a Pipeline's list; else None."""
    if isinstance(value, (Estimator, Transformer, Evaluator)):
        return value
    stages = isinstance(value, list) and value
    if stages and all(isinstance(stage, (Estimator, Transformer)) for stage in value):
        return Pipeline(stages=value)
    return None


def _stages_in(values: Iterable[Any]) -> dict[str, Params]:
    """Stages in a param map's values, with those inside them, by uid."""
    known: dict[str, Params] = {}
    for stage in filter(None, map(_as_stage, values)):
        known |= MetaAlgorithmReadWrite.getUidMap(stage)
    return known


def _read_map(
    spark: SparkSession, path: str, stages: dict[str, Params], entries: list[dict[str, str]]
) -> dict[Param[Any], Any]:
    """A saved param map. Its params may be those of stages among its values."""
    found = [(entry, *saved_value(entry)) for entry in entries]
    loaded = {
        folder: load_part(f"{path}/{folder}", spark) for _, _, folder in found if folder is not None
    }
    known = stages | _stages_in(loaded.values())
    param_map = {}
    for entry, value, folder in found:
        owner = known[entry["parent"]]
        param = owner.getParam(entry["name"])
        if folder is None:
            param_map[param] = param.typeConverter(value)
        elif isinstance(owner, Pipeline) and param == owner.stages:
            param_map[param] = loaded[folder].getStages()
        else:
            param_map[param] = loaded[folder]
    return param_map


def _spread(metadata: dict[str, Any], values: list[Any], missing: Any) -> list[Any]:
    """One value per trial from one per successful trial."""
    given = iter(values)
    return [missing if t["value"] is None else next(given) for t in metadata["trials"]]
