package sparkprophet

import org.apache.spark.sql.SparkSession
import org.scalatest.{BeforeAndAfterAll, Suite}

/** A small local session, one per suite. */
trait SharedSession extends BeforeAndAfterAll { this: Suite =>

  protected lazy val spark: SparkSession = SparkSession
    .builder()
    .master("local[2]")
    .appName(getClass.getSimpleName)
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.codegen.wholeStage", "false") // compiling takes longer than these rows do
    .getOrCreate()

  override protected def beforeAll(): Unit = {
    super.beforeAll()
    spark
    ()
  }

  override protected def afterAll(): Unit =
    try spark.stop()
    finally super.afterAll()

  protected def messageOf(run: => Any): String =
    intercept[IllegalArgumentException](run).getMessage
}
