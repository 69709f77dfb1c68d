"""Data of the paper's shape: daily sales of (store, item), seeded.

    python benchmarks/paper_data.py OUTPUT [--series 1416] [--rows 2336] [--seed 0]

Writes a folder of Parquet files with the columns store (int), item (int), ds (date), y (double).
Each series is a level that grows and shrinks, yearly and weekly seasons of its own, US holidays
and noise, in whole units. A series depends on the seed and its number alone, so that a smaller
set is the beginning of a larger one.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import holidays
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SERIES, ROWS, ITEMS = 1416, 2336, 24
FIRST_DAY = np.datetime64("2013-01-01")
_SERIES_PER_FILE = 2000


@cache
def _holidays(rows: int) -> np.ndarray:
    first = FIRST_DAY.astype(object).year
    days = holidays.country_holidays("US", years=range(first, first + 2 + rows // 365))
    return np.isin(_days(rows), np.array(list(days), dtype="datetime64[D]"))


def _days(rows: int) -> np.ndarray:
    return FIRST_DAY + np.arange(rows)


def sales(number: int, rows: int = ROWS, seed: int = 0) -> np.ndarray:
    """Sales of the series with this number, a value a day from 2013-01-01; shape (rows,)."""
    random = np.random.default_rng([seed, number])
    day = np.arange(rows)
    turns = np.sort(random.integers(0, rows, 6))
    slopes = np.cumsum(random.laplace(0, 0.03, (6, 1)) * (day >= turns[:, None]), axis=1).sum(0)
    level = 100 * np.exp(random.normal(0, 1)) * np.exp(np.clip(slopes / 100, -1.5, 1.5))
    year = 2 * np.pi * day / 365.25
    yearly = sum(
        random.normal(0, 0.15 / order) * np.cos(order * year + random.uniform(0, 2 * np.pi))
        for order in range(1, 5)
    )
    weekly = random.normal(0, 0.2, 7)[day % 7]
    festive = random.normal(0.1, 0.3) * _holidays(rows)
    noise = random.normal(0, random.uniform(0.05, 0.25), rows)
    return np.maximum(np.round(level * (1 + yearly + weekly + festive + noise)), 0.0)


def key(number: int) -> tuple[int, int]:
    """Store and item of a series, both from 1; 24 items a store."""
    return number // ITEMS + 1, number % ITEMS + 1


def write(folder: str | Path, series: int = SERIES, rows: int = ROWS, seed: int = 0) -> None:
    """Write the series as Parquet files below `folder`, which is made."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    days = pa.array(_days(rows))
    # At least two files, so that two cores can read.
    per_file = min(_SERIES_PER_FILE, -(-series // 2))
    for first in range(0, series, per_file):
        numbers = range(first, min(first + per_file, series))
        keys = np.repeat([key(number) for number in numbers], rows, axis=0)
        table = pa.table(
            {
                "store": pa.array(keys[:, 0], pa.int32()),
                "item": pa.array(keys[:, 1], pa.int32()),
                "ds": pa.chunked_array([days] * len(numbers)),
                "y": np.concatenate([sales(number, rows, seed) for number in numbers]),
            }
        )
        pq.write_table(table, folder / f"part-{first:07d}.parquet")


def main() -> None:
    """Write the data that the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output")
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.output, arguments.series, arguments.rows, arguments.seed)


if __name__ == "__main__":
    main()
