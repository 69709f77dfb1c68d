"""Settings of one series: ranges, messages, canonical forms, JSON."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from sparkprophet.series.config import SETTINGS, Config, as_param_value, check_names

# Every setting: (values it takes with their canonical form), (values it refuses).
VALUES = {
    "growth": ([("linear", "linear"), ("logistic", "logistic"), ("flat", "flat")], ["lin", 1]),
    "nChangepoints": ([(0, 0), (7, 7), (3.0, 3)], [-1, 2.5, "7", True, float("nan"), 10**400]),
    "changepointRange": ([(0, 0.0), (1, 1.0), (0.5, 0.5)], [-0.1, 1.1, "0.8"]),
    "trendForecast": ([("holt", "holt"), ("holtWinters", "holtWinters")], ["Holt", "", None]),
    "combination": ([("none", "none"), ("folds", "folds")], ["fold", None, 1]),
    "horizon": ([(1, 1), (None, None)], [0, 1.5]),
    "numFolds": ([(1, 1), (9, 9)], [0, -1, None]),
    "period": ([(1, 1), (None, None)], [0, "1"]),
    "initial": ([(1, 1), (None, None)], [0, "1"]),
    "trendDamping": ([(0, 0.0), (1, 1.0), (0.9, 0.9)], [-0.1, 1.1, "0.9"]),
    "changepointPriorScale": ([(0.05, 0.05), (3, 3.0)], [0, -1, float("inf"), True]),
    "changepoints": (
        [
            (["2024-01-02"], ("2024-01-02T00:00:00",)),
            ([], ()),
            ([datetime.date(2024, 1, 2)], ("2024-01-02T00:00:00",)),
            ([pd.Timestamp("2024-01-02 03:04:05.000006789")], ("2024-01-02T03:04:05.000006",)),
            ([np.datetime64("2024-01-02T03", "h")], ("2024-01-02T03:00:00",)),
        ],
        [
            "2024-01-02", ["tomorrow"], [5], [pd.NaT], [np.datetime64("NaT")],
            ["2024-01-02T00:00+01:00"], ["1600-01-01"], ["2500-01-01"],
        ],
    ),
    "seasonalityMode": (
        [("additive", "additive"), ("multiplicative", "multiplicative")], ["both", None],
    ),
    "holidaysMode": ([("additive", "additive"), (None, None)], ["both", ""]),
    "seasonalityPriorScale": ([(10, 10.0)], [0, -3, "10"]),
    "holidaysPriorScale": ([(0.5, 0.5)], [0, None]),
    "countryHolidays": ([("US", "US"), (None, None)], ["", 5]),
    "seasonalities": ([([], ())], ["weekly", {"name": "a"}, [5], 3]),
    "holidays": ([([], ())], ["US", [["x"]], {"holiday": "x", "ds": "2024-01-01"}]),
    "regressors": ([([], ())], ["price", [5], [""]]),
    "scaling": ([("absmax", "absmax"), ("minmax", "minmax")], ["standard"]),
    "intervalWidth": ([(0.95, 0.95)], [0, 1, 1.5, "0.8"]),
    "uncertaintySamples": ([(0, 0), (1000, 1000)], [-1, 0.5]),
    "solver": ([(m, m) for m in ("auto", "native", "stan")], ["newton"]),
    "minObservations": ([(2, 2), (100, 100)], [1, 0, 2.5]),
    "fallback": (
        [(m, m) for m in ("none", "seasonalNaive", "naive", "mean")], ["seasonalnaive", "last"],
    ),
    "groupTimeout": ([(0, 0.0), (1.5, 1.5), (1e8, 1e8)], [-1, float("inf"), 1e10]),
    "groupMemoryInMB": ([(0, 0), (512, 512), (2**31 - 1, 2**31 - 1)], [-1, 0.5, 2**31, 10**13]),
}  # fmt: skip
for _name in ("yearly", "weekly", "daily"):
    VALUES[f"{_name}Seasonality"] = (
        [("auto", "auto"), (True, "true"), ("False", "false"), (8, "8"), ("5", "5"), (0, "false")],
        ["on", -1, 2.5, None, "nan"],
    )
for _name in ("yearly", "monthly", "weekly", "daily"):
    VALUES[f"{_name}FourierOrder"] = ([(1, 1), (12, 12), (None, None)], [0, -1, 1.5])
    VALUES[f"{_name}PriorScale"] = ([(0.1, 0.1), (None, None)], [0, -1, "1"])

GOOD = [(name, *pair) for name, (good, _) in VALUES.items() for pair in good]
BAD = [(name, value) for name, (_, bad) in VALUES.items() for value in bad]

EVERYTHING = {
    "growth": "logistic",
    "changepoints": ["2024-01-02", "2024-02-03T04:05:06.5"],
    "yearlySeasonality": 7,
    "weeklySeasonality": False,
    "monthlyFourierOrder": 3,
    "monthlyPriorScale": 0.25,
    "seasonalities": [
        {"name": "yearly", "period": 365.25, "fourierOrder": 4, "priorScale": 2.5},
        {"name": "on", "period": 7, "fourierOrder": 1, "mode": "additive", "conditionCol": "Été"},
    ],
    "countryHolidays": "FR",
    "holidays": [{"holiday": "fête", "ds": "2024-07-14", "lowerWindow": -1, "priorScale": 0.1}],
    "regressors": ["price", {"name": "promo", "standardize": False, "mode": "multiplicative"}],
    "uncertaintySamples": 0,
    "groupTimeout": 2.5,
    "groupMemoryInMB": 512,
}


def test_every_setting_has_values_in_this_file():
    assert set(VALUES) == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize(("name", "value", "canonical"), GOOD)
def test_value_in_range(name, value, canonical):
    found = getattr(Config().replace({name: value}), name)
    assert found == canonical
    assert type(found) is type(canonical)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_value_out_of_range_names_setting_value_and_remedy(name, value):
    with pytest.raises((TypeError, ValueError)) as caught:
        Config().replace({name: value})
    message = str(caught.value)
    shown = value
    if name in ("changepoints", "seasonalities", "holidays", "regressors"):
        shown = value[0] if isinstance(value, list) else value
        shown = shown[0] if isinstance(shown, list) else shown
    assert name in message
    assert str(shown)[:8] in message
    assert "must be" in message or ("missing" in message and "fields are" in message)


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("groupTimeout", -1, "a number from 0 to 1e+08"),
        ("groupMemoryInMB", -1, "a whole number >= 0"),
        ("changepointPriorScale", 0, "a number > 0"),
        ("changepointRange", 2, "a number from 0 to 1"),
        ("intervalWidth", 1, "a number between 0 and 1"),
        ("minObservations", 1, "a whole number >= 2"),
        ("fallback", "seasonalnaive", "did you mean 'seasonalNaive'?"),
    ],
)
def test_the_bound_that_is_told_is_the_bound(name, value, bound):
    with pytest.raises(ValueError, match="found") as caught:
        Config(**{name: value})
    assert bound in str(caught.value)


def test_defaults_are_prophets():
    from prophet import Prophet

    stock, config = Prophet(), Config()
    assert config.growth == stock.growth
    assert config.nChangepoints == stock.n_changepoints
    assert config.changepointRange == stock.changepoint_range
    assert config.changepointPriorScale == stock.changepoint_prior_scale
    assert config.seasonalityMode == stock.seasonality_mode
    assert config.seasonalityPriorScale == stock.seasonality_prior_scale
    assert config.holidaysPriorScale == stock.holidays_prior_scale
    assert config.yearlySeasonality == stock.yearly_seasonality
    assert config.weeklySeasonality == stock.weekly_seasonality
    assert config.dailySeasonality == stock.daily_seasonality
    assert config.scaling == stock.scaling
    assert config.intervalWidth == stock.interval_width
    assert config.uncertaintySamples == stock.uncertainty_samples
    assert config.changepoints is stock.changepoints is None


def test_every_setting_has_a_doc():
    for setting in SETTINGS:
        doc = setting.metadata["doc"]
        assert doc[0].isalnum() and doc.endswith(".") and len(doc) > 20, setting.name


def test_json_round_trip_keeps_every_kind_of_value():
    config = Config(**EVERYTHING)
    again = Config.from_json(config.to_json())
    assert again == config
    assert again.to_json() == config.to_json()
    plain = json.loads(config.to_json())
    assert plain["changepoints"] == ["2024-01-02T00:00:00", "2024-02-03T04:05:06.500000"]
    assert plain["yearlySeasonality"] == "7"
    assert plain["seasonalities"][1]["conditionCol"] == "Été"
    assert plain["holidays"][0]["holiday"] == "fête"
    assert plain["regressors"][0] == {
        "name": "price",
        "priorScale": None,
        "standardize": "auto",
        "mode": None,
    }
    assert plain["weeklyFourierOrder"] is None
    assert list(plain) == [setting.name for setting in SETTINGS]


def test_default_config_round_trips():
    assert Config.from_json(Config().to_json()) == Config()


def test_param_values_are_lists_of_plain_objects():
    config = Config(**EVERYTHING)
    values = {s.name: as_param_value(getattr(config, s.name)) for s in SETTINGS}
    assert values["changepoints"] == ["2024-01-02T00:00:00", "2024-02-03T04:05:06.500000"]
    assert isinstance(values["regressors"], list)
    assert values["growth"] == "logistic"
    assert Config(**values) == config
    values["regressors"][0]["name"] = "other"
    assert config.regressors[0]["name"] == "price"


def test_replace_leaves_the_original_and_takes_back_to_unset():
    config = Config(changepoints=["2024-01-01"], weeklyFourierOrder=5)
    other = config.replace({"changepoints": None, "growth": "flat"})
    assert (other.changepoints, other.growth, other.weeklyFourierOrder) == (None, "flat", 5)
    assert config.changepoints == ("2024-01-01T00:00:00",)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("changepoint_prior_scale", "did you mean 'changepointPriorScale'?"),
        ("Growth", "did you mean 'growth'?"),
        ("qqqq", "known: growth, nChangepoints"),
    ],
)
def test_unknown_name_gives_the_nearest(name, hint):
    for refuse in (check_names, Config().replace):
        with pytest.raises(ValueError, match=name) as caught:
            refuse({name: 1})
        assert hint in str(caught.value)
        assert len(str(caught.value)) <= 500


def test_seasonality_canonical_form():
    (term,) = Config(
        seasonalities=[
            {
                "name": "quarterly",
                "period": 91,
                "fourier_order": 4.0,
                "prior_scale": 1,
                "mode": "multiplicative",
                "condition_name": "open",
            }
        ]
    ).seasonalities
    assert term == {
        "name": "quarterly",
        "period": 91.0,
        "fourierOrder": 4,
        "priorScale": 1.0,
        "mode": "multiplicative",
        "conditionCol": "open",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"period": 0}, ("seasonalities[s].period", "0", "> 0")),
        ({"fourierOrder": 0}, ("seasonalities[s].fourierOrder", ">= 1")),
        ({"fourierOrder": None}, ("missing fourierOrder",)),
        ({"priorScale": -1}, ("seasonalities[s].priorScale", "-1")),
        ({"mode": "both"}, ("seasonalities[s].mode", "'both'", "additive, multiplicative")),
        ({"conditionCol": 5}, ("seasonalities[s].conditionCol", "5")),
        ({"conditionCol": "trend"}, ("trend", "Prophet keeps for itself")),
        ({"order": 3}, ("unknown order", "fields are")),
        ({"name": "trend"}, ("'trend'", "rename")),
        ({"name": "a_delim_b"}, ("a_delim_b", "rename")),
    ],
)
def test_bad_seasonality(change, words):
    term = {"name": "s", "period": 7, "fourierOrder": 3} | change
    with pytest.raises((TypeError, ValueError), match="seasonalities") as caught:
        Config(seasonalities=[term])
    assert all(word in str(caught.value) for word in words)


def test_regressors_by_name_object_or_row():
    class Row:
        """As pyspark.sql.Row."""

        def asDict(self):
            return {"name": "promo", "priorScale": 2}

    config = Config(regressors=["price", {"name": "rain", "standardize": np.False_}, Row()])
    assert [r["name"] for r in config.regressors] == ["price", "rain", "promo"]
    assert [r["standardize"] for r in config.regressors] == ["auto", False, "auto"]
    assert config.regressors[2]["priorScale"] == 2.0
    assert Config.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    "change", [{"standardize": "yes"}, {"priorScale": 0}, {"mode": "x"}, {"name": "yhat_upper"}]
)
def test_bad_regressor(change):
    with pytest.raises(ValueError, match="regressors"):
        Config(regressors=[{"name": "r"} | change])


def test_holidays_from_prophets_own_frame():
    frame = pd.DataFrame(
        {
            "holiday": ["playoff", "superbowl"],
            "ds": pd.to_datetime(["2010-01-24", "2010-02-07"]),
            "lower_window": [0, -1],
            "upper_window": [1, 0],
            "prior_scale": [np.nan, 3.0],
        }
    )
    assert Config(holidays=frame).holidays == (
        {
            "holiday": "playoff",
            "ds": "2010-01-24T00:00:00",
            "lowerWindow": 0,
            "upperWindow": 1,
            "priorScale": None,
        },
        {
            "holiday": "superbowl",
            "ds": "2010-02-07T00:00:00",
            "lowerWindow": -1,
            "upperWindow": 0,
            "priorScale": 3.0,
        },
    )


def test_holidays_as_rows():
    config = Config(holidays=[("a", "2024-01-01"), ["b", datetime.date(2024, 2, 1), -2, 1, 0.5]])
    assert [h["holiday"] for h in config.holidays] == ["a", "b"]
    assert config.holidays[0]["lowerWindow"] == config.holidays[0]["upperWindow"] == 0
    assert config.holidays[1]["priorScale"] == 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lowerWindow": 1}, ("holidays[h].lowerWindow", "1", "<= 0")),
        ({"upperWindow": -1}, ("holidays[h].upperWindow", "-1", ">= 0")),
        ({"ds": None}, ("missing ds",)),
        ({"ds": "3000-01-01"}, ("holidays[h].ds", "3000-01-01", "1678 to 2261")),
        ({"priorScale": 0}, ("holidays[h].priorScale", "> 0")),
        ({"holiday": "weekly"}, ("'weekly'",)),
    ],
)
def test_bad_holiday(change, words):
    with pytest.raises((TypeError, ValueError), match="holidays") as caught:
        Config(holidays=[{"holiday": "h", "ds": "2024-01-01"} | change])
    assert all(word in str(caught.value) for word in words)


def test_one_holiday_has_one_prior_scale():
    first = {"holiday": "x", "ds": "2024-01-01", "priorScale": 1}
    days = [first, {"holiday": "x", "ds": "2025-01-01"}]
    with pytest.raises(ValueError, match=r"holidays\[x\].priorScale: found 10 and 1"):
        Config(holidays=days)
    assert len(Config(holidays=days, holidaysPriorScale=1).holidays) == 2


TERM = {"name": "a", "period": 7, "fourierOrder": 1}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"regressors": ["a", "a"]}, "a"),
        ({"seasonalities": [TERM, TERM]}, "a"),
        ({"seasonalities": [TERM], "regressors": ["a"]}, "a"),
        ({"holidays": [("a", "2024-01-01")], "regressors": ["a"]}, "a"),
        ({"regressors": ["monthly"], "monthlyFourierOrder": 3}, "monthly"),
        ({"holidays": [("monthly", "2024-01-01")], "monthlyFourierOrder": 3}, "monthly"),
        ({"seasonalities": [TERM | {"conditionCol": "c"}], "regressors": ["c"]}, "c"),
        ({"seasonalities": [TERM | {"conditionCol": "a"}]}, "a"),
    ],
)
def test_names_used_twice(settings, name):
    with pytest.raises(ValueError, match=f"{name!r} is used twice"):
        Config(**settings)


def test_names_that_may_meet():
    one, two = TERM | {"conditionCol": "c"}, TERM | {"name": "b", "conditionCol": "c"}
    config = Config(
        seasonalities=[one, two, TERM | {"name": "monthly"}],
        monthlyFourierOrder=3,
        holidays=[("h", "2024-01-01"), ("h", "2025-01-01")],
    )
    assert config.column_names == ("c",)
    assert [term["holiday"] for term in config.holidays] == ["h", "h"]


def test_column_names_are_regressors_then_conditions_once_each():
    seasonalities = [TERM | {"conditionCol": "c"}, TERM | {"name": "b", "conditionCol": "c"}]
    config = Config(regressors=["z", "b2"], seasonalities=seasonalities)
    assert config.column_names == ("z", "b2", "c")
