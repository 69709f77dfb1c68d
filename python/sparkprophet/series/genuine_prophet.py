"""Between a config with a state and a genuine `prophet.Prophet`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sparkprophet.numerics.arrays import Times
from sparkprophet.series import frequency, holidays, stan
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.holidays import check_country
from sparkprophet.series.seasonality import Seasonality
from sparkprophet.series.state import CombinedState, FittedState, Parameters, Scales, State


def build(prophet: type, config: Config, seasonalities: tuple[Seasonality, ...]) -> Any:
    """An unfitted model of class `prophet` with everything that the config says.

    Raises
    ------
    SeriesError
        HOLIDAYS_INVALID for a country that the `holidays` package does not know, or one with a
        holiday that has the name of something else.
    """
    import pandas as pd

    switches = {"yearly", "weekly", "daily"}
    # "auto" leaves a seasonality of that name alone once it is added below; off must be said.
    on = {season.name: "auto" for season in seasonalities if season.name in switches}
    model = prophet(
        growth=config.growth,
        changepoints=None if config.changepoints is None else _instants(config.changepoints),
        n_changepoints=config.nChangepoints,
        changepoint_range=config.changepointRange,
        changepoint_prior_scale=config.changepointPriorScale,
        seasonality_mode=config.seasonalityMode,
        seasonality_prior_scale=config.seasonalityPriorScale,
        holidays_prior_scale=config.holidaysPriorScale,
        holidays_mode=config.holidaysMode,
        holidays=_holidays(config, pd),
        scaling=config.scaling,
        interval_width=config.intervalWidth,
        uncertainty_samples=config.uncertaintySamples,
        **{f"{name}_seasonality": on.get(name, False) for name in switches},
    )
    for season in seasonalities:
        model.add_seasonality(
            season.name,
            season.period,
            season.order,
            season.prior_scale,
            season.mode,
            season.condition,
        )
    for term in config.regressors:
        model.add_regressor(term["name"], term["priorScale"], term["standardize"], term["mode"])
    if config.countryHolidays is not None:
        check_country(config, config.countryHolidays)
        if not holidays.has_subdivision(config.countryHolidays):
            model.country_holidays = config.countryHolidays
    return model


def frame(series: Series, with_y: bool = True) -> Any:
    """The series as a frame that Prophet takes: ds in nanoseconds, y, columns, conditions."""
    import pandas as pd

    values: dict[str, Any] = {"ds": series.ds.astype("datetime64[ns]")}
    if with_y:
        values["y"] = series.y
    return pd.DataFrame(values | dict(series.columns))


def state_of(model: Any, series: Series, seasonalities: tuple[Seasonality, ...]) -> FittedState:
    """What is kept of a fitted model.

    Raises
    ------
    SeriesError
        SOLVER_FAILED where a parameter is not finite.
    """
    p = {name: np.asarray(model.params[name], dtype=np.float64) for name in model.params}
    parameters = Parameters(
        float(p["k"].item()),
        float(p["m"].item()),
        float(p["sigma_obs"].item()),
        p["delta"].ravel(),
        p["beta"].ravel(),
    )
    singles = (parameters.k, parameters.m, parameters.sigma_obs)
    if not all(np.isfinite(v).all() for v in (singles, parameters.delta, parameters.beta)):
        raise SeriesError(
            "SOLVER_FAILED", "a parameter is not finite; simplify the model or set a fallback"
        )
    names = model.train_holiday_names
    columns = model.make_all_seasonality_features(model.history)[0].columns
    return FittedState(
        series,
        parameters,
        Scales(
            np.datetime64(model.start, "us"),
            int(model.t_scale.value // 1000),
            float(model.y_min),
            float(model.y_scale),
            bool(model.logistic_floor),
            {n: (float(v["mu"]), float(v["std"])) for n, v in model.extra_regressors.items()},
        ),
        seasonalities,
        np.asarray(model.changepoints, dtype="datetime64[us]"),
        () if names is None else tuple(names),
        _holiday_columns(columns, model),
    )


def rebuild(prophet: type, state: FittedState, config: Config) -> Any:
    """The fitted model of class `prophet` that predicts what the state says."""
    import pandas as pd

    model = build(prophet, config, state.seasonalities)
    scales, parameters = state.scales, state.parameters
    model.start = pd.Timestamp(scales.start.astype("datetime64[ns]"))
    model.t_scale = pd.Timedelta(scales.span, "us").as_unit("ns")
    model.y_min, model.y_scale = scales.y_min, scales.y_scale
    model.logistic_floor = scales.own_floor
    for name, (mean, deviation) in scales.regressors.items():
        model.extra_regressors[name] |= {"mu": mean, "std": deviation}
    if config.holidays or config.countryHolidays:
        # Also where the fit saw none: then a forecast has none either.
        model.train_holiday_names = pd.Series(state.holiday_names, dtype=object)
    model.changepoints = pd.Series(state.changepoints.astype("datetime64[ns]"), name="ds")
    model.n_changepoints = len(model.changepoints)
    model.params = {
        "k": np.array([[parameters.k]]),
        "m": np.array([[parameters.m]]),
        "sigma_obs": np.array([[parameters.sigma_obs]]),
        "delta": parameters.delta.reshape(1, -1),
        "beta": parameters.beta.reshape(1, -1),
    }
    _set_components(model, state, pd)
    history = frame(state.history)
    model.history_dates = history["ds"].drop_duplicates().reset_index(drop=True)
    model.history = model.setup_dataframe(history)
    model.set_changepoints()
    return model


def prophet_of(state: State, config: Config) -> Any:
    """A genuine `prophet.Prophet`, fitted: it predicts, plots and cross-validates as any other.

    Of a combination it is the heaviest fit. Its trend goes on as Prophet's, whatever the config
    says.

    Raises
    ------
    ValueError
        For a state that a fallback forecasts.
    """
    if isinstance(state, CombinedState):
        heaviest = state.members[0]
        state, config = heaviest.state, config.replace(heaviest.settings)
    if not isinstance(state, FittedState):
        raise ValueError(f"this group is forecast by the fallback {state.method!r}, not by Prophet")
    with stan.quiet():
        from prophet import Prophet

        return rebuild(Prophet, state, config)


def plot(model: Any) -> Any:
    """A matplotlib Figure of a fitted Prophet: its history and a forecast of a tenth of it."""
    ds = model.history["ds"].to_numpy().astype("datetime64[us]")
    step = frequency.infer(ds)
    future = step.shift(ds[-1], np.arange(1, max(2 * step.season, len(ds) // 10) + 1))
    rows = model.history.drop(columns=["y", "y_scaled", "t", "cap_scaled"], errors="ignore")
    if not model.extra_regressors:
        rows = rows.reindex(range(len(rows) + len(future))).ffill()
        rows.loc[len(ds) :, "ds"] = future.astype("datetime64[ns]")
    for name, props in model.extra_regressors.items():
        rows[name] = rows[name] * props["std"] + props["mu"]
    return model.plot(model.predict(rows))


def _set_components(model: Any, state: FittedState, pd: Any) -> None:
    """Which design column belongs to which component, as a fit would have found it."""
    columns = [
        f"{season.name}_delim_{i + 1}"
        for season in state.seasonalities
        for i in range(2 * season.order)
    ]
    columns += [*state.holiday_columns, *model.extra_regressors]
    modes: dict[str, list[str]] = {"additive": [], "multiplicative": []}
    for season in state.seasonalities:
        modes[season.mode].append(season.name)
    modes[model.holidays_mode].extend(state.holiday_names)
    for name, props in model.extra_regressors.items():
        modes[props["mode"]].append(name)
    design = pd.DataFrame(columns=columns or ["zeros"])
    model.train_component_cols, model.component_modes = model.regressor_column_matrix(design, modes)


def _holiday_columns(columns: Any, model: Any) -> tuple[str, ...]:
    seasons = sum(2 * props["fourier_order"] for props in model.seasonalities.values())
    end = len(columns) - len(model.extra_regressors)
    return () if list(columns) == ["zeros"] else tuple(columns[seasons:end])


def _instants(texts: Sequence[str]) -> Times:
    return np.array(texts, dtype="datetime64[us]").astype("datetime64[ns]")


def _holidays(config: Config, pd: Any) -> Any:
    """Own holidays, and those of a part of a country, which Prophet does not know, as if own."""
    frames = [_own_holidays(config, pd)] if config.holidays else []
    if config.countryHolidays is not None and holidays.has_subdivision(config.countryHolidays):
        days = holidays.known_days(config.countryHolidays)
        frames.append(pd.DataFrame(days, columns=["holiday", "ds"]))
    if not frames:
        return None
    rows = pd.concat(frames, ignore_index=True)
    windows = [name for name in rows if name.endswith("_window")]
    rows[windows] = rows[windows].fillna(0).astype(int)
    return rows


def _own_holidays(config: Config, pd: Any) -> Any:
    rows = pd.DataFrame(
        {
            "holiday": [term["holiday"] for term in config.holidays],
            "ds": _instants([term["ds"] for term in config.holidays]),
            "lower_window": [term["lowerWindow"] for term in config.holidays],
            "upper_window": [term["upperWindow"] for term in config.holidays],
        }
    )
    scales = [term["priorScale"] for term in config.holidays]
    if any(scale is not None for scale in scales):
        rows["prior_scale"] = [np.nan if scale is None else scale for scale in scales]
    return rows
