package sparkprophet

import org.apache.spark.sql.SparkSession

/** The Python that runs beside the driver. */
private[sparkprophet] object DriverPython {

  /** As PySpark chooses it. */
  def executable(spark: SparkSession): String = {
    def conf(name: String): Option[String] = spark.sparkContext.getConf.getOption(name)
    conf("spark.pyspark.driver.python")
      .orElse(sys.env.get("PYSPARK_DRIVER_PYTHON"))
      .orElse(conf("spark.pyspark.python"))
      .orElse(sys.env.get("PYSPARK_PYTHON"))
      .getOrElse("python3")
  }
}
