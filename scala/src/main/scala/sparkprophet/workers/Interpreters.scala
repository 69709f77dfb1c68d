package sparkprophet.workers

import java.io.IOException
import java.util.concurrent.{ConcurrentHashMap, TimeUnit}

import org.apache.spark.sql.SparkSession

/** Which Python is used, on the driver and by workers, as pyspark itself would choose. */
private[sparkprophet] object Interpreters {

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
    source(spark, "spark.pyspark.python", "PYSPARK_PYTHON").fold(
      s"'$python', the default, since neither spark.pyspark.python nor PYSPARK_PYTHON is set"
    )(name => s"'$python', by $name")
  }

  /** Major and minor version of the driver's, such as 3.11; asked of the interpreter once. */
  def version(spark: SparkSession): String = {
    val from = source(spark, "spark.pyspark.driver.python", "PYSPARK_DRIVER_PYTHON")
      .fold(origin(spark))(name => s"'${executable(spark)}', by $name")
    versions.computeIfAbsent(executable(spark), ask(_, from))
  }

  private def ask(executable: String, from: String): String = {
    def refused(why: String, cause: Throwable = null): Nothing =
      throw new IllegalStateException(s"the driver's Python ($from) $why; $Remedy", cause)
    val (code, said) =
      try run(executable, "import sys; print('%d.%d' % sys.version_info[:2])")
      catch {
        case error: IOException => refused(s"cannot be started (${error.getMessage})", error)
      }
    if (code != 0 || !said.matches("[0-9]+\\.[0-9]+")) refused(s"does not work (it says: $said)")
    said
  }

  /** Version of the pyspark that is installed there; none where that cannot be told. */
  def pyspark(executable: String): Option[String] =
    try {
      val asked = "from importlib.metadata import version; print(version('pyspark'))"
      val (code, said) = run(executable, asked)
      Option.when(code == 0 && said.matches("[0-9]+(\\.[0-9a-z]+)+"))(said)
    } catch { case _: IOException => None }

  /** Exit code and output of a few words of Python; an IOException where it does not start. */
  private def run(executable: String, words: String): (Int, String) = {
    val process = new ProcessBuilder(executable, "-c", words).redirectErrorStream(true).start()
    process.getOutputStream.close()
    if (!process.waitFor(Patience, TimeUnit.SECONDS)) {
      process.destroyForcibly()
      throw new IOException(s"no answer within $Patience s")
    }
    (process.exitValue(), new String(process.getInputStream.readAllBytes(), "UTF-8").trim)
  }

  /** What to do about a Python that is not there or lacks something. */
  val Remedy: String =
    "set spark.pyspark.python, or the environment variable PYSPARK_PYTHON, to a Python 3.11 or " +
      "newer with `pip install sparkprophet`, the same on the driver and on every node"

  private def configured(spark: SparkSession, key: String, variable: String): Option[String] =
    source(spark, key, variable).map(name =>
      if (name == key) spark.conf.get(key) else sys.env(variable)
    )

  /** Which of the two is set. */
  private def source(spark: SparkSession, key: String, variable: String): Option[String] =
    if (spark.conf.getOption(key).exists(_.nonEmpty)) Some(key)
    else Some(variable).filter(sys.env.get(_).exists(_.nonEmpty))
}
