"""Jobs whose numbers are known by hand, and random ones."""

import numpy as np

from sparkprophet.report.timings import timings


def job_of(rows, wall, slots, **options):
    """Timings of (host, pid, start, seconds, cpu_seconds) rows, shuffled as Spark may give them."""
    order = np.random.default_rng(5).permutation(len(rows))
    columns = zip(*[rows[i] for i in order], strict=True)
    more = {name: [values[i] for i in order] for name, values in options.items()}
    return timings(*map(list, columns), wall, slots, **more)


# Two slots over 10 s: a pause of 0.5 s between two tasks, three of 10 ms between groups.
TWO_SLOTS = [
    ("a", 1, 1.00, 2.0, 1.5),
    ("a", 1, 3.01, 1.0, 1.0),
    ("a", 1, 4.02, 1.0, 1.0),
    ("a", 1, 5.52, 2.0, 2.0),
    ("b", 1, 1.50, 4.0, 3.0),
    ("b", 1, 5.51, 0.5, 0.5),
]


def two_slots():
    return job_of(TWO_SLOTS, 10.0, 2)


def random_job(seed, groups=200, slots=5, hosts=2):
    """Groups of a random length, each on the slot that is free first, with pauses of 1 to 9 ms."""
    random = np.random.default_rng(seed)
    free, rows = random.uniform(2, 3, slots), []
    for seconds in random.lognormal(-1.5, 0.8, groups):
        slot = int(np.argmin(free))
        rows.append((f"h{slot % hosts}", 100 + slot, free[slot], seconds, 0.8 * seconds))
        free[slot] += seconds + random.uniform(0.001, 0.009)
    return job_of(rows, free.max() + 1.5, slots)


def in_slices(measured, count):
    """The same job, the groups of each process added up in about `count` slices of time."""
    number = (measured.start * count / measured.wall_seconds).astype(int)
    rows, more = [], {"end": [], "groups": [], "longest": []}
    for host, pid, n in sorted(set(zip(measured.host, measured.pid, number, strict=True))):
        entries = (measured.host == host) & (measured.pid == pid) & (number == n)
        seconds, cpu = measured.seconds[entries].sum(), measured.cpu_seconds[entries].sum()
        rows.append((host, pid, measured.start[entries].min(), seconds, cpu))
        more["end"].append(measured.end[entries].max())
        more["groups"].append(entries.sum())
        more["longest"].append(measured.seconds[entries].max())
    return job_of(rows, measured.wall_seconds, measured.slots, **more)
