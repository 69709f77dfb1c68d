"""Tables on disk, and a fit that several tests look at."""

import pytest

from command_runs import run, sales


@pytest.fixture(scope="session")
def spark(spark_session):
    """The session that the commands find and must leave as it is."""
    spark_session.sparkContext.setLogLevel("ERROR")
    return spark_session


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """A folder with the sales as Parquet, CSV and JSON lines."""
    folder = tmp_path_factory.mktemp("tables")
    rows = sales()
    rows.to_parquet(folder / "sales.parquet", coerce_timestamps="us")
    rows.to_csv(folder / "sales.csv", index=False, date_format="%Y-%m-%d")
    text = rows.assign(ds=rows.ds.dt.strftime("%Y-%m-%d"))
    text.to_json(folder / "sales.jsonl", orient="records", lines=True)
    return folder


@pytest.fixture(scope="session")
def fitted(spark, tables, tmp_path_factory):
    """What `fit` answered, and the folder that it wrote: no intervals, 5 days ahead."""
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "fit.json").write_text('{"uncertaintySamples": 0, "changepointPriorScale": 0.02}')
    answer = run(
        "fit",
        "--input",
        tables / "sales.csv",
        "--group-cols",
        "store",
        "--horizon",
        "5",
        "--config",
        folder / "fit.json",
        "--output",
        folder / "out",
    )
    return answer, folder / "out"


@pytest.fixture
def no_spark(monkeypatch):
    """Any use of Spark fails the command with code 1."""

    def refuse(*arguments):
        raise AssertionError("Spark was started")

    monkeypatch.setattr("sparkprophet.command.line.quiet_session", refuse)
