package sparkprophet.workers

import java.io.ByteArrayOutputStream
import java.nio.{ByteBuffer, ByteOrder}
import java.nio.charset.StandardCharsets.UTF_8
import java.util.concurrent.ConcurrentHashMap

import org.apache.spark.{SparkException, SparkThrowable}
import org.apache.spark.sql.{Column, DataFrame, SparkSession}
import org.apache.spark.sql.functions.lit
import org.apache.spark.sql.sparkprophet.PythonBridge
import org.apache.spark.sql.types.{DataType, StringType, StructType}
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}
import org.slf4j.LoggerFactory

import sparkprophet.params.Messages.refuse

/**
 * Work in Spark's own Python workers: functions of the module `sparkprophet.spark.jvm`, each named
 * with one JSON text of arguments.
 */
private[sparkprophet] object PythonWorkers {

  import Interpreters.Remedy

  private val Module = "sparkprophet.spark.jvm"
  private val Check = "check"
  private val log = LoggerFactory.getLogger("sparkprophet")

  /** A column that the function computes from `inputs`. */
  def column(
      spark: SparkSession,
      name: String,
      arguments: JObject,
      returnType: DataType,
      inputs: Column*
  ): Column = PythonBridge.pandasUdf(function(spark, name, arguments, returnType), inputs)

  /** A column that the function computes row after row from what came before. */
  def stream(
      spark: SparkSession,
      name: String,
      arguments: JObject,
      returnType: DataType,
      inputs: Column*
  ): Column = PythonBridge.pandasStream(function(spark, name, arguments, returnType), inputs)

  /** One call of the function for each group of `data`. */
  def applyInArrow(
      data: DataFrame,
      keys: Seq[Column],
      name: String,
      arguments: JObject,
      schema: StructType
  ): DataFrame =
    PythonBridge.applyInArrow(data, keys, function(data.sparkSession, name, arguments, schema))

  /**
   * Asks a worker whether it can do the work, before any other job: the answer of `check` there.
   *
   * Throws IllegalArgumentException for settings that Python's own stages refuse, and
   * IllegalStateException, with the remedy, where the workers' Python cannot do the work at all.
   */
  def check(spark: SparkSession, request: JObject): JObject = {
    val asked = column(spark, Check, request, StringType, lit(""))
    val text = explained(spark)(spark.range(1).select(asked).head().getString(0))
    val answer = parse(text).asInstanceOf[JObject]
    answer \ "error" match {
      case JString(message) => refuse(message)
      case _ =>
    }
    if (answer \ "numba" == JBool.False && warned.add(Interpreters.ofWorkers(spark)))
      log.warn(
        "the workers' Python has no numba, so fits take several times longer; pip install numba"
      )
    answer
  }

  /** Pythons without numba that were told of: every fit and forecast asks. */
  private val warned = ConcurrentHashMap.newKeySet[String]()

  /** Turns the failures of a new user's Python into messages with a remedy. */
  def explained[T](spark: SparkSession)(work: => T): T =
    try work
    catch {
      case error: Throwable if !isFatal(error) =>
        throw faultOf(spark, error)
          .map(fault => new IllegalStateException(fault, error))
          .getOrElse(error)
    }

  private def isFatal(error: Throwable): Boolean = !scala.util.control.NonFatal(error)

  private def faultOf(spark: SparkSession, error: Throwable): Option[String] = {
    val causes = Iterator.iterate(error)(_.getCause).takeWhile(_ != null).take(20).toSeq
    val ofSpark = causes.exists {
      case _: SparkException | _: SparkThrowable => true
      case _ => false
    }
    val text = causes.map(_.toString).mkString("\n")
    def otherPyspark(why: String): String =
      s"has a pyspark of another version than Spark ${spark.version} ($why); " +
        s"pip install pyspark==${spark.version} there"
    val known = Seq[(String, String => String)](
      "Cannot run program \"([^\"]+)\"" ->
        (name => s"cannot be started: there is no '$name' that can be run; $Remedy"),
      "No module named '?([\\w.]+)'?" -> (name => s"has no module '$name'; $Remedy"),
      "(PYTHON_VERSION_MISMATCH[^\\n]*)" ->
        (why => s"is of another version than the driver's ($why); $Remedy"),
      OtherProtocol -> (why => otherPyspark(why)),
      "(pyspark.daemon's standard output)" ->
        (_ => s"prints what Spark does not expect, as a sitecustomize.py may, or ends; $Remedy")
    )
    val fault = known.flatMap { case (pattern, message) =>
      pattern.r.findFirstMatchIn(text).map(it => message(it.group(1)))
    }.headOption
    // Two versions that misread each other fail in ways without number: asked last, but then asked.
    def installed: Option[String] = Interpreters
      .pyspark(Interpreters.ofWorkers(spark))
      .filter(version =>
        version != spark.version && "(?i)python|socket|EOF".r.unanchored.matches(text)
      )
      .map(version => otherPyspark(s"it is $version"))
    Option
      .when(ofSpark)(fault.orElse(installed))
      .flatten
      .map(what => s"the Python of Spark's workers (${Interpreters.origin(spark)}) $what")
  }

  /** What the two sides say that take each other's messages for something else. */
  private val OtherProtocol =
    "(Expected message with id[^\\n]*|PythonEvalType[^\\n]*|unknown eval type[^\\n]*)"

  private def function(
      spark: SparkSession,
      name: String,
      arguments: JObject,
      returnType: DataType
  ): PythonBridge.Function = {
    val isNew = PythonBridge.ship(spark, PythonSources.zip)
    // A session that only forecasts is to hear of its Python's faults with their remedies too.
    if (isNew && name != Check) check(spark, JObject())
    PythonBridge.Function(
      s"sparkprophet_$name",
      command(name, compact(render(arguments)), returnType),
      returnType,
      Interpreters.ofWorkers(spark),
      Interpreters.version(spark),
      Seq(PythonSources.zip.getName)
    )
  }

  /** (module.name(arguments), return type) as a pickle of protocol 2: names and texts, no code. */
  private def command(name: String, arguments: String, returnType: DataType): Array[Byte] = {
    val out = new ByteArrayOutputStream()
    def raw(bytes: Int*): Unit = bytes.foreach(out.write)
    def call(module: String, function: String, argument: String): Unit = {
      out.write(s"c$module\n$function\n".getBytes(UTF_8)) // GLOBAL
      val text = argument.getBytes(UTF_8)
      raw('X') // BINUNICODE
      out.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(text.length).array)
      out.write(text)
      raw(0x85, 'R') // TUPLE1 REDUCE
    }
    raw(0x80, 2) // PROTO
    call(Module, name, arguments)
    call("pyspark.sql.types", "_parse_datatype_json_string", returnType.json)
    raw(0x86, '.') // TUPLE2 STOP
    out.toByteArray
  }
}
