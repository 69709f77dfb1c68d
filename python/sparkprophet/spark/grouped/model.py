"""GroupedProphetModel: the table of fitted models, and what is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from pyspark.ml import Model
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.messages import clip
from sparkprophet.report.report import Report, make_report
from sparkprophet.report.scaling import Run
from sparkprophet.report.shapes import shape
from sparkprophet.series import genuine_prophet
from sparkprophet.series.config import FORECAST_SETTINGS, SETTINGS
from sparkprophet.spark import columns
from sparkprophet.spark.errors import FitFailedError
from sparkprophet.spark.grouped import forecasting, timings
from sparkprophet.spark.grouped.summary import Summary
from sparkprophet.spark.input_checks import check_input
from sparkprophet.spark.params import GroupedProphetParams
from sparkprophet.spark.saving.models_table import read_models, write_models
from sparkprophet.spark.saving.stages import StageReader, StageWriter
from sparkprophet.spark.schema import COMPARISON, SEARCH

# Characters: three of them, with their codes and counts, stay within those of any message.
_EXAMPLE_LIMIT = 90


class GroupedProphetModel(GroupedProphetParams, Model, MLWritable, MLReadable[Any]):
    """Fitted models, one row per key of the fitted DataFrame, whatever happened to it.

    Made by `GroupedProphet.fit` and `GroupedProphetTuner.fit`, or loaded; has their params.
    """

    def __init__(
        self,
        table: DataFrame | None = None,
        summary: Summary | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        # Unset only where a class is asked for its params.
        self._table = cast(DataFrame, table)
        self._summary = cast(Summary, summary)
        # Those of the fit, to tell what was set since.
        self._fit_settings = settings or {}

    @property
    def models(self) -> DataFrame:
        """One row per key: key columns, status, solver, error_code, error_message, n_obs, start,
        end, log_posterior, fit_seconds, cpu_seconds, host, pid, started_at, config (JSON), state;
        after a search best_value, n_trials, stopped_by, untuned_value, naive_value too.
        """
        return self._table.drop("trials")

    @property
    def failures(self) -> DataFrame:
        """Keys with an error: key columns, status, error_code, error_message, n_obs, start, end."""
        shown = ["status", "error_code", "error_message", "n_obs", "start", "end"]
        return self._table.filter(F.col("error_code").isNotNull()).select(*self._keys(), *shown)

    @property
    def trials(self) -> DataFrame:
        """Every trial of every key's search: key columns, trial, value, state, params (JSON),
        seconds, cpu_seconds, error.

        Raises
        ------
        ValueError
            For a model that was not tuned.
        """
        self._check_searched("trials")
        return self._table.select(*self._keys(), F.inline("trials"))

    @property
    def comparison(self) -> DataFrame:
        """The metric of each key on a holdout that neither search nor weights saw, the one before
        the oldest that they did see: key columns, tuned, untuned (the estimator's own values) and
        seasonal_naive. NULL for keys without so much history.

        Raises
        ------
        ValueError
            For a model that was not tuned.
        """
        self._check_searched("comparison")
        values = [F.col(source).alias(name) for name, source in COMPARISON.items()]
        return self._table.select(*self._keys(), *values)

    def comparison_text(self) -> str:
        """`comparison` in a few lines: medians of the metric and how many keys got better."""
        compared = self.comparison.filter("tuned IS NOT NULL")
        facts = compared.agg(
            F.count("*"),
            F.median("tuned"),
            F.median("untuned"),
            F.median("seasonal_naive"),
            F.count_if(F.col("tuned") < F.col("untuned")),
            F.count_if(F.col("tuned") < F.col("seasonal_naive")),
        ).collect()[0]
        count, tuned, untuned, naive, beats_untuned, beats_naive = facts
        searched = self._table.filter("best_value IS NOT NULL").count()
        if not searched:
            return "no group was tuned"
        if not count:
            return f"{searched} groups tuned; none has a holdout that the search did not see"
        return "\n".join(
            [
                f"{searched} groups tuned; {count} have an older holdout that the search did not "
                "see; median of the metric on it:",
                f"  tuned           {tuned:.6g}",
                f"  untuned         {untuned:.6g}  (tuned is better in {beats_untuned} groups)",
                f"  seasonal naive  {naive:.6g}  (tuned is better in {beats_naive} groups)",
            ]
        )

    def _keys(self) -> list[Column]:
        return [columns.quoted(name) for name in self.getOrDefault("groupCols")]

    def _fitted(self) -> forecasting.Fitted:
        """The models as they forecast now.

        Raises
        ------
        ValueError
            For a setting that was changed since the fit and that a forecast cannot change.
        """
        zone = None
        if isinstance(self._table.schema["end"].dataType, T.TimestampType):
            # Models saved before it was kept: as the session has it.
            zone = self._summary.time_zone or columns.session_zone(self._table)
        changed = {}
        before, now = self._fit_settings, self.series_settings()
        for name in sorted(before.keys() | now.keys()):
            if now.get(name) == before.get(name):
                continue
            if name not in FORECAST_SETTINGS:
                raise ValueError(
                    f"{name}: found {now.get(name)!r}, must be {before.get(name)!r} as in the fit; "
                    "fit again, or set it back (what can be set of fitted models is "
                    f"{', '.join(FORECAST_SETTINGS)})"
                )
            changed[name] = now[name]
        return forecasting.Fitted(self._table, self, self.series_config(), zone, changed)

    def _check_searched(self, what: str) -> None:
        if SEARCH[0].name not in self._table.columns:
            raise ValueError(f"{what}: this model was fitted, not tuned; use GroupedProphetTuner")

    @property
    def summary(self) -> Summary:
        """Counts by status, solver and error code, seconds, CPU utilisation of the fit."""
        return self._summary

    def report(
        self,
        compare: Sequence[GroupedProphetModel] = (),
        shapes: Iterable[str] = (),
        price: float | None = None,
        deadline: float | None = None,
    ) -> Report:
        """How the fit used the slots, what held it back, and what other clusters would take.

        Parameters
        ----------
        compare : sequence of GroupedProphetModel
            Models of the same fit with another `parallelism` or cluster: measured speedups.
        shapes : iterable of str
            Clusters to predict as EXECUTORSxCORES, such as "4x8"; by default 1, 2, 4, ...
            executors of the size of this fit's hosts, while more of them save 5 %.
        price : float, optional
            Of one core for one hour, in any unit.
        deadline : float, optional
            Seconds; the report names the cheapest shape that meets it.

        Returns
        -------
        Report
            To print; `to_dict()` gives JSON values, `to_html()` a page with plots. At most 50,000
            rows come to the driver, for any number of groups.

        Raises
        ------
        ValueError
            For a shape, price or deadline out of range, a model of another number of groups, or
            one without timings.
        """
        for other in compare:
            if other.summary.groups != self.summary.groups:
                raise ValueError(
                    f"compare: found a model of {other.summary.groups} groups, must be the same "
                    f"job as this one's {self.summary.groups}"
                )
        runs = [Run(other.summary.slots, other.summary.wall_seconds) for other in compare]
        wanted = [shape(text) for text in shapes]
        return make_report(
            timings.collect(self._table, self._summary), runs, wanted, price, deadline
        )

    def _transform(self, dataset: DataFrame) -> DataFrame:
        fitted = self._fitted()
        check_input(dataset, self, fitted.config, fitting=False)
        return forecasting.transform(dataset, fitted)

    def forecast(
        self,
        horizon: int,
        freq: str | None = None,
        includeHistory: bool = False,
        regressors: DataFrame | None = None,
    ) -> DataFrame:
        """Forecast every key that has a model, from the step after its own last timestamp.

        Parameters
        ----------
        horizon : int
            Steps ahead; at least 1.
        freq : str, optional
            A pandas frequency such as "D" or "W-THU"; by default each key's own step is found
            from its history, gaps allowed.
        includeHistory : bool
            Also give the fitted values of the history.
        regressors : DataFrame, optional
            Future rows with the key columns, the timestamp and every regressor, condition, cap
            and floor column; needed where the models use regressors or conditions. Its timestamps
            after a key's end are the ones forecast, at most `horizon` of them. Without it, cap
            and floor stay at their last value.

        Returns
        -------
        DataFrame
            Key columns, timestamp, predictionCol, lowerCol, upperCol. A failed key has no rows. One
            with a model that cannot be forecast so far, or within groupTimeout and
            groupMemoryInMB, has by handleInvalid one row of NULLs, none, or is an error; the
            workers' log says why.

        Raises
        ------
        ValueError
            For a bad horizon or freq, or where regressors are missing.
        """
        return forecasting.ahead(self._fitted(), horizon, freq, includeHistory, regressors)

    def components(self, dataset: DataFrame) -> DataFrame:
        """The rows of `dataset` with `trend` (label's unit) and `components`, a map of every
        component's value by name as `Prophet.predict` names them: additive ones in the label's
        unit, multiplicative ones as a share of the trend. NULL for rows that cannot be forecast.
        """
        fitted = self._fitted()
        check_input(dataset, self, fitted.config, fitting=False)
        return forecasting.components(dataset, fitted)

    def prophet(self, **key: Any) -> Any:
        """One key's model as a genuine, fitted `prophet.Prophet`.

        Parameters
        ----------
        **key
            Value of every key column by name; None for NULL.

        Raises
        ------
        KeyError
            For other names than the key columns, or a key that was not fitted.
        ValueError
            For a key whose fit failed, with its code and message.
        """
        return forecasting.prophet(self, self._table, key)

    def plot(self, **key: Any) -> Any:
        """A matplotlib Figure of one key: history, fitted values, a forecast with its interval."""
        return genuine_prophet.plot(self.prophet(**key))

    def unpersist(self) -> GroupedProphetModel:
        """Give back the memory and disk of the fitted table; a model saved and loaded needs none.

        What is still derived from this model would be fitted again.
        """
        self._table.unpersist()
        return self

    def write(self) -> StageWriter:
        """A writer: `write().overwrite().save(path)`."""
        extra = {"summary": self._summary.to_dict(), "fitSettings": self._fit_settings}
        return StageWriter(self, extra, lambda path: {"models": write_models(self._table, path)})

    @classmethod
    def read(cls) -> StageReader:
        """A reader: `read().load(path)`, or shorter `GroupedProphetModel.load(path)`."""

        def build(spark: SparkSession, path: str, metadata: dict[str, Any]) -> GroupedProphetModel:
            saved = metadata["defaultParamMap"] | metadata["paramMap"]
            model = cls()
            keys = model.getParam("groupCols").typeConverter(saved["groupCols"])
            table = read_models(spark, path, metadata["models"], keys)
            # Models saved before they were kept have not been set otherwise, and what was no
            # setting then had the effect that its default has now.
            kept = metadata.get("fitSettings", saved)
            settings = model.series_settings() | {
                name: model.getParam(name).typeConverter(kept[name])
                for name in (field.name for field in SETTINGS)
                if kept.get(name) is not None
            }
            return cls(table, Summary.from_dict(metadata["summary"]), settings)

        return StageReader(cls, build)


GroupedProphetModel.__module__ = "sparkprophet"


def finish(
    stage: Any, params: GroupedProphetParams, table: DataFrame, summary: Summary
) -> GroupedProphetModel:
    """The model of a finished fit by `stage`, with the params of `params`.

    Raises
    ------
    ValueError
        Where the input had no rows.
    FitFailedError
        Where all groups, or more than maxFailedFraction of them, failed.
    """
    model = GroupedProphetModel(table, summary, params.series_settings())
    params._copyValues(model)
    model._resetUid(stage.uid)
    if not summary.groups:
        raise ValueError("dataset: has no rows, so there is nothing to fit; check its source")
    failed, allowed = summary.failed_fraction, params.getOrDefault("maxFailedFraction")
    if failed == 1 or failed > allowed:
        top = [c for c in summary.counts if c.status == "failed"][:3]
        shown = "; ".join(
            f"{c.groups} x {c.error_code}, such as: {clip(c.example or '', _EXAMPLE_LIMIT)}"
            for c in top
        )
        raise FitFailedError(
            f"{summary.by_status['failed']} of {summary.groups} groups failed "
            f"(maxFailedFraction is {allowed:g}): {shown}",
            model,
        )
    return model
