"""GroupedProphetTuner against backtests by hand with Prophet."""

import dataclasses
import json

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.sql import functions as F

import by_hand
from sparkprophet import (
    BayesianParamGridBuilder,
    FitFailedError,
    GroupedProphet,
    GroupedProphetModel,
    GroupedProphetTuner,
)
from sparkprophet.search import Choice, SearchSpace, Uniform, When
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.forecast import forecast
from sparkprophet.tuning import Search, tune_series
from stage_checks import BEST_ALONE, assert_by_hand, bits, configured, frame, grouped

HORIZON, KEYS = 7, ["a", "b"]
# Shares by which a trial's value may differ from that of a whole fit. A trial whose columns
# multiply the trend ends where a step gains less than 1e-4 of the log posterior: within about
# sqrt(2e-4) = 0.014 standard deviations of the noise. Over 160 trials of series such as these the
# values differ by up to 2e-3. An additive one ends within 1e-4 of log s^2: up to 2e-5.
NEAR = {"additive": 1e-4, "multiplicative": 5e-3}
SPACE = SearchSpace(
    (
        Uniform("changepointPriorScale", 0.001, 0.5, log=True),
        Choice("seasonalityMode", ["additive", "multiplicative"]),
    )
)


def prophet(**params):
    return GroupedProphet(**{"groupCols": ["g"], "uncertaintySamples": 0} | params)


def tuner(**params):
    given = {
        "estimator": prophet(),
        "searchSpace": SPACE,
        "horizon": HORIZON,
        "numTrials": 6,
        "sampler": "random",
        "parallelism": 2,
        "period": HORIZON // 2,
        "initial": 3 * HORIZON,
    }
    given |= BEST_ALONE
    return GroupedProphetTuner(**given | params)


@pytest.fixture(scope="module")
def rows():
    """Two long groups, one that is too short for a holdout, one that cannot be fitted."""
    found = grouped([*KEYS, "short", "bad"], rows=60)
    found.loc[(found.g == "bad") & (found.ds < "2024-01-03"), "y"] = float("inf")
    return found[(found.g != "short") | (found.ds < "2024-01-11")]


@pytest.fixture(scope="module")
def data(spark, rows):
    return frame(spark, rows).cache()


@pytest.fixture(scope="module")
def tuned(data):
    return tuner().fit(data)


def rmse_by_hand(rows, key, params, back=0, solver="native"):
    """RMSE of Prophet on HORIZON rows, `back` rows before the end."""
    mine = rows[rows.g == key].sort_values("ds")[["ds", "y"]]
    mine = mine.iloc[: len(mine) - back]
    given, held = mine.iloc[:-HORIZON], mine.iloc[-HORIZON:]
    settings = {
        "changepoint_prior_scale": params.get("changepointPriorScale", 0.05),
        "seasonality_mode": params.get("seasonalityMode", "additive"),
        "weekly_seasonality": params.get("weeklySeasonality", "auto"),
        "n_changepoints": params.get("nChangepoints", 25),
    }
    yhat = by_hand.yhat(given, held[["ds"]], solver=solver, **settings)
    return np.sqrt(np.mean((held.y - yhat) ** 2))


def by_key(frame):
    return {row.g: row for row in frame.collect()}


def test_every_trials_value_is_a_backtest_by_hand(tuned, rows):
    assert tuned.trials.columns == [
        "g",
        "trial",
        "value",
        "state",
        "params",
        "seconds",
        "cpu_seconds",
        "error",
    ]
    trials = tuned.trials.collect()
    assert sorted((t.g, t.trial) for t in trials) == [(k, i) for k in KEYS for i in range(6)]
    for trial in trials:
        params = json.loads(trial.params)
        assert set(params) == {"changepointPriorScale", "seasonalityMode"}
        assert 0.001 <= params["changepointPriorScale"] <= 0.5
        assert trial.state == "COMPLETE" and trial.error is None
        assert trial.seconds > 0 and trial.cpu_seconds >= 0
        near = NEAR[params["seasonalityMode"]]
        assert trial.value == pytest.approx(rmse_by_hand(rows, trial.g, params), rel=near)


