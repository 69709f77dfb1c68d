"""The columns of the models table against Spark's own types, and the list that users know."""

import pyarrow as pa
import pytest
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_type

from sparkprophet.spark import columns, schema

# As the docs of `GroupedProphetModel.models` have them.
FIT = [
    "status", "solver", "error_code", "error_message", "n_obs", "start", "end", "log_posterior",
    "fit_seconds", "cpu_seconds", "host", "pid", "started_at", "config", "members", "state",
]  # fmt: skip
SEARCH = [
    "best_value", "n_trials", "stopped_by", "untuned_value", "naive_value", "holdout_value",
    "holdout_untuned_value", "holdout_naive_value", "trials",
]  # fmt: skip


def test_the_names_are_those_that_users_know():
    assert [column.name for column in schema.FIT] == FIT
    assert [column.name for column in schema.SEARCH] == SEARCH


@pytest.mark.parametrize("column", schema.FIT + schema.SEARCH, ids=lambda column: column.name)
def test_what_a_worker_answers_is_what_spark_expects(spark, column):
    (field,) = columns.struct_type([column]).fields
    assert field.name == column.name
    assert without_names_of_items(
        to_arrow_type(field.dataType, timezone="UTC")
    ) == without_names_of_items(column.type)


def without_names_of_items(kind):
    """A type as text: the fields of lists have names that say nothing, Spark's and Arrow's own."""
    if pa.types.is_list(kind):
        return f"list<{without_names_of_items(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return [(field.name, without_names_of_items(field.type)) for field in kind]
    return str(kind)


def test_a_key_column_may_have_none_of_the_names_of_a_saved_table():
    assert {*FIT, *SEARCH, "checksum", "trials_checksum"} == schema.RESERVED


def test_ddl_of_every_type_by_hand(spark):
    kinds = [
        pa.string(),
        pa.int64(),
        pa.float64(),
        pa.timestamp("us"),
        pa.timestamp("us", tz="UTC"),
        pa.list_(pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
    ]
    made = [schema.ModelColumn(f"c{i}", kind, "") for i, kind in enumerate(kinds)]
    assert schema.ddl(made) == (
        "c0 string, c1 bigint, c2 double, c3 timestamp_ntz, c4 timestamp_ltz, "
        "c5 array<struct<a:bigint,b:array<string>>>"
    )
    assert isinstance(columns.struct_type(made), T.StructType)
