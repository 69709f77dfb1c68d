"""Timings against what was put in, and clocks that are wrong by a known amount."""

import numpy as np
import pytest

from jobs_by_hand import TWO_SLOTS, job_of, two_slots
from sparkprophet.report.timings import aligned, timings


def test_entries_come_in_order_of_their_start():
    measured = two_slots()
    assert measured.start.tolist() == [1.0, 1.5, 3.01, 4.02, 5.51, 5.52]
    assert measured.host.tolist() == ["a", "b", "a", "a", "b", "a"]
    assert measured.end == pytest.approx(measured.start + measured.seconds)
    assert measured.one_by_one and measured.longest.max() == 4.0


WRONG = {
    "no entries": (([], [], [], [], [], 1.0, 1), "there are none"),
    "lengths": ((["a"], [1], [0.0], [1.0, 2.0], [1.0], 1.0, 1), "seconds: found 2 values.*1"),
    "NaN": ((["a"], [1], [np.nan], [1.0], [1.0], 1.0, 1), "start: found NaN"),
    "no wall": ((["a"], [1], [0.0], [1.0], [1.0], 0.0, 1), "wall_seconds"),
    "no slots": ((["a"], [1], [0.0], [1.0], [1.0], 2.0, 0), "slots"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_told(case):
    arguments, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        timings(*arguments)


def test_good_clocks_are_left_alone():
    mended = aligned(two_slots())
    assert mended.notes == () and mended.wall_seconds == 10.0
    assert mended.start.tolist() == two_slots().start.tolist()


@pytest.mark.parametrize(("off", "moved"), [(-4.0, 2.5), (30.0, -26.01)])
def test_a_host_with_a_wrong_clock_is_moved_as_a_whole(off, moved):
    rows = [(h, p, s + off * (h == "b"), d, c) for h, p, s, d, c in TWO_SLOTS]
    mended = aligned(job_of(rows, 10.0, 2))
    host_b = mended.host == "b"
    assert mended.start[host_b] == pytest.approx([1.5 + off + moved, 5.51 + off + moved])
    assert mended.end[host_b].max() <= 10.0 + 1e-9 and mended.start.min() >= 0
    assert mended.start[~host_b].tolist() == [1.0, 3.01, 4.02, 5.52]
    assert len(mended.notes) == 1 and "clock of b" in mended.notes[0]
    assert f"{moved:+.3f} s" in mended.notes[0] and mended.wall_seconds == 10.0


def test_groups_of_a_checkpoint_and_of_a_lost_executor_are_left_out():
    rows = [*TWO_SLOTS, ("a", 9, -3600.0, 1.0, 1.0), ("b", 9, 500.0, 1.0, 1.0)]
    mended = aligned(job_of(rows, 10.0, 2))
    assert sorted(mended.start) == sorted(two_slots().start)
    assert [note.split(";")[0] for note in mended.notes] == [
        "1 groups ended before the job began, as those of a checkpoint do",
        "1 groups began after the job's end, as after the loss of an executor",
    ]


def test_what_still_sticks_out_is_clipped_or_makes_the_job_longer():
    # 12 s of work cannot be moved into a job of 10 s.
    mended = aligned(job_of([("a", 1, -1.0, 6.0, 6.0), ("a", 1, 5.0, 6.0, 6.0)], 10.0, 1))
    assert mended.start.tolist() == [0.0, 5.0] and mended.wall_seconds == 11.0
    assert mended.seconds == pytest.approx([5.0, 6.0])
    assert len(mended.notes) == 2


def test_nothing_within_the_job_is_an_error():
    rows = [("a", 1, -9000.0, 6.0, 6.0), ("a", 1, -5000.0, 6.0, 6.0)]
    with pytest.raises(ValueError, match="no group was worked on within the job"):
        aligned(job_of(rows, 10.0, 1))