def test_with_stan_it_is_a_backtest_by_hand_with_stock_prophet(data, rows):
    model = tuner(estimator=prophet(solver="stan"), numTrials=4).fit(data.filter("g = 'a'"))
    trials = model.trials.collect()
    assert len(trials) == 4 and model.models.first().solver == "stan"
    for trial in trials:
        expected = rmse_by_hand(rows, "a", json.loads(trial.params), solver="stan")
        assert trial.value == pytest.approx(expected, rel=1e-9)


def test_the_best_trial_wins_and_its_params_are_fitted_to_all_rows(tuned, rows, data):
    best = {}
    for trial in tuned.trials.collect():
        if trial.g not in best or trial.value < best[trial.g].value:
            best[trial.g] = trial
    models = by_key(tuned.models)
    found = tuned.transform(data).toPandas()
    for key in KEYS:
        row, params = models[key], json.loads(best[key].params)
        assert row.best_value == best[key].value
        assert (row.n_trials, row.stopped_by, row.status) == (6, "numTrials", "ok")
        config = json.loads(row.config)
        assert {name: config[name] for name in params} == params
        given = rows[rows.g == key][["ds", "y"]]
        mine = found[found.g == key].set_index("ds").yhat.loc[given.ds]
        assert_by_hand(
            mine,
            given,
            changepoint_prior_scale=params["changepointPriorScale"],
            seasonality_mode=params["seasonalityMode"],
        )


def test_the_first_trial_is_the_estimators_own_values(tuned):
    for trial in tuned.trials.filter("trial = 0").collect():
        assert json.loads(trial.params) == {
            "changepointPriorScale": 0.05,
            "seasonalityMode": "additive",
        }


def test_comparison_with_untuned_and_seasonal_naive_by_hand(tuned, rows):
    """On the week before the one that the search saw."""
    found = by_key(tuned.comparison)
    assert tuned.comparison.columns == ["g", "tuned", "untuned", "seasonal_naive"]
    trials = tuned.trials.toPandas()
    for key in KEYS:
        y = rows[rows.g == key].sort_values("ds").y.to_numpy()[:-HORIZON]
        naive = [y[-HORIZON - 7 + i % 7] for i in range(HORIZON)]
        expected = np.sqrt(np.mean((y[-HORIZON:] - naive) ** 2))
        assert found[key].seasonal_naive == pytest.approx(expected, rel=1e-12)
        own = rmse_by_hand(rows, key, {}, back=HORIZON)
        assert found[key].untuned == pytest.approx(own, rel=NEAR["additive"])
        best = json.loads(trials[trials.g == key].sort_values("value").params.iloc[0])
        value = rmse_by_hand(rows, key, best, back=HORIZON)
        assert found[key].tuned == pytest.approx(value, rel=NEAR[best["seasonalityMode"]])
    for key in ("short", "bad"):
        assert tuple(found[key])[1:] == (None, None, None)


def test_comparison_in_words(tuned):
    text = tuned.comparison_text()
    values = [row for row in tuned.comparison.collect() if row.tuned is not None]
    better = sum(row.tuned < row.untuned for row in values)
    assert text.startswith("2 groups tuned; 2 have an older holdout that the search did not see")
    assert f"{np.median([row.untuned for row in values]):.6g}" in text
    assert f"better in {better} groups" in text


def test_a_group_too_short_for_a_holdout_is_fitted_as_it_is(tuned, rows, data):
    row = by_key(tuned.models)["short"]
    assert (row.status, row.stopped_by, row.n_trials) == ("ok", "noHoldout", 0)
    assert row.best_value is None and row.untuned_value is None
    given = rows[rows.g == "short"][["ds", "y"]]
    found = tuned.transform(data.filter("g = 'short'")).toPandas().set_index("ds")
    assert_by_hand(found.yhat.loc[given.ds], given)


def test_a_bad_group_fails_with_its_own_code(tuned):
    row = by_key(tuned.models)["bad"]
    assert (row.status, row.error_code, row.n_trials) == ("failed", "Y_INFINITE", 0)
    assert row.error_message.startswith("group g=bad: ")


