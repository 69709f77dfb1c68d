package sparkprophet.grouped

import java.nio.charset.StandardCharsets.US_ASCII

import scala.collection.mutable

import org.apache.spark.sql.{Column, DataFrame}
import org.apache.spark.sql.functions._
import org.apache.spark.unsafe.hash.Murmur3_x86_32

/**
 * Which groups share a task: keys into buckets by hash, buckets into bins by cost, one shuffle.
 *
 * The rules are those of Python's module `sparkprophet.spark.grouped.packing`: a bucket follows
 * from the hash of a key alone, so the driver holds a fixed number of costs; the heaviest buckets
 * come first, into bins of falling size, so that all slots end together.
 */
private[sparkprophet] object Packing {

  val Buckets = 16384

  /** Several tasks a slot: they even out what costs do not foresee. */
  val BinsPerSlot = 8

  /** What a group costs besides its rows, in rows. */
  private val RowsPerGroup = 1000

  /** The smallest bin's share of the mean one; the largest gets what is left to 2. */
  private val Smallest = 1.0 / 8

  /** The bucket of a group by its hash. */
  def bucket(seed: Column): Column = pmod(seed, lit(Buckets.toLong)).cast("int")

  /** Estimated cost of every bucket, in rows; 0 where a bucket is empty. */
  def costs(rowsPerBucket: Map[Int, Long]): Array[Double] =
    Array.tabulate(Buckets)(i => rowsPerBucket.get(i).fold(0.0)(_.toDouble + RowsPerGroup))

  /** Rows of every bucket that has any, by a job that reads the keys alone. */
  def rowsPerBucket(data: DataFrame): Map[Int, Long] =
    data
      .groupBy(bucket(col("seed")).as("bucket"))
      .count()
      .collect()
      .map(row => row.getInt(0) -> row.getLong(1))
      .toMap

  /**
   * Bins of buckets, the heaviest first.
   *
   * @param binOf
   *   bin of every bucket, -1 for those that are left out
   * @param loads
   *   cost of every bin, falling
   */
  final case class Bins(binOf: Array[Int], loads: Array[Double])

  /**
   * Puts buckets into at most `bins` bins, each where most room is left.
   *
   * @param cost
   *   of every bucket; NaN leaves one out, and one of cost 0 has a bin too: rows that came after
   *   the count are not lost
   * @param falling
   *   aim at bins of falling size, for more bins than slots; else at bins of one size
   */
  def pack(cost: Array[Double], bins: Int, falling: Boolean): Bins = {
    val known = cost.map(c => if (c.isNaN) 0.0 else c)
    val order = known.indices.filter(known(_) > 0).sortBy(-known(_))
    val total = known.sum
    val room = mutable.PriorityQueue.empty[(Double, Int)](
      Ordering.by { case (left, number) => (left, -number) }
    )
    for (number <- 0 until bins) {
      val step = if (bins > 1) (2 - 2 * Smallest) * number / (bins - 1) else 0.0
      room.enqueue((if (falling) (2 - Smallest - step) * total / bins else total / bins, number))
    }
    val first = new Array[Int](Buckets)
    val loads = new Array[Double](bins)
    for (bucket <- order) {
      val (left, number) = room.dequeue()
      room.enqueue((left - known(bucket), number))
      first(bucket) = number
      loads(number) += known(bucket)
    }
    val kept = loads.indices.sortBy(-loads(_)).take(math.max(1, loads.count(_ > 0)))
    val rank = kept.zipWithIndex.toMap
    var empty = -1
    val binOf = Array.tabulate(Buckets) { i =>
      if (cost(i).isNaN) -1
      else if (cost(i) > 0) rank(first(i))
      else {
        empty += 1
        empty % kept.length
      }
    }
    Bins(binOf, kept.map(loads(_)).toArray)
  }

  /**
   * `data` with the column `bin`, shuffled so that each bin is a partition, in order. Rows of
   * buckets without a bin are left out. Grouping by `bin` and others needs no further shuffle.
   */
  def spread(data: DataFrame, packed: Bins): DataFrame = {
    val bins = packed.loads.length
    val numbers = numbersOfPartitions(bins)
    // One literal, as one a bucket would make the plan large. In bytes and of one width, so that a
    // row costs a copy of its few: Spark evaluates rows of a local relation one by one before it
    // folds any constant, and a text would be split or counted through for each.
    val texts = packed.binOf.map(bin => if (bin < 0) "-1" else numbers(bin).toString)
    val width = texts.map(_.length).max
    val table = texts.map(_.reverse.padTo(width, ' ').reverse).mkString.getBytes(US_ASCII)
    val place = bucket(col("seed")) * width + 1
    data
      .withColumn("bin", substring(lit(table), place, lit(width)).cast("string").cast("int"))
      .where(col("bin") >= 0)
      .repartition(bins, col("bin"))
  }

  /**
   * For every partition a number that Spark's hash partitioning sends there: bins numbered 0, 1,
   * ... would collide in some partitions and leave others empty.
   */
  private def numbersOfPartitions(partitions: Int): Array[Int] = {
    val numbers = Array.fill(partitions)(-1)
    var left = partitions
    Iterator.from(0).takeWhile(_ => left > 0).foreach { number =>
      val place = Math.floorMod(Murmur3_x86_32.hashInt(number, 42), partitions)
      if (numbers(place) < 0) {
        numbers(place) = number
        left -= 1
      }
    }
    numbers
  }
}
