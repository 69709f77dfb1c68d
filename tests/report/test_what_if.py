"""Predictions against schedules worked out by hand or by brute force."""

import itertools

import numpy as np
import pytest

from jobs_by_hand import in_slices, job_of, random_job, two_slots
from sparkprophet.report.gaps import gaps
from sparkprophet.report.report import make_report
from sparkprophet.report.scaling import Run
from sparkprophet.report.shapes import Shape, shape
from sparkprophet.report.slots import assign
from sparkprophet.report.what_if import job, makespan


def job_from(measured):
    slots = assign(measured)
    return job(measured, slots, gaps(measured, slots))


def test_a_schedule_by_hand():
    # 3 | 2, then 2 at 2 s, 1 at 3 s, 4 at 4 s.
    assert makespan(np.array([3.0, 2, 2, 1, 4]), 2) == 8.0
    assert makespan(np.array([3.0, 2]), 7) == 3.0


@pytest.mark.parametrize("seed", range(20))
def test_schedules_against_a_clock_that_ticks(seed):
    random = np.random.default_rng(seed)
    durations = random.integers(1, 9, random.integers(1, 30)).astype(float)
    slots = int(random.integers(1, 6))
    waiting, left, time = list(durations), [0.0] * slots, 0
    while waiting or any(left):
        for i in range(slots):
            if not left[i] and waiting:
                left[i] = waiting.pop(0)
        left = [max(0.0, rest - 1) for rest in left]
        time += 1
    assert makespan(durations, slots) == time


@pytest.mark.parametrize("seed", range(5))
def test_schedules_keep_grahams_bound(seed):
    durations = np.random.default_rng(seed).integers(1, 9, 7).astype(float)
    best = min(
        np.bincount(choice, durations).max() for choice in itertools.product(range(3), repeat=7)
    )
    assert best <= makespan(durations, 3) <= (2 - 1 / 3) * best


def test_one_slot_by_hand():
    work = job_from(two_slots())
    # Slot a's first group is 1 s longer than its second, slot b's 3.5 s: 2.25 s is the median.
    assert work.per_slot == pytest.approx(2.25)
    # Warm-up is taken off the first groups (2 -> 0 and 4 -> 1.75 s) and spent once a slot.
    groups = 0 + 1 + 1 + 2 + 1.75 + 0.5
    fixed = 1.0 + 2.48 + 2.25
    assert work.task_pauses == pytest.approx(0.5 / 2)
    assert work.wall(1) == pytest.approx(fixed + 0.25 + groups + 6 * 0.01)
    assert work.floor == pytest.approx(1.0 + 4.0 + 2.48)


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_a_job_that_is_scheduled_so_is_predicted(slots):
    # What the same groups take when they are worked on in order by the first free slot.
    durations = np.random.default_rng(2).uniform(0.2, 0.6, 120)

    def run(slots):
        free, rows = np.full(slots, 2.0), []
        for seconds in durations:
            i = int(np.argmin(free))
            rows.append(("a", i, free[i], seconds, seconds))
            free[i] += seconds + 0.004
        return job_of(rows, free.max() - 0.004 + 1.0, slots)

    predicted = job_from(run(4)).wall(slots)
    assert predicted == pytest.approx(run(slots).wall_seconds, rel=0.04)


@pytest.mark.parametrize("slots", [1, 3, 10])
def test_slices_predict_about_what_their_groups_do(slots):
    measured = random_job(6, groups=3000)
    whole, sliced = job_from(measured), job_from(in_slices(measured, 60))
    assert len(sliced.seconds) < 320 and sliced.longest == whole.longest
    assert sliced.wall(slots) == pytest.approx(whole.wall(slots), rel=0.05)


