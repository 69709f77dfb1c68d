import org.apache.spark.sql.SparkSession
import sparkprophet.{BayesianParamGridBuilder, GroupedProphet, GroupedProphetTuner}

object QuickStart {
  def main(args: Array[String]): Unit = {
    val spark = SparkSession.builder().getOrCreate()
    val sales = spark // (store, ds, y): 3 stores, 400 days
      .sql("SELECT id % 3 AS store, date_add(DATE'2024-01-01', int(id div 3)) AS ds, " +
        "50 + 10 * sin(id div 3 * 2 * pi() / 7) + rand(1) AS y FROM range(1200)")
    val prophet = new GroupedProphet().setGroupCols(Array("store"))
    val space = new BayesianParamGridBuilder()
      .addUniform(prophet.changepointPriorScale, 0.001, 0.5, log = true)
      .addChoice(prophet.seasonalityMode, Seq("additive", "multiplicative"))
      .space
    val tuner = new GroupedProphetTuner()
      .setEstimator(prophet).setSearchSpace(space).setNumTrials(5).setHorizon(14)
    val model = tuner.fit(sales) // one Optuna study per store, in Spark's Python workers
    model.forecast(14).show(3) // store, ds, yhat, yhat_lower, yhat_upper
    println(model.summary)
    model.write.overwrite().save(args(0)) // which Python loads too
  }
}