def test_several_folds_are_averaged(data, rows):
    model = tuner(numFolds=3, numTrials=2).fit(data.filter("g = 'a'"))
    for trial in model.trials.collect():
        params = json.loads(trial.params)
        # Cutoffs half a horizon apart, as Prophet's cross_validation: 7 // 2 = 3 days.
        folds = [rmse_by_hand(rows, "a", params, back=back) for back in (6, 3, 0)]
        assert trial.value == pytest.approx(np.mean(folds), rel=NEAR[params["seasonalityMode"]])


def stable(model):
    """What must not depend on the layout: trials without their seconds, and the winners."""
    return [
        bits(model.trials, "g", "trial", "value", "state", "params"),
        bits(model.models, "g", "status", "best_value", "stopped_by", "config", "state"),
    ]


@pytest.mark.parametrize(("sampler", "metric"), [("random", "pinball"), ("tpe", "rmse")])
def test_results_do_not_depend_on_layout_or_parallelism(spark, data, sampler, metric):
    two = data.filter("g IN ('a', 'b')")
    stage = tuner(
        sampler=sampler,
        metric=metric,
        numStartupTrials=3,
        numTrials=7,
        parallelism=1,
        estimator=prophet(uncertaintySamples=20 if metric == "pinball" else 0),
    )
    one = stage.fit(two.coalesce(1))
    settings = {"spark.sql.execution.arrow.maxRecordsPerBatch": "11"}
    with configured(spark, settings):
        other = stage.copy({stage.parallelism: 5}).fit(two.orderBy(F.rand(4)).repartition(7))
    assert stable(one) == stable(other)
    points = {row.params for row in one.trials.collect()}
    assert len(points) == 13  # the estimator's own once, else six different ones per group


def test_a_seed_of_its_own_gives_other_points(data, tuned):
    other = tuner(seed=1, numTrials=2).fit(data.filter("g = 'a'"))
    mine = {row.params for row in other.trials.filter("trial = 1").collect()}
    assert mine.isdisjoint({row.params for row in tuned.trials.collect()})


def test_early_stopping_counts_trials_without_a_better_value(data):
    space = SearchSpace((Choice("nChangepoints", [5]),))
    stage = tuner(searchSpace=space, earlyStoppingRounds=2, numTrials=30, warmStart=False)
    row = stage.fit(data.filter("g = 'a'")).models.first()
    assert (row.n_trials, row.stopped_by) == (3, "earlyStopping")


def test_warm_start_keeps_own_values_that_lie_outside_of_the_space(data, rows):
    # The rows have a week in them: a search that can only switch it off cannot find better.
    space = SearchSpace((Choice("weeklySeasonality", ["false"]),))
    own = rmse_by_hand(rows, "b", {})
    without = rmse_by_hand(rows, "b", {"weeklySeasonality": False})
    assert own < without
    for warm, value, weekly in ((True, own, "auto"), (False, without, "false")):
        model = tuner(searchSpace=space, warmStart=warm, numTrials=2).fit(data.filter("g = 'b'"))
        row = model.models.first()
        assert row.best_value == pytest.approx(value, rel=NEAR["additive"])
        assert row.untuned_value == pytest.approx(own, rel=NEAR["additive"])
        assert json.loads(row.config)["weeklySeasonality"] == weekly
        values = [trial.value for trial in model.trials.collect()]
        assert values == pytest.approx([without, without], rel=NEAR["additive"])


def test_fixed_params_of_the_space_reach_the_fit(data, rows):
    inner = prophet()
    builder = BayesianParamGridBuilder().addUniform(inner.changepointPriorScale, 0.01, 0.5)
    space = builder.baseOn((inner.nChangepoints, 4)).space()
    stage = tuner(estimator=inner, searchSpace=space, warmStart=False, numTrials=2)
    model = stage.fit(data.filter("g = 'a'"))
    assert json.loads(model.models.first().config)["nChangepoints"] == 4
    for trial in model.trials.collect():
        params = json.loads(trial.params)
        assert params["nChangepoints"] == 4
        assert trial.value == pytest.approx(rmse_by_hand(rows, "a", params), rel=NEAR["additive"])


def own_value_unless_tried(params):
    """What `rmse_by_hand` takes where the estimator's own changepointPriorScale is 0.4."""
    return {"changepointPriorScale": 0.4} | params


