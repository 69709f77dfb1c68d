"""The samplers, by name: TPE with compiled arithmetic, the others as Optuna has them."""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkprophet.messages import shown
from sparkprophet.search.dimensions import Int, Uniform
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.values import whole_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_LARGEST_SEED = 2**32 - 1  # of NumPy's RandomState, which all of Optuna's samplers use

# warnings.catch_warnings saves and restores a list of the whole process.
_warnings_lock = threading.Lock()


def check_sampler(kind: str, space: SearchSpace | None = None) -> None:
    """Raise where the sampler cannot work, so that a driver can tell before it starts a job.

    Parameters
    ----------
    kind : str
        A name of `KINDS`.
    space : SearchSpace, optional
        What is to be searched.

    Raises
    ------
    ValueError
        For any other kind, and for cmaes on a space with no Uniform and no Int dimension that is
        in every trial: CMA-ES would draw all of it at random.
    ImportError
        With what to install, where the sampler lacks its packages.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"sampler: found {shown(kind)}, must be one of {', '.join(KINDS)}")
    modules = ("optuna", *KINDS[kind].modules)
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ImportError(
                f"sampler: {kind!r} needs {module}, which cannot be imported ({error}); run "
                f"`pip install {' '.join(modules)}` on the driver and the workers, or use 'tpe'"
            ) from error
    if space is not None:
        KINDS[kind].check_space(space)


def make_sampler(kind: str, seed: int, num_startup_trials: int, space: SearchSpace) -> BaseSampler:
    """An Optuna sampler; the same seed gives the same points in any process.

    tpe is `CompiledTPESampler`: the numerics of Optuna's own `TPESampler` at less CPU. The others
    are Optuna's, with its default settings. The Sobol' points of qmc are scrambled, since without
    that Optuna ignores its seed and every group would try the same points; its first point is
    random.

    Parameters
    ----------
    kind : str
        A name of `KINDS`.
    seed : int
        From 0 to 2**32 - 1.
    num_startup_trials : int
        The first so many completed trials of tpe, gp and cmaes are drawn at random; random and qmc
        have no use for them.
    space : SearchSpace
        Of which cmaes draws the choices, and dimensions with conditions, at random.

    Returns
    -------
    optuna.samplers.BaseSampler

    Raises
    ------
    ValueError, TypeError
        As `check_sampler`, and for `seed` and `num_startup_trials`.
    ImportError
        As `check_sampler`.
    """
    check_sampler(kind, space)
    seed = whole_number("seed", seed, 0, _LARGEST_SEED)
    num_startup_trials = whole_number("num_startup_trials", num_startup_trials, 0)
    return KINDS[kind].make(seed, num_startup_trials, space)


def sampler_of_trial(
    kind: str, seed: int, number: int, num_startup_trials: int, space: SearchSpace
) -> BaseSampler:
    """The sampler of one trial alone, whatever the process has drawn before.

    Parameters
    ----------
    kind, num_startup_trials, space
        As in `make_sampler`.
    seed : int
        Of the whole study, any whole number.
    number : int
        The trial's, from 0.

    Returns
    -------
    optuna.samplers.BaseSampler

    Raises
    ------
    ValueError, TypeError, ImportError
        As `make_sampler`.
    """
    of_trial, of_study = (
        int(np.random.SeedSequence([seed % 2**64, *place]).generate_state(1)[0])
        for place in ([number], [])
    )
    if kind != "qmc":
        return make_sampler(kind, of_trial, num_startup_trials, space)
    check_sampler(kind, space)
    return _qmc_point(of_study, of_trial, number)


@functools.cache
def warm_up(kind: str) -> None:
    """Compile what the sampler of this `kind` has to, before a trial's time is measured."""
    KINDS[kind].warm_up()


def learners() -> str:
    """The names of the samplers that take startup trials, in words."""
    *others, last = (name for name, kind in KINDS.items() if kind.learns)
    return f"{', '.join(others)} or {last}"


def _tpe(seed: int, num_startup_trials: int, space: SearchSpace) -> BaseSampler:
    from sparkprophet.search.tpe import CompiledTPESampler

    return CompiledTPESampler(seed, num_startup_trials)


