"""Search spaces from Spark ML params: the builder, and the paper's own space."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from pyspark.ml.param import Param

from sparkprophet.messages import shown
from sparkprophet.search.batched.rounds import propose
from sparkprophet.search.checks import made
from sparkprophet.search.dimensions import Choice, Fixed, Int, Uniform, When
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.values import flag, whole_number


class BayesianParamGridBuilder:
    """Builds a `SearchSpace` from the params of a Spark ML stage, or of a Pipeline's stages.

    Used as `pyspark.ml.tuning.ParamGridBuilder` is: every method returns the builder, and a param
    that is added again takes its new values in its old place. All bounds and values go through
    the param's own type converter.

    `when` makes a param conditional: it is asked for only in trials where all of the params in it
    have one of the values given, and keeps the stage's own value in the others. It is a dict of
    param -> list of values, or one value; a value that is itself a list goes into a list. The
    params named in it have been added before, with `addChoice`, `addGrid` or `addInt`.

    `space()` is what the Bayesian tuners take. For any other tuner, Spark's own ones too, `build`
    and `tell` give the search in rounds.

    Parameters
    ----------
    seed : int
        Of the points that `build` proposes.

    Raises
    ------
    TypeError
        From each method, for anything but a `pyspark.ml.param.Param`.
    TypeError, ValueError
        For values that the param or the search does not take: the param as `Stage.param`, the
        value found and what it must be.

    Examples
    --------
    >>> BayesianParamGridBuilder().addUniform(lr.regParam, 1e-4, 1.0, log=True).space()
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = whole_number("seed", seed)
        self._entries: list[Uniform | Int | Choice | Fixed] = []
        self._params: dict[tuple[str | None, str], Param[Any]] = {}
        self._history: list[_Tried] = []

    def addUniform(
        self,
        param: Param[Any],
        low: float,
        high: float,
        log: bool = False,
        when: Mapping[Param[Any], Any] | None = None,
    ) -> BayesianParamGridBuilder:
        """Search a real number in [low, high], evenly in its logarithm with `log`."""
        label = _label(param)
        low, high = _converted(param, "low", low), _converted(param, "high", high)
        whens = self._whens(param, when)
        entry = made(label, Uniform, param.name, low, high, log, param.parent, when=whens)
        # Spark's toInt takes whole floats: only a value between the bounds shows an int param.
        between = entry.low + 0.381966 * (entry.high - entry.low)
        if _converted(param, "a number of the range", between, "use addInt") != between:
            raise TypeError(
                f"{label}: a number of the range: found {between!r}, which the param changes; "
                "use addInt or addChoice"
            )
        return self._put(param, entry)

    def addInt(
        self,
        param: Param[Any],
        low: int,
        high: int,
        step: int = 1,
        log: bool = False,
        when: Mapping[Param[Any], Any] | None = None,
    ) -> BayesianParamGridBuilder:
        """Search low, low + step, ... up to high, inclusive; `log` goes with step=1 only."""
        low, high = (
            _whole(_converted(param, name, bound)) for name, bound in (("low", low), ("high", high))
        )
        label, whens = _label(param), self._whens(param, when)
        return self._put(
            param, made(label, Int, param.name, low, high, step, log, param.parent, when=whens)
        )

    def addChoice(
        self, param: Param[Any], values: Iterable[Any], when: Mapping[Param[Any], Any] | None = None
    ) -> BayesianParamGridBuilder:
        """Search one of `values`: numbers, strings, booleans or lists of these."""
        label = _label(param)
        # A set's order differs between processes, and with it what the sampler would draw.
        if isinstance(values, (str, bytes, set, frozenset, Mapping)) or not isinstance(
            values, Iterable
        ):
            raise TypeError(f"{label}: values: found {shown(values)}, must be a list of values")
        converted = [
            _converted(param, f"values[{position}]", value) for position, value in enumerate(values)
        ]
        whens = self._whens(param, when)
        return self._put(
            param, made(label, Choice, param.name, converted, param.parent, when=whens)
        )

    def addGrid(
        self, param: Param[Any], values: Iterable[Any], when: Mapping[Param[Any], Any] | None = None
    ) -> BayesianParamGridBuilder:
        """`addChoice`, under the name that it has in `ParamGridBuilder`."""
        return self.addChoice(param, values, when)

    def baseOn(
        self, *args: Mapping[Param[Any], Any] | tuple[Param[Any], Any]
    ) -> BayesianParamGridBuilder:
        """Fix params for all trials: one ParamMap, or any number of (param, value) pairs."""
        pairs = args[0].items() if len(args) == 1 and isinstance(args[0], Mapping) else args
        for pair in pairs:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"baseOn: found {shown(pair)}, must be one dict of param -> value, or "
                    "(param, value) pairs"
                )
            param, value = pair
            label = _label(param)
            value = _converted(param, "value", value)
            self._put(param, made(label, Fixed, param.name, value, param.parent))
        return self

    def space(self) -> SearchSpace:
        """The search space so far.

        Returns
        -------
        SearchSpace

        Raises
        ------
        ValueError
            Where nothing was added to be searched, and where a param that others depend on was
            added again and no longer has the values that they name.
        """
        searched = tuple(entry for entry in self._entries if not isinstance(entry, Fixed))
        if not searched:
            raise ValueError(
                "BayesianParamGridBuilder: found no param to search; call addUniform, addInt or "
                "addChoice first"
            )
        return SearchSpace(
            searched, tuple(entry for entry in self._entries if isinstance(entry, Fixed))
        )

    def build(self, count: int) -> list[dict[Param[Any], Any]]:
        """`count` ParamMaps to try next, as `ParamGridBuilder.build` gives all of a grid.

        They fill the space evenly (a Latin hypercube) until `tell` has brought a metric; from then
        on they are TPE's. What was built and not told yet counts as being tried.

        Parameters
        ----------
        count : int
            At least 1.

        Returns
        -------
        list of dict
            Param -> value, those of `baseOn` too.

        Raises
        ------
        TypeError, ValueError
            For any other `count`.
        ValueError
            As `space`, and for a builder from JSON, which knows no stage.
        """
        count, space = whole_number("count", count, 1), self.space()
        keyed = self._keyed(space)
        history = [(tried.point(keyed), tried.loss) for tried in self._history]
        maps = [
            {keyed[key]: keyed[key].typeConverter(value) for key, value in point.items()}
            for point in propose(space, history, count, self._seed)
        ]
        self._history += [_Tried(param_map, None) for param_map in maps]
        return maps

    def tell(
        self,
        paramMaps: Iterable[Mapping[Param[Any], Any]],
        metrics: Iterable[float],
        isLargerBetter: bool,
    ) -> BayesianParamGridBuilder:
        """Learn the metrics of ParamMaps, such as a model's `avgMetrics`.

        Parameters
        ----------
        paramMaps : iterable of mapping
            Param -> value; they need not come from `build`.
        metrics : iterable of float
            One per map; a NaN is a failure.
        isLargerBetter : bool
            Of the metric.

        Returns
        -------
        BayesianParamGridBuilder
            This one.

        Raises
        ------
        TypeError, ValueError
            For anything but one number per map.
        """
        param_maps, values = list(paramMaps), list(metrics)
        flag("isLargerBetter", isLargerBetter)
        if len(param_maps) != len(values):
            raise ValueError(
                f"tell: found {len(param_maps)} paramMaps and {len(values)} metrics, must be "
                "one metric per map"
            )
        for param_map, value in zip(param_maps, values, strict=True):
            if not isinstance(param_map, Mapping) or not isinstance(value, Real):
                raise TypeError(
                    f"tell: found {shown(param_map)} with {shown(value)}, must be a dict of param "
                    "-> value and a number for each"
                )
            told = _Tried(dict(param_map), -float(value) if isLargerBetter else float(value))
            open_ones = [
                position
                for position, tried in enumerate(self._history)
                if tried.loss is None and tried.param_map == told.param_map
            ]
            if open_ones:
                self._history[open_ones[0]] = told
            else:
                self._history.append(told)
        return self

    def _keyed(self, space: SearchSpace) -> dict[str, Param[Any]]:
        """Key of the space -> param."""
        params = {}
        for key, entry in space.keyed().items():
            if (entry.parent, entry.name) not in self._params:
                raise ValueError(
                    f"build: the builder was made from JSON and has no stage for {key!r}; add the "
                    "params of a stage to a new builder"
                )
            params[key] = self._params[entry.parent, entry.name]
        return params

    def toJson(self) -> str:
        """The JSON text of `space()`."""
        return self.space().toJson()

    @staticmethod
    def fromJson(text: str) -> BayesianParamGridBuilder:
        """A builder whose `space()` equals the one written; raises as `SearchSpace.fromJson`."""
        space = SearchSpace.fromJson(text)
        builder = BayesianParamGridBuilder()
        builder._entries = [*space.dimensions, *space.fixed]
        return builder

    def _put(
        self, param: Param[Any], entry: Uniform | Int | Choice | Fixed
    ) -> BayesianParamGridBuilder:
        self._params[param.parent, param.name] = param
        position = self._position(entry)
        self._entries[position : position + 1] = [entry]
        return self

    def _position(self, entry: Any) -> int:
        """The place of a param, given as itself or as an entry; the end if it is new."""
        owner = (entry.parent, entry.name)
        owners = [(other.parent, other.name) for other in self._entries]
        return owners.index(owner) if owner in owners else len(owners)

    def _whens(self, param: Param[Any], when: Mapping[Param[Any], Any] | None) -> tuple[When, ...]:
        label = f"{_label(param)}: when"
        if when is None:
            return ()
        if not isinstance(when, Mapping):
            raise TypeError(
                f"{label}: found {shown(when)}, must be a dict of param -> list of values"
            )
        return tuple(self._when(label, param, other, values) for other, values in when.items())

    def _when(self, label: str, param: Param[Any], other: Param[Any], given: Any) -> When:
        named, position = _label(other), self._position(other)
        if position >= self._position(param):
            raise ValueError(
                f"{label}: found {named}, which was not added before it; add it first, with "
                "addChoice or addInt"
            )
        many = isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))
        # A set's order differs between processes, and with it the text of a space.
        if isinstance(given, (set, frozenset)):
            raise TypeError(f"{label}: {named}: found {shown(given)}, must be a list of values")
        values = [_converted(other, "when", value) for value in (given if many else [given])]
        condition = made(f"{label}: {named}", When, other.name, values, other.parent)
        condition.check(f"{label}: {named}", self._entries[position])
        return condition