def tried_conditionally(trials, mode):
    """Params of the trials, which have a changepointPriorScale with this mode only."""
    found = [json.loads(trial["params"]) for trial in trials]
    for params in found:
        assert ("changepointPriorScale" in params) == (params["seasonalityMode"] == mode)
    assert {len(params) for params in found} == {1, 2}
    return found


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("warm", [False, True])
def test_a_param_that_a_trial_does_not_ask_for_keeps_the_estimators_own_value(rows, mode, warm):
    given = rows[rows.g == "a"].sort_values("ds")
    space = SearchSpace(
        (
            Choice("seasonalityMode", ["additive", "multiplicative"]),
            Uniform("changepointPriorScale", 0.001, 0.01, when=(When("seasonalityMode", [mode]),)),
        )
    )
    search = Search(
        space.toJson(),
        HORIZON,
        "rmse",
        num_folds=1,
        combination="none",
        pruner="none",
        num_trials=8,
        sampler="random",
        num_startup_trials=0,
        warm_start=warm,
    )
    config = Config(changepointPriorScale=0.4, uncertaintySamples=0)
    series = Series(given.ds.to_numpy("datetime64[us]"), given.y.to_numpy(float))
    outcome = tune_series(series, config, 4, search)
    trials = outcome.search["trials"]
    found = tried_conditionally(trials, mode)
    for trial, params in zip(trials, found, strict=True):
        expected = rmse_by_hand(rows, "a", own_value_unless_tried(params))
        assert trial["value"] == pytest.approx(expected, rel=NEAR[params["seasonalityMode"]])
    if warm and mode == "multiplicative":  # so its own 0.4 is not asked for
        assert found[0] == {"seasonalityMode": "additive"}
    best = min(range(len(trials)), key=lambda number: trials[number]["value"])
    assert outcome.search["best_value"] == trials[best]["value"]
    # The multiplicative ones are the better ones here: with and without a scale to search.
    assert ("changepointPriorScale" in found[best]) == (mode == "multiplicative")
    fitted = outcome.config
    assert {n: getattr(fitted, n) for n in ("seasonalityMode", "changepointPriorScale")} == (
        own_value_unless_tried(found[best])
    )


def test_a_space_with_conditions_from_the_estimators_params(data, rows):
    inner = prophet(changepointPriorScale=0.4)
    space = (
        BayesianParamGridBuilder()
        .addChoice(inner.seasonalityMode, ["additive", "multiplicative"])
        .addUniform(
            inner.changepointPriorScale, 0.001, 0.01, when={inner.seasonalityMode: "additive"}
        )
        .space()
    )
    model = tuner(estimator=inner, searchSpace=space).fit(data.filter("g = 'a'"))
    trials = model.trials.collect()
    for trial, params in zip(trials, tried_conditionally(trials, "additive"), strict=True):
        expected = rmse_by_hand(rows, "a", own_value_unless_tried(params))
        assert trial.value == pytest.approx(expected, rel=NEAR[params["seasonalityMode"]])
    best = min(trials, key=lambda trial: trial.value)
    config = json.loads(model.models.first().config)
    assert {n: config[n] for n in ("seasonalityMode", "changepointPriorScale")} == (
        own_value_unless_tried(json.loads(best.params))
    )


def test_a_timeout_that_is_over_leaves_one_trial(data):
    row = tuner(timeout=1e-6).fit(data.filter("g = 'a'")).models.first()
    assert (row.status, row.n_trials, row.stopped_by) == ("ok", 1, "timeout")


def test_a_group_timeout_that_is_over_is_a_row(data):
    # On a slow machine the kernel may end the group before its first trial has.
    stage = tuner(groupTimeout=1e-9, estimator=prophet(solver="stan"))
    with pytest.raises(FitFailedError) as caught:
        stage.fit(data.filter("g = 'a'"))
    row = caught.value.model.models.first()
    assert (row.status, row.error_code) == ("failed", "TIMEOUT")


@pytest.fixture
def out_of_time(rows):
    """The rows of a group, and a search of them whose group timeout is over at once."""
    given = rows[rows.g == "a"][["ds", "y"]]
    one = Series(given.ds.to_numpy("datetime64[us]"), given.y.to_numpy(float))
    search = Search(
        SPACE.toJson(), HORIZON, sampler="random", group_timeout=1e-9, combination="none"
    )
    return given, lambda **settings: tune_series(one, Config(**settings), 0, search)


