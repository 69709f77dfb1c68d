"""Where compiled kernels are kept, and what that leaves alone."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import sparkprophet
from sparkprophet.numerics import compiled

pytest.importorskip("numba")

PACKAGE = "sparkprophet.numerics"
SOLVE = """
import numpy as np
from sparkprophet.numerics.ridge_lasso import lasso
lasso(np.eye(2), np.ones(2), 0.1, np.zeros(2))
print(sum(lasso.stats.cache_hits.values()))
"""


@pytest.fixture
def place(monkeypatch, tmp_path):
    """The folder that is chosen under some environment; homes of its own for each test."""
    homes = {name: tmp_path / name for name in ("numba", "xdg", "home", "tmp")}
    for home in homes.values():
        home.mkdir()

    def choose(**environment):
        for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(homes["home"]))
        monkeypatch.setattr(compiled.tempfile, "gettempdir", lambda: str(homes["tmp"]))
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        return compiled.cache_directory.__wrapped__(PACKAGE)

    choose.homes = homes
    return choose


def test_numbas_own_setting_comes_first(place):
    numbas, xdg = place.homes["numba"], place.homes["xdg"]
    assert place(NUMBA_CACHE_DIR=numbas, XDG_CACHE_HOME=xdg).parent == numbas
    assert place(XDG_CACHE_HOME=xdg).parent == xdg
    assert place().parent == place.homes["home"] / ".cache"


def test_a_folder_that_cannot_be_made_is_passed_over(place):
    file = place.homes["numba"] / "file"
    file.write_text("")
    found = place(NUMBA_CACHE_DIR=file / "below", XDG_CACHE_HOME=place.homes["xdg"])
    assert found.parent == place.homes["xdg"]
    assert place(NUMBA_CACHE_DIR=file, XDG_CACHE_HOME=file, HOME=file).parent == place.homes["tmp"]


def test_a_folder_that_cannot_be_written_is_passed_over(place, monkeypatch):
    numbas = place.homes["numba"]
    expected = place(NUMBA_CACHE_DIR=numbas)
    # Root may write anywhere, so the system's answer is put in its mouth.
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != expected and real(path, mode))
    assert place(NUMBA_CACHE_DIR=numbas).parent == place.homes["home"] / ".cache"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_may_write_is_passed_over(place, mode):
    numbas = place.homes["numba"]
    place(NUMBA_CACHE_DIR=numbas).chmod(mode)
    assert place(NUMBA_CACHE_DIR=numbas).parent != numbas


def test_a_folder_of_another_user_is_passed_over(place, monkeypatch):
    numbas = place.homes["numba"]
    name = place(NUMBA_CACHE_DIR=numbas).name
    user = os.getuid() + 1
    (numbas / name.replace(f"-{os.getuid()}-", f"-{user}-")).mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert place(NUMBA_CACHE_DIR=numbas) is None  # all of these homes belong to this user


def test_a_link_is_not_followed(place, tmp_path):
    numbas, elsewhere = place.homes["numba"], tmp_path / "elsewhere"
    found = place(NUMBA_CACHE_DIR=numbas)
    found.rmdir()
    elsewhere.mkdir(mode=0o777)
    elsewhere.chmod(0o777)
    found.symlink_to(elsewhere)
    chosen = place(NUMBA_CACHE_DIR=numbas)
    assert chosen is None or chosen.parent != numbas


def test_the_folder_is_closed_to_others(place):
    found = place(NUMBA_CACHE_DIR=place.homes["numba"])
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_other_sources_have_another_folder(place, monkeypatch):
    before = place()
    assert compiled.cache_directory.__wrapped__("sparkprophet.search").name != before.name
    monkeypatch.setattr(compiled.np, "__version__", "9.9")
    assert place().name != before.name


def test_a_users_own_setting_is_left_alone():
    code = (
        "import numba; numba.config.CACHE_DIR = '/users/own';"
        "import sparkprophet.numerics.solver; print(numba.config.CACHE_DIR)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "/users/own"


@pytest.mark.parametrize("zipped", [pytest.param(False, marks=pytest.mark.slow), True])
def test_another_process_finds_what_one_compiled(tmp_path, zipped):
    """Also from a zip at another path, as Spark sends it to the workers of each application."""
    kernels = tmp_path / "kernels"
    kernels.mkdir()

    def run(application):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(kernels)}
        if zipped:
            package = Path(sparkprophet.__file__).parent
            shutil.make_archive(tmp_path / application, "zip", package.parent, package.name)
            environment["PYTHONPATH"] = str(tmp_path / f"{application}.zip")
        done = subprocess.run(
            [sys.executable, "-c", SOLVE], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        files = {path: path.stat().st_mtime_ns for path in kernels.rglob("*.nb?")}
        return int(done.stdout), files

    hits, made = run("first")
    assert hits == 0 and len(made) >= 2
    hits, kept = run("second")
    assert hits == 1
    assert kept == made


@pytest.mark.slow
def test_without_any_place_kernels_still_compile(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(file), "XDG_CACHE_HOME": str(file)}
    code = f"import tempfile; tempfile.tempdir = {str(file)!r}\n" + SOLVE.replace(
        "from sparkprophet",
        "from sparkprophet.numerics.compiled import cache_directory\n"
        f"assert cache_directory({PACKAGE!r}) is None\nfrom sparkprophet",
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 0
