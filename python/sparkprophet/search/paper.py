"""The search space of the Prophet-on-Spark paper, in the paper's order of naming."""

from __future__ import annotations

from sparkprophet.search.dimensions import Choice, Int, Uniform
from sparkprophet.search.space import SearchSpace

# Prior scales are uniform, not logarithmic; orders have both ends inclusive.
PAPER_SPACE = SearchSpace(
    (
        Choice("seasonalityMode", ("multiplicative", "additive")),
        Uniform("yearlyPriorScale", 0.01, 2.0),
        Uniform("monthlyPriorScale", 0.01, 10.0),
        Uniform("weeklyPriorScale", 0.01, 10.0),
        Uniform("changepointPriorScale", 0.01, 0.9),
        Uniform("holidaysPriorScale", 0.005, 30.0),
        Int("yearlyFourierOrder", 12, 13),
        Int("monthlyFourierOrder", 4, 5),
        Int("weeklyFourierOrder", 1, 3),
    )
)
