"""Utilisation over time against counting on a fine grid."""

import numpy as np
import pytest

from jobs_by_hand import job_of, random_job, two_slots
from sparkprophet.report.slots import assign
from sparkprophet.report.usage import balance, usage


def test_bins_of_a_job_by_hand():
    shares = usage(job_of([("a", 1, 1.0, 2.0, 1.0)], 4.0, 2), 2, bins=4)
    assert shares.edges.tolist() == [0, 1, 2, 3, 4]
    assert shares.busy == pytest.approx([0, 0.5, 0.5, 0])
    assert shares.cpu == pytest.approx([0, 0.25, 0.25, 0])


@pytest.mark.parametrize("seed", range(3))
def test_bins_are_what_a_fine_grid_counts(seed):
    measured = random_job(seed)
    shares = usage(measured, 5, bins=20)
    each = 500
    times = (np.arange(20 * each) + 0.5) * measured.wall_seconds / (20 * each)
    at_work = [((measured.start <= t) & (t < measured.end)).sum() for t in times]
    counted = np.reshape(at_work, (20, each)).mean(1) / 5
    assert shares.busy == pytest.approx(counted, abs=0.01)
    assert shares.cpu == pytest.approx(0.8 * counted, abs=0.01)


def test_all_bins_hold_all_seconds():
    measured = two_slots()
    shares = usage(measured, 2)
    width = np.diff(shares.edges)
    assert (shares.busy * width * 2).sum() == pytest.approx(10.5)
    assert (shares.cpu * width * 2).sum() == pytest.approx(9.0)


def test_balance_by_hand():
    load = balance(two_slots(), assign(two_slots()))
    assert (load.busiest, load.mean, load.longest_group) == (6.0, 5.25, 4.0)
    assert load.imbalance == pytest.approx(6 / 5.25 - 1)
