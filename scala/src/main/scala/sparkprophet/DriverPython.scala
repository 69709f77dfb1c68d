package sparkprophet

import java.io.IOException
import java.util.concurrent.{ConcurrentHashMap, TimeUnit}

import org.apache.spark.sql.SparkSession

/** Which Python is used, on the driver and by workers, as pyspark itself would choose. */
private[sparkprophet] object DriverPython {

  private val versions = new ConcurrentHashMap[String, String]()
  private val Patience = 60 // seconds for a Python to start and tell its version

  /** The driver's own, for what is not done by Spark's workers. */
  def executable(spark: SparkSession): String =
    configured(spark, "spark.pyspark.driver.python", "PYSPARK_DRIVER_PYTHON")
      .getOrElse(ofWorkers(spark))

  /** That of Spark's workers. */
  def ofWorkers(spark: SparkSession): String =
    configured(spark, "spark.pyspark.python", "PYSPARK_PYTHON").getOrElse("python3")

  /** Where [[ofWorkers]] comes from, for a message. */
  def origin(spark: SparkSession): String = {
    val python = ofWorkers(spark)
    if (spark.conf.getOption("spark.pyspark.python").isDefined)
      s"'$python', by spark.pyspark.python"
    else if (sys.env.get("PYSPARK_PYTHON").exists(_.nonEmpty)) s"'$python', by PYSPARK_PYTHON"
    else s"'$python', the default, since neither spark.pyspark.python nor PYSPARK_PYTHON is set"
  }

  /** Major and minor version, such as 3.11; asked of the interpreter once. */
  def version(executable: String): String = versions.computeIfAbsent(executable, ask)

  private def ask(executable: String): String = {
    val code = "import sys; print('%d.%d' % sys.version_info[:2])"
    val process =
      try new ProcessBuilder(executable, "-c", code).redirectErrorStream(true).start()
      catch {
        case error: IOException =>
          throw new IllegalStateException(
            s"there is no Python '$executable' on the driver (${error.getMessage}): $Remedy",
            error
          )
      }
    process.getOutputStream.close()
    if (!process.waitFor(Patience, TimeUnit.SECONDS)) {
      process.destroyForcibly()
      throw new IllegalStateException(s"'$executable' did not start within $Patience s: $Remedy")
    }
    val said = new String(process.getInputStream.readAllBytes(), "UTF-8").trim
    if (process.exitValue() != 0 || !said.matches("[0-9]+\\.[0-9]+"))
      throw new IllegalStateException(s"'$executable' is no Python that works ($said): $Remedy")
    said
  }

  /** What to do about a Python that is not there or lacks something. */
  val Remedy: String =
    "set spark.pyspark.python, or the environment variable PYSPARK_PYTHON, to a Python 3.11 or newer " +
      "with `pip install sparkprophet`, the same on the driver and on every node"

  private def configured(spark: SparkSession, key: String, variable: String): Option[String] =
    spark.conf.getOption(key).orElse(sys.env.get(variable)).filter(_.nonEmpty)
}
