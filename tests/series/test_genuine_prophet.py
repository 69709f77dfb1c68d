"""The Prophet that a state gives back does everything a fitted Prophet does."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from prophet.diagnostics import cross_validation

import stock
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.genuine_prophet import prophet_of
from sparkprophet.series.state import State

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def pair():
    """Our genuine Prophet beside stock's: holidays, a regressor, a condition, changepoints."""
    i = np.arange(150)
    rng = np.random.default_rng(2)
    promo, weekend = (i % 9 == 0).astype(float), (i % 7 > 4).astype(float)
    ds = np.datetime64("2022-01-01", "us") + i * np.timedelta64(1, "D")
    y = 5 + 0.1 * i + promo + weekend * np.sin(i) + rng.normal(0, 0.2, 150)
    series = Series(ds, y, {"promo": promo, "weekend": weekend})
    marks = ["2022-01-20", "2022-03-01", "2022-04-28"]
    config = Config(
        solver="stan",
        changepoints=marks,
        countryHolidays="US",
        regressors=["promo"],
        seasonalities=[{"name": "we", "period": 7, "fourierOrder": 2, "conditionCol": "weekend"}],
        uncertaintySamples=50,
    )

    def prepare(model):
        model.add_seasonality("we", 7, 2, condition_name="weekend")
        model.add_regressor("promo")
        model.add_country_holidays("US")

    model = stock.fitted(series, prepare, changepoints=marks, uncertainty_samples=50)
    return prophet_of(fit(series, config).state, config), model


def test_cross_validation(pair):
    tables = []
    for model in pair:
        np.random.seed(3)
        tables.append(
            cross_validation(
                model, horizon="20 days", period="30 days", initial="80 days", disable_tqdm=True
            )
        )
    assert len(tables[1]) == 40
    pd.testing.assert_frame_equal(*tables, rtol=1e-9)


def test_future_frame_and_history_prediction(pair):
    ours, theirs = (model.make_future_dataframe(7) for model in pair)
    pd.testing.assert_frame_equal(ours, theirs)
    for model in pair:
        model.uncertainty_samples = 0
    ours, theirs = (model.predict(model.history.copy()) for model in pair)
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs, rtol=1e-9)


def test_plots(pair):
    from prophet.plot import add_changepoints_to_plot

    for model in pair:
        model.uncertainty_samples = 50
    model = pair[0]
    table = model.predict(
        stock.frame(
            Series(
                model.history["ds"].to_numpy(),
                model.history["y"].to_numpy(),
                {"promo": model.history["promo"].to_numpy(), "weekend": model.history["weekend"]},
            )
        )
    )
    figure = model.plot(table)
    add_changepoints_to_plot(figure.gca(), model, table, threshold=0)
    assert len(figure.gca().lines) > 4
    assert len(model.plot_components(table).axes) == 5


def test_a_fallback_is_no_prophet():
    history = Series(np.array(["2024-01-01"], "datetime64[us]"), np.ones(1))
    with pytest.raises(ValueError, match="'mean'"):
        prophet_of(State("mean", history), Config())