def test_fewer_slots_on_the_same_machines_wait_less_for_a_cpu():
    # Two slots of a machine of two cores, whose JVM takes so much that groups get 2/3 of a core.
    rows = [("a", slot, 1.0 + 0.3 * i, 0.3, 0.2) for slot in (0, 1) for i in range(50)]
    work = job_from(job_of(rows, 17.0, 2))
    assert work.contention == pytest.approx(1.5)
    assert work.wall_on_same_machines(2) == pytest.approx(17.0)
    # One slot and the JVM's share of it, 0.5, are within two cores: groups take their CPU seconds.
    assert work.wall_on_same_machines(1) == pytest.approx(1.0 + 100 * 0.2 + 1.0)
    # On a machine of one core the JVM is in the way as before.
    assert work.wall(1) == pytest.approx(1.0 + 100 * 0.3 + 1.0)


def test_oversubscribed_machines_stay_as_slow_with_half_of_the_slots():
    # Eight slots on two cores: each gets a quarter of one.
    rows = [("a", slot, 0.4 * i, 0.4, 0.1) for slot in range(8) for i in range(10)]
    work = job_from(job_of(rows, 4.0, 8))
    assert work.wall_on_same_machines(4) == pytest.approx(20 * 0.2)
    assert work.wall_on_same_machines(2) == pytest.approx(40 * 0.1)
    assert work.wall_on_same_machines(1) == pytest.approx(80 * 0.1)
    with pytest.raises(ValueError, match="found 9, must be at most the measured 8"):
        work.wall_on_same_machines(9)


def test_measured_runs_stand_beside_predictions():
    report = make_report(two_slots(), [Run(1, 14.0), Run(1, 16.0), Run(8, 9.0)])
    one, two = report.same_machines
    assert (one.slots, one.measured_seconds, two.measured_seconds) == (1, 15.0, 10.0)
    assert one.error == pytest.approx(one.predicted_seconds / 15.0 - 1)
    assert [point.slots for point in report.scaling.points] == [1, 1, 2, 8]


def test_the_cheapest_shape_in_time_is_that_of_brute_force():
    measured = random_job(3, groups=400)
    work = job_from(measured)
    shapes = [Shape(e, c) for e in (1, 2, 3, 5, 8) for c in (1, 2, 4)]
    walls = {s: work.wall(s.slots) for s in shapes}
    for deadline in (min(walls.values()) + 0.01, 20.0, 60.0, 1e4):
        report = make_report(measured, shapes=shapes, price=0.4, deadline=deadline)
        in_time = [s for s in shapes if walls[s] <= deadline]
        cheapest = min(in_time, key=lambda s: (walls[s] * s.slots, s.slots))
        assert report.best.shape.slots == cheapest.slots
        assert report.best.cost == pytest.approx(0.4 * cheapest.slots * walls[cheapest] / 3600)
        assert [o.in_time for o in report.offers] == [
            walls[o.shape] <= deadline for o in report.offers
        ]


def test_where_no_shape_is_in_time_the_floor_is_told():
    report = make_report(two_slots(), shapes=[Shape(1, 1), Shape(4, 2)], deadline=1.0)
    assert report.best is None and report.fastest.shape == Shape(4, 2)
    shown = str(report)
    assert "No shape meets the deadline of 1 s; the fastest is 4x2" in shown
    assert "goes below 7.48 s" in " ".join(shown.split())


def test_more_slots_are_no_slower_and_never_below_the_floor():
    work = job_from(random_job(1))
    walls = [work.wall(slots) for slots in (1, 2, 4, 8, 64, 1000)]
    assert walls == sorted(walls, reverse=True) and walls[-1] >= work.floor - work.per_slot


@pytest.mark.parametrize("text", ["4", "x", "0x8", "4x0", "-1x2", "4x8x2", "٤x٨", "4.5x2"])
def test_shapes_that_are_none(text):
    with pytest.raises(ValueError, match="must be EXECUTORSxCORES"):
        shape(text)


def test_shapes_that_are_some():
    assert shape("4x8") == shape(" 4X8 ") == Shape(4, 8) and str(Shape(4, 8)) == "4x8"


@pytest.mark.parametrize("given", [{"price": -1.0}, {"price": float("nan")}, {"deadline": 0.0}])
def test_prices_and_deadlines_out_of_range(given):
    with pytest.raises(ValueError, match=f"{next(iter(given))}: found"):
        make_report(two_slots(), **given)
