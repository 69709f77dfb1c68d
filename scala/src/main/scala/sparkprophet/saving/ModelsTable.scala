package sparkprophet.saving

import scala.util.control.NonFatal

import org.apache.spark.SparkException
import org.apache.spark.sql.{Column, DataFrame, SparkSession}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

import sparkprophet.params.{Columns, InputColumns, ModelColumns}
import sparkprophet.params.Messages.{clip, refuse}

/**
 * The saved table of models: Parquet with a checksum in every row, that of Python's module
 * `sparkprophet.spark.saving.models_table`.
 *
 * An object store keeps no checksums of its own beside a file. So a row's `checksum` is compared
 * where `config` or `state` is read, and `trials_checksum` where `trials` is; a query of other
 * columns reads no more than these. Parquet checks the bytes of its pages, and at load the rows are
 * counted and their checksums added up.
 */
private[sparkprophet] object ModelsTable {

  private val Checksum = ModelColumns.Checksums(0)
  private val TrialsChecksum = ModelColumns.Checksums(1)
  // Half the size of Spark's default codec on arrays of doubles.
  private val Writing = Map("compression" -> "zstd")
  private val Reading = Map(
    "ignoreCorruptFiles" -> "false",
    "ignoreMissingFiles" -> "false",
    "parquet.page.verify-checksum.enabled" -> "true",
    // Statistics in a file's footer have no checksum: a wrong one would hide rows.
    "parquet.filter.stats.enabled" -> "false",
    "parquet.filter.columnindex.enabled" -> "false"
  )
  private val Remedy = "save the model again or restore it from a backup"

  private val Types =
    (ModelColumns.Fit ++ ModelColumns.Search).map(field => field.name -> field.dataType).toMap

  /** Writes `table` as `path`/models; what the metadata has to say of it. */
  def write(table: DataFrame, path: String): JObject = {
    val (schema, place) = (table.schema, s"$path/models")
    val names = schema.names.toSet
    val ofModel = Seq(hash(schema, names - "trials").as(Checksum))
    val ofTrials =
      if (names("trials")) Seq(hash(schema, names -- Types.keySet + "trials").as(TrialsChecksum))
      else Nil
    WrittenForm.fixed(table.sparkSession) {
      table
        .select(col("*") +: (ofModel ++ ofTrials): _*)
        .write
        .options(Writing)
        .parquet(place)
    }
    val (rows, total) = totals(stored(table.sparkSession, place, schema))
    JObject(
      "schema" -> parse(schema.json),
      "rows" -> JInt(rows),
      "checksum" -> JString(total.toString)
    )
  }

  /**
   * The table at `path`/models, lazy but for its number of rows and their checksums.
   *
   * @param facts
   *   what `write` gave
   * @param keys
   *   names of the key columns
   */
  def read(spark: SparkSession, path: String, facts: JValue, keys: Seq[String]): DataFrame = {
    val place = s"$path/models"
    val schema = checkedSchema(place, facts, keys)
    val rowsOfFiles = stored(spark, place, schema)
    val (rows, total) =
      try totals(rowsOfFiles)
      catch {
        case error @ (_: SparkException | _: org.apache.spark.sql.AnalysisException) =>
          val message = clip(s"$place: cannot be read ($error); $Remedy")
          throw new IllegalArgumentException(message, error)
      }
    if (facts \ "rows" != JInt(rows) || facts \ "checksum" != JString(total.toString)) {
      def saved(name: String): String = compact(render(facts \ name))
      refuse(
        clip(
          s"$place: has $rows rows with the checksum $total, had ${saved("rows")} with " +
            s"${saved("checksum")}; $Remedy"
        )
      )
    }
    val ofModel = hash(schema, schema.names.toSet - "trials") <=> col(Checksum)
    def ofTrials = hash(schema, keys.toSet + "trials") <=> col(TrialsChecksum)
    // The file's name makes the columns such that Spark keeps filters behind them. One for a key
    // would come before: Spark puts the key into the hashes, and all other rows would look damaged.
    val complaint = concat(input_file_name(), lit(s": a row is not as it was saved; $Remedy"))
    rowsOfFiles.select(whole(schema, keys).map { field =>
      val column =
        if (schema.names.contains(field.name)) Columns.quoted(field.name)
        else lit(null).cast(field.dataType)
      def guarded(isWhole: Column) =
        when(isWhole, column).otherwise(raise_error(complaint).cast(field.dataType))
      val shown = field.name match {
        case "config" | "state" => guarded(ofModel)
        case "trials" => guarded(ofTrials)
        case _ => column
      }
      shown.as(field.name)
    }: _*)
  }

  /** The fields of a schema, with those that later formats have added. */
  private def whole(schema: StructType, keys: Seq[String]): Seq[StructField] =
    wanted(schema, keys).map { name =>
      if (schema.names.contains(name)) schema(name) else StructField(name, Types(name))
    }

  /** The names of all columns of a table that was tuned, or was not. */
  private def wanted(schema: StructType, keys: Seq[String]): Seq[String] = {
    val ofSearch = ModelColumns.Search.names.toSeq
    val isTuned = ofSearch.exists(schema.names.contains(_))
    keys ++ ModelColumns.Fit.names ++ (if (isTuned) ofSearch else Nil)
  }

  /** The schema that `facts` give, if it is one of a table of models. */
  private def checkedSchema(place: String, facts: JValue, keys: Seq[String]): StructType = {
    val schema =
      try DataType.fromJson(compact(render(facts \ "schema"))).asInstanceOf[StructType]
      catch {
        case NonFatal(error) =>
          throw new IllegalArgumentException(
            clip(s"$place: its schema in the metadata cannot be read ($error); $Remedy"),
            error
          )
      }
    val names = wanted(schema, keys)
    val missing = ModelColumns.Since2 -- schema.names
    if (schema.names.toSeq != names.filterNot(missing))
      refuse(
        clip(
          s"$place: found columns ${schema.names.mkString(", ")}, must be " +
            s"${names.mkString(", ")}; $Remedy"
        )
      )
    for (field <- schema) {
      val fits =
        if (keys.contains(field.name)) InputColumns.isAtomic(field.dataType)
        else if (Set("start", "end")(field.name)) InputColumns.TimeTypes(field.dataType)
        else field.dataType == Types(field.name)
      if (!fits)
        refuse(
          s"$place: column '${field.name}' is ${field.dataType.simpleString}, which no model " +
            s"has; $Remedy"
        )
    }
    schema
  }

  /** The table as it is in its files, with the checksums. */
  private def stored(spark: SparkSession, place: String, schema: StructType): DataFrame = {
    val added = Checksum +: (if (schema.names.contains("trials")) Seq(TrialsChecksum) else Nil)
    val whole = StructType(schema.fields ++ added.map(StructField(_, LongType)))
    spark.read.schema(whole).options(Reading).parquet(Files.exact(place))
  }

  /** Number of rows that have a checksum, and all of these combined. */
  private def totals(stored: DataFrame): (Long, Long) = {
    val total = coalesce(expr(s"bit_xor($Checksum)"), lit(0L))
    val row = stored.agg(count(Checksum), total).head()
    (row.getLong(0), row.getLong(1))
  }

  /** A hash of columns, in the schema's order. */
  private def hash(schema: StructType, names: Set[String]): Column =
    xxhash64(schema.fields.toSeq.filter(field => names(field.name)).flatMap { field =>
      val column = Columns.quoted(field.name)
      // Under a collation different texts have one hash, and not in all versions the same.
      val hashed = if (field.dataType.isInstanceOf[StringType]) column.cast("binary") else column
      Seq(hashed, column.isNull)
    }: _*)
}
