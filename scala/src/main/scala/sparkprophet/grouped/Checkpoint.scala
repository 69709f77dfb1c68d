package sparkprophet.grouped

import java.io.{EOFException, IOException}
import java.security.MessageDigest
import java.util.UUID

import scala.util.Try
import scala.util.control.NonFatal

import org.apache.hadoop.fs.FSError
import org.apache.spark.sql.{Column, DataFrame}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.{LongType, StructType}
import org.slf4j.LoggerFactory

import sparkprophet.saving.{Files, WrittenForm}

/**
 * Finished groups of a long job, kept so that a killed driver loses only what was in flight.
 *
 * One folder a job, named by a hash of its arguments and data, and in it one folder a run, so that
 * drivers that do one job at one time do each other no harm. Each task writes the rows of its
 * buckets of keys as one Parquet file that appears whole when the task ends; a job that is run
 * again reads which buckets are there, whichever run wrote them, and does the others.
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
    Files.make(work.data.sparkSession, folder, "checkpointDir")
    val facts = bucketFacts(work)
    val place = s"${folder.stripSuffix("/")}/${fingerprint(facts, work.data)}"
    val kept =
      new KeptRows(work, place, facts.map { case (bucket, of) => bucket -> of.groups })
    val costs = Packing.costs(facts.map { case (bucket, of) => bucket -> of.rows })
    val left = without(costs, kept.finished(warn = true).keys)
    if (left.exists(_ > 0)) {
      log.info(s"$place: ${left.count(_ > 0)} of ${costs.count(_ > 0)} buckets are left to do")
      fill(work, left, kept)
    }
    val done = kept.finished(warn = false)
    val missing = without(costs, done.keys).count(_ > 0)
    if (missing > 0)
      throw new IllegalStateException(
        s"checkpointDir: $missing buckets of groups are not in $place after they were written; " +
          "see that nothing deletes files there, that the input stays as it is during a fit, and " +
          "run again"
      )
    if (done.isEmpty) work.rows(costs) else kept.rows(done)
  }

  /**
   * Says in one line that this storage failed where Spark's error is about that, for a folder that
   * is full, gone or cannot be read any more.
   */
  def explained[T](body: => T): T =
    try body
    catch {
      case NonFatal(error) =>
        val fault = storageFault(error, folder.stripSuffix("/")).getOrElse(throw error)
        throw new IOException(
          s"checkpointDir: $folder failed (${fault.take(200)}); see that it is there, can be " +
            "written and has space, and call fit again: groups that are finished are kept",
          error
        )
    }

  private def fingerprint(facts: Map[Int, BucketFacts], data: DataFrame): String = {
    val counted = facts.toSeq.sortBy(_._1).mkString(",")
    val text = Seq(version, arguments, data.schema.json, counted).mkString("\n")
    val digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes("UTF-8"))
    digest.take(8).map("%02x".format(_)).mkString
  }
}

private[sparkprophet] object Checkpoint {

  private val log = LoggerFactory.getLogger("sparkprophet")

  /**
   * With `parallelism` a job has no more tasks than may be at work at one time, so there are
   * several jobs, one after the other, each of which keeps its tasks.
   */
  private val Rounds = 16

  /** Rows and groups of one bucket, and the sum of its rows' hashes, whatever their order. */
  private case class BucketFacts(rows: Long, groups: Long, hash: BigInt)

  private def bucketFacts(work: GroupWork): Map[Int, BucketFacts] = {
    // The hash passes over NULLs: without these marks a value could move to another column unseen.
    val marked = work.data.columns.toSeq.flatMap(name => Seq(col(name), col(name).isNull))
    val bucket = Packing.bucket(col("seed")).as("bucket")
    work.data
      .groupBy(bucket +: work.keyNames.map(col): _*)
      .agg(count("*").as("rows"), sum(xxhash64(marked: _*).cast("decimal(38,0)")).as("hash"))
      .groupBy("bucket")
      .agg(sum("rows"), count("*"), sum("hash"))
      .collect()
      .map { row =>
        val hash = BigInt(row.getDecimal(3).toBigInteger)
        row.getInt(0) -> BucketFacts(row.getLong(1), row.getLong(2), hash)
      }
      .toMap
  }

  /** Costs of the buckets that are in no file, NaN for the others. */
  private def without(costs: Array[Double], done: Iterable[Int]): Array[Double] = {
    val left = costs.clone()
    done.foreach(left(_) = Double.NaN)
    left
  }

  /** Does and writes the buckets whose cost is not NaN. */
  private def fill(work: GroupWork, costs: Array[Double], kept: KeptRows): Unit = {
    val rounds = if (work.params.getParallelism > 0) Rounds else 1
    val packed = Packing.pack(costs, rounds, falling = false)
    val run = s"run-${UUID.randomUUID().toString.replace("-", "")}"
    val data = if (rounds > 1) work.data.persist() else work.data
    try
      for (round <- packed.loads.indices) {
        val left = costs.zip(packed.binOf).map { case (cost, bin) =>
          if (bin == round) cost else Double.NaN
        }
        kept.write(work.copy(data = data).rows(left), run)
      }
    finally if (rounds > 1) GroupWork.release(data)
  }

  /** What failed in reading or writing below a folder, if the error is of that kind. */
  private def storageFault(error: Throwable, folder: String): Option[String] = {
    val causes = Iterator.iterate(error)(_.getCause).takeWhile(_ != null).toSeq
    val text = causes.mkString("\n")
    val ofStorage = text.contains("FAILED_READ_FILE") || (causes.last match {
      case _: EOFException => false // a worker that dies is an end of its stream
      case _: IOException | _: FSError => true
      case _ => false
    })
    if (text.contains(folder) && ofStorage) causes.last.toString.linesIterator.nextOption()
    else None
  }
}

