"""Spark ML Params made from tables: one row gives a Param, its getter, setter and document."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pyspark import keyword_only
from pyspark.ml.param import Param, Params

from sparkprophet.messages import nearest
from sparkprophet.search.space import SearchSpace
from sparkprophet.series.config import SETTINGS, Config, as_param_value
from sparkprophet.series.ranges import Number, OneOf, Whole, text, texts

P = TypeVar("P", bound="TableParams")


@dataclass(frozen=True)
class Spec:
    """One param: `default` None means unset; `convert(value, name)` checks and normalises."""

    name: str
    default: Any
    convert: Callable[[Any, str], Any]
    doc: str


def space_json(value: Any, what: str) -> str:
    """A SearchSpace or its JSON, as JSON: the form that is saved."""
    if isinstance(value, str):
        value = SearchSpace.fromJson(value)
    if not isinstance(value, SearchSpace):
        raise TypeError(
            f"{what}: found {type(value).__name__}, must be a SearchSpace; make one with "
            "BayesianParamGridBuilder().addUniform(...).space()"
        )
    return value.toJson()


SEED = Spec("seed", 0, Whole(), "Seed; every group's own seed derives from it and the key's bytes.")
PARALLELISM = Spec(
    "parallelism",
    0,
    Whole(0),
    "Most tasks at work at one time, as in SPARK-19357; 0: all that the cluster has.",
)

COLUMN_SPECS = (
    Spec("groupCols", [], texts, "Key columns of any atomic type; []: the frame is one series."),
    Spec("timestampCol", "ds", text, "Column of DateType, TimestampType or TimestampNTZType; "
         "instants are taken as the wall clock of the session's time zone."),
    Spec("labelCol", "y", text, "Numeric column to forecast."),
    Spec("predictionCol", "yhat", text, "Column added by transform: the forecast."),
    Spec("lowerCol", "yhat_lower", text, "Column added by transform: the interval's lower end."),
    Spec("upperCol", "yhat_upper", text, "Column added by transform: the interval's upper end."),
    Spec("capCol", None, text, "Numeric column with the capacity of logistic growth."),
    Spec("floorCol", None, text, "Numeric column with the floor of logistic growth."),
    Spec("countryHolidaysCol", None, text,
         "String column with each group's country of holidays; wins over countryHolidays."),
    Spec("overridesCol", None, text,
         "String column, constant in a group: a JSON object of that group's own values for any "
         "series param. groupTimeout, groupMemoryInMB and uncertaintySamples can only be lowered; "
         "the Fourier orders together can be up to 100 and changepoints up to 500, or as many as "
         "the stage's own."),
)  # fmt: skip
STAGE_SPECS = (
    Spec(
        "maxFailedFraction",
        1.0,
        Number(0, 1, open_ends=False),
        "Raise after the job if more than this fraction of the groups failed; all failed always "
        "raises.",
    ),
    Spec(
        "handleInvalid",
        "keep",
        OneOf("keep", "skip", "error"),
        "Rows that cannot be forecast (unknown or failed key, missing regressor): keep (nulls), "
        "skip, error.",
    ),
    PARALLELISM,
    SEED,
)
SERIES_SPECS = tuple(
    Spec(f.name, as_param_value(f.default), f.metadata["convert"], f.metadata["doc"])
    for f in SETTINGS
)


class TableParams(Params):
    """Params that come from a table; subclasses are made with `with_params`."""

    specs: tuple[Spec, ...] = ()
    __signature__: ClassVar[inspect.Signature]
    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(self, **values: Any) -> None:
        given = self._input_kwargs  # Spark's own classes overwrite it
        super().__init__()
        defaults = {s.name: s.default for s in self.specs if s.default is not None}
        self._setDefault(**defaults)
        self.setParams(**given)

    @keyword_only
    def setParams(self: P, **values: Any) -> P:
        """Set several params at once; None leaves a param as it is.

        Raises
        ------
        TypeError, ValueError
            For an unknown name or a value out of range, naming both and the remedy.
        """
        for name, value in self._input_kwargs.items():
            self._check_name(name)
            if value is not None:
                self.set(self.getParam(name), value)
        return self

    def copy(self: P, extra: dict[Param[Any], Any] | None = None) -> P:
        """A copy with extra values, which are checked as a setter checks them."""
        checked = {}
        for param, value in (extra or {}).items():
            owned = self.hasParam(param.name) and param.parent == self.uid
            checked[param] = self.getParam(param.name).typeConverter(value) if owned else value
        return super().copy(checked)

    def _check_name(self, name: str) -> None:
        known = [spec.name for spec in self.specs]
        if name not in known:
            remedy = nearest(name, known)
            raise TypeError(f"{type(self).__name__} has no param {name!r}; {remedy}")

    def _optional(self, name: str) -> Any:
        """A param's value, or None where it is unset."""
        param = self.getParam(name)
        return self.getOrDefault(param) if self.isDefined(param) else None


def with_params(*specs: Spec) -> Callable[[type[P]], type[P]]:
    """Class decorator: a Param, getX and setX for each spec, and a signature for help()."""

    def decorate(cls: type[P]) -> type[P]:
        cls.specs = specs
        for spec in specs:
            title = spec.name[0].upper() + spec.name[1:]
            setattr(cls, spec.name, _param(spec))
            for name, make in ((f"get{title}", _getter), (f"set{title}", _setter)):
                if not hasattr(cls, name):
                    setattr(cls, name, make(spec, title))
        keywords = [
            inspect.Parameter(s.name, inspect.Parameter.KEYWORD_ONLY, default=s.default)
            for s in specs
        ]
        receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        cls.__signature__ = inspect.Signature(keywords)
        for name in ("__init__", "setParams"):
            method = _own_copy(getattr(cls, name))
            method.__signature__ = inspect.Signature([receiver, *keywords])
            setattr(cls, name, method)
        return cls

    return decorate


def _own_copy(function: Any) -> Any:
    @functools.wraps(function)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


def _param(spec: Spec) -> Param[Any]:
    default = "unset" if spec.default is None else repr(spec.default)
    return Param(
        Params._dummy(),
        spec.name,
        f"{spec.doc} Default: {default}.",
        typeConverter=lambda value: as_param_value(spec.convert(value, spec.name)),
    )


def _getter(spec: Spec, title: str) -> Any:
    def get(self: Params) -> Any:
        return self.getOrDefault(spec.name)

    get.__name__, get.__doc__ = f"get{title}", f"Value of {spec.name} or its default: {spec.doc}"
    return get


def _setter(spec: Spec, title: str) -> Any:
    def set_(self: P, value: Any) -> P:
        self.set(self.getParam(spec.name), value)
        return self

    set_.__name__, set_.__doc__ = f"set{title}", f"Set {spec.name}: {spec.doc}"
    return set_


@with_params(*COLUMN_SPECS, *SERIES_SPECS, *STAGE_SPECS)
class GroupedProphetParams(TableParams):
    """Params of GroupedProphet and of its model."""

    def series_config(self) -> Config:
        """The settings of every series that has no values of its own.

        Raises
        ------
        TypeError, ValueError
            Where two settings do not go together.
        """
        return Config(**self.series_settings())

    def series_settings(self) -> dict[str, Any]:
        """Those of `series_config` by name, as params hold them, without unset ones."""
        values = {spec.name: self._optional(spec.name) for spec in SERIES_SPECS}
        return {name: value for name, value in values.items() if value is not None}
