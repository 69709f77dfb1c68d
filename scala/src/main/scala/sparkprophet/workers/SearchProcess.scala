package sparkprophet.workers

import java.io.{BufferedReader, File, IOException}
import java.nio.charset.StandardCharsets.UTF_8
import java.util.concurrent.{ConcurrentHashMap, TimeUnit}

import scala.collection.mutable
import scala.jdk.CollectionConverters._

import org.apache.spark.sql.SparkSession
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

/**
 * The Python process that searches, `python -m sparkprophet.search`: one sampler for both
 * languages.
 *
 * A call is a line of JSON on its standard input, the answer one on its standard output. It ends
 * when its standard input does, and so with this JVM, however that ends. Any thread may call; calls
 * are answered one after the other.
 *
 * @param python the interpreter
 * @param sources folders or zips that its PYTHONPATH begins with
 * @throws IllegalArgumentException if the interpreter cannot be started
 */
private[sparkprophet] class SearchProcess(python: String, sources: Seq[File])
    extends AutoCloseable {

  import Interpreters.Remedy
  import SearchProcess._

  private val process: Process = start()
  private val requests = process.outputWriter(UTF_8)
  private val answers = process.inputReader(UTF_8)
  private val complaints = new LastLines(process.errorReader(UTF_8), "sparkprophet-search-stderr")
  @volatile private var closed = false
  AtWork.add(process)

  private def start(): Process = {
    val builder = new ProcessBuilder(python, "-m", "sparkprophet.search")
    val environment = builder.environment()
    val inherited = Option(environment.get("PYTHONPATH")).filter(_.nonEmpty)
    val path = sources.map(_.getPath) ++ inherited
    environment.put("PYTHONPATH", path.mkString(File.pathSeparator))
    // A folder named sparkprophet where the driver was started is not this package.
    environment.put("PYTHONSAFEPATH", "1")
    try builder.start()
    catch {
      case error: IOException =>
        throw new IllegalArgumentException(
          s"the search runs in Python, and '$python' cannot be started (${error.getMessage}); " +
            Remedy,
          error
        )
    }
  }

  /** The process' id, for who wants to see whether it is there. */
  def pid: Long = process.pid()

  /**
   * The result of one of the calls of `sparkprophet.search.batched.server`.
   *
   * @throws IllegalArgumentException for arguments that Python refuses, with its message, and for
   *   an interpreter that lacks a module or cannot run
   * @throws IllegalStateException for what Python did not expect, and once the process was closed
   */
  def call(name: String, arguments: JField*): JValue = synchronized {
    if (closed) throw new IllegalStateException(s"$name: the search process is closed")
    val request = JObject(("call" -> JString(name)) +: arguments: _*)
    val answer =
      try {
        requests.write(compact(render(request)))
        requests.write("\n")
        requests.flush()
        answers.readLine()
      } catch {
        case _: IOException => null // the pipe of a process that has ended
      }
    if (answer == null) throw ended(name)
    parse(answer) match {
      case JObject(List(("result", result))) => result
      case other => throw refused(other \ "error")
    }
  }

  private def refused(error: JValue): RuntimeException = {
    val JString(kind) = (error \ "type"): @unchecked
    val JString(message) = (error \ "message"): @unchecked
    kind match {
      case "ValueError" | "TypeError" => new IllegalArgumentException(message)
      case "ImportError" | "ModuleNotFoundError" => missing(message)
      case _ => new IllegalStateException(s"$Command: $kind: $message")
    }
  }

  private def missing(message: String): IllegalArgumentException =
    new IllegalArgumentException(s"the search cannot run in '$python': $message; $Remedy")

  /** What to raise where there is no answer. */
  private def ended(name: String): RuntimeException =
    if (closed) new IllegalStateException(s"$name: the search process was closed")
    else {
      process.waitFor(5, TimeUnit.SECONDS)
      val said = complaints.lines()
      close()
      val code = if (process.isAlive) "no exit code" else s"exit code ${process.exitValue()}"
      said.collectFirst { case NoModule(line) => missing(line) }.getOrElse(
        new IllegalArgumentException(
          s"'$python' -m sparkprophet.search ended with $code: ${said.mkString("\n")}\n$Remedy"
        )
      )
    }

  /** Ends the process, in the middle of a call too; a second time does nothing. */
  override def close(): Unit = {
    closed = true
    // Not its streams: a thread that reads one holds its lock, and ends with the process.
    process.destroyForcibly()
    AtWork.remove(process)
  }
}

private[sparkprophet] object SearchProcess {

  private val Command = "python -m sparkprophet.search"

  private val NoModule = "(?s).*(No module named .*)".r

  /** What of stderr is shown where the process dies. */
  private val LinesKept = 20

  /** The process of a session's Python, with the package that this jar carries. */
  def apply(spark: SparkSession): SearchProcess =
    new SearchProcess(Interpreters.executable(spark), Seq(PythonSources.zip))

  /** The result of one call, in a process of its own. */
  def once(name: String, arguments: JField*): JValue = {
    val process = apply(SparkSession.active)
    try process.call(name, arguments: _*)
    finally process.close()
  }

  /** The processes that are to end with this JVM, if it can still see to that. */
  private object AtWork {
    private val processes = ConcurrentHashMap.newKeySet[Process]()
    Runtime.getRuntime.addShutdownHook(
      new Thread(() => processes.asScala.foreach(_.destroyForcibly()), "sparkprophet-search-end")
    )

    def add(process: Process): Unit = processes.add(process)

    def remove(process: Process): Unit = processes.remove(process)
  }

  /** The last lines of a stream, which a thread of its own reads to the end. */
  private class LastLines(from: BufferedReader, name: String) {
    private val kept = mutable.Queue.empty[String]
    private val reader = new Thread(() => read(), name)
    reader.setDaemon(true)
    reader.start()

    private def read(): Unit =
      try Iterator.continually(from.readLine()).takeWhile(_ != null).foreach(keep)
      catch {
        case _: IOException => () // destroyed in the middle of a line
      }

    private def keep(line: String): Unit = kept.synchronized {
      kept.enqueue(line)
      if (kept.length > LinesKept) kept.dequeue()
    }

    /** Those there are once the process has ended. */
    def lines(): Seq[String] = {
      reader.join(1000)
      kept.synchronized(kept.toList)
    }
  }
}
