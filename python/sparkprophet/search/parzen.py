"""Kernels of the tree-structured Parzen estimator: mixtures, their densities, the next point.

A space of D dimensions is an array of shape (D, 5), one row per dimension: its lowest and highest
value, its step (0 where it is continuous), 1 where it is searched in its logarithm, and its number
of choices (0 where it is numeric). Values are numbers in the param's own unit, or positions of
choices. Coordinates are values, or their natural logarithms in a logarithmic dimension.

Sources: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization" (2011);
Watanabe, "Tree-Structured Parzen Estimator" (2023, arXiv 2304.11127), whose names are used here.
"""

from __future__ import annotations

import math

import numpy as np

from sparkprophet.numerics.compiled import compiled

LOW, HIGH, STEP, LOG, CHOICES = range(5)

_FLAT_WEIGHTS = 25  # the newest observations of a mixture count fully, older ones less and less
_SMALLEST_WIDTH = 100.0  # no kernel is narrower than this part of the range
_SQRT_2 = math.sqrt(2.0)
_SQRT_2_PI = math.sqrt(2.0 * math.pi)
_LOG_SQRT_2_PI = math.log(_SQRT_2_PI)
_NARROW = 1e-5  # of an interval in standard deviations: its density at the middle is exact enough
_FAR = -30.0  # below, the asymptotic series of the normal tail is exact to 1e-12
_FARTHEST = -37.0  # below, the normal tail is no longer a normal double


@compiled
def propose(
    below: np.ndarray, above: np.ndarray, space: np.ndarray, uniforms: np.ndarray
) -> np.ndarray:
    """The candidate of the largest density ratio of good to other observations.

    The dimensions are taken jointly: a kernel of the mixture is the product over its dimensions.

    Parameters
    ----------
    below, above : ndarray
        Coordinates of the good and the other observations in order of age, oldest first, shapes
        (D, n) and (D, m); either may be empty.
    space : ndarray
        Shape (D, 5).
    uniforms : ndarray
        Random numbers in [0, 1), shape (D + 1, S), for S candidates, which are drawn from the good
        ones' mixture.

    Returns
    -------
    ndarray
        Values, shape (D,).
    """
    centres, widths, masses, weights = mixture(below, space)
    values = candidates(centres, widths, weights, space, uniforms)
    good = log_density(values, centres, widths, masses, weights, space)
    centres, widths, masses, weights = mixture(above, space)
    ratio = good - log_density(values, centres, widths, masses, weights, space)
    return values[:, np.argmax(ratio)].copy()


