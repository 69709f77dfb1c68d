"""Which settings a basis and a scaling depend on, tried out on each, and what is shared by them."""

import numpy as np
import pytest

from sparkprophet.numerics.basis import Basis
from sparkprophet.series import changepoints, dated_basis, design, scaling
from sparkprophet.series.config import SETTINGS, Config
from sparkprophet.series.data import Series
from sparkprophet.series.fold_solver import FoldSolver
from sparkprophet.series.seasonality import resolve


def make_series(n=760):
    rng = np.random.default_rng(3)
    i = np.arange(n)
    columns = {
        "cap": np.full(n, 80.0),
        "floor": 2 + 0.001 * i,
        "price": rng.uniform(1, 2, n),
        "rain": rng.normal(size=n),
        "open": (i % 3 == 0).astype(float),
    }
    ds = np.datetime64("2021-03-01", "us") + i * np.timedelta64(1, "D")
    return Series(ds, 20 + 0.01 * i + np.sin(i / 58) + rng.normal(0, 0.5, n), columns)


SERIES = make_series()
ROWS, AHEAD = SERIES.take(slice(0, 740)), SERIES.take(slice(740, 760))

PAY = {"name": "pay", "period": 15.2, "fourierOrder": 2}
FAIR = {"holiday": "fair", "ds": "2021-06-01"}
# Configs that another value of one setting is tried on: what one does not use, another does.
CONFIGS = {
    "defaults": {},
    "days": {"holidays": [FAIR | {"upperWindow": 2}], "countryHolidays": "US"},
    "everything": {
        "growth": "logistic",
        "changepoints": ["2021-08-01", "2022-02-01"],
        "seasonalities": [PAY | {"conditionCol": "open", "priorScale": 2.0}],
        "regressors": ["price"],
        "seasonalityMode": "multiplicative",
        "monthlyFourierOrder": 3,
        "dailySeasonality": "2",
    },
}
VALUES = {
    "growth": ["flat", "linear"],
    "nChangepoints": [5, 0],
    "changepointRange": [0.5, 1.0],
    "trendForecast": ["holt", "theta"],
    "trendDamping": [0.9],
    "combination": ["folds"],
    "horizon": [3],
    "numFolds": [2],
    "period": [3],
    "initial": [3],
    "changepointPriorScale": [0.5],
    "changepoints": [["2022-01-01"], None],
    "seasonalityMode": ["additive", "multiplicative"],
    "holidaysMode": ["additive", "multiplicative"],
    "yearlySeasonality": ["3", "false"],
    "weeklySeasonality": ["2", "false"],
    "dailySeasonality": ["1", "false"],
    "yearlyFourierOrder": [2],
    "monthlyFourierOrder": [2],
    "weeklyFourierOrder": [1],
    "dailyFourierOrder": [1],
    "yearlyPriorScale": [0.5],
    "monthlyPriorScale": [0.5],
    "weeklyPriorScale": [0.5],
    "dailyPriorScale": [0.5],
    "seasonalityPriorScale": [0.5],
    "holidaysPriorScale": [0.5],
    "seasonalities": [[PAY], [PAY | {"period": 20.0}], [PAY | {"mode": "additive"}], []],
    "countryHolidays": ["DE", None],
    "holidays": [[FAIR], [FAIR | {"ds": "2021-06-03"}], [FAIR | {"priorScale": 0.5}], []],
    "regressors": [["price", "rain"], [{"name": "price", "standardize": False}], []],
    "scaling": ["minmax"],
    "intervalWidth": [0.5],
    "uncertaintySamples": [7],
    "solver": ["native", "stan"],
    "minObservations": [5],
    "fallback": ["mean"],
    "groupTimeout": [90.0],
    "groupMemoryInMB": [4096],
}


def pairs(name):
    """Each config of `CONFIGS` with each one that has another value of the setting."""
    for settings in CONFIGS.values():
        config = Config().replace(settings)
        for value in VALUES[name]:
            other = config.replace({name: value})
            if other != config:
                yield config, other


def arrays(basis):
    parts = (basis.t, basis.XT, basis.changepoints, basis.segments, basis.gram)
    return [part.tobytes() for part in parts]


def shaped(config, seasonalities):
    """All that a basis and a scaling are, made from the config without anything that is shared."""
    scales = scaling.scales_of(ROWS, config)
    layout = design.layout(config, seasonalities, ROWS.ds)
    X = design.matrix(layout, config, ROWS, scales)
    times = changepoints.times(changepoints.place(ROWS.ds, config), scales)
    basis = Basis(scaling.time(ROWS.ds, scales), X, times, config.growth)
    names = (layout.names, layout.holiday_names)
    return {
        "basis": (names, arrays(basis)),
        "scaling": (scales, scaling.label(ROWS, scales).tobytes()),
    }


def test_every_setting_is_tried():
    assert set(VALUES) == {setting.name for setting in SETTINGS}
    for name in VALUES:
        assert list(pairs(name)), name


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_mark_of_a_setting_is_what_it_changes(setting):
    changed = set()
    for config, other in pairs(setting.name):
        # Those of the first for both: what a setting does to them is no part of its mark.
        seasonalities = resolve(config, ROWS.ds)
        before, after = shaped(config, seasonalities), shaped(other, seasonalities)
        changed |= {part for part in before if before[part] != after[part]}
    expected = "basis" if "basis" in changed else "scaling" if changed else None
    assert setting.metadata["shapes"] == expected


@pytest.mark.parametrize("name", VALUES)
def test_what_is_shared_is_what_a_config_would_make_for_itself(name, monkeypatch):
    def nothing_kept():
        monkeypatch.setattr(dated_basis, "_kept", dated_basis._Kept())

    def made(config):
        scales = scaling.scales_of(ROWS, config)
        return dated_basis.dated_basis(config, resolve(config, ROWS.ds), ROWS, scales)

    for config, other in pairs(name):
        nothing_kept()
        alone = made(other)
        yhat = FoldSolver(ROWS, AHEAD, config, {}).forecast(other, resolve(other, ROWS.ds))
        nothing_kept()
        made(config)
        after = made(other)
        assert after.layout == alone.layout
        assert arrays(after.basis) == arrays(alone.basis)
        solver = FoldSolver(ROWS, AHEAD, config, {})
        solver.forecast(config, resolve(config, ROWS.ds))
        again = solver.forecast(other, resolve(other, ROWS.ds))
        np.testing.assert_array_equal(again, yhat)