@dataclass(frozen=True)
class _Tried:
    """A ParamMap and its loss, None as long as nobody has told it."""

    param_map: dict[Param[Any], Any]
    loss: float | None

    def point(self, keyed: Mapping[str, Param[Any]]) -> dict[str, Any]:
        """Key -> value of the params that are searched."""
        return {key: self.param_map[p] for key, p in keyed.items() if p in self.param_map}


def _label(param: Param[Any]) -> str:
    """`Stage.param`: the stage's class as in its uid, without the random end."""
    # A class's own attribute (LinearRegression.regParam) is a Param too, but of no stage.
    if not isinstance(param, Param) or param.parent == "undefined":
        raise TypeError(
            f"BayesianParamGridBuilder: found {shown(param)} for the param, must be a Param of a "
            "stage that was made, such as lr.regParam with lr = LinearRegression()"
        )
    return f"{re.sub('_[0-9a-f]{12}$', '', param.parent)}.{param.name}"


def _converted(
    param: Param[Any], what: str, value: Any, remedy: str = "give a value that can be set on it"
) -> Any:
    label = _label(param)
    try:
        return param.typeConverter(value)
    except Exception as error:  # a converter is the stage's own code and may raise anything
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{label}: {what}: found {shown(value)}, which the param does not take "
            f"({str(error)[:200]}); {remedy}"
        ) from error


def _whole(bound: Any) -> Any:
    """A whole float as an int: what a float param's converter makes of an int bound."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound
