"""The params of the stages against the tables of the public contract."""

import inspect

import pytest
from pyspark.ml.param import Param
from pyspark.ml.regression import LinearRegression

from sparkprophet import (
    BayesianParamGridBuilder,
    ForecastEvaluator,
    GroupedProphet,
    GroupedProphetTuner,
)

UNSET = object()
# name: (documented default, another value as the getter gives it back)
PROPHET = {
    "groupCols": ([], ["store", "item"]),
    "timestampCol": ("ds", "day"),
    "labelCol": ("y", "sold"),
    "predictionCol": ("yhat", "forecast"),
    "lowerCol": ("yhat_lower", "low"),
    "upperCol": ("yhat_upper", "high"),
    "growth": ("linear", "flat"),
    "capCol": (UNSET, "capacity"),
    "floorCol": (UNSET, "ground"),
    "nChangepoints": (25, 7),
    "changepointRange": (0.8, 0.9),
    "changepointPriorScale": (0.05, 0.5),
    "changepoints": (UNSET, ["2024-02-01T00:00:00"]),
    "trendForecast": ("prophet", "holt"),
    "trendDamping": (1.0, 0.9),
    "combination": ("none", "folds"),
    "horizon": (UNSET, 5),
    "numFolds": (3, 2),
    "period": (UNSET, 4),
    "initial": (UNSET, 6),
    "seasonalityMode": ("additive", "multiplicative"),
    "holidaysMode": (UNSET, "multiplicative"),
    "yearlySeasonality": ("auto", "true"),
    "weeklySeasonality": ("auto", "false"),
    "dailySeasonality": ("auto", "5"),
    "yearlyFourierOrder": (UNSET, 12),
    "monthlyFourierOrder": (UNSET, 4),
    "weeklyFourierOrder": (UNSET, 3),
    "dailyFourierOrder": (UNSET, 2),
    "yearlyPriorScale": (UNSET, 0.1),
    "monthlyPriorScale": (UNSET, 0.2),
    "weeklyPriorScale": (UNSET, 0.3),
    "dailyPriorScale": (UNSET, 0.4),
    "seasonalityPriorScale": (10.0, 3.0),
    "holidaysPriorScale": (10.0, 4.0),
    "seasonalities": (
        [],
        [{"name": "fortnight", "period": 14.0, "fourierOrder": 2, "priorScale": None,
          "mode": None, "conditionCol": "open"}],
    ),
    "countryHolidays": (UNSET, "US"),
    "countryHolidaysCol": (UNSET, "country"),
    "holidays": (
        [],
        [{"holiday": "fair", "ds": "2024-02-03T00:00:00", "lowerWindow": -1, "upperWindow": 1,
          "priorScale": 2.0}],
    ),
    "regressors": (
        [],
        [{"name": "price", "priorScale": None, "standardize": "auto", "mode": None}],
    ),
    "scaling": ("absmax", "minmax"),
    "intervalWidth": (0.8, 0.95),
    "uncertaintySamples": (1000, 0),
    "solver": ("auto", "stan"),
    "overridesCol": (UNSET, "own"),
    "minObservations": (2, 10),
    "fallback": ("none", "seasonalNaive"),
    "maxFailedFraction": (1.0, 0.25),
    "handleInvalid": ("keep", "skip"),
    "groupTimeout": (0.0, 60.0),
    "groupMemoryInMB": (0, 512),
    "parallelism": (0, 3),
    "seed": (0, 42),
}  # fmt: skip
INNER = GroupedProphet(groupCols=["g"])
SPACE = BayesianParamGridBuilder().addUniform(INNER.changepointPriorScale, 0.01, 0.5).space()
TUNER = {
    "estimator": (UNSET, INNER),
    "searchSpace": (UNSET, SPACE),
    "numTrials": (50, 5),
    "metric": ("mae", "mase"),
    "horizon": (UNSET, 14),
    "numFolds": (3, 2),
    "period": (UNSET, 7),
    "initial": (UNSET, 30),
    "combination": ("folds", "none"),
    "pruner": ("halving", "none"),
    "numMembers": (3, 2),
    "earlyStoppingRounds": (0, 4),
    "minDelta": (0.0, 0.5),
    "timeout": (0.0, 100.0),
    "groupTimeout": (0.0, 10.0),
    "sampler": ("tpe", "random"),
    "numStartupTrials": (10, 3),
    "warmStart": (True, False),
    "warmStartGroups": (0, 8),
    "checkpointDir": (UNSET, "some/folder"),
    "collectTrials": (True, False),
    "parallelism": (0, 2),
    "seed": (0, 9),
}
EVALUATOR = {
    "metricName": ("wape", "smape"),
    "labelCol": ("y", "sold"),
    "predictionCol": ("yhat", "forecast"),
    "groupCols": ([], ["g"]),
    "weightCol": (UNSET, "w"),
    "average": ("macro", "micro"),
}
TABLES = {GroupedProphet: PROPHET, GroupedProphetTuner: TUNER, ForecastEvaluator: EVALUATOR}
CASES = [
    pytest.param(cls, name, default, other, id=f"{cls.__name__}.{name}")
    for cls, table in TABLES.items()
    for name, (default, other) in table.items()
]


