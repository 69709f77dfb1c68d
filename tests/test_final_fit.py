"""What a search does where its best params cannot be fitted to the whole series."""

import json

import numpy as np
import pytest

from sparkprophet import BayesianParamGridBuilder, GroupedProphet, tuning
from sparkprophet.series import fit as fitting
from sparkprophet.series.config import Config
from sparkprophet.series.data import Series
from sparkprophet.series.errors import SeriesError

CONFIG = Config(uncertaintySamples=0)
DAYS = np.datetime64("2024-01-01", "us") + np.arange(80) * np.timedelta64(1, "D")
SCALE = GroupedProphet().changepointPriorScale
SPACE = BayesianParamGridBuilder().addUniform(SCALE, 0.01, 0.5).space().toJson()
SERIES = Series(DAYS, np.sin(np.arange(80.0)) + np.arange(80) * 0.1 + 9, {})


def tuned(monkeypatch, refuses, config=CONFIG, **search):
    """A tuned fit where the final fits for which `refuses(config)` holds fail."""
    real, tried = fitting.fit, []

    def fit(series, config, deadline=None):
        tried.append(config.changepointPriorScale)
        if refuses(config):
            return fitting.failed(series, config, SeriesError("SOLVER_FAILED", "no number"))
        return real(series, config, deadline)

    monkeypatch.setattr(fitting, "fit", fit)
    alone = {"combination": "none", "pruner": "none"}
    asked = tuning.Search(SPACE, horizon=7, num_trials=6, sampler="random", **alone, **search)
    found = tuning.tune_series(SERIES, config, 3, asked)
    return found, tried


def ranked(found):
    """changepointPriorScale and value of the trials, the best first."""
    rows = [(row["value"], row["params"], row["error"]) for row in found.search["trials"]]
    return sorted(rows, key=lambda row: row[0])


def scale_of(row):
    return json.loads(row[1])["changepointPriorScale"]


@pytest.fixture
def order(monkeypatch):
    """The trials of the search undisturbed."""
    found, tried = tuned(monkeypatch, lambda config: False, warm_start=False)
    best = ranked(found)
    assert found.status == "ok" and tried == [scale_of(best[0])]
    assert found.search["best_value"] == best[0][0]
    return best


def test_the_next_best_follows(monkeypatch, order):
    bad = scale_of(order[0])
    found, tried = tuned(monkeypatch, lambda c: c.changepointPriorScale == bad, warm_start=False)
    assert found.status == "ok" and tried == [scale_of(order[0]), scale_of(order[1])]
    assert found.config.changepointPriorScale == scale_of(order[1])
    assert found.search["best_value"] == order[1][0]
    errors = {scale_of(row): row[2] for row in ranked(found)}
    assert errors.pop(bad) == "final fit: SOLVER_FAILED: no number"
    assert set(errors.values()) == {None}


def test_the_config_itself_is_the_last(monkeypatch, order):
    found, tried = tuned(monkeypatch, lambda c: c.changepointPriorScale != 0.05, warm_start=False)
    assert found.status == "ok" and found.config == CONFIG
    assert tried == [*map(scale_of, order[:3]), 0.05]
    assert found.search["best_value"] == found.search["untuned_value"]


def test_only_then_is_it_a_fallback(monkeypatch, order):
    config = CONFIG.replace({"fallback": "mean"})
    found, tried = tuned(monkeypatch, lambda c: True, config, warm_start=False)
    assert (found.status, found.error_code) == ("fallback", "SOLVER_FAILED")
    assert len(tried) == 4
