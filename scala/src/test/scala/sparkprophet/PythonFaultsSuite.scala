package sparkprophet

import java.nio.file.{Files, Path}
import java.nio.file.attribute.PosixFilePermissions

import org.apache.logging.log4j.{Level, LogManager}
import org.apache.logging.log4j.core.{LogEvent, Logger}
import org.apache.logging.log4j.core.appender.AbstractAppender
import org.apache.logging.log4j.core.config.{Configurator, Property}
import org.apache.spark.sql.{DataFrame, SparkSession}
import org.scalatest.funsuite.AnyFunSuite

/** What a user sees whose Python cannot do the work: one message, with what to do. */
class PythonFaultsSuite extends AnyFunSuite with SharedSession {

  private val good = sys.env.getOrElse("PYSPARK_PYTHON", "python3")

  /** A session of its own, as a notebook server gives each of its users one. */
  private def session(python: String): SparkSession = {
    val fresh = spark.newSession()
    fresh.conf.set("spark.sql.legacy.setCommandRejectsSparkCoreConfs", "false")
    fresh.conf.set("spark.pyspark.python", python)
    fresh
  }

  /** Four weeks of days that go up by one; fits of it need nothing but a Python that works. */
  private def fitted(python: String): GroupedProphetModel = {
    val rows = session(python).sql(
      "SELECT 'a' AS store, date_add(DATE'2024-01-01', int(id)) AS ds, id AS y FROM range(28)"
    )
    new GroupedProphet().setGroupCols(Array("store")).setUncertaintySamples(0).fit(rows)
  }

  private def nextDay(model: GroupedProphetModel): Double = {
    val ahead: DataFrame = model.forecast(1)
    ahead.select("yhat").head().getDouble(0)
  }

  /** The message names the Python, what names it, what is wrong and what to do. */
  private def assertSays(python: String, wrong: String, remedy: String): Unit = {
    val message = intercept[IllegalStateException](fitted(python)).getMessage
    info(message)
    assert(
      message.startsWith(s"the Python of Spark's workers ('$python', by spark.pyspark.python)")
    )
    assert(message.contains(wrong))
    assert(message.contains(remedy))
    assert(!message.contains("\n"))
  }

  /** The good Python, but for a module that is found before all others. */
  private def changed(module: String, text: String): String = {
    val folder = Files.createTempDirectory("python-")
    Files.writeString(folder.resolve(s"$module.py"), text)
    script(folder, s"""PYTHONPATH="$folder:$$PYTHONPATH" exec "$good" "$$@"""")
  }

  private def script(folder: Path, line: String): String = {
    val file = Files.writeString(folder.resolve("python"), s"#!/bin/sh\n$line\n")
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x")).toString
  }

  /** What is logged under the name of the package meanwhile. */
  private def logged(block: => Unit): Seq[String] = {
    val lines = scala.collection.mutable.ArrayBuffer.empty[String]
    val appender = new AbstractAppender("lines", null, null, true, Property.EMPTY_ARRAY) {
      override def append(event: LogEvent): Unit = synchronized {
        lines += s"${event.getLevel} ${event.getMessage.getFormattedMessage}"
        ()
      }
    }
    appender.start()
    Configurator.setLevel("sparkprophet", Level.WARN) // tests are silent otherwise
    val logger = LogManager.getLogger("sparkprophet").asInstanceOf[Logger]
    logger.addAppender(appender)
    try block
    finally logger.removeAppender(appender)
    lines.toSeq
  }

  private val install = "with `pip install sparkprophet`, the same on the driver and on every node"

  test("a Python that is not there") {
    assertSays("/no/such/python", "cannot be started: there is no '/no/such/python'", install)
  }

  test("a Python that is not there, in a session that only forecasts") {
    val model = fitted(good)
    val rows = session("/no/such/python").sql("SELECT 'a' AS store, DATE'2024-02-01' AS ds")
    val message = intercept[IllegalStateException](model.transform(rows)).getMessage
    assert(message.contains("('/no/such/python', by spark.pyspark.python) cannot be started"))
    assert(message.contains(install))
  }

  test("a Python without any package") {
    val folder = Files.createTempDirectory("bare-")
    val made = new ProcessBuilder(good, "-m", "venv", "--without-pip", folder.toString)
    assert(made.inheritIO().start().waitFor() == 0)
    assertSays(s"$folder/bin/python", "has no module 'pyspark'", install)
  }

  test("a Python without one of the packages", Slow) {
    val missing = changed("optuna", "raise ModuleNotFoundError(\"No module named 'optuna'\")")
    assert(math.abs(nextDay(fitted(missing)) - 28) < 0.5, "a fit does not search")
    val pandas = changed("pandas", "raise ModuleNotFoundError(\"No module named 'pandas'\")")
    assertSays(pandas, "has no module 'pandas'", install)
  }

  test("a pyspark of another version") {
    // As 4.1's workers under 4.3's JVM: they take its first message for something else.
    val other =
      """import importlib.metadata
        |version = importlib.metadata.version
        |importlib.metadata.version = lambda name: "3.9.9" if name == "pyspark" else version(name)
        |import pyspark.serializers as serializers
        |def loads(self, stream):
        |    raise UnicodeDecodeError("utf-8", b"\x83", 0, 1, "invalid start byte")
        |serializers.UTF8Deserializer.loads = loads
        |""".stripMargin
    assertSays(
      changed("sitecustomize", other),
      s"has a pyspark of another version than Spark ${spark.version} (it is 3.9.9)",
      s"pip install pyspark==${spark.version} there"
    )
  }

  test("a Python that prints what it should not") {
    val folder = Files.createTempDirectory("chatty-")
    assertSays(script(folder, "echo welcome"), "prints what Spark does not expect", install)
  }

  test("without numba it works, with one warning", Slow) {
    val slow = changed("numba", "raise ImportError('no numba for this machine')")
    var next = Double.NaN
    val warnings = logged { next = nextDay(fitted(slow)) }.filter(_.startsWith("WARN"))
    assert(math.abs(next - 28) < 0.5)
    assert(warnings.length == 1)
    assert(warnings.head.contains("no numba") && warnings.head.contains("pip install numba"))
  }

  test("a second session of the application has the Python sources too", Slow) {
    for (_ <- 1 to 2) assert(math.abs(nextDay(fitted(good)) - 28) < 0.5)
  }
}