def _compile_tpe() -> None:
    from sparkprophet.search.parzen import propose, uniform_point

    space, one = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]]), np.full((1, 1), 0.5)
    uniform_point(space, one[0])
    propose(one, one, space, np.full((2, 1), 0.5))


def _random(seed: int, num_startup_trials: int, space: SearchSpace) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _qmc(seed: int, num_startup_trials: int, space: SearchSpace) -> BaseSampler:
    from optuna.samplers import QMCSampler

    with _experiments_unmentioned():
        return QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)


def _qmc_point(seed: int, independent_seed: int, number: int) -> BaseSampler:
    """The point of trial `number` in the sequence of `seed`.

    The sequence is the study's, but not what is drawn besides: conditional dimensions.
    """
    from optuna.samplers import QMCSampler, RandomSampler

    class Point(QMCSampler):
        def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
            # Optuna counts what it has drawn, which a killed process may have drawn in vain. As
            # there, the trial after the first, random one has the first point of the sequence.
            return max(number - 1, 0)

    with _experiments_unmentioned():
        return Point(
            scramble=True,
            seed=seed,
            independent_sampler=RandomSampler(seed=independent_seed),
            warn_independent_sampling=False,
        )


@contextlib.contextmanager
def _experiments_unmentioned() -> Iterator[None]:
    """Optuna warns of each class that it may change yet."""
    from optuna.exceptions import ExperimentalWarning

    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _gp(seed: int, num_startup_trials: int, space: SearchSpace) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(
        seed=seed, n_startup_trials=num_startup_trials, warn_independent_sampling=False
    )


def _cmaes(seed: int, num_startup_trials: int, space: SearchSpace) -> BaseSampler:
    from optuna.samplers import CmaEsSampler

    keys = _numbers_in_every_trial(space)

    class Sampler(CmaEsSampler):
        def infer_relative_search_space(
            self, study: Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            # Optuna's takes what all trials so far share. The first trial without a dimension
            # would change that, and CMA-ES would draw at random from then on.
            shared = super().infer_relative_search_space(study, trial)
            return {key: shared[key] for key in shared if key in keys}

    return Sampler(seed=seed, n_startup_trials=num_startup_trials, warn_independent_sampling=False)


def _numbers_in_every_trial(space: SearchSpace) -> set[str]:
    """Keys of the dimensions that CMA-ES can search: numbers without conditions."""
    return {
        key
        for key, dimension in space.keyed().items()
        if isinstance(dimension, (Uniform, Int)) and not dimension.when
    }


def _check_cmaes(space: SearchSpace) -> None:
    if _numbers_in_every_trial(space):
        return
    conditional = any(dimension.when for dimension in space.dimensions)
    kinds = "choices and conditional dimensions" if conditional else "choices"
    raise ValueError(
        f"sampler: found 'cmaes' for a search space of {kinds} only, which CMA-ES cannot search; "
        "add a Uniform or Int dimension without conditions, or use 'tpe'"
    )


def _nothing(*_: SearchSpace) -> None:
    """A sampler that searches every space, or has nothing to compile."""


@dataclass(frozen=True)
class Kind:
    """How one sampler is made.

    Attributes
    ----------
    make : callable
        Of seed, number of startup trials and space.
    modules : tuple of str
        What it imports beside Optuna, and only once it samples.
    learns : bool
        Whether it takes startup trials.
    check_space : callable
        Raises ValueError for a space that it cannot search.
    warm_up : callable
        Compiles what it has to.
    """

    make: Callable[[int, int, SearchSpace], BaseSampler]
    modules: tuple[str, ...] = ()
    learns: bool = False
    check_space: Callable[[SearchSpace], None] = _nothing
    warm_up: Callable[[], None] = _nothing


KINDS = {
    "tpe": Kind(_tpe, learns=True, warm_up=_compile_tpe),
    "random": Kind(_random),
    "qmc": Kind(_qmc, ("scipy",)),
    "gp": Kind(_gp, ("scipy", "torch"), learns=True),
    "cmaes": Kind(_cmaes, ("cmaes",), learns=True, check_space=_check_cmaes),
}
"""Name -> how it is made; in this order wherever samplers are listed."""
