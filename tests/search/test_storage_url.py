"""The secrets of a storage's URL are nowhere but in the URL itself."""

import pickle
from pathlib import Path

import optuna
import pytest
from sqlalchemy.engine import make_url

from sparkprophet.search.batched import storage_url
from test_batched_study import made, told

URLS = {
    "postgresql://bob:hunter2@db/studies": "postgresql://bob:***@db/studies",
    "mysql+pymysql://bob:hu/n:ter@db:33/s": "mysql+pymysql://bob:***@db:33/s",
    "redis://:hunter2@db:6379/0": "redis://:***@db:6379/0",
    "postgresql://db/s?user=bob&password=hunter2&ssl=1": (
        "postgresql://db/s?user=bob&password=***&ssl=1"
    ),
    "postgresql://db/s?sslkey=/a/b.pem": "postgresql://db/s?sslkey=/a/b.pem",
    "postgresql://bob@db/studies": "postgresql://bob@db/studies",
    "sqlite:////tmp/a:b/c.db": "sqlite:////tmp/a:b/c.db",
    "sqlite:///search.db": "sqlite:///search.db",
    "postgresql://db:5432/s": "postgresql://db:5432/s",
}


@pytest.mark.parametrize("url", URLS)
def test_secrets_are_masked_by_hand(url):
    assert storage_url.masked(url) == URLS[url]
    assert storage_url.masked(URLS[url]) == URLS[url]


@pytest.mark.parametrize("url", [url for url in URLS if "?" not in url])
def test_passwords_are_masked_as_sqlalchemy_masks_them(url):
    shown = make_url(url).render_as_string(hide_password=True)
    assert storage_url.masked(url) == shown.replace("%3A", ":")


def test_a_password_comes_back_from_the_environment(monkeypatch):
    monkeypatch.delenv(storage_url.PASSWORD, raising=False)
    with pytest.raises(ValueError, match="saved without its password.*SPARKPROPHET_STORAGE_PASS"):
        storage_url.whole("postgresql://bob:***@db/s")
    monkeypatch.setenv(storage_url.PASSWORD, "p@ss/w:rd")
    assert make_url(storage_url.whole("postgresql://bob:***@db/s")).password == "p@ss/w:rd"
    assert storage_url.whole("sqlite:///x.db") == "sqlite:///x.db"


def test_no_message_has_the_password(tmp_path):
    with pytest.raises(ValueError, match="storage") as refused:
        made(storage="nosuch://bob:hunter2@db/studies", study_name="s")
    assert "hunter2" not in str(refused.value)


class Runs:
    """Its pickle, once read, leaves a file."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return Path.touch, (Path(self.place),)


def with_pickle(folder):
    """A study as somebody may have made it for a sampler of CMA-ES, and what reading it leaves."""
    url, trace = f"sqlite:///{folder}/s.db", folder / "trace"
    study = optuna.create_study(storage=url, study_name="s")
    for x in (0.1, 0.9):
        study.add_trial(
            optuna.trial.create_trial(
                value=x,
                params={"x": x},
                distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
                system_attrs={"cma:optimizer:0": pickle.dumps(Runs(trace)).hex()},
            )
        )
    return url, trace


def test_a_strangers_pickle_is_not_read(tmp_path):
    pytest.importorskip("cmaes")
    url, trace = with_pickle(tmp_path)
    with pytest.raises(ValueError, match="'s'.*pickle.*trustStorage"):
        made(kind="cmaes", storage=url, study_name="s")
    assert not trace.exists()


def test_a_study_of_this_process_goes_on_without_trust(tmp_path):
    pytest.importorskip("cmaes")
    url = f"sqlite:///{tmp_path}/s.db"
    for batches in (1, 2):
        study = made(kind="cmaes", storage=url, study_name="s", num_startup_trials=1)
        told(study, study.ask(4))
        assert len(study.trials()) == 4 * batches
        study.close()
