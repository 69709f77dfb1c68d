"""Combinations of forecasts, against their members fitted and weighed one by one."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sparkprophet import tuning
from sparkprophet.search import SearchSpace, Uniform
from sparkprophet.series import combination, naive
from sparkprophet.series.backtest import Backtest, make_folds
from sparkprophet.series.config import TREND_FORECASTS, Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError
from sparkprophet.series.fit import fit
from sparkprophet.series.forecast import components, forecast
from sparkprophet.series.genuine_prophet import prophet_of
from sparkprophet.series.state import State

CONFIG = Config(uncertaintySamples=0)
FOLDS = Config(combination="folds", horizon=14, uncertaintySamples=0)
SHRUNKEN = {"seasonalityMode": "multiplicative", "seasonalityPriorScale": 0.1}


def daily(rows=200, seed=3):
    random = np.random.default_rng(seed)
    ds = pd.date_range("2023-01-02", periods=rows).to_numpy("datetime64[us]")
    steps = np.arange(rows)
    level = 60 + random.normal(size=rows).cumsum()
    return Series(ds, level + 6 * np.sin(steps * 2 * np.pi / 7) + random.normal(size=rows))


def monthly(rows=48):
    ds = pd.date_range("2015-01-01", periods=rows, freq="MS").to_numpy("datetime64[us]")
    steps = np.arange(rows)
    noise = np.random.default_rng(1).normal(size=rows)
    return Series(ds, 50 + 0.3 * steps + 9 * np.cos(steps * 2 * np.pi / 12) + noise)


def split(series, ahead=14):
    return series.take(slice(0, -ahead)), series.take(slice(-ahead, None))


def alone(past, future, settings, method):
    """A forecast of one member by a fit of its own."""
    config = CONFIG.replace(dict(settings) | {"trendForecast": method})
    outcome = fit(past, config)
    assert outcome.status == "ok", outcome.error_message
    return forecast(outcome.state, config, future, 0).yhat


def members(past, future):
    """All forecasts that a combination is made of, in the order of its rows by settings."""
    ways = [(s, m) for s in ({}, SHRUNKEN) for m in TREND_FORECASTS]
    rows = {(json.dumps(s), m): alone(past, future, s, m) for s, m in ways}
    for method in ("seasonalNaive", "seasonalMean"):
        rows[None, method] = naive.forecast(method, past, future.ds, 0.8)[0]
    return rows


@pytest.fixture(scope="module")
def one():
    past, future = split(daily())
    return past, future, fit(past, FOLDS)


def weights_of(outcome):
    return {
        (row["settings"] and json.dumps(json.loads(row["settings"])), row["method"]): row["weight"]
        for row in outcome.members
    }


def test_weights_are_inverse_errors_on_the_folds(one):
    past, _, outcome = one
    errors = {}
    for back in (14, 28, 42):
        end = len(past) - back
        train, test = past.take(slice(0, end)), past.take(slice(end, end + 14))
        for key, yhat in members(train, test).items():
            errors.setdefault(key, []).append(np.mean((yhat - test.y) ** 2))
    inverse = {key: 1 / np.mean(values) for key, values in errors.items()}
    total = sum(inverse.values())
    by_hand = {key: value / total for key, value in inverse.items()}
    assert weights_of(outcome).keys() == by_hand.keys()
    for key, weight in weights_of(outcome).items():
        assert weight == pytest.approx(by_hand[key], rel=0.01), key


def test_the_forecast_is_the_weighted_mean(one):
    past, future, outcome = one
    weights = weights_of(outcome)
    by_hand = sum(weights[key] * yhat for key, yhat in members(past, future).items())
    found = forecast(outcome.state, FOLDS, future, 0).yhat
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    assert sum(weights.values()) == pytest.approx(1)


def test_components_add_up(one):
    past, future, outcome = one
    for rows in (past, future):
        parts = components(outcome.state, FOLDS, rows)
        yhat = forecast(outcome.state, FOLDS, rows, 0).yhat
        assert np.isfinite(yhat).all()
        np.testing.assert_allclose(
            parts["trend"] * (1 + parts["multiplicative_terms"]) + parts["additive_terms"], yhat
        )
        named = parts["weekly"] + parts["naive"] + parts.get("smoothed_season", 0.0)
        np.testing.assert_allclose(named, parts["additive_terms"], atol=1e-9)


def test_a_state_comes_back_to_the_last_bit(one):
    _, future, outcome = one
    record = outcome.state.to_record()
    # As a row of a table has it: lists of plain numbers.
    again = State.from_record(
        {n: v if isinstance(v, str) else np.asarray(v).tolist() for n, v in record.items()}
    )
    found, kept = (forecast(s, FOLDS, future, 0).yhat for s in (again, outcome.state))
    assert found.tobytes() == kept.tobytes()
    assert json.dumps(again.to_record()["facts"]) == json.dumps(record["facts"])


def test_the_interval_is_as_wide_as_the_heaviest_fits(one):
    past, future, outcome = one
    config = FOLDS.replace({"uncertaintySamples": 200})
    found = forecast(outcome.state, config, future, 5)
    heaviest = outcome.state.members[0]
    own = config.replace({**heaviest.settings, "combination": "none"})
    single = forecast(replace(heaviest.state, trends=((1.0, None),)), own, future, 5)
    np.testing.assert_allclose(found.upper - found.lower, single.upper - single.lower, rtol=1e-9)
    assert (found.lower < found.yhat).all() and (found.yhat < found.upper).all()


def test_the_genuine_prophet_is_the_heaviest_fit(one):
    _, future, outcome = one
    heaviest = outcome.state.members[0]
    model = prophet_of(outcome.state, outcome.config)
    own = CONFIG.replace(dict(heaviest.settings))
    plain = replace(heaviest.state, trends=((1.0, None),))
    expected = forecast(plain, own, future, 0).yhat
    rows = pd.DataFrame({"ds": future.ds.astype("datetime64[ns]")})
    np.testing.assert_allclose(model.predict(rows)["yhat"], expected, rtol=1e-9)


def test_without_a_fold_all_weigh_the_same():
    outcome = fit(daily(9), FOLDS)
    assert [row["weight"] for row in outcome.members] == pytest.approx([0.1] * 10)


@pytest.mark.parametrize("rows", [2, 3, 15, 30])
def test_short_series_are_forecast(rows):
    past, future = split(daily(rows + 5), 5)
    outcome = fit(past, FOLDS)
    assert outcome.status == "ok"
    assert np.isfinite(forecast(outcome.state, FOLDS, future, 0).yhat).all()


@pytest.mark.parametrize("y", [0.0, 7.0, 1e-9])
def test_constant_labels_go_on(y):
    past, future = split(daily(60))
    past = replace(past, y=np.full(len(past), y))
    outcome = fit(past, FOLDS)
    np.testing.assert_allclose(forecast(outcome.state, FOLDS, future, 0).yhat, y, rtol=1e-6)


def test_orders_that_few_steps_a_year_cannot_tell_apart_are_left_out():
    _, shrunken = combination.without_search(monthly(), CONFIG)
    assert shrunken == SHRUNKEN | {"yearlyFourierOrder": 5}
    _, own = combination.without_search(monthly(), CONFIG.replace({"yearlyFourierOrder": 3}))
    assert own == SHRUNKEN
    ds = pd.date_range("1990-12-31", periods=20, freq="YE").to_numpy("datetime64[us]")
    yearly = Series(ds, np.arange(20.0))
    _, without = combination.without_search(yearly, CONFIG)
    off = {"yearlySeasonality": "false", "yearlyFourierOrder": None}
    assert without == SHRUNKEN | off
    assert combination.without_search(daily(), CONFIG)[1] == SHRUNKEN


def test_a_fit_that_fails_is_left_out_and_told(monkeypatch):
    past, future = split(daily())
    real = combination.estimate

    def estimate(used, config, *rest):
        if config.seasonalityMode == "multiplicative":
            raise SeriesError("SOLVER_FAILED", "no number")
        return real(used, config, *rest)

    monkeypatch.setattr(combination, "estimate", estimate)
    outcome = fit(past, FOLDS)
    failed = [row for row in outcome.members if row["error"]]
    assert [json.loads(row["settings"]) for row in failed] == [SHRUNKEN]
    assert failed[0]["error"] == "SOLVER_FAILED: no number" and failed[0]["weight"] == 0
    assert sum(row["weight"] for row in outcome.members) == pytest.approx(1)
    assert np.isfinite(forecast(outcome.state, FOLDS, future, 0).yhat).all()


def test_where_all_fail_the_error_is_the_series(monkeypatch):
    def estimate(*_):
        raise SeriesError("SOLVER_FAILED", "no number")

    monkeypatch.setattr(combination, "estimate", estimate)
    outcome = fit(daily(), FOLDS.replace({"fallback": "mean"}))
    assert (outcome.status, outcome.error_code) == ("fallback", "SOLVER_FAILED")
    assert outcome.members is None


SPACE = SearchSpace(
    (
        Uniform("changepointPriorScale", 0.01, 0.5, log=True),
        Uniform("seasonalityPriorScale", 0.1, 10.0, log=True),
    )
).toJson()


@pytest.mark.parametrize("count", [1, 3])
def test_a_search_combines_its_best_trials_and_what_it_started_from(count):
    past, future = split(daily())
    search = tuning.Search(
        SPACE, 14, "mae", 3, 14, 14, num_trials=8, num_members=count, pruner="none"
    )
    outcome = tuning.tune_series(past, CONFIG, 4, search)
    trials = sorted(outcome.search["trials"], key=lambda row: row["value"])
    best = [json.loads(row["params"]) for row in trials]
    own = {"changepointPriorScale": 0.05, "seasonalityPriorScale": 10.0}
    others = [params for params in best if params != own]
    wanted = [own, own | SHRUNKEN, *others[:count]]
    assert sorted((dict(m.settings) for m in outcome.state.members), key=str) == sorted(
        wanted, key=str
    )
    assert outcome.search["best_value"] == trials[0]["value"]
    by_hand = 0.0
    for row in outcome.members:
        if row["settings"]:
            yhat = alone(past, future, json.loads(row["settings"]), row["method"])
        else:
            yhat = naive.forecast(row["method"], past, future.ds, 0.8)[0]
        by_hand = by_hand + row["weight"] * yhat
    found = forecast(outcome.state, outcome.config, future, 0).yhat
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)


def test_a_search_without_a_holdout_combines_what_it_started_from():
    search = tuning.Search(SPACE, 14, num_trials=3, combination="folds")
    outcome = tuning.tune_series(daily(16), CONFIG, 4, search)
    assert outcome.search["stopped_by"] == "noHoldout"
    assert outcome.config.combination == "folds" and len(outcome.state.members) == 2


def test_a_passed_deadline_is_a_timeout():
    used = daily()
    folds = make_folds(used, 14, 3, 14, 14)
    tests = Backtest(used, CONFIG, folds, "mae", 0, {})
    with pytest.raises(SeriesError) as raised:
        combination.combined(used, CONFIG, [{}], tests, folds, deadline=0.0)
    assert raised.value.code == "TIMEOUT"


def test_the_mean_of_seasons_by_hand():
    ds = pd.date_range("2024-01-01", periods=29).to_numpy("datetime64[us]")
    y = np.arange(29.0)
    kept = np.ones(29, bool)
    kept[15] = False  # a Tuesday two weeks before the last one
    ahead = pd.date_range("2024-01-30", periods=9).to_numpy("datetime64[us]")
    history = Series(ds[kept], y[kept])
    found = naive.forecast("seasonalMean", history, ahead, 0.8)[0]
    # Tuesdays 22, (15), 8; Wednesdays 23, 16, 9; ...; and again from the same weeks.
    expected = [15.0, 16, 17, 18, 19, 20, 21, 15, 16]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_race_gives_up_what_is_worse_on_the_newest_folds(sampler):
    past, _ = split(daily())
    common = {"num_trials": 16, "sampler": sampler, "warm_start": False}
    search = tuning.Search(SPACE, 14, "mae", 3, 14, 14, pruner="halving", **common)
    found = tuning.tune_series(past, CONFIG, 4, search).search["trials"]
    folds = make_folds(past, 14, 3, 14, 14)

    def losses_of(config):
        return [Backtest(past, config, (f,), "mae", 0, {}).loss(config) for f in folds[::-1]]

    # The config that the search starts from has run before.
    own, states = losses_of(CONFIG), []
    rungs = [[own[0]], [np.mean(own[:2])]]
    for row in found:
        losses = losses_of(CONFIG.replace(json.loads(row["params"])))
        state = "COMPLETE"
        for step, rung in enumerate(rungs, start=1):
            mean = np.mean(losses[:step])
            worse = sum(other < mean * (1 - 1e-6) for other in rung)
            rung.append(mean)
            if worse >= len(rung) / 2:
                state = "PRUNED"
                break
        else:
            assert row["value"] == pytest.approx(np.mean(losses), rel=1e-3)
        states.append(state)
    assert [row["state"] for row in found] == states
    assert {"COMPLETE", "PRUNED"} == set(states)
    assert all(row["value"] is None for row in found if row["state"] == "PRUNED")


def test_the_config_it_starts_from_is_judged_on_all_folds_of_a_race():
    past, _ = split(daily())
    search = tuning.Search(SPACE, 14, "mae", 3, 14, 14, num_trials=9, pruner="halving")
    found = tuning.tune_series(past, CONFIG, 4, search).search
    folds = make_folds(past, 14, 3, 14, 14)
    expected = Backtest(past, CONFIG, folds, "mae", 0, {}).loss(CONFIG)
    assert found["untuned_value"] == pytest.approx(expected, rel=1e-12)
    assert found["trials"][0]["value"] == found["untuned_value"]


def test_what_it_is_worth_is_told_of_rows_that_nothing_saw():
    """The same settings and weights, fitted to the rows before a holdout older than the folds."""
    past, _ = split(daily())
    common = {"num_trials": 6, "num_members": 2, "pruner": "none"}
    search = tuning.Search(SPACE, 14, "mae", 2, 14, 14, **common)
    outcome = tuning.tune_series(past, CONFIG, 4, search)
    end = len(past) - 3 * 14
    train, test = past.take(slice(0, end)), past.take(slice(end, end + 14))
    by_hand = 0.0
    for row in outcome.members:
        if row["settings"]:
            yhat = alone(train, test, json.loads(row["settings"]), row["method"])
        else:
            yhat = naive.forecast(row["method"], train, test.ds, 0.8)[0]
        by_hand = by_hand + row["weight"] * yhat
    found = outcome.search
    assert found["holdout_value"] == pytest.approx(np.mean(np.abs(test.y - by_hand)), rel=1e-6)
    own = alone(train, test, {}, "prophet")
    expected = np.mean(np.abs(test.y - own))
    assert found["holdout_untuned_value"] == pytest.approx(expected, rel=1e-4)
    weeks_ago = naive.forecast("seasonalNaive", train, test.ds, 0.8)[0]
    assert found["holdout_naive_value"] == pytest.approx(np.mean(np.abs(test.y - weeks_ago)))


def test_without_further_history_nothing_is_told_of_unseen_rows():
    past, _ = split(daily(56))
    search = tuning.Search(SPACE, 14, "mae", 2, 14, 14, num_trials=3)
    found = tuning.tune_series(past, CONFIG, 4, search).search
    assert found["best_value"] is not None and "holdout_value" not in found
