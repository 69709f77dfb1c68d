"""The search spaces that nobody has to write."""

import pytest
from pyspark.ml.param import Params

from sparkprophet import GroupedProphet, paper_search_space, suggested_search_space
from sparkprophet.search import Choice, Fixed, Int, SearchSpace, Uniform


class Stage(Params):
    """A stage without any of the params."""


def test_the_papers_space():
    estimator = GroupedProphet()
    uid = estimator.uid
    assert paper_search_space(estimator) == SearchSpace(
        (
            Choice("seasonalityMode", ["multiplicative", "additive"], uid),
            Uniform("yearlyPriorScale", 0.01, 2, False, uid),
            Uniform("monthlyPriorScale", 0.01, 10, False, uid),
            Uniform("weeklyPriorScale", 0.01, 10, False, uid),
            Uniform("changepointPriorScale", 0.01, 0.9, False, uid),
            Uniform("holidaysPriorScale", 0.005, 30, False, uid),
            Int("yearlyFourierOrder", 12, 13, 1, False, uid),
            Int("monthlyFourierOrder", 4, 5, 1, False, uid),
            Int("weeklyFourierOrder", 1, 3, 1, False, uid),
        )
    )


@pytest.mark.parametrize("space", [paper_search_space, suggested_search_space])
@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Stage(), "found Stage, which has no param .*seasonalityMode.*give a GroupedProphet"),
        ("GroupedProphet", "found 'GroupedProphet' .*must be a GroupedProphet"),
    ],
)
def test_a_space_needs_its_params(space, estimator, message):
    with pytest.raises(TypeError, match=f"{space.__name__}: estimator: {message}"):
        space(estimator)


def test_the_suggested_space():
    estimator = GroupedProphet()
    uid = estimator.uid
    assert suggested_search_space(estimator) == SearchSpace(
        (
            Uniform("changepointPriorScale", 0.001, 2.0, True, uid),
            Uniform("seasonalityPriorScale", 0.01, 10.0, True, uid),
            Choice("seasonalityMode", ["additive", "multiplicative"], uid),
            Choice("nChangepoints", [10, 25, 40], uid),
            Choice("changepointRange", [0.8, 0.9, 0.97], uid),
            Choice("growth", ["linear", "flat"], uid),
        )
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"regressors": ["price"]},
        {"countryHolidays": "US"},
        {"countryHolidaysCol": "country"},
        {"holidays": [{"holiday": "fair", "ds": "2024-01-20"}]},
    ],
)
def test_holidays_and_regressors_have_a_prior_scale(settings):
    space = suggested_search_space(GroupedProphet(**settings))
    assert "holidaysPriorScale" in space.keyed()


def test_logistic_growth_stays():
    assert "growth" not in suggested_search_space(GroupedProphet(growth="logistic")).keyed()


@pytest.mark.parametrize(
    ("freq", "order"),
    [("MS", 5), ("ME", 5), ("2MS", 2), ("QS", 2), ("QE", 2), ("D", None), ("W", None)],
)
def test_steps_of_months_have_as_many_orders_as_they_can_tell_apart(freq, order):
    found = suggested_search_space(GroupedProphet(), freq).keyed().get("yearlyFourierOrder")
    assert (found and (found.low, found.high)) == (order and (1, order))


def test_steps_of_half_years_have_one_order():
    fixed = suggested_search_space(GroupedProphet(), "6MS").keyed()["yearlyFourierOrder"]
    assert isinstance(fixed, Fixed) and fixed.value == 1


def test_steps_of_years_have_no_yearly_seasonality():
    fixed = suggested_search_space(GroupedProphet(), "YS").keyed()["yearlySeasonality"]
    assert isinstance(fixed, Fixed) and fixed.value == "false"


def test_an_unknown_step_is_refused():
    with pytest.raises(
        ValueError, match="suggested_search_space: freq: found 'fortnight' .*, must"
    ):
        suggested_search_space(GroupedProphet(), "fortnight")
