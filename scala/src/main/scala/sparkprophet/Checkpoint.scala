package sparkprophet

import java.security.MessageDigest

import scala.collection.immutable.ListMap

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions._
import org.slf4j.LoggerFactory

/**
 * Finished groups of a long job, kept so that a killed driver loses only what was in flight.
 *
 * One folder a job, named by a hash of its arguments and data. Each task writes the rows of its
 * buckets of keys as one Parquet file that appears whole when the task ends; a job that is run
 * again reads which buckets are there, and does the others.
 *
 * @param folder
 *   may hold other jobs too
 * @param version
 *   of the code that the workers run
 * @param arguments
 *   everything that the result depends on besides the data
 */
final private[sparkprophet] case class Checkpoint(
    folder: String,
    version: String,
    arguments: String
) {

  import Checkpoint._

  /** All rows of the work, from the folder, after doing and writing what was not there. */
  def rows(work: GroupWork): DataFrame = {
    val spark = work.data.sparkSession
    Folder.make(spark, folder, "checkpointDir")
    val facts = bucketFacts(work.data)
    val place = s"${folder.stripSuffix("/")}/${fingerprint(facts, work.data)}"
    val costs = Packing.costs(facts.map { case (bucket, (rows, _)) => bucket -> rows })
    val left = without(costs, finished(work, place))
    if (left.exists(_ > 0)) {
      logger.info(s"$place: ${left.count(_ > 0)} of ${costs.count(_ > 0)} buckets are left to do")
      fill(work, left, place)
    }
    val done = finished(work, place)
    val missing = without(costs, done).count(_ > 0)
    if (missing > 0)
      throw new IllegalStateException(
        s"checkpointDir: $missing buckets of groups are not in $place after they were written: see " +
          "that no other job works in this folder, and run again"
      )
    if (done.isEmpty) work.rows(costs)
    else spark.read.schema(work.schema).parquet(done.keys.map(file => s"$place/$file").toSeq: _*)
  }

  private def fingerprint(facts: Map[Int, (Long, BigInt)], data: DataFrame): String = {
    val counted = facts.toSeq.sortBy(_._1).mkString(",")
    val text = Seq(version, arguments, data.schema.json, counted).mkString("\n")
    val digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes("UTF-8"))
    digest.take(8).map("%02x".format(_)).mkString
  }
}

private object Checkpoint {

  private val logger = LoggerFactory.getLogger("sparkprophet")

  private val Writing = Map(
    "compression" -> "zstd",
    // A task's file goes to its place when the task ends; by default when the whole job does.
    "mapreduce.fileoutputcommitter.algorithm.version" -> "2",
    // One file a task, so that its buckets are there all or none.
    "maxRecordsPerFile" -> "0"
  )

  /**
   * With `parallelism` a job has no more tasks than may be at work at one time, so there are
   * several jobs, one after the other, each of which keeps its tasks.
   */
  private val Rounds = 16

  /** Rows of every bucket, and the sum of their hashes, whatever their order. */
  private def bucketFacts(data: DataFrame): Map[Int, (Long, BigInt)] = {
    // The hash passes over NULLs: without these marks a value could move to another column unseen.
    val marked = data.columns.toSeq.flatMap(name => Seq(col(name), col(name).isNull))
    data
      .groupBy(Packing.bucket(col("seed")).as("bucket"))
      .agg(count("*"), sum(xxhash64(marked: _*).cast("decimal(38,0)")))
      .collect()
      .map(row => row.getInt(0) -> (row.getLong(1), BigInt(row.getDecimal(2).toBigInteger)))
      .toMap
  }

  /** Costs of the buckets that are in no file, NaN for the others. */
  private def without(costs: Array[Double], done: Map[String, Seq[Int]]): Array[Double] = {
    val left = costs.clone()
    done.values.flatten.foreach(left(_) = Double.NaN)
    left
  }

  /** Does and writes the buckets whose cost is not NaN. */
  private def fill(work: GroupWork, costs: Array[Double], place: String): Unit = {
    val rounds = if (work.params.getParallelism > 0) Rounds else 1
    val packed = Packing.pack(costs, rounds, falling = false)
    val data = if (rounds > 1) work.data.persist() else work.data
    try
      for (round <- packed.loads.indices) {
        val own = costs.indices.map(i => if (packed.binOf(i) == round) costs(i) else Double.NaN)
        val rows = work.copy(data = data).rows(own.toArray)
        rows.write.mode("append").options(Writing).parquet(place)
      }
    finally if (rounds > 1) data.unpersist()
  }

  /** File to its buckets, of those that can be read and hold buckets that no other one has. */
  private def finished(work: GroupWork, place: String): Map[String, Seq[Int]] =
    if (!Folder.exists(work.data.sparkSession, place)) Map.empty
    else {
      val files = work.data.sparkSession.read.schema(work.schema)
      // A file that was torn is no error, but work to be done again.
      val pairs = files
        .option("ignoreCorruptFiles", "true")
        .parquet(place)
        .select(col("_metadata.file_name"), Packing.bucket(col("seed")))
        .distinct()
        .collect()
        .map(row => row.getString(0) -> row.getInt(1))
      val byFile = pairs.groupMap(_._1)(_._2).toSeq.sortBy(_._1)
      byFile.foldLeft(ListMap.empty[String, Seq[Int]]) { case (kept, (file, buckets)) =>
        val seen = kept.values.flatten.toSet
        if (buckets.exists(seen)) kept else kept + (file -> buckets.toSeq)
      }
    }
}
