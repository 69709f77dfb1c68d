"""What a group's own settings may ask for: less than the stage's limits, never more."""

import pytest

from sparkprophet.series.bounds import check_bounds
from sparkprophet.series.config import Config

WEEKLY = {"name": "w", "period": 7, "fourierOrder": 60}


@pytest.mark.parametrize(
    ("stage", "own", "refused"),
    [
        ({"groupTimeout": 2}, {"groupTimeout": 0}, "groupTimeout: found 0 "),
        ({"groupTimeout": 2}, {"groupTimeout": 2.5}, "groupTimeout: found 2.5 "),
        ({"groupTimeout": 2}, {"groupTimeout": 2}, None),
        ({"groupTimeout": 2}, {"groupTimeout": 0.5}, None),
        ({}, {"groupTimeout": 9}, None),
        ({"groupMemoryInMB": 100}, {"groupMemoryInMB": 0}, "groupMemoryInMB: found 0 "),
        ({"groupMemoryInMB": 100}, {"groupMemoryInMB": 101}, "groupMemoryInMB: found 101 "),
        ({}, {"uncertaintySamples": 1001}, "uncertaintySamples: found 1,001 .* most 1,000"),
        ({}, {"uncertaintySamples": 0}, None),
        ({}, {"nChangepoints": 501}, "changepoints: found 501 .* most 500"),
        ({}, {"nChangepoints": 500}, None),
        ({"nChangepoints": 600}, {"nChangepoints": 600}, None),
        (
            {},
            {"changepoints": [f"{y}-01-01" for y in range(1700, 2201)]},
            "changepoints: found 501 ",
        ),
        # 17 are those that all of "auto" can add.
        ({}, {"seasonalities": [WEEKLY, WEEKLY | {"name": "v"}]}, "orders: found 137 .* most 100"),
        ({"yearlyFourierOrder": 130}, {"seasonalities": [WEEKLY | {"name": "yearly"}]}, None),
        ({}, {"yearlySeasonality": "101"}, "Fourier orders: found 108 .* most 100"),
        ({}, {"yearlySeasonality": "93"}, None),
    ],
)
def test_bounds(stage, own, refused):
    base = Config(**stage)
    if refused is None:
        check_bounds(base.replace(own), base)
    else:
        with pytest.raises(ValueError, match=refused):
            check_bounds(base.replace(own), base)
