package sparkprophet.bayesian

import java.math.{BigDecimal, RoundingMode}
import java.util.UUID

import org.apache.spark.sql.{Column, DataFrame}
import org.apache.spark.sql.expressions.Window
import org.apache.spark.sql.functions._
import org.apache.spark.sql.types._
import org.apache.spark.storage.StorageLevel
import org.json4s._
import org.slf4j.LoggerFactory

import sparkprophet.params.Columns.quoted
import sparkprophet.params.InputColumns
import sparkprophet.params.InputColumns.isAtomic
import sparkprophet.params.Messages.refuse

/** One training frame and the validation frame that goes with it. */
private[sparkprophet] case class Fold(train: DataFrame, validation: DataFrame)

/**
 * Training and validation frames that depend on the rows alone, not on how they are partitioned:
 * the same rows as in Python.
 *
 * Spark's own `CrossValidator` splits by `rand(seed)`, which numbers the rows of each partition:
 * the same data in other partitions gives other folds. Here a row's hash decides. Copies of a row
 * differ by their rank among themselves, so that they spread over the folds too.
 *
 * The data is kept once, with the fold as a column, for the time of the block; each frame is a
 * filter over that.
 */
private[sparkprophet] object Folds {

  /** Python's levels; only one keeps rows as objects. */
  val StorageLevels: Map[String, StorageLevel] = Map(
    "NONE" -> StorageLevel.NONE,
    "DISK_ONLY" -> StorageLevel.DISK_ONLY,
    "MEMORY_ONLY" -> StorageLevel.MEMORY_ONLY_SER,
    "MEMORY_AND_DISK" -> StorageLevel.MEMORY_AND_DISK_SER,
    "MEMORY_AND_DISK_DESER" -> StorageLevel.MEMORY_AND_DISK,
    "OFF_HEAP" -> StorageLevel.OFF_HEAP
  )

  private val log = LoggerFactory.getLogger("sparkprophet")

  private val WholeTypes = Set[DataType](ByteType, ShortType, IntegerType, LongType)
  private val InOrder =
    "dates, timestamps, numbers or text in the order of time; set another column"

  /** Bits of a double's mantissa: the hash as a number in [0, 1). */
  private val Bits = 53

  /**
   * Folds by a hash of the row and the seed.
   *
   * @param shares part of the rows that each fold validates, at most 1 in sum
   */
  def hashed[T](data: DataFrame, shares: Seq[Double], seed: Long, level: StorageLevel)(
      block: Seq[Fold] => T
  ): T = {
    val name = unused("fold")
    val hashed = data.withColumn(name, hash(data, seed))
    kept(hashed, level) {
      val counts = hashed.agg(count("*"), count_distinct(col(name))).head()
      if (counts.getLong(0) > counts.getLong(1)) {
        val rank = unused("rank")
        // By the texts, as rows that differ only in where they are NULL have one hash.
        val texts = data.columns.toSeq.map(quoted(_).cast(StringType))
        val ranked =
          hashed.withColumn(rank, row_number().over(Window.partitionBy(name).orderBy(texts: _*)))
        val apart = ranked.withColumn(name, xxhash64(col(name), col(rank))).drop(rank)
        kept(apart, level) {
          if (level != StorageLevel.NONE) apart.count()
          hashed.unpersist()
          byShares(apart, name, shares)(block)
        }
      } else byShares(hashed, name, shares)(block)
    }
  }

  private def byShares[T](data: DataFrame, name: String, shares: Seq[Double])(
      block: Seq[Fold] => T
  ): T = {
    val share = shiftrightunsigned(col(name), 64 - Bits) / lit(math.pow(2.0, Bits.toDouble))
    // Rounded, or seven sevenths would leave out rows just below 1.
    val ends = shares.scanLeft(0.0)(_ + _).map(rounded)
    val held = ends.zip(ends.tail).map { case (start, end) => share >= start && share < end }
    block(folds(data, held.map(!_), held, "hash of the row", name))
  }

  private def rounded(share: Double): Double =
    new BigDecimal(share).setScale(12, RoundingMode.HALF_EVEN).doubleValue

  /**
   * Folds by a column of whole numbers from 0 to count - 1, the fold that validates the row.
   *
   * @throws IllegalArgumentException where the column is missing, is no whole number, or holds NULL
   *   or another number
   */
  def byColumn[T](data: DataFrame, column: String, count: Int, level: StorageLevel)(
      block: Seq[Fold] => T
  ): T = {
    InputColumns(data).require("foldCol", column, "of whole numbers; cast it")(WholeTypes.contains)
    val fold = quoted(column)
    kept(data, level) {
      val wrong = data.where(coalesce(fold < 0 || fold >= count, lit(true))).select(fold).head(1)
      wrong.foreach { row =>
        refuse(
          s"foldCol: column '$column' holds ${row.get(0)}, must be from 0 to ${count - 1}; " +
            "filter such rows out, or set numFolds"
        )
      }
      val held = (0 until count).map(fold === _)
      block(folds(data, held.map(!_), held, s"column '$column'"))
    }
  }

  /**
   * Folds that train on the past and validate the steps after it, the last fold the newest.
   *
   * A step is one distinct value of the column, over all rows. Each fold validates `horizon` steps,
   * and no step is validated twice. Rows without a timestamp are in no frame; how many there are is
   * logged as a warning.
   *
   * @throws IllegalArgumentException where the column is missing, or has not `count * horizon`
   *   steps after its first
   */
  def rolling[T](data: DataFrame, column: String, horizon: Int, count: Int, level: StorageLevel)(
      block: Seq[Fold] => T
  ): T = {
    val stamp = ordered(data, column)
    kept(data, level) {
      val values = newestSteps(data, stamp, column, horizon, count).map(lit)
      val unknown = data.where(stamp.isNull).count()
      if (unknown > 0) log.warn(s"$unknown rows have no $column and are in no fold")
      val steps = values.grouped(horizon).toSeq
      val held = steps.map(of => stamp >= of.head && stamp <= of.last)
      block(folds(data, steps.map(stamp < _.head), held, s"column '$column'"))
    }
  }

  /** The values that are validated, in order. */
  private def newestSteps(
      data: DataFrame,
      stamp: Column,
      column: String,
      horizon: Int,
      count: Int
  ): Seq[Any] = {
    val wanted = count.toLong * horizon
    val steps = data.where(stamp.isNotNull).select(stamp.as("step")).distinct()
    val limit = math.min(wanted + 1, Int.MaxValue.toLong).toInt
    val newest = steps.orderBy(desc("step")).limit(limit).orderBy("step").collect()
    if (newest.length <= wanted)
      refuse(
        s"horizon: found ${newest.length} different values in column '$column', but $count " +
          s"folds of $horizon steps need ${wanted + 1}; lower numFolds or horizon"
      )
    newest.toSeq.tail.map(_.get(0))
  }

  /** The column in a form that no time zone of a driver changes on its way there and back. */
  private def ordered(data: DataFrame, column: String): Column = {
    val (columns, stamp) = (InputColumns(data), quoted(column))
    columns.require("timestampCol", column, InOrder)(kind => isAtomic(kind) && kind != BinaryType)
    columns.typeOf("timestampCol", column) match {
      case TimestampType => unix_micros(stamp)
      case kind @ (FloatType | DoubleType) => nanvl(stamp, lit(null).cast(kind))
      case TimestampNTZType => stamp.cast(StringType)
      case _ => stamp
    }
  }

  /** One fold per pair of conditions, each with rows on both sides. */
  private def folds(
      data: DataFrame,
      train: Seq[Column],
      held: Seq[Column],
      by: String,
      added: String*
  ): Seq[Fold] = {
    val counts = (train ++ held).map(count_if)
    val row = data.agg(counts.head, counts.tail: _*).head()
    for (position <- counts.indices if row.getLong(position) == 0) {
      val side = if (position < train.length) "training" else "validation"
      refuse(
        s"fold ${position % train.length}, by the $by, has no $side rows; give more rows or " +
          "fewer folds"
      )
    }
    train.zip(held).map { case (t, h) =>
      Fold(data.where(t).drop(added: _*), data.where(h).drop(added: _*))
    }
  }

  /** What the caller keeps already is not ours to give back. */
  private def kept[T](data: DataFrame, level: StorageLevel)(block: => T): T =
    if (level == StorageLevel.NONE || data.storageLevel != StorageLevel.NONE) block
    else {
      data.persist(level)
      try block
      finally data.unpersist()
    }

  /** 64 bits of the row's values; maps, which cannot be hashed, by their JSON. */
  private def hash(data: DataFrame, seed: Long): Column = {
    val values = data.schema.fields.toSeq.map { field =>
      val value = quoted(field.name)
      if (hasMap(field.dataType)) to_json(value) else value
    }
    xxhash64(lit(seed) +: values: _*)
  }

  /** What tells whether data is the same, as Python's `fingerprint`: columns, rows, a hash. */
  def fingerprint(data: DataFrame): JObject = {
    val marks = data.columns.toSeq.map(quoted(_).isNull)
    val ofRow = xxhash64(hash(data, 0) +: marks: _*).cast("decimal(20,0)")
    val row = data.agg(count("*"), sum(ofRow).cast("string")).head()
    JObject(
      "columns" -> JArray(data.columns.map(JString(_)).toList),
      "number of rows" -> JLong(row.getLong(0)),
      "values" -> JString(row.getString(1))
    )
  }

  private def hasMap(kind: DataType): Boolean = kind match {
    case _: MapType => true
    case array: ArrayType => hasMap(array.elementType)
    case struct: StructType => struct.fields.exists(field => hasMap(field.dataType))
    case _ => false
  }

  private def unused(what: String): String =
    s"sparkprophet_${what}_${UUID.randomUUID().toString.takeRight(12)}"
}
