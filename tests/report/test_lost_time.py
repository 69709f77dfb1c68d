"""Slots, pauses and the parts of the lost time against numbers worked out by hand."""

import pytest

from jobs_by_hand import job_of, random_job, two_slots
from sparkprophet.report.gaps import gaps
from sparkprophet.report.losses import LABELS, parts
from sparkprophet.report.slots import assign


def parts_of(measured):
    slots = assign(measured)
    return {p.name: p for p in parts(measured, slots, gaps(measured, slots))}


def test_parts_of_a_job_by_hand():
    split = parts_of(two_slots())
    assert {name: part.slot_seconds for name, part in split.items()} == pytest.approx(
        {
            "work": 9.0,
            "cpu_wait": 0.5 + 1.0,
            "between_groups": 0.03,
            "between_tasks": 0.5,
            "prologue": 2 * 1.0,
            "late_start": 0.5,
            "tail": 7.52 - 6.01,
            "epilogue": 2 * (10 - 7.52),
            "unused": 0.0,
        }
    )
    assert split["work"].share == pytest.approx(9 / 20)
    assert list(split) == list(LABELS)


@pytest.mark.parametrize("seed", range(8))
def test_parts_add_up_to_everything(seed):
    measured = random_job(seed, groups=3 + 40 * seed, slots=1 + seed)
    split = parts_of(measured).values()
    assert sum(p.share for p in split) == pytest.approx(1, abs=1e-9)
    assert all(p.slot_seconds >= -1e-9 for p in split)


def test_a_slot_per_process_and_its_sums():
    slots = assign(two_slots())
    assert slots.count == 2 and sorted(slots.hosts) == ["a", "b"]
    a, b = slots.hosts.index("a"), slots.hosts.index("b")
    assert slots.busy[[a, b]].tolist() == [6.0, 4.5] and slots.cpu[[a, b]].tolist() == [5.5, 3.5]
    assert slots.groups[[a, b]].tolist() == [4, 2]
    assert slots.first[[a, b]].tolist() == [1.0, 1.5]
    assert slots.last[[a, b]] == pytest.approx([7.52, 6.01])


def test_a_replaced_process_takes_the_slot_that_it_left():
    rows = [("a", 1, 0, 1, 1), ("a", 2, 0, 3, 3), ("a", 3, 1.1, 1, 1), ("a", 3, 2.2, 1, 1)]
    slots = assign(job_of(rows, 4.0, 2))
    assert slots.count == 2 and sorted(slots.groups) == [1, 3]


def test_a_new_process_rather_takes_a_slot_of_its_own_host():
    rows = [("a", 1, 0, 1, 1), ("b", 1, 0, 1.1, 1), ("b", 2, 2, 1, 1)]
    slots = assign(job_of(rows, 4.0, 2))
    assert dict(zip(slots.hosts, slots.groups.tolist(), strict=True)) == {"a": 1, "b": 2}


@pytest.mark.parametrize("seed", range(4))
def test_no_two_groups_share_a_slot_at_one_time(seed):
    measured = random_job(seed)
    slots = assign(measured)
    assert slots.count == 5
    for slot in range(slots.count):
        entries = slots.row == slot
        assert (measured.start[entries][1:] >= measured.end[entries][:-1] - 1e-6).all()


def test_more_overlap_than_slots_opens_further_ones():
    rows = [("a", pid, 0.1 * pid, 2, 2) for pid in range(3)]
    assert assign(job_of(rows, 4.0, 1)).count == 3


def test_slots_without_work_are_counted_as_unused():
    split = parts_of(job_of([("a", 1, 2.0, 1.0, 1.0)], 4.0, 4))
    assert split["unused"].slot_seconds == 3 * 4.0
    assert split["work"].share == pytest.approx(1 / 16)
    assert "3 of 4 slots" in split["unused"].remedy


def test_threads_do_not_make_a_slot_offer_more_than_its_time():
    split = parts_of(job_of([("a", 1, 0.0, 1.0, 3.0)], 1.0, 1))
    assert split["work"].share == 1.0 and split["cpu_wait"].slot_seconds == 0.0


def test_pauses_of_groups_and_of_tasks_are_told_apart():
    measured = two_slots()
    pauses = gaps(measured, assign(measured))
    assert (pauses.group_gaps, pauses.task_gaps) == (3, 1)
    assert pauses.per_group == pytest.approx(0.01) and pauses.per_task == pytest.approx(0.5)
    alone = job_of([("a", 1, 0, 1, 1)], 1.0, 1)
    none = gaps(alone, assign(alone))
    assert none.per_group == none.per_task == 0.0


def test_pauses_within_slices_are_between_groups():
    # Ten groups of 0.9 s in 10 s, then a pause of 1 s, then five of 0.9 s in 5 s.
    measured = job_of(
        [("a", 1, 0.0, 9.0, 9.0), ("a", 1, 11.0, 4.5, 4.5)],
        16.0,
        1,
        end=[10.0, 15.5],
        groups=[10, 5],
        longest=[0.9, 0.9],
    )
    assert measured.groups.tolist() == [10, 5]
    pauses = gaps(measured, assign(measured))
    assert pauses.between_groups == pytest.approx(1.0) and pauses.between_tasks == pytest.approx(
        1.0
    )


def test_remedies_name_what_was_found():
    split = parts_of(two_slots())
    assert "1 s of planning" in split["prologue"].remedy
    assert "one group took 4 s" in split["tail"].remedy and "61%" in split["tail"].remedy
    assert "1.17 x" in split["cpu_wait"].remedy  # 10.5 s of wall over 9 s of CPU
    assert split["between_groups"].remedy == "" and split["work"].remedy == ""
    even = [("a", i % 2, 0.5 * (i // 2), 0.5, 0.5) for i in range(40)]
    more = [("a", 0, 10.0 + 0.5 * i, 0.5, 0.5) for i in range(6)]
    assert "tasks were uneven" in parts_of(job_of(even + more, 13.0, 2))["tail"].remedy
