"""Fit, forecast, components and record of one series, against stock Prophet called by hand.

The fits are Stan's own, so that what is made of them can be compared digit by digit.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from prophet.serialize import model_from_json, model_to_json

import stock
from cases import AHEAD, CASES, history_of, rows
from percentiles import assert_percentile
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import components, forecast
from sparkprophet.series.genuine_prophet import prophet_of
from sparkprophet.series.state import State

SEED = 11


@dataclass
class Both:
    """Our fit and Prophet's of one case, the rows to forecast and Prophet's forecast of them."""

    config: Config
    fit: Any
    model: Any
    wanted: Series
    table: pd.DataFrame


@pytest.fixture(scope="module", params=CASES)
def both(request):
    case = CASES[request.param]
    history = history_of(case)
    config = Config(solver="stan", **case.ours)
    model = stock.fitted(history, case.prepare, **case.theirs)
    wanted = rows(case).take(np.arange(max(0, case.n - 15), case.n + AHEAD))
    outcome = fit(history, config)
    return Both(config, outcome, model, wanted, stock.predicted(model, wanted, SEED))


def columns_of(found):
    return {"yhat": found.yhat, "yhat_lower": found.lower, "yhat_upper": found.upper}


def test_forecast_and_intervals(both):
    assert (both.fit.status, both.fit.error_message) == ("ok", None)
    found = forecast(both.fit.state, both.config, both.wanted, SEED)
    np.testing.assert_allclose(found.yhat, both.table["yhat"], rtol=1e-9)
    futures = stock.futures(both.model, both.wanted, SEED)
    tail = (1 - both.config.intervalWidth) / 2
    for values, share in ((found.lower, tail), (found.upper, 1 - tail)):
        assert_percentile(values, share, both.config.uncertaintySamples, futures)


def test_no_samples_no_intervals(both):
    config = both.config.replace({"uncertaintySamples": 0})
    found = forecast(both.fit.state, config, both.wanted, SEED)
    np.testing.assert_allclose(found.yhat, both.table["yhat"], rtol=1e-9)
    assert np.isnan(found.lower).all() and np.isnan(found.upper).all()


def test_components(both):
    both.model.uncertainty_samples, samples = 0, both.model.uncertainty_samples
    table = both.model.predict(stock.frame(both.wanted, with_y=False))
    both.model.uncertainty_samples = samples
    found = components(both.fit.state, both.config, both.wanted)
    expected = [name for name in table if name not in ("ds", "cap", "floor", "yhat")]
    assert sorted(found) == sorted(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], table[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_log_posterior_is_stans(both):
    lp = both.model.params.get("lp__")
    assert both.fit.log_posterior == (None if lp is None else lp[0, 0])
    assert both.fit.solver == "stan"


def test_facts_of_the_history(both):
    history = both.model.history
    assert both.fit.n_obs == len(history)
    assert both.fit.start == history["ds"].min()
    assert both.fit.end == history["ds"].max()
    np.testing.assert_array_equal(both.fit.state.history.y, history["y"])


def as_lists(record):
    """The record as JSON can hold it."""
    plain = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in record.items()}
    plain["columns"] = [values.tolist() for values in record["columns"]]
    return json.loads(json.dumps(plain))


def through_arrow(record):
    """The record as Spark's workers hand it on."""
    doubles = pa.list_(pa.float64())
    kind = pa.struct(
        [
            ("facts", pa.string()), ("parameters", doubles), ("ds", pa.list_(pa.int64())),
            ("y", doubles), ("columns", pa.list_(doubles)),
        ]
    )  # fmt: skip
    return pa.array([record], type=kind)[0].as_py()


@pytest.mark.parametrize("carry", [dict, as_lists, through_arrow])
def test_record_gives_the_same_bits(both, carry):
    state = State.from_record(carry(both.fit.state.to_record()))
    before = columns_of(forecast(both.fit.state, both.config, both.wanted, SEED))
    after = columns_of(forecast(state, both.config, both.wanted, SEED))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
    assert state.seasonalities == both.fit.state.seasonalities
    assert state.scales == both.fit.state.scales
    np.testing.assert_array_equal(state.changepoints, both.fit.state.changepoints)


def test_a_genuine_prophet(both):
    from prophet import Prophet

    model = prophet_of(both.fit.state, both.config)
    assert type(model) is Prophet
    table = stock.predicted(model, both.wanted, SEED)
    for name in both.table:
        assert name in table
    pd.testing.assert_frame_equal(table[both.table.columns], both.table, rtol=1e-9)


# What Prophet itself keeps in its JSON but a forecast does not need, or that says how a model was
# made: we name every seasonality and leave nothing on "auto".
INCIDENTAL = {
    "fit_kwargs", "history_dates", "yearly_seasonality", "weekly_seasonality",
    "daily_seasonality", "seasonalities", "params", "history", "changepoints", "holidays",
    "train_holiday_names",
}  # fmt: skip


def test_json_of_the_genuine_prophet(both):
    ours, theirs = (
        json.loads(model_to_json(m)) for m in (prophet_of(both.fit.state, both.config), both.model)
    )
    for name in set(theirs) - INCIDENTAL:
        assert ours[name] == theirs[name], name
    for name, values in ours["params"].items():
        assert values == theirs["params"][name], name
    again = model_from_json(json.dumps(ours))
    assert ours["seasonalities"][0] == theirs["seasonalities"][0]
    table = stock.predicted(again, both.wanted, SEED)
    np.testing.assert_allclose(table["yhat"], both.table["yhat"], rtol=1e-9)
