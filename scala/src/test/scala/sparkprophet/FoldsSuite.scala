package sparkprophet

import java.sql.Timestamp

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions._
import org.apache.spark.storage.StorageLevel
import org.scalatest.funsuite.AnyFunSuite

import sparkprophet.bayesian.{Fold, Folds}

class FoldsSuite extends AnyFunSuite with SharedSession {

  private val level = StorageLevel.MEMORY_AND_DISK
  private val thirds = Seq.fill(3)(1.0 / 3)

  private lazy val rows: DataFrame = spark
    .range(16)
    .select(
      col("id"),
      when(col("id") % 3 =!= 0, col("id").cast("string")).as("t"),
      map(lit("a"), col("id") / 2).as("m")
    )

  private def ids(frame: DataFrame): Seq[Long] =
    frame.select("id").collect().map(_.getLong(0)).toSeq.sorted

  private def held(folds: Seq[Fold]): Seq[Seq[Long]] = folds.map(fold => ids(fold.validation))

  test("hashed folds are the rows that Python's are") {
    // What hashed_folds of sparkprophet.spark.bayesian.folds gave for the same rows and seeds.
    val python = Seq(Seq(2, 4, 6, 11, 13, 14), Seq(5, 8, 10, 15), Seq(0, 1, 3, 7, 9, 12))
    assert(Folds.hashed(rows, thirds, 7, level)(held) == python)
    assert(Folds.hashed(rows, Seq(1 - 0.75), 0, StorageLevel.NONE)(held) == Seq(Seq(1, 10)))
    val copies = rows.union(rows.where("id < 4")).drop("m")
    val pythonOfCopies =
      Seq(Seq(0, 0, 1, 3, 3, 4, 7, 10, 14), Seq(5, 6, 12, 15), Seq(1, 2, 2, 8, 9, 11, 13))
    assert(Folds.hashed(copies, thirds, -11, level)(held) == pythonOfCopies)
  }

  test("whatever the partitions, every row is validated once and trained on otherwise") {
    val expected = Folds.hashed(rows, thirds, 1, level)(held)
    Folds.hashed(rows.repartition(5, rand(3)), thirds, 1, level) { folds =>
      assert(held(folds) == expected)
      assert(held(folds).flatten.sorted == (0L until 16L))
      for (fold <- folds) {
        assert((ids(fold.train) ++ ids(fold.validation)).sorted == (0L until 16L))
        assert(fold.train.columns.toSeq == rows.columns.toSeq)
      }
    }
    assert(Folds.hashed(rows, thirds, 2, level)(held) != expected)
  }

  test("copies of a row spread over the folds") {
    val same = spark.range(300).select(lit(1).as("id").cast("long"), lit("x").as("t"))
    Folds.hashed(same, thirds, 0, level) { folds =>
      val counts = folds.map(_.validation.count())
      assert(counts.sum == 300 && counts.min > 60)
    }
  }

  test("the data is kept for the time of the block, unless it was before or is not to be") {
    def relations: Int = spark.sparkContext.getPersistentRDDs.size
    val before = relations
    Folds.hashed(rows, thirds, 0, level)(_ => assert(relations == before + 1))
    assert(relations == before)
    Folds.hashed(rows, thirds, 0, StorageLevel.NONE)(_ => assert(relations == before))
    val failed = intercept[RuntimeException](
      Folds.hashed(rows, thirds, 0, level)(_ => throw new RuntimeException("in the block"))
    )
    assert(failed.getMessage == "in the block" && relations == before)
    val kept = rows.withColumn("fold", (col("id") % 2).cast("int")).persist(level)
    kept.count()
    Folds.byColumn(kept, "fold", 2, level)(_ => ())
    assert(kept.storageLevel == level)
    kept.unpersist(blocking = true)
  }

  test("folds of a column") {
    val data = rows.withColumn("the fold.x", (col("id") % 3).cast("int"))
    val folds = Folds.byColumn(data, "the fold.x", 3, level)(held)
    assert(folds == (0L to 2L).map(fold => (0L until 16L).filter(_ % 3 == fold)))
    val unknown = messageOf(Folds.byColumn(data, "no", 3, level)(held))
    assert(unknown.startsWith("foldCol: there is no column 'no'; columns: "))
    assert(messageOf(Folds.byColumn(
      data,
      "t",
      3,
      level
    )(held)).contains("must be of whole numbers"))
    val few = messageOf(Folds.byColumn(data, "the fold.x", 2, level)(held))
    assert(few.contains("holds 2, must be from 0 to 1"))
    val none = messageOf(Folds.byColumn(data, "the fold.x", 4, level)(held))
    assert(none.contains("fold 3, by the column 'the fold.x', has no validation rows"))
    val missing = data.withColumn("the fold.x", when(col("id") > 0, lit(1)))
    assert(messageOf(Folds.byColumn(missing, "the fold.x", 3, level)(held)).contains("holds null"))
  }

  test("a rolling origin trains on the past and validates the steps after it") {
    val days = rows
      .withColumn("day", timestamp_seconds(col("id") * 86400))
      .withColumn("number", col("id").cast("double"))
      .withColumn("wall", col("day").cast("timestamp_ntz"))
    for (column <- Seq("day", "number", "wall"))
      Folds.rolling(days, column, 2, 3, level) { folds =>
        assert(held(folds) == Seq(Seq(10, 11), Seq(12, 13), Seq(14, 15)), column)
        assert(folds.map(fold => ids(fold.train)) == Seq(10, 12, 14).map(n => 0L until n.toLong))
      }
  }

  test("a rolling origin counts distinct values, and leaves out rows without one") {
    import spark.implicits._
    val stamp = Timestamp.valueOf("2024-01-01 00:00:00")
    val values = Seq((0L, 1.0), (1L, 1.0), (2L, 2.0), (3L, 3.0), (4L, 3.0), (5L, Double.NaN))
    val data = values.toDF("id", "at").withColumn("stamp", lit(stamp))
    assert(Folds.rolling(data, "at", 1, 2, level)(held) == Seq(Seq(2), Seq(3, 4)))
    val short = messageOf(Folds.rolling(data, "at", 2, 2, level)(held))
    assert(
      short == "horizon: found 3 different values in column 'at', but 2 folds of 2 steps need 5; " +
        "lower numFolds or horizon"
    )
    val nested = data.withColumn("array", array(col("id")))
    assert(messageOf(Folds.rolling(nested, "array", 1, 1, level)(held)).contains("must be dates"))
  }
}
