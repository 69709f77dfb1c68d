"""The search space that is suggested where a user has none of their own."""

from __future__ import annotations

from sparkprophet.search.dimensions import Choice, Fixed, Int, Uniform
from sparkprophet.search.space import SearchSpace

# Yearly Fourier orders that so many steps a year can tell apart; of one step there is no year.
_YEARLY_ORDERS = {12: 5, 6: 2, 4: 2, 3: 1, 2: 1}


def suggested_space(growth: bool, holidays: bool, steps_a_year: int | None) -> SearchSpace:
    """What moves the forecasts of public data sets, in ranges beyond which they only got worse.

    Parameters
    ----------
    growth : bool
        Whether growth may be flat.
    holidays : bool
        Whether there are holidays or regressors, whose prior scale is searched then.
    steps_a_year : int or None
        Of series in steps of months, whose yearly Fourier order is searched then; None: of others.
    """
    dimensions: list[Choice | Int | Uniform] = [
        Uniform("changepointPriorScale", 0.001, 2.0, log=True),
        Uniform("seasonalityPriorScale", 0.01, 10.0, log=True),
        Choice("seasonalityMode", ("additive", "multiplicative")),
        # Few values of what shapes the trend's basis, so that trials share it.
        Choice("nChangepoints", (10, 25, 40)),
        Choice("changepointRange", (0.8, 0.9, 0.97)),
    ]
    if growth:
        dimensions.append(Choice("growth", ("linear", "flat")))
    if holidays:
        dimensions.append(Uniform("holidaysPriorScale", 0.01, 10.0, log=True))
    orders = _YEARLY_ORDERS.get(steps_a_year or 0)
    fixed: list[Fixed] = []
    if steps_a_year == 1:
        fixed.append(Fixed("yearlySeasonality", "false"))
    elif orders == 1:
        fixed.append(Fixed("yearlyFourierOrder", 1))
    elif orders:
        dimensions.append(Int("yearlyFourierOrder", 1, orders))
    return SearchSpace(tuple(dimensions), tuple(fixed))
