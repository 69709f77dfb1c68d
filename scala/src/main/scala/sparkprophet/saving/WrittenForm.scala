package sparkprophet.saving

import scala.collection.mutable

import org.apache.spark.sql.SparkSession

/**
 * The form of what is written, whatever the session says of Parquet.
 *
 * The settings are those of Python's module `sparkprophet.spark.saving.written_form`: they have no
 * option of a single write, so they are set for the time of one.
 */
private[sparkprophet] object WrittenForm {

  private val Settings = Seq(
    "spark.sql.parquet.outputTimestampType" -> "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat" -> "false",
    // Dates before 1582 as they are in the calendar that Spark counts with.
    "spark.sql.parquet.datetimeRebaseModeInWrite" -> "CORRECTED"
  )

  /** Per session the writers at work, and what its settings were before the first of them. */
  private val before = mutable.Map.empty[SparkSession, (Int, Seq[(String, String)])]

  /** Settings that files depend on are Spark's defaults in the block. */
  def fixed[T](spark: SparkSession)(block: => T): T = {
    before.synchronized {
      val (writers, own) =
        before.getOrElse(
          spark,
          (0, Settings.map { case (name, _) => name -> spark.conf.get(name) })
        )
      before(spark) = (writers + 1, own)
      Settings.foreach { case (name, value) => spark.conf.set(name, value) }
    }
    try block
    finally
      before.synchronized {
        val (writers, own) = before(spark)
        if (writers > 1) before(spark) = (writers - 1, own)
        else {
          before -= spark
          own.foreach { case (name, value) => spark.conf.set(name, value) }
        }
      }
  }
}
