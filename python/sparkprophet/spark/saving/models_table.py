"""The saved table of models: Parquet with a checksum in every row.

An object store keeps no checksums of its own beside a file. So a row's `checksum` is compared where
`config` or `state` is read, and `trials_checksum` where `trials` is; a query of other columns reads
no more than these. Parquet checks the bytes of its pages, and at load the rows are counted and
their checksums added up.
"""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sparkprophet.messages import clip
from sparkprophet.spark.columns import quoted, struct_type
from sparkprophet.spark.input_checks import TIMES
from sparkprophet.spark.saving.reading import exact
from sparkprophet.spark.saving.written_form import fixed_form
from sparkprophet.spark.schema import CHECKSUMS, FIT, SEARCH, SINCE_2

CHECKSUM, TRIALS_CHECKSUM = CHECKSUMS
_WRITING = {"compression": "zstd"}  # half the size of Spark's default codec on arrays of doubles
_READING = {
    "ignoreCorruptFiles": "false",
    "ignoreMissingFiles": "false",
    "parquet.page.verify-checksum.enabled": "true",
    # Statistics in a file's footer have no checksum: a wrong one would hide rows.
    "parquet.filter.stats.enabled": "false",
    "parquet.filter.columnindex.enabled": "false",
}


def write_models(table: DataFrame, path: str) -> dict[str, Any]:
    """Write `table` as `path`/models; what the metadata has to say of it."""
    place = f"{path}/models"
    columns = dict.fromkeys(table.columns)
    summed = {CHECKSUM: _hash(table.schema, columns.keys() - {"trials"})}
    if "trials" in columns:
        keys = [name for name in columns if name not in _types()]
        summed[TRIALS_CHECKSUM] = _hash(table.schema, {*keys, "trials"})
    with fixed_form(table.sparkSession):
        table.withColumns(summed).write.options(**_WRITING).parquet(place)
    rows, total = _totals(_stored(table.sparkSession, place, table.schema))
    return {"schema": table.schema.jsonValue(), "rows": rows, "checksum": str(total)}


def read_models(spark: SparkSession, path: str, facts: Any, keys: list[str]) -> DataFrame:
    """The table at `path`/models, lazy but for its number of rows and their checksums.

    Parameters
    ----------
    facts : dict
        What `write_models` gave.
    keys : list of str
        Names of the key columns.

    Raises
    ------
    ValueError
        Where the facts do not describe a table of models, or the rows are not those saved.
    """
    place = f"{path}/models"
    remedy = "save the model again or restore it from a backup"
    schema = _schema(place, facts, keys)
    try:
        stored = _stored(spark, place, schema)
        rows, total = _totals(stored)
    except (Py4JJavaError, PySparkException) as error:
        # What Spark has no class of its own for comes with the JVM's stack.
        java = None if isinstance(error, PySparkException) else error.java_exception
        shown = error if java is None else java.getMessage()
        raise ValueError(clip(f"{place}: cannot be read ({shown}); {remedy}")) from error
    if (rows, str(total)) != (facts.get("rows"), facts.get("checksum")):
        raise ValueError(
            f"{place}: has {rows} rows with the checksum {total}, had {facts.get('rows')} with "
            f"{facts.get('checksum')}; {remedy}"
        )
    # The file's name makes the columns such that Spark keeps filters behind them. One for a key
    # would come before: Spark puts the key into the hashes, and all other rows would look damaged.
    complaint = F.concat(F.input_file_name(), F.lit(f": a row is not as it was saved; {remedy}"))
    of_row = _hash(schema, set(schema.names) - {"trials"})
    guards = dict.fromkeys(("config", "state"), (of_row, CHECKSUM))
    if "trials" in schema.names:
        guards["trials"] = (_hash(schema, {*keys, "trials"}), TRIALS_CHECKSUM)
    shown = []
    for field in _whole(schema, keys).fields:
        if field.name not in schema.names:
            shown.append(F.lit(None).cast(field.dataType).alias(field.name))
            continue
        column = quoted(field.name)
        if field.name in guards:
            computed, saved = guards[field.name]
            refuse = F.raise_error(complaint).cast(field.dataType)
            column = F.when(computed.eqNullSafe(F.col(saved)), column).otherwise(refuse)
        shown.append(column.alias(field.name))
    return stored.select(*shown)


def _types() -> dict[str, T.DataType]:
    """Columns besides the keys."""
    whole = struct_type([*FIT, *SEARCH])
    return {field.name: field.dataType for field in whole.fields}


def _whole(schema: T.StructType, keys: list[str]) -> T.StructType:
    """A schema with the columns that later formats have added."""
    types = _types()
    fields = [
        schema[name] if name in schema.names else T.StructField(name, types[name])
        for name in _wanted(schema, keys)
    ]
    return T.StructType(fields)


def _wanted(schema: T.StructType, keys: list[str]) -> list[str]:
    """The names of all columns of a table that was tuned, or was not."""
    tuned = {column.name for column in SEARCH}
    return [*keys, *(n for n in _types() if n not in tuned or tuned & set(schema.names))]


def _schema(place: str, facts: Any, keys: list[str]) -> T.StructType:
    """The schema that `facts` give, if it is one of a table of models."""
    try:
        schema = T.StructType.fromJson(facts["schema"])
    except Exception as error:
        raise ValueError(
            clip(
                f"{place}: its schema in the metadata cannot be read ({error!r}); save the model "
                "again or restore it from a backup"
            )
        ) from error
    types, wanted = _types(), _wanted(schema, keys)
    if schema.names != [n for n in wanted if n in schema.names or n not in SINCE_2]:
        raise ValueError(
            clip(
                f"{place}: found columns {schema.names}, must be {wanted}; save the model again "
                "or restore it from a backup"
            )
        )
    for field in schema.fields:
        if field.name in keys:
            fits = isinstance(field.dataType, T.AtomicType)
        elif field.name in ("start", "end"):
            fits = isinstance(field.dataType, TIMES)
        else:
            fits = field.dataType == types[field.name]
        if not fits:
            raise ValueError(
                clip(
                    f"{place}: column {field.name!r} is {field.dataType.simpleString()}, which no "
                    "model has; save the model again or restore it from a backup"
                )
            )
    return schema


def _stored(spark: SparkSession, place: str, schema: T.StructType) -> DataFrame:
    """The table as it is in its files, with the checksums."""
    sums = [CHECKSUM] + [TRIALS_CHECKSUM] * ("trials" in schema.names)
    added = [T.StructField(name, T.LongType()) for name in sums]
    whole = T.StructType([*schema.fields, *added])
    return spark.read.schema(whole).options(**_READING).parquet(exact(place))


def _totals(stored: DataFrame) -> tuple[int, int]:
    """Number of rows that have a checksum, and all of these combined."""
    total = F.coalesce(F.expr(f"bit_xor({CHECKSUM})"), F.lit(0).cast("long"))
    rows, combined = stored.agg(F.count(CHECKSUM), total).collect()[0]
    return rows, combined


def _hash(schema: T.StructType, names: set[str]) -> Column:
    """A hash of columns, in the schema's order."""
    hashed = []
    for field in schema.fields:
        if field.name in names:
            column = quoted(field.name)
            # Under a collation different texts have one hash, and not in all versions the same.
            text = isinstance(field.dataType, T.StringType)
            hashed.append(column.cast("binary") if text else column)
            hashed.append(column.isNull())
    return F.xxhash64(*hashed)
