import org.apache.spark.sql.SparkSession
import sparkprophet.GroupedProphet

object QuickStart {
  def main(args: Array[String]): Unit = {
    val spark = SparkSession.builder().getOrCreate()
    val sales = spark.range(3 * 400).selectExpr( // (store, ds, y): 3 stores, 400 days
      "id % 3 AS store",
      "date_add(DATE'2024-01-01', int(id div 3)) AS ds",
      "50 + 10 * sin(id div 3 * 2 * pi() / 7) + rand(1) AS y"
    )
    val prophet = new GroupedProphet().setGroupCols(Array("store"))
    val model = prophet.fit(sales)
    model.forecast(14).show(3)
    println(model.summary)
    spark.stop()
  }
}
