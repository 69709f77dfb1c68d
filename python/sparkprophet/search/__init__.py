"""Bayesian search: the search space, the samplers and one study.

Knows nothing of series, pandas or Spark. Optuna does the searching; it is imported when the first
sampler is made, so importing this package stays light.
"""

from sparkprophet.search.dimensions import Choice, Fixed, Int, Uniform, When
from sparkprophet.search.sampler import check_sampler, make_sampler
from sparkprophet.search.space import SearchSpace
from sparkprophet.search.study import Study, Trial, run_study

__all__ = [
    "Choice",
    "Fixed",
    "Int",
    "SearchSpace",
    "Study",
    "Trial",
    "Uniform",
    "When",
    "check_sampler",
    "make_sampler",
    "run_study",
]
