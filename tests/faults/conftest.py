"""The Spark session of the cases that need no cluster of their own."""

import pytest


@pytest.fixture(scope="session")
def spark(spark_session):
    """pytest-spark's session, with quiet logs."""
    spark_session.sparkContext.setLogLevel("ERROR")
    return spark_session
