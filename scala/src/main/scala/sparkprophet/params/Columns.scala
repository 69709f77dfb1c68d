package sparkprophet.params

import org.apache.spark.ml.param.Param
import org.apache.spark.sql.{Column, Dataset}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._

/**
 * Checks of an input on the driver, and the columns that workers get of it: those that Python's
 * module `sparkprophet.spark.columns` gives them, so that equal data has equal seeds and fits.
 */
private[sparkprophet] object Columns {

  import TableParams.refuse

  /** The column of exactly this name, whatever characters it has. */
  def quoted(name: String): Column = col("`" + name.replace("`", "``") + "`")

  /** Internal names of the key columns; one constant key where there is none. */
  def keyNames(params: GroupedProphetParams): Seq[String] =
    (0 until math.max(1, params.getGroupCols.length)).map(i => s"key_$i")

  /** The key columns under their internal names. */
  def keys(params: GroupedProphetParams): Seq[Column] =
    if (params.getGroupCols.isEmpty) Seq(lit(true).as("key_0"))
    else params.getGroupCols.toSeq.zip(keyNames(params)).map { case (n, as) => quoted(n).as(as) }

  /** Each group's own seed: a hash of the stage's seed and the key's bytes, as a long. */
  def seed(params: GroupedProphetParams, frame: Dataset[_]): Column = {
    val hashed = params.getGroupCols.toSeq.filter(hashesAsItCompares(frame, _))
    xxhash64(lit(params.getSeed) +: hashed.map(quoted): _*)
  }

  /** Whether equal values of a column have one hash, as they do but under most collations. */
  def hashesAsItCompares(frame: Dataset[_], name: String): Boolean =
    frame.schema(name).dataType match {
      case text: StringType => text == StringType
      case _ => true
    }

  /** Columns besides timestamp, label, cap and floor that a fit needs, in order. */
  def further(params: GroupedProphetParams): Seq[String] =
    (named(params.getRegressors, "name") ++ named(params.getSeasonalities, "conditionCol")).distinct

  private def named(rows: Seq[Map[String, Any]], field: String): Seq[String] =
    rows.flatMap(_.get(field)).collect { case name: String => name }

  /**
   * Timestamp and value columns under internal names: ds, cap, floor, x_0, x_1, ...
   *
   * Timestamps become the wall clock of the session's time zone, so that days, weeks and holidays
   * are those of people.
   */
  def inputs(params: GroupedProphetParams): Seq[(String, Column)] = {
    val bounds = Seq("cap" -> params.capCol, "floor" -> params.floorCol).collect {
      case (name, param) if params.isSet(param) => name -> quoted(params.getOrDefault(param))
    }
    val more = further(params).zipWithIndex.map { case (name, i) => s"x_$i" -> quoted(name) }
    ("ds" -> quoted(params.getTimestampCol).cast("timestamp_ntz").as("ds")) +:
      (bounds ++ more).map { case (name, column) => name -> column.cast("double").as(name) }
  }

  /** A timestamp without a zone as microseconds since 1970, as a long. */
  def microseconds(wallClock: Column): Column = {
    // Through an interval: the functions that count microseconds take instants, and would pass
    // through the session's time zone, where an hour a year does not exist.
    val since = (wallClock - epoch).cast("interval second").cast("decimal(20,6)")
    (since * 1000000).cast("long")
  }

  /** The inverse of [[microseconds]]. */
  def wallClock(microseconds: Column): Column = {
    val seconds = (microseconds.cast("decimal(20,0)") / 1000000).cast("decimal(18,6)")
    epoch + make_dt_interval(lit(0), lit(0), lit(0), seconds)
  }

  private def epoch: Column = lit("1970-01-01 00:00:00").cast("timestamp_ntz")

  /**
   * Refuses every mistake that can be seen without a job: a column that is missing, ambiguous, of
   * the wrong type, in two roles, or would be overwritten.
   */
  def check(params: GroupedProphetParams, input: Dataset[_], fitting: Boolean): Unit = {
    if (input.isStreaming)
      refuse(
        "dataset is a stream, and a group's rows must be there together: use " +
          "writeStream.foreachBatch and transform each batch"
      )
    checkSchema(params, input.schema, fitting, caseSensitive(input))
  }

  private def caseSensitive(input: Dataset[_]): Boolean =
    input.sparkSession.conf.get("spark.sql.caseSensitive", "false") == "true"

  /** As [[check]], of a schema alone. */
  def checkSchema(
      params: GroupedProphetParams,
      schema: StructType,
      fitting: Boolean,
      caseSensitive: Boolean
  ): Unit = {
    val found = new Found(schema, caseSensitive)
    val groups = params.getGroupCols.toSeq
    groups.foreach(found.require("groupCols", _, "an atomic type: cast or leave it out")(isAtomic))
    found.require("timestampCol", params.getTimestampCol, "a date or timestamp: use to_date")(
      TimeTypes.contains
    )
    def optional(param: Param[String], wanted: String)(fits: DataType => Boolean): Unit =
      if (params.isSet(param)) found.require(param.name, params.getOrDefault(param), wanted)(fits)
    if (fitting) {
      found.require("labelCol", params.getLabelCol, "a number: cast it")(isNumber)
      optional(params.countryHolidaysCol, "a string")(isText)
      optional(params.overridesCol, "a JSON string: use to_json")(isText)
    }
    optional(params.capCol, "a number: cast it")(isNumber)
    optional(params.floorCol, "a number: cast it")(isNumber)
    further(params).foreach(
      found.require("regressors or seasonalities", _, "a number or boolean: cast it")(kind =>
        isNumber(kind) || kind == BooleanType
      )
    )
    checkRoles(params, groups, found)
    if (params.getGrowth == "logistic" && !params.isSet(params.capCol))
      refuse("growth is 'logistic' without capCol: set capCol to a numeric column")
  }

  private def checkRoles(params: GroupedProphetParams, groups: Seq[String], found: Found): Unit = {
    for (param <- Seq(params.timestampCol, params.labelCol))
      if (groups.contains(params.getOrDefault(param)))
        refuse(
          s"groupCols has '${params.getOrDefault(param)}', which is ${param.name} too: take it out " +
            "of one of them"
        )
    groups.filter(name => ModelColumns(name.toLowerCase)).foreach { name =>
      refuse(
        s"groupCols has '$name', a column of the models table: rename it, as in " +
          s"withColumnRenamed(\"$name\", \"group_$name\")"
      )
    }
    val outputs = Seq(params.predictionCol, params.lowerCol, params.upperCol)
    val names = outputs.map(params.getOrDefault(_))
    if (names.distinct.length < names.length)
      refuse(s"predictionCol, lowerCol, upperCol are ${names.mkString(", ")}: they must differ")
    for ((param, name) <- outputs.zip(names) if found.same(name).nonEmpty)
      refuse(
        s"${param.name} is '$name', which is in the input already: set ${param.name} to another " +
          "name or drop the column"
      )
  }

  val TimeTypes: Set[DataType] = Set(DateType, TimestampType, TimestampNTZType)

  // format: off
  /** Columns of the models table besides the keys, and of the saved one. */
  val ModelColumns: Set[String] = Set(
    "status", "solver", "error_code", "error_message", "n_obs", "start", "end", "log_posterior",
    "fit_seconds", "cpu_seconds", "host", "pid", "started_at", "config", "state", "best_value",
    "n_trials", "stopped_by", "untuned_value", "naive_value", "trials", "checksum", "trials_checksum"
  )
  // format: on

  private def isNumber(kind: DataType): Boolean = kind.isInstanceOf[NumericType]

  private def isText(kind: DataType): Boolean = kind.isInstanceOf[StringType]

  def isAtomic(kind: DataType): Boolean = kind match {
    case _: ArrayType | _: MapType | _: StructType | _: UserDefinedType[_] | NullType => false
    case _ => true
  }

  /** The columns of a schema by name, as Spark finds them. */
  private class Found(schema: StructType, caseSensitive: Boolean) {

    def same(name: String): Seq[StructField] = schema.filter(field =>
      field.name == name || !caseSensitive && field.name.equalsIgnoreCase(name)
    )

    def require(param: String, name: String, wanted: String)(fits: DataType => Boolean): Unit = {
      val exact = schema.filter(_.name == name)
      if (exact.isEmpty) {
        val near = same(name).headOption.fold(
          "the columns are " + schema.names.take(20).mkString(", ")
        )(field => s"did you mean '${field.name}'?")
        refuse(s"$param is '$name', and there is no such column: $near")
      }
      if (same(name).length > 1)
        refuse(
          s"$param is '$name', and ${same(name).length} columns are called so " +
            s"(${same(name).map(_.name).mkString(", ")}): rename all but one"
        )
      val kind = exact.head.dataType
      if (!fits(kind))
        refuse(s"$param is '$name', a column of type ${kind.simpleString}, and must be $wanted")
    }
  }
}