@compiled
def uniform_point(space: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """A random point, even in the coordinates: values (D,) of `uniforms` (D,) in [0, 1)."""
    values = np.empty(len(space))
    for d in range(len(space)):
        if space[d, CHOICES] > 0.0:
            values[d] = math.floor(uniforms[d] * space[d, CHOICES])
        else:
            low, high = bounds(space[d])
            values[d] = value_at(low + uniforms[d] * (high - low), space[d])
    return values


@compiled
def bounds(dimension: np.ndarray) -> tuple[float, float]:
    """The ends of a numeric dimension as coordinates; half a step is added where it has one."""
    low = dimension[LOW] - 0.5 * dimension[STEP]
    high = dimension[HIGH] + 0.5 * dimension[STEP]
    if dimension[LOG] > 0.0:
        return math.log(low), math.log(high)
    return low, high


@compiled
def value_at(coordinate: float, dimension: np.ndarray) -> float:
    """The value of a numeric dimension that is nearest to a coordinate."""
    low: float = dimension[LOW]
    high: float = dimension[HIGH]
    step: float = dimension[STEP]
    value = math.exp(coordinate) if dimension[LOG] > 0.0 else coordinate
    if step > 0.0:
        value = low + step * math.floor((value - low) / step + 0.5)
    return min(max(value, low), high)


@compiled
def mixture(
    observed: np.ndarray, space: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One kernel per observation and last the prior's, which covers the whole range.

    Parameters
    ----------
    observed : ndarray
        Coordinates, shape (D, n), oldest first.
    space : ndarray
        Shape (D, 5).

    Returns
    -------
    centres, widths, masses : ndarray
        Shape (D, n + 1) each, the masses as logarithms and within the range; of a choice only the
        centre means something.
    weights : ndarray
        Shape (n + 1,), adding up to 1.
    """
    count = observed.shape[1]
    shape = (len(space), count + 1)
    centres, widths, masses = np.empty(shape), np.ones(shape), np.zeros(shape)
    for d in range(len(space)):
        centres[d, :count] = observed[d]
        centres[d, count] = -1.0
        if space[d, CHOICES] > 0.0:
            continue
        low, high = bounds(space[d])
        centres[d, count] = 0.5 * (low + high)
        widths[d, :count] = bandwidths(observed[d], low, high)
        widths[d, count] = high - low
        for k in range(count + 1):
            centre, width = centres[d, k], widths[d, k]
            masses[d, k] = log_normal_mass((low - centre) / width, (high - centre) / width)
    return centres, widths, masses, observation_weights(count)


@compiled
def observation_weights(count: int) -> np.ndarray:
    """Weights of `count` observations, oldest first, and of the prior; they add up to 1."""
    weights = np.ones(count + 1)
    older = count - _FLAT_WEIGHTS
    for k in range(older):
        risen = k / (older - 1) if older > 1 else 0.0
        weights[k] = 1.0 / count + risen * (1.0 - 1.0 / count)
    shares: np.ndarray = weights / weights.sum()
    return shares


@compiled
def bandwidths(centres: np.ndarray, low: float, high: float) -> np.ndarray:
    """Standard deviations of the kernels: the larger distance to a neighbour on either side.

    The ends of the range are neighbours only of a single observation. Bounded by the range, and
    from below by a part of it that shrinks with the number of observations ("magic clipping").
    """
    count = len(centres)
    widths = np.empty(count)
    if count == 1:
        widths[0] = max(centres[0] - low, high - centres[0])
    elif count > 1:
        order = np.argsort(centres, kind="mergesort")
        ordered = centres[order]
        gaps = ordered[1:] - ordered[:-1]
        for k in range(count):
            left, right = gaps[max(k - 1, 0)], gaps[min(k, count - 2)]
            widths[order[k]] = max(left, right)
    least = (high - low) / min(_SMALLEST_WIDTH, count + 2.0)
    return np.minimum(np.maximum(widths, least), high - low)


@compiled
def candidates(
    centres: np.ndarray,
    widths: np.ndarray,
    weights: np.ndarray,
    space: np.ndarray,
    uniforms: np.ndarray,
) -> np.ndarray:
    """Values (D, S) drawn from a mixture: `uniforms` (D + 1, S), the last row picks kernels."""
    cumulative = np.cumsum(weights)
    last = len(weights) - 1
    values = np.empty((len(space), uniforms.shape[1]))
    for s in range(uniforms.shape[1]):
        # The sum may end just below 1.
        k = min(np.searchsorted(cumulative, uniforms[-1, s], side="right"), last)
        for d in range(len(space)):
            uniform = uniforms[d, s]
            if space[d, CHOICES] > 0.0:
                values[d, s] = _drawn_choice(centres[d, k], len(weights), space[d], uniform)
            else:
                low, high = bounds(space[d])
                centre, width = centres[d, k], widths[d, k]
                a, b = (low - centre) / width, (high - centre) / width
                coordinate = centre + width * truncated_normal_quantile(uniform, a, b)
                values[d, s] = value_at(coordinate, space[d])
    return values


@compiled
def _drawn_choice(centre: float, kernels: int, dimension: np.ndarray, uniform: float) -> float:
    """The observed choice with odds of `kernels` to the number of choices, else any of them."""
    choices: float = dimension[CHOICES]
    observed = 0.0 if centre < 0.0 else kernels / (kernels + choices)
    if uniform < observed:
        return centre
    rest = (uniform - observed) / (1.0 - observed)
    return min(math.floor(rest * choices) * 1.0, choices - 1.0)


@compiled
def log_density(
    values: np.ndarray,
    centres: np.ndarray,
    widths: np.ndarray,
    masses: np.ndarray,
    weights: np.ndarray,
    space: np.ndarray,
) -> np.ndarray:
    """Log density of a mixture at `values` (D, S), shape (S,).

    Per unit of the coordinate in a continuous dimension; the probability of the value's cell,
    half a step to either side, in a stepped one; the probability of the choice in a choice.
    """
    total = np.zeros((values.shape[1], len(weights))) + np.log(weights)
    for d in range(len(space)):
        if space[d, CHOICES] > 0.0:
            total += _log_choice_odds(values[d], centres[d], space[d])
        elif space[d, STEP] > 0.0:
            total += _log_cell_masses(values[d], centres[d], widths[d], space[d]) - masses[d]
        else:
            points = np.log(values[d]) if space[d, LOG] > 0.0 else values[d]
            scaled = (points.reshape(-1, 1) - centres[d]) / widths[d]
            total -= 0.5 * scaled * scaled + (masses[d] + np.log(widths[d]) + _LOG_SQRT_2_PI)
    sums = np.empty(len(total))
    for s in range(len(total)):
        largest = total[s].max()
        sums[s] = largest + math.log(np.exp(total[s] - largest).sum())
    return sums


@compiled
def _log_choice_odds(values: np.ndarray, centres: np.ndarray, dimension: np.ndarray) -> np.ndarray:
    """Log probability (S, K) of each choice under each kernel; the prior's is even."""
    kernels, choices = len(centres), dimension[CHOICES]
    other = -math.log(kernels + choices)
    odds: np.ndarray = other + math.log(kernels + 1.0) * (values.reshape(-1, 1) == centres)
    odds[:, -1] = -math.log(choices)
    return odds


@compiled
def _log_cell_masses(
    values: np.ndarray, centres: np.ndarray, widths: np.ndarray, dimension: np.ndarray
) -> np.ndarray:
    """Log mass (S, K) that each untruncated kernel has within half a step of each value."""
    masses = np.empty((len(values), len(centres)))
    half = 0.5 * dimension[STEP]
    for s in range(len(values)):
        twin = 0
        while values[twin] != values[s]:
            twin += 1
        if twin < s:  # candidates of a coarse dimension are few, and each is costly
            masses[s] = masses[twin]
            continue
        left, right = values[s] - half, values[s] + half
        if dimension[LOG] > 0.0:
            left, right = math.log(left), math.log(right)
        for k in range(len(centres)):
            a, b = (left - centres[k]) / widths[k], (right - centres[k]) / widths[k]
            masses[s, k] = log_normal_mass(a, b)
    return masses


@compiled
def log_normal_mass(a: float, b: float) -> float:
    """Log of the standard normal's mass in [a, b], a < b, exact in its far tails too."""
    if a > 0.0:
        a, b = -b, -a  # the left tail does not cancel
    if b - a < _NARROW:
        middle = 0.5 * (a + b)
        return math.log(b - a) - 0.5 * middle * middle - _LOG_SQRT_2_PI
    if b > 0.0:
        return math.log(0.5 * (math.erf(b / _SQRT_2) - math.erf(a / _SQRT_2)))
    upper = log_normal_cdf(b)
    return upper + math.log1p(-math.exp(log_normal_cdf(a) - upper))


@compiled
def log_normal_cdf(x: float) -> float:
    """Log of the standard normal's distribution function at x <= 0."""
    if x > _FAR:
        return math.log(0.5 * math.erfc(-x / _SQRT_2))
    t = 1.0 / (x * x)
    series = -t * (1.0 - 3.0 * t * (1.0 - 5.0 * t * (1.0 - 7.0 * t)))
    return -0.5 * x * x - math.log(-x) - _LOG_SQRT_2_PI + math.log1p(series)


@compiled
def truncated_normal_quantile(uniform: float, a: float, b: float) -> float:
    """The point of [a, b] below which the standard normal cut off there has mass `uniform`."""
    if a > 0.0:
        return -truncated_left_quantile(1.0 - uniform, -b, -a)
    return truncated_left_quantile(uniform, a, b)


@compiled
def truncated_left_quantile(uniform: float, a: float, b: float) -> float:
    """The same where a <= 0, so that no mass is the small difference of two large ones."""
    if b < _FARTHEST:
        # So far out the normal tail is Rayleigh's, whose distribution function can be inverted.
        end = math.exp(0.5 * (b - a) * (b + a))
        x = -math.sqrt(b * b - 2.0 * math.log(uniform + (1.0 - uniform) * end))
    else:
        left, right = 0.5 * math.erfc(-a / _SQRT_2), 0.5 * math.erfc(-b / _SQRT_2)
        probability = left + uniform * (right - left)
        if probability <= 0.5:
            x = _left_normal_quantile(probability)
        else:  # 1 - probability, without its rounding
            above = 0.5 * math.erfc(b / _SQRT_2) + (1.0 - uniform) * (right - left)
            x = -_left_normal_quantile(above)
    return min(max(x, a), b)


@compiled
def _left_normal_quantile(probability: float) -> float:
    """Where the standard normal's distribution function is `probability`, at most 1/2.

    Formula 26.2.23 of Abramowitz and Stegun, Handbook of Mathematical Functions (off by at most
    4.5e-4), and one step of Halley's method.
    """
    t = math.sqrt(-2.0 * math.log(max(probability, 1e-307)))
    numerator = 2.515517 + t * (0.802853 + t * 0.010328)
    denominator = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    x = numerator / denominator - t
    excess = 0.5 * math.erfc(-x / _SQRT_2) - probability
    newton = excess * _SQRT_2_PI * math.exp(0.5 * x * x)
    return x - newton / (1.0 + 0.5 * x * newton)