/**
 * One job's folder.
 *
 * @param groups
 *   how many groups each bucket has
 */
private class KeptRows(work: GroupWork, place: String, groups: Map[Int, Long]) {

  import KeptRows._

  private val spark = work.data.sparkSession

  /** Adds rows of whole buckets to the folder of a run. */
  def write(rows: DataFrame, run: String): Unit =
    WrittenForm.fixed(spark) {
      rows
        .withColumn(Checksum, checksum)
        .write
        .mode("append")
        .options(Writing)
        .parquet(s"$place/$run")
    }

  /** Bucket to a file that can be read whole, all its rows as they were written. */
  def finished(warn: Boolean): Map[Int, String] = {
    val sizes = files
    if (sizes.isEmpty) Map.empty
    else {
      // What was torn is no error, but work to be done again.
      val runs = sizes.keys.map(_.takeWhile(_ != '/')).toSeq.distinct.sorted
      val rows = read(runs, lenient = true)
      // By the footers alone, which tell of rows that a torn file gives no more.
      val written =
        rows.groupBy(file).count().collect().map(r => r.getString(0) -> r.getLong(1)).toMap
      val whole = rows
        .groupBy(file, Packing.bucket(col("seed")))
        .agg(count_if(col(Checksum) === checksum))
        .collect()
        .groupMap(_.getString(0))(row => Option(row.get(1)) -> row.getLong(2))
        .collect { case (name, counts) if isWhole(counts, written.get(name)) => name -> counts }
      if (warn) tellOfTorn(sizes.filterNot { case (name, _) => whole.contains(name) }, written)
      val pairs = for {
        (name, buckets) <- whole.toSeq.sortBy(_._1).reverse
        (bucket, _) <- buckets
      } yield bucket.get.asInstanceOf[Int] -> name
      pairs.toMap // of two files the first by name
    }
  }

  /** Whether a file has the rows that its footer tells of, each group of each bucket among them. */
  private def isWhole(counts: Array[(Option[Any], Long)], written: Option[Long]): Boolean =
    written.contains(counts.map(_._2).sum) && counts.forall {
      case (Some(bucket: Int), count) => count >= groups.getOrElse(bucket, 0L)
      case _ => false
    }

  /** Lazy: the rows of every bucket, from its file and no other one. */
  def rows(done: Map[Int, String]): DataFrame = {
    import spark.implicits._
    val pairs = done.toSeq.map(_.swap).toDF("file", "bucket")
    val stored = read(done.values.toSeq.distinct.sorted, lenient = false)
      .withColumn("file", file)
      .withColumn("bucket", Packing.bucket(col("seed")))
    stored.join(broadcast(pairs), Seq("file", "bucket"), "left_semi").select(names.map(col): _*)
  }

  private val names = work.schema.names.toSeq

  /** Run and name of every file of rows to its bytes. */
  private def files: Map[String, Long] =
    if (!Files.exists(spark, place)) Map.empty
    else
      (for {
        run <- Files.entries(spark, place)
        if run.isDirectory && run.getPath.getName.startsWith("run-")
        part <- Files.entries(spark, run.getPath.toString)
        if part.isFile && part.getPath.getName.startsWith("part-")
      } yield s"${run.getPath.getName}/${part.getPath.getName}" -> part.getLen).toMap

  private def read(within: Seq[String], lenient: Boolean): DataFrame =
    spark.read
      .schema(StructType(work.schema.fields).add(Checksum, LongType))
      .option("ignoreCorruptFiles", lenient)
      .option("pathGlobFilter", "part-*")
      .parquet(within.map(name => Files.exact(s"$place/$name")): _*)

  /** Of a row, and of the job that it is a part of. */
  private def checksum: Column = {
    // The hash passes over NULLs: without these marks a value could move to another column.
    val marks = concat(names.map(name => when(col(name).isNull, "0").otherwise("1")): _*)
    xxhash64(lit(place.split('/').last) +: marks +: names.map(col): _*)
  }

  private def tellOfTorn(sizes: Map[String, Long], written: Map[String, Long]): Unit = {
    // A task without groups leaves a file without rows, which is as it should be.
    val torn = sizes.toSeq.collect {
      case (name, size) if written.contains(name) || size == 0 || !hasNoRows(name) => name
    }.sorted
    if (torn.nonEmpty) {
      val more = if (torn.length > Named) s" and ${torn.length - Named} more" else ""
      log.warn(
        s"checkpointDir: ${torn.take(Named).mkString(", ")}$more in $place cannot be read whole " +
          "as it was written; its groups count as not done, and the file can be deleted"
      )
    }
  }

  private def hasNoRows(name: String): Boolean =
    Try(read(Seq(name), lenient = false).count()).toOption.contains(0L)
}

private object KeptRows {

  private val log = LoggerFactory.getLogger("sparkprophet")

  private val Writing = Map(
    "compression" -> "zstd",
    // A task's file goes to its place when the task ends; by default when the whole job does.
    "mapreduce.fileoutputcommitter.algorithm.version" -> "2",
    // One file a task, so that its buckets are there all or none.
    "maxRecordsPerFile" -> "0"
  )

  private val Checksum = "checksum"

  /** Torn files that a message names. */
  private val Named = 2

  /** Run and name of the file that a row is from. */
  private def file: Column = concat_ws("/", slice(split(col("_metadata.file_path"), "/"), -2, 2))
}
