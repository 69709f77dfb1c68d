package sparkprophet.grouped

import scala.util.control.NonFatal

import org.apache.spark.sql.{Column, DataFrame, Dataset, SparkSession}
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types.{DataType, StructType}
import org.json4s._
import org.json4s.JsonDSL._
import org.slf4j.LoggerFactory

import sparkprophet.params.{Columns, GroupedProphetParams}
import sparkprophet.workers.PythonWorkers

/**
 * One row per key, made by a function of the group's rows in a Python worker.
 *
 * @param data
 *   as [[GroupWork.keyed]] gives it
 * @param timeType
 *   of the timestamp column, which start and end get back
 * @param function
 *   name of the worker's function
 * @param arguments
 *   its arguments, by the number of cores that a group can have
 * @param record
 *   the columns of its rows besides the keys and the seed
 */
final private[sparkprophet] case class GroupWork(
    data: DataFrame,
    params: GroupedProphetParams,
    timeType: DataType,
    function: String,
    arguments: Int => JObject,
    record: StructType
) {

  import GroupWork._

  private val spark = data.sparkSession

  /** The internal names of the key columns. */
  val keyNames: Seq[String] = Columns.keyNames(params)

  /** Lazy: the rows of all groups in buckets whose cost is not NaN, under internal key names. */
  def rows(costs: Array[Double]): DataFrame = {
    val falling = params.getParallelism == 0
    val packed = Packing.pack(costs, tasks(spark, params), falling)
    log.info(
      s"groups packed into ${packed.loads.length} tasks; the largest has " +
        f"${100 * packed.loads.max / math.max(packed.loads.sum, 1)}%.1f %% of the rows"
    )
    val binned = Packing.spread(data, packed)
    val named = keyNames.map(col)
    val (spread, keys) =
      if (keyNames.forall(Columns.hashesAsItCompares(binned, _))) (binned, named :+ col("bin"))
      // Hashes put keys that are equal under a collation into one bucket only by leaving such
      // columns out: fit for a checkpoint, too coarse for tasks.
      else (binned.repartition(packed.loads.length, named: _*), named)
    val groups = costs.count(_ > 0) // or more
    val forThreads = arguments(threads(spark, params, groups))
    PythonWorkers.applyInArrow(spread, keys, function, forThreads, schema)
  }

  /** Of [[rows]]. */
  def schema: StructType =
    StructType((keyNames :+ "seed").map(data.schema(_)) ++ record.fields)

  /** `rows` under the users' key names and types, without the seed. */
  def named(rows: DataFrame): DataFrame = {
    val keys = keyNames.zip(params.getGroupCols).map { case (name, group) => col(name).as(group) }
    val rest = record.names.toSeq.map {
      case name @ ("start" | "end") => col(name).cast(timeType).as(name)
      case name => col(name)
    }
    rows.select(keys ++ rest: _*)
  }

  /** By the rows of every bucket, from a job that reads the keys alone. */
  def costs: Array[Double] = Packing.costs(Packing.rowsPerBucket(data))
}

private[sparkprophet] object GroupWork {

  private val log = LoggerFactory.getLogger("sparkprophet")

  /** Frees what an interrupted job has kept in the cluster's memory. */
  def release(kept: DataFrame): Unit =
    try { val _ = kept.unpersist() }
    catch {
      // The session has ended, and what was kept with it.
      case NonFatal(error) => log.debug("nothing to unpersist", error)
    }

  /** Tasks that the cluster runs at one time, as far as the driver can know. */
  def slots(spark: SparkSession): Int = math.max(1, spark.sparkContext.defaultParallelism)

  /** Into how many tasks groups are spread; `parallelism` bounds them, and so those at work. */
  def tasks(spark: SparkSession, params: GroupedProphetParams): Int =
    if (params.getParallelism > 0) params.getParallelism else Packing.BinsPerSlot * slots(spark)

  /**
   * Cores that each of a few groups can have, if there are more slots than groups: those of idle
   * slots of its own executor.
   */
  private def threads(spark: SparkSession, params: GroupedProphetParams, groups: Int): Int = {
    val atOnce = if (params.getParallelism > 0) params.getParallelism else slots(spark)
    def setting(name: String): Int = spark.conf.get(name, "1").toInt
    val executor =
      if (spark.sparkContext.master.startsWith("local[")) atOnce
      else setting("spark.executor.cores") / setting("spark.task.cpus")
    math.max(1, math.min(atOnce / math.max(groups, 1), executor))
  }

  /** What workers get of a fit's input: keys, seed, timestamp, label and columns. */
  def keyed(dataset: Dataset[_], params: GroupedProphetParams): DataFrame = {
    val extra = Seq("country" -> params.countryHolidaysCol, "overrides" -> params.overridesCol)
      .collect {
        case (name, param) if params.isSet(param) =>
          Columns.quoted(params.getOrDefault(param)).as(name)
      }
    val label = Columns.quoted(params.getLabelCol).cast("double").as("y")
    val columns: Seq[Column] = (Columns.keys(params) :+ Columns.seed(params, dataset).as("seed")) ++
      (Columns.inputs(params).map(_._2) :+ label) ++ extra
    dataset.select(columns: _*)
  }

  /** Keys, columns and config, as every worker's function of groups takes them. */
  def layout(params: GroupedProphetParams, config: JValue): JObject =
    ("keys" -> params.getGroupCols.toList) ~ ("columns" -> Columns.columnNames(params).toList) ~
      ("config" -> config)
}
