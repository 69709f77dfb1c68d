"""How far percentiles of different random draws from one distribution may lie apart."""

import numpy as np


def share_bound(share, drawn, samples):
    """How far a share of `samples` draws may lie from `share`, at a percentile of `drawn` others.

    The draws below that percentile are a share whose standard deviation is
    sqrt(share (1 - share) (1 / drawn + 1 / samples)), whatever the distribution: either part is
    the error of a share in a sample of a uniform variable. Six of them are met by chance once in
    5e8 comparisons. One draw more of either sample is a matter of interpolation.
    """
    deviation = np.sqrt(share * (1 - share) * (1 / drawn + 1 / samples))
    return 6 * deviation + 1 / drawn + 1 / samples


def assert_percentile(values, share, drawn, futures):
    """Each of `values` (n,) is a percentile, found from `drawn` draws, of what Prophet draws.

    `futures` (n, samples) are Prophet's; those that equal a value but for rounding lie on either
    side of it.
    """
    at = np.asarray(values)[:, None]
    rounding = 1e-9 * np.abs(at)
    below = (futures < at - rounding).mean(axis=1)
    up_to = (futures <= at + rounding).mean(axis=1)
    missed = np.maximum(below - share, share - up_to)
    np.testing.assert_array_less(missed, share_bound(share, drawn, futures.shape[1]))