@pytest.mark.parametrize(("cls", "name", "default", "other"), CASES)
def test_every_param_of_the_contract(cls, name, default, other):
    stage = cls()
    param = getattr(stage, name)
    title = name[0].upper() + name[1:]
    getter = getattr(stage, f"get{title}")
    assert isinstance(param, Param) and param.parent == stage.uid
    if default is UNSET:
        assert not stage.isDefined(param)
        assert "undefined" in stage.explainParam(name)
    else:
        assert getter() == default and type(getter()) is type(default)
        assert not stage.isSet(param)
    assert name in stage.explainParams() and len(param.doc) > 20
    assert getattr(stage, f"set{title}")(other) is stage
    assert getter() == other
    assert getattr(cls(**{name: other}), f"get{title}")() == other
    assert getattr(cls().setParams(**{name: other}), f"get{title}")() == other
    assert cls(**{name: None}).isSet(name) is False
    copied = cls().copy({})
    assert copied.isSet(name) is False


@pytest.mark.parametrize(("cls", "name", "default", "other"), CASES)
def test_copy_takes_extra_values_and_leaves_the_stage_alone(cls, name, default, other):
    stage = cls()
    copied = stage.copy({getattr(stage, name): other})
    got = getattr(copied, f"get{name[0].upper()}{name[1:]}")()
    # A tuner's copy has a copy of the estimator; it keeps its uid, as every copy does.
    assert got.uid == other.uid if name == "estimator" else got == other
    assert copied.uid == stage.uid and not stage.isSet(name)


@pytest.mark.parametrize("cls", TABLES)
def test_the_signature_lists_the_params_for_help(cls):
    parameters = inspect.signature(cls).parameters
    assert set(TABLES[cls]) <= set(parameters)
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())


@pytest.mark.parametrize("cls", TABLES)
def test_keyword_arguments_only(cls):
    with pytest.raises(TypeError, match="keyword"):
        cls(["store"])
    with pytest.raises(TypeError, match="keyword"):
        cls().setParams(["store"])


