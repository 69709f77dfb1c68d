package sparkprophet.params

import org.apache.spark.sql.{Column, Dataset}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._

/**
 * The columns that workers get of an input: those that Python's module
 * `sparkprophet.spark.columns` gives them, so that equal data has equal seeds and fits.
 */
private[sparkprophet] object Columns {

  /** The column of exactly this name, whatever characters it has. */
  def quoted(name: String): Column = col("`" + name.replace("`", "``") + "`")

  /** Internal names of the key columns; one constant key where there is none. */
  def keyNames(groupCols: Seq[String]): Seq[String] =
    (0 until math.max(1, groupCols.length)).map(i => s"key_$i")

  def keyNames(params: GroupedProphetParams): Seq[String] = keyNames(params.getGroupCols.toSeq)

  /** The key columns under their internal names. */
  def keys(groupCols: Seq[String]): Seq[Column] = {
    val columns = if (groupCols.isEmpty) Seq(lit(true)) else groupCols.map(quoted)
    columns.zip(keyNames(groupCols)).map { case (column, name) => column.as(name) }
  }

  def keys(params: GroupedProphetParams): Seq[Column] = keys(params.getGroupCols.toSeq)

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
  def columnNames(params: GroupedProphetParams): Seq[String] =
    (named(params.getRegressors, "name") ++ named(params.getSeasonalities, "conditionCol")).distinct

  private def named(rows: Seq[Map[String, Any]], field: String): Seq[String] =
    rows.flatMap(_.get(field)).collect { case name: String => name }

  /**
   * Timestamp and value columns under internal names: ds, cap, floor, x_0, x_1, ...
   *
   * Instants become the wall clock of a time zone, by default the session's, so that days, weeks and
   * holidays are those of people.
   */
  def inputs(
      params: GroupedProphetParams,
      zone: Option[String] = None
  ): Seq[(String, Column)] = {
    val bounds = Seq("cap" -> params.capCol, "floor" -> params.floorCol).collect {
      case (name, param) if params.isSet(param) => name -> quoted(params.getOrDefault(param))
    }
    val more = columnNames(params).zipWithIndex.map { case (name, i) => s"x_$i" -> quoted(name) }
    val time = quoted(params.getTimestampCol)
    // Spark's name is odd: it moves the instant so that UTC shows what the zone's clock did.
    val clock =
      zone.fold(time)(name => wallClock(unix_micros(from_utc_timestamp(time, lit(name)))))
    ("ds" -> clock.cast("timestamp_ntz").as("ds")) +:
      (bounds ++ more).map { case (name, column) => name -> column.cast("double").as(name) }
  }

  /** The time zone of a frame's session, as Spark names it. */
  def sessionZone(frame: Dataset[_]): String =
    frame.sparkSession.conf.get("spark.sql.session.timeZone")

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

  /** Names of the columns that a forecast adds: prediction, lower and upper end. */
  def outputs(params: GroupedProphetParams): Seq[String] =
    Seq(params.getPredictionCol, params.getLowerCol, params.getUpperCol)
}
