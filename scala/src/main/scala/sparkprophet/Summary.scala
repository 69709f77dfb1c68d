package sparkprophet

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.{functions => F}
import org.json4s._
import org.json4s.JsonDSL._

/**
 * Groups with one outcome.
 *
 * @param fitSeconds
 *   wall time of all of them in workers
 * @param cpuSeconds
 *   CPU time of all of them in workers
 * @param example
 *   one of their messages
 */
final case class OutcomeCount(
    status: String,
    solver: Option[String],
    errorCode: Option[String],
    groups: Long,
    fitSeconds: Double,
    cpuSeconds: Double,
    example: Option[String]
)

/**
 * How a fit of many groups went; prints as a table.
 *
 * @param counts
 *   most frequent outcome first
 * @param wallSeconds
 *   of the job, as the driver saw it
 * @param slots
 *   tasks that the cluster ran at one time
 * @param beganAt
 *   when the job began, in seconds since 1970 by the driver's clock
 * @param timeZone
 *   the session's, in which instants were read as wall-clock times
 */
final case class Summary(
    counts: Seq[OutcomeCount],
    wallSeconds: Double,
    slots: Int,
    beganAt: Double,
    timeZone: Option[String] = None
) {

  /** Number of keys of the input. */
  def groups: Long = counts.map(_.groups).sum

  /** Groups by ok, fallback and failed. */
  def byStatus: Map[String, Long] = by(count => Some(count.status))

  /** Groups with a forecast by what it comes from. */
  def bySolver: Map[String, Long] = by(_.solver)

  /** Groups by the code of their error, those with a fallback included. */
  def byErrorCode: Map[String, Long] = by(_.errorCode)

  /** Share of the groups with status failed; 0 for no groups. */
  def failedFraction: Double =
    if (groups == 0) 0.0 else byStatus.getOrElse("failed", 0L).toDouble / groups

  /** CPU seconds of all groups, measured in the workers. */
  def cpuSeconds: Double = counts.map(_.cpuSeconds).sum

  /** CPU seconds of the groups over wall seconds times slots: 0 to 1. */
  def cpuUtilisation: Double = cpuSeconds / (wallSeconds * slots)

  override def toString: String = {
    val head = "%-9s %-14s %-21s %8s %9s".format("status", "solver", "code", "groups", "cpu s")
    val lines = counts.map { c =>
      val (solver, code) = (c.solver.getOrElse("-"), c.errorCode.getOrElse("-"))
      "%-9s %-14s %-21s %8d %9.1f".format(c.status, solver, code, c.groups, c.cpuSeconds)
    }
    val last = "%d groups in %.1f s on %d slots, CPU utilisation %.0f%%"
      .format(groups, wallSeconds, slots, 100 * cpuUtilisation)
    (head +: lines :+ last).mkString("\n")
  }

  private def by(name: OutcomeCount => Option[String]): Map[String, Long] =
    counts.flatMap(count => name(count).map(_ -> count.groups)).groupMapReduce(_._1)(_._2)(_ + _)

  private[sparkprophet] def toJson: JObject = {
    def text(value: Option[String]): JValue = value.fold[JValue](JNull)(JString(_))
    val rows = counts.toList.map { c =>
      ("status" -> c.status) ~ ("solver" -> text(c.solver)) ~ ("error_code" -> text(c.errorCode)) ~
        ("groups" -> c.groups) ~ ("fit_seconds" -> c.fitSeconds) ~
        ("cpu_seconds" -> c.cpuSeconds) ~ ("example" -> text(c.example))
    }
    ("counts" -> rows) ~ ("wall_seconds" -> wallSeconds) ~ ("slots" -> slots) ~
      ("began_at" -> beganAt) ~ ("time_zone" -> text(timeZone))
  }
}

private[sparkprophet] object Summary {

  /** One aggregation over the models table; the result has a row per outcome, not per group. */
  def count(models: DataFrame): Seq[OutcomeCount] = {
    val rows = models
      .groupBy("status", "solver", "error_code")
      .agg(F.count("*"), F.sum("fit_seconds"), F.sum("cpu_seconds"), F.min("error_message"))
      .collect()
    def text(row: org.apache.spark.sql.Row, i: Int): Option[String] = Option(row.getString(i))
    rows.toSeq
      .map { row =>
        OutcomeCount(
          row.getString(0),
          text(row, 1),
          text(row, 2),
          row.getLong(3),
          row.getDouble(4),
          row.getDouble(5),
          text(row, 6)
        )
      }
      .sortBy(c => (-c.groups, c.status, c.errorCode.getOrElse("")))
  }

  implicit private val formats: Formats = DefaultFormats

  /** What `toJson`, or Python, wrote. */
  def fromJson(json: JValue): Summary = Summary(
    (json \ "counts").children.map { c =>
      OutcomeCount(
        (c \ "status").extract[String],
        (c \ "solver").extractOpt[String],
        (c \ "error_code").extractOpt[String],
        (c \ "groups").extract[Long],
        (c \ "fit_seconds").extract[Double],
        (c \ "cpu_seconds").extract[Double],
        (c \ "example").extractOpt[String]
      )
    },
    (json \ "wall_seconds").extract[Double],
    (json \ "slots").extract[Int],
    (json \ "began_at").extract[Double],
    (json \ "time_zone").extractOpt[String]
  )
}