@pytest.mark.parametrize("cls", TABLES)
def test_the_class_is_the_public_name(cls):
    assert f"{cls.__module__}.{cls.__name__}" == f"sparkprophet.{cls.__name__}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"growth": "Linear"}, ("growth", "'Linear'", "linear, logistic, flat")),
        ({"changepointPriorScale": 0}, ("changepointPriorScale", "0", "> 0")),
        ({"changepointPriorScale": -0.05}, ("changepointPriorScale", "-0.05")),
        ({"changepointPriorScale": float("nan")}, ("changepointPriorScale", "nan", "finite")),
        ({"changepointRange": 1.5}, ("changepointRange", "1.5", "from 0 to 1")),
        ({"nChangepoints": -1}, ("nChangepoints", "-1", ">= 0")),
        ({"nChangepoints": 2.5}, ("nChangepoints", "2.5", "whole number")),
        ({"nChangepoints": True}, ("nChangepoints", "True")),
        ({"yearlyFourierOrder": 0}, ("yearlyFourierOrder", "0", ">= 1")),
        ({"intervalWidth": 1}, ("intervalWidth", "1", "between 0 and 1")),
        ({"yearlySeasonality": "often"}, ("yearlySeasonality", "'often'", "auto")),
        ({"groupCols": "store"}, ("groupCols", "'store'", "list")),
        ({"groupCols": ["store", "store"]}, ("groupCols", "once")),
        ({"timestampCol": 3}, ("timestampCol", "3", "text")),
        ({"holidays": [{"holiday": "x"}]}, ("holidays", "missing ds")),
        ({"holidays": [{"holiday": "x", "ds": "31.12.2024"}]}, ("holidays[x].ds", "31.12.2024")),
        ({"regressors": [{"nam": "x"}]}, ("regressors", "unknown nam")),
        ({"regressors": ["trend"]}, ("regressors", "'trend'", "rename")),
        ({"seasonalities": [{"name": "q", "period": 0, "fourierOrder": 1}]}, ("period", "> 0")),
        ({"handleInvalid": "drop"}, ("handleInvalid", "'drop'", "keep, skip, error")),
        ({"maxFailedFraction": 2}, ("maxFailedFraction", "2", "0 to 1")),
        ({"minObservations": 1}, ("minObservations", "1", ">= 2")),
        ({"fallback": "drift"}, ("fallback", "'drift'", "seasonalNaive")),
        ({"groupTimeout": -1}, ("groupTimeout", "-1")),
        ({"parallelism": -1}, ("parallelism", "-1", ">= 0")),
        ({"seed": "x"}, ("seed", "'x'")),
        ({"seed": 2**63}, ("seed", "9223372036854775808", "from -9223372036854775808")),
        ({"groupTimeout": 1e10}, ("groupTimeout", "10000000000.0", "1e+08")),
        ({"groupMemoryInMB": 10**13}, ("groupMemoryInMB", "10000000000000", "<= 2147483647")),
        ({"changepoints": "2024-01-01"}, ("changepoints", "list")),
        ({"changepoints": ["2024-13-01"]}, ("changepoints[0]", "2024-13-01")),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_wrong_values_are_refused_by_name(wrong, words):
    ((name, value),) = wrong.items()
    stage = GroupedProphet()
    for attempt in (
        lambda: GroupedProphet(**wrong),
        lambda: stage.setParams(**wrong),
        lambda: stage.set(stage.getParam(name), value),
        lambda: stage.copy({stage.getParam(name): value}),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            attempt()
        assert all(word in str(caught.value) for word in words), str(caught.value)
        assert len(str(caught.value)) <= 500
    assert not stage.isSet(name)


@pytest.mark.parametrize(
    ("cls", "typo", "meant"),
    [
        (GroupedProphet, "groupCol", "groupCols"),
        (GroupedProphet, "changepoint_prior_scale", "changepointPriorScale"),
        (GroupedProphetTuner, "numTrial", "numTrials"),
        (ForecastEvaluator, "metric", "metricName"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(cls, typo, meant):
    with pytest.raises(TypeError) as caught:
        cls(**{typo: 1})
    assert repr(typo) in str(caught.value) and repr(meant) in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "wrong", "words"),
    [
        (GroupedProphetTuner, {"estimator": LinearRegression}, ("estimator", "GroupedProphet")),
        (GroupedProphetTuner, {"searchSpace": {"a": 1}}, ("searchSpace", "SearchSpace")),
        (GroupedProphetTuner, {"numTrials": 0}, ("numTrials", "0", ">= 1")),
        (GroupedProphetTuner, {"metric": "r2"}, ("metric", "'r2'", "rmse")),
        (GroupedProphetTuner, {"horizon": 0}, ("horizon", "0")),
        (GroupedProphetTuner, {"sampler": "grid"}, ("sampler", "'grid'", "tpe")),
        (GroupedProphetTuner, {"warmStart": 1}, ("warmStart", "True or False")),
        (GroupedProphetTuner, {"timeout": -5}, ("timeout", "-5")),
        (GroupedProphetTuner, {"minDelta": -1}, ("minDelta", "-1")),
        (ForecastEvaluator, {"metricName": "r2"}, ("metricName", "'r2'", "wape")),
        (ForecastEvaluator, {"average": "mean"}, ("average", "'mean'", "macro, micro")),
    ],
)
def test_wrong_values_of_tuner_and_evaluator(cls, wrong, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        cls(**wrong)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_prophets_own_forms_are_understood():
    import pandas as pd

    holidays = pd.DataFrame(
        {"holiday": ["fair"], "ds": pd.to_datetime(["2024-02-03"]), "lower_window": [-1]}
    )
    stage = GroupedProphet(
        holidays=holidays, yearlySeasonality=True, weeklySeasonality=False, dailySeasonality=3
    )
    expected = {
        "holiday": "fair",
        "ds": "2024-02-03T00:00:00",
        "lowerWindow": -1,
        "upperWindow": 0,
        "priorScale": None,
    }
    assert stage.getHolidays() == [expected]
    assert stage.getYearlySeasonality() == "true"
    assert stage.getWeeklySeasonality() == "false"
    assert stage.getDailySeasonality() == "3"


def test_defaults_are_the_same_in_every_process():
    # Spark's HasSeed has hash(class name), which differs from process to process.
    assert GroupedProphet().getSeed() == GroupedProphetTuner().getSeed() == 0


def test_a_stages_list_is_not_shared_with_its_copy():
    stage = GroupedProphet(groupCols=["a"])
    stage.copy().getGroupCols().append("b")
    GroupedProphet().getGroupCols().append("c")
    assert stage.getGroupCols() == ["a"]
    assert GroupedProphet().getGroupCols() == []


@pytest.mark.parametrize("seed", [2**53 + 1, -(2**63), 2**63 - 1])
def test_whole_numbers_are_kept_to_the_last_digit(seed):
    assert GroupedProphet(seed=seed).getSeed() == seed
    assert GroupedProphet().setSeed(seed).copy().getSeed() == seed
