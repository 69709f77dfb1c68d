"""Bytes on disk per series: a saved GroupedProphetModel beside stock Prophet's pickle and JSON.

    python benchmarks/model_size.py                    # 20 synthetic daily series of 2 years
    python benchmarks/model_size.py DATA.parquet KEY   # real ones: a key column, ds, y

The same series are fitted by both; the stock models are pickled and written by
`prophet.serialize.model_to_json`, one file each, as their users do.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.serialize import model_to_json
from pyspark.sql import SparkSession

from sparkprophet import GroupedProphet
from sparkprophet.series.stan import quiet

_STOCK_SERIES = 5  # of which the stock sizes are taken; they hardly differ


def synthetic(series: int = 20, days: int = 730, seed: int = 0) -> pd.DataFrame:
    """Daily series with a weekly cycle and noise."""
    random = np.random.default_rng(seed)
    ds = pd.date_range("2023-01-01", periods=days)
    frames = [
        pd.DataFrame(
            {
                "key": f"s{i}",
                "ds": ds,
                "y": 50 + 5 * np.sin(np.arange(days) * 2 * np.pi / 7) + random.normal(size=days),
            }
        )
        for i in range(series)
    ]
    return pd.concat(frames)


def folder_size(path: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def stock_sizes(data: pd.DataFrame, key: str) -> tuple[float, float]:
    """Mean bytes of the pickle and of the JSON of stock models of a few series."""
    pickles, texts = [], []
    for _, rows in list(data.groupby(key))[:_STOCK_SERIES]:
        with quiet():
            model = Prophet().fit(rows[["ds", "y"]])
        texts.append(len(model_to_json(model).encode()))
        model.stan_backend = None  # holds open file names of this machine; users drop it
        pickles.append(len(pickle.dumps(model)))
    return float(np.mean(pickles)), float(np.mean(texts))


def main() -> None:
    """Fit, save, and print the table."""
    spark = SparkSession.builder.master("local[2]").getOrCreate()
    if len(sys.argv) > 2:
        key, data = sys.argv[2], pd.read_parquet(sys.argv[1])
    else:
        key, data = "key", synthetic()
    data = data[[key, "ds", "y"]]
    model = GroupedProphet(groupCols=[key]).fit(spark.createDataFrame(data))
    with tempfile.TemporaryDirectory() as folder:
        model.write().overwrite().save(f"{folder}/model")
        ours = folder_size(Path(folder) / "model") / model.summary.groups
    pickled, text = stock_sizes(data, key)
    rows = len(data) / model.summary.groups
    print(f"{model.summary.groups} series of {rows:.0f} rows each")
    print(f"{'saved as':<28} {'KB per series':>14} {'ratio':>7}")
    for name, size in (
        ("sparkprophet (Parquet)", ours),
        ("stock Prophet JSON", text),
        ("stock Prophet pickle", pickled),
    ):
        print(f"{name:<28} {size / 1024:>14.1f} {size / ours:>7.1f}")


if __name__ == "__main__":
    main()
