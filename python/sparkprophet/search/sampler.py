"""The five samplers, by name: TPE with compiled arithmetic, the others as Optuna has them."""

from __future__ import annotations

import functools
import importlib
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkprophet.messages import shown
from sparkprophet.search.dimensions import Int, Uniform
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.values import whole_number

if TYPE_CHECKING:
    import optuna

# kind -> the modules that the sampler imports, only once it samples
_MODULES = {
    "tpe": (),
    "random": (),
    "qmc": ("scipy",),
    "gp": ("scipy", "torch"),
    "cmaes": ("cmaes",),
}
_LARGEST_SEED = 2**32 - 1  # of NumPy's RandomState, which all of Optuna's samplers use

# warnings.catch_warnings saves and restores a list of the whole process.
_warnings_lock = threading.Lock()


def check_sampler(kind: str, space: SearchSpace | None = None) -> None:
    """Raise where the sampler cannot work, so that a driver can tell before it starts a job.

    `kind` is tpe, random, qmc, gp or cmaes. Raises ValueError for any other, and for cmaes on a
    given `space` with no Uniform and no Int dimension that is in every trial: CMA-ES would draw
    all of it at random.
    Raises ImportError, with what to install, where qmc (scipy), gp (scipy and torch) or cmaes
    (cmaes) lack their packages.
    """
    if not isinstance(kind, str) or kind not in _MODULES:
        raise ValueError(f"sampler: found {shown(kind)}; give one of {', '.join(_MODULES)}")
    for module in ("optuna", *_MODULES[kind]):
        try:
            importlib.import_module(module)
        except ImportError as error:
            packages = " ".join(("optuna", *_MODULES[kind]))
            raise ImportError(
                f"sampler {kind!r} needs {module}, which cannot be imported ({error}); "
                f"run `pip install {packages}` on the driver and the workers, or use 'tpe'"
            ) from error
    if kind == "cmaes" and space is not None:
        if not _in_every_trial(space):
            kinds = "choices only"
            if any(dimension.when for dimension in space.dimensions):
                kinds = "choices and conditional dimensions only"
            raise ValueError(
                f"sampler: found 'cmaes' for a search space of {kinds}, which CMA-ES cannot "
                "search; add a Uniform or Int dimension without conditions, or use 'tpe'"
            )


def make_sampler(
    kind: str, seed: int, num_startup_trials: int, space: SearchSpace
) -> optuna.samplers.BaseSampler:
    """An Optuna sampler of this `kind`; the same seed gives the same points in any process.

    tpe is `CompiledTPESampler`: the numerics of Optuna's own `TPESampler` at less CPU. The others
    are Optuna's, with its default settings.

    `seed` is from 0 to 2**32 - 1. The first `num_startup_trials` completed trials of tpe, gp and
    cmaes are drawn at random; random and qmc have no use for them. The Sobol' points of qmc are
    scrambled, since without that Optuna ignores its seed and every group would try the same
    points; its first point is random. cmaes draws the choices of `space`, and dimensions with
    conditions, at random.

    Raises what `check_sampler` raises, and ValueError or TypeError for `seed` and
    `num_startup_trials`.
    """
    check_sampler(kind, space)
    seed = whole_number("seed", seed, 0, _LARGEST_SEED)
    num_startup_trials = whole_number("num_startup_trials", num_startup_trials, 0)
    if kind == "tpe":
        from sparkprophet.search.tpe import CompiledTPESampler

        return CompiledTPESampler(seed, num_startup_trials)
    from optuna import samplers

    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    if kind == "gp":
        return samplers.GPSampler(
            seed=seed, n_startup_trials=num_startup_trials, warn_independent_sampling=False
        )
    if kind == "cmaes":
        return _cmaes(seed, num_startup_trials, space)
    return _quiet_qmc(seed)


@functools.cache
def warm_up(kind: str) -> None:
    """Compile what the sampler of this `kind` has to, before a trial's time is measured."""
    if kind == "tpe":
        from sparkprophet.search.parzen import propose, uniform_point

        space, one = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]]), np.full((1, 1), 0.5)
        uniform_point(space, one[0])
        propose(one, one, space, np.full((2, 1), 0.5))


def _in_every_trial(space: SearchSpace) -> set[str]:
    """Keys of the dimensions that CMA-ES can search: numbers without conditions."""
    return {
        key
        for key, dimension in space.keyed().items()
        if isinstance(dimension, (Uniform, Int)) and not dimension.when
    }


def _cmaes(seed: int, num_startup_trials: int, space: SearchSpace) -> optuna.samplers.CmaEsSampler:
    from optuna.samplers import CmaEsSampler

    keys = _in_every_trial(space)

    class Sampler(CmaEsSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            # Optuna's takes what all trials so far share. The first trial without a dimension
            # would change that, and CMA-ES would draw at random from then on.
            found = super().infer_relative_search_space(study, trial)
            return {key: found[key] for key in found if key in keys}

    return Sampler(seed=seed, n_startup_trials=num_startup_trials, warn_independent_sampling=False)


def _quiet_qmc(seed: int) -> optuna.samplers.QMCSampler:
    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return samplers.QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)
