"""The laws against their authors' numbers and runs that follow them exactly."""

import math

import numpy as np
import pytest

from sparkprophet.report.scaling import Run, amdahl, amdahl_fraction, gustafson, karp_flatt, scaling


def test_gustafsons_own_numbers():
    # Communications of the ACM 31 (1988), table: 1,024 processors, serial shares of 0.4 to 0.8 %.
    assert [round(gustafson(s, 1024)) for s in (0.004, 0.005, 0.008)] == [1020, 1019, 1016]


def test_amdahl_by_hand():
    # Half serial: two processors give 1 / (0.5 + 0.25).
    assert amdahl(0.5, 2) == pytest.approx(4 / 3)
    assert amdahl(0.05, 1e12) == pytest.approx(20)


def test_karp_flatt_by_hand():
    # A speedup of 2 on 3 processors: (1/2 - 1/3) / (1 - 1/3) = 1/4.
    assert karp_flatt(2.0, 3) == pytest.approx(0.25)
    assert karp_flatt(4.0, 4) == 0


@pytest.mark.parametrize("fraction", [0.0, 0.03, 0.4, 1.0])
def test_runs_by_amdahls_law_give_its_fraction_back(fraction):
    runs = [Run(p, 100 * (fraction + (1 - fraction) / p)) for p in (1, 2, 4, 16)]
    laws = scaling(runs[::-1])
    assert laws.amdahl_fraction == pytest.approx(fraction, abs=1e-12)
    assert [point.slots for point in laws.points] == [1, 2, 4, 16]
    assert laws.points[0].karp_flatt is None
    assert [p.karp_flatt for p in laws.points[1:]] == pytest.approx([fraction] * 3, abs=1e-12)
    assert laws.points[2].efficiency == pytest.approx(laws.points[2].speedup / 4)
    assert laws.limit == pytest.approx(1 / fraction if fraction else math.inf)


def test_the_fit_has_the_least_squares():
    p, speedup = np.array([1.0, 2, 4, 8]), np.array([1.0, 1.9, 3.1, 5.2])

    def squares(f):
        return ((1 / speedup - (f + (1 - f) / p)) ** 2).sum()

    grid = np.linspace(0, 1, 100_001)
    best = grid[np.argmin([squares(f) for f in grid])]
    assert amdahl_fraction(p, speedup) == pytest.approx(best, abs=1e-5)


def test_without_a_run_on_one_slot_the_smallest_is_the_unit():
    laws = scaling([Run(2, 60.0), Run(2, 64.0), Run(8, 31.0)])
    assert laws.base_slots == 2
    last = laws.points[-1]
    assert last.speedup == pytest.approx(2.0) and last.efficiency == pytest.approx(0.5)
    # p = 4, S = 2: (1/2 - 1/4) / (1 - 1/4).
    assert last.karp_flatt == pytest.approx(1 / 3)
    assert laws.points[0].speedup == pytest.approx(62 / 60)


def test_gustafson_follows_from_the_largest_run():
    # 10 s serial and 90 s parallel: on 9 slots 10 + 10 s, half of it serial.
    laws = scaling([Run(1, 100.0), Run(9, 20.0)])
    assert laws.gustafson_share == pytest.approx(0.5)
    assert laws.scaled_speedup == pytest.approx(9 - 0.5 * 8)


def test_slower_with_more_slots_is_no_fault():
    laws = scaling([Run(1, 10.0), Run(2, 15.0)])
    assert laws.amdahl_fraction == 1.0 and laws.points[1].karp_flatt == pytest.approx(2.0)


@pytest.mark.parametrize("runs", [[], [Run(2, 1.0)], [Run(2, 1.0), Run(2, 1.1)]])
def test_one_number_of_slots_is_no_scaling(runs):
    assert scaling(runs) is None