def test_a_group_timeout_that_is_over_leaves_one_failed_trial(out_of_time):
    _, tuned_with = out_of_time
    fit = tuned_with(solver="stan", uncertaintySamples=0)
    assert (fit.status, fit.error_code, fit.search["n_trials"]) == ("failed", "TIMEOUT", 1)
    assert [trial["state"] for trial in fit.search["trials"]] == ["FAIL"]


def test_a_group_timeout_ends_the_search_and_spares_the_milliseconds_of_the_fit(out_of_time):
    given, tuned_with = out_of_time
    fit = tuned_with(uncertaintySamples=0)
    (trial,) = fit.search["trials"]
    assert trial["state"] == "FAIL" and "groupTimeout" in trial["error"]
    assert fit.status == "ok"
    again = Series(given.ds.to_numpy("datetime64[us]"), np.full(len(given), np.nan))
    assert_by_hand(forecast(fit.state, fit.config, again, 0).yhat, given)


def test_trials_are_kept_on_request_only(data, tuned, fitted):
    model = tuner(collectTrials=False, numTrials=2).fit(data.filter("g = 'a'"))
    assert model.trials.count() == 0 and model.models.first().n_trials == 2
    assert "trials" not in tuned.models.columns
    for name in ("trials", "comparison"):
        with pytest.raises(ValueError, match="not tuned"):
            getattr(fitted, name)


def test_a_tuned_model_is_saved_with_its_trials(tuned, tmp_path):
    tuned.save(str(tmp_path / "model"))
    loaded = GroupedProphetModel.load(str(tmp_path / "model"))
    assert bits(loaded.trials) == bits(tuned.trials)
    assert bits(loaded.comparison) == bits(tuned.comparison)
    assert bits(loaded.forecast(3)) == bits(tuned.forecast(3))


def test_copies_and_param_maps_reach_the_estimator(data):
    stage = tuner(numTrials=1)
    inner = stage.getEstimator()
    copied = stage.copy({inner.growth: "flat", stage.numTrials: 9})
    assert copied.getEstimator().getGrowth() == "flat" and copied.getNumTrials() == 9
    assert inner.getGrowth() == "linear" and stage.getNumTrials() == 1
    assert stage.copy().getEstimator() is not inner
    replaced = stage.copy({stage.estimator: prophet(labelCol="sold")})
    assert replaced.getEstimator().getLabelCol() == "sold"
    with pytest.raises(ValueError, match="growth"):
        stage.copy({inner.growth: "cubic"})
    model = stage.fit(data.filter("g = 'a'"), {inner.growth: "flat"})
    assert json.loads(model.models.first().config)["growth"] == "flat"
    assert model.getGrowth() == "flat" and model.uid == stage.uid


def test_a_tuner_is_a_stage_of_a_pipeline(data, tmp_path):
    pipeline = Pipeline(stages=[tuner(numTrials=1)])
    pipeline.save(str(tmp_path / "pipeline"))
    loaded = Pipeline.load(str(tmp_path / "pipeline"))
    assert isinstance(loaded.getStages()[0], GroupedProphetTuner)
    found = loaded.fit(data.filter("g = 'a'")).transform(data.filter("g = 'a'"))
    assert found.filter("yhat IS NOT NULL").count() == 60


def test_a_search_without_spark_has_the_params_of_the_tuner():
    stage = GroupedProphetTuner(estimator=prophet(), searchSpace=SPACE, horizon=HORIZON)
    unset = {"period": None, "initial": None}
    # No params of their own: `until` is made of timeout, `starts_json` of warmStartGroups.
    own = {"space_json", "horizon", "until", "starts_json"}
    for field in dataclasses.fields(Search):
        if field.name in own:
            continue
        first, *rest = field.name.split("_")
        name = first + "".join(word.capitalize() for word in rest)
        param = stage.getParam(name)
        expected = stage.getOrDefault(param) if stage.isDefined(param) else unset[name]
        assert getattr(Search(SPACE.toJson(), HORIZON), field.name) == expected, name
