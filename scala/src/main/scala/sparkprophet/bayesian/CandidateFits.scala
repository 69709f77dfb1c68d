package sparkprophet.bayesian

import java.util.UUID
import java.util.concurrent.{Callable, ExecutionException, Executors}
import java.util.concurrent.{ExecutorCompletionService, Future}
import java.util.concurrent.TimeUnit.MILLISECONDS

import scala.collection.mutable
import scala.util.control.NonFatal

import dev.ludovic.netlib.lapack.LAPACK
import org.apache.spark.SparkContext
import org.apache.spark.ml.{Estimator, Model, PipelineModel}
import org.apache.spark.ml.evaluation.Evaluator
import org.apache.spark.ml.param.ParamMap
import org.slf4j.LoggerFactory

/** One candidate's fits: a score and a model per fold, once they are there. */
private[sparkprophet] class Candidate(val number: Int, val paramMap: ParamMap, folds: Int) {
  private val metrics = Array.fill(folds)(Double.NaN)
  private val fitted = Array.fill[Option[Model[_]]](folds)(None)
  private var firstError = Option.empty[String]
  private var spent = 0.0

  def scores: Seq[Double] = synchronized(metrics.toSeq)

  /** Those that were kept. */
  def models: Seq[Option[Model[_]]] = synchronized(fitted.toSeq)

  /** That of the first fold to fail, `TypeName: message`; later folds are not tried then. */
  def error: Option[String] = synchronized(firstError)

  def seconds: Double = synchronized(spent)

  def score(fold: Int, value: Double): Unit = synchronized(metrics(fold) = value)

  def keep(fold: Int, model: Model[_]): Unit = synchronized { fitted(fold) = Some(model) }

  def fail(error: String): Unit = synchronized {
    firstError = firstError.orElse(Some(error))
  }

  def spend(seconds: Double): Unit = synchronized(spent += seconds)
}

/**
 * A pool of threads that fit, transform and evaluate, none of which can end the others.
 *
 * @param parallelism most fits at one time, over folds and candidates together
 * @param keepModels whether candidates keep their models
 */
private[sparkprophet] class CandidateFits(
    context: SparkContext,
    estimator: Estimator[_],
    evaluator: Evaluator,
    folds: Seq[Fold],
    parallelism: Int,
    keepModels: Boolean
) extends AutoCloseable {

  import CandidateFits._

  private val tag = s"sparkprophet-${UUID.randomUUID()}"
  // The constants that Java's LAPACK computes in its first call are wrong for a second thread that
  // comes meanwhile, whose SVD, as in PCA, then never ends.
  if (parallelism > 1) LAPACK.getInstance().dlamch("S")
  private val atWork = mutable.LinkedHashSet.empty[Future[Candidate]]
  private val pool = Executors.newFixedThreadPool(
    parallelism,
    (work: Runnable) => {
      val thread = new Thread(work, "sparkprophet-fit") // a child has its parent's local properties
      thread.setDaemon(true)
      thread
    }
  )
  private val ended = new ExecutorCompletionService[Candidate](pool)

  /**
   * Tries (number, param map) pairs on all folds; `done` is called in this thread as each one ends.
   *
   * @throws IllegalStateException where the session has ended, which no candidate is to blame for
   * @throws InterruptedException if this thread is interrupted
   */
  def run(numbered: Seq[(Int, ParamMap)])(done: Candidate => Unit): Unit = {
    val candidates = numbered.map { case (number, map) => new Candidate(number, map, folds.size) }
    val remaining = mutable.Map.from(candidates.map(_ -> folds.size))
    for (candidate <- candidates; fold <- folds.indices) {
      val work: Callable[Candidate] = () => fit(candidate, fold)
      atWork += ended.submit(work)
    }
    while (remaining.nonEmpty) {
      val future = ended.take()
      atWork -= future
      val candidate = result(future)
      remaining(candidate) -= 1
      if (remaining(candidate) == 0) {
        remaining -= candidate
        done(candidate)
      }
    }
  }

  private def result(future: Future[Candidate]): Candidate =
    try future.get()
    catch {
      case error: ExecutionException if context.isStopped =>
        throw new IllegalStateException(
          "the Spark session has ended in the middle of the search; start one and call fit again",
          error.getCause
        )
      case error: ExecutionException if allCancelled(error.getCause) =>
        throw new IllegalStateException(
          "all Spark jobs were cancelled in the middle of the search; call fit again",
          error.getCause
        )
      case error: ExecutionException => throw error.getCause
    }

  private def fit(candidate: Candidate, fold: Int): Candidate = {
    if (candidate.error.isEmpty) {
      // Of the context: tags of the session would be held by the models' summaries.
      context.addJobTag(tag)
      val start = System.nanoTime()
      try fitAndScore(candidate, fold)
      catch {
        case NonFatal(error) if !context.isStopped && !allCancelled(error) =>
          log.debug(s"candidate ${candidate.number} failed on fold $fold", error)
          candidate.fail(s"${error.getClass.getSimpleName}: ${lineOf(error)}")
      } finally candidate.spend((System.nanoTime() - start) / 1e9)
    }
    candidate
  }

  private def fitAndScore(candidate: Candidate, fold: Int): Unit = {
    val Fold(train, validation) = folds(fold)
    val model = estimator.fit(train, candidate.paramMap).asInstanceOf[Model[_]]
    if (keepModels) candidate.keep(fold, model)
    try
      candidate.score(fold, evaluator.evaluate(model.transform(validation, candidate.paramMap)))
    finally if (!keepModels) release(model)
  }

  /** Drops what waits, cancels the jobs of what is at work, and returns once nothing is. */
  def cancel(): Unit = {
    atWork.foreach(_.cancel(false))
    pool.shutdown()
    // Again and again: a fit that was between two jobs starts the next one.
    do if (!context.isStopped) context.cancelJobsWithTag(tag)
    while (!pool.awaitTermination(200, MILLISECONDS))
  }

  override def close(): Unit = pool.shutdown()
}

private[sparkprophet] object CandidateFits {

  private val log = LoggerFactory.getLogger("sparkprophet")

  /** Whether somebody has cancelled whatever runs, which no candidate is to blame for. */
  private def allCancelled(error: Throwable): Boolean =
    Iterator.iterate(error)(_.getCause).takeWhile(_ != null).exists { cause =>
      Option(cause.getMessage).exists(_.contains("cancellation of all jobs"))
    }

  private val OfWorker = "Traceback (most recent call last):\n"

  /** The line that names the cause; Spark's messages have plans and traces around it. */
  private def lineOf(error: Throwable): String = {
    val text = String.valueOf(error.getMessage)
    val start = text.lastIndexOf(OfWorker)
    val lines =
      if (start < 0) text.linesIterator
      else // all of a trace but the error is indented
        text.drop(
          start + OfWorker.length
        ).linesIterator.filterNot(_.headOption.forall(_.isWhitespace))
    lines.map(_.trim).find(_.nonEmpty).getOrElse("no message")
  }

  /** Frees what a model that nobody will use keeps in the cluster's memory, where it can tell. */
  def release(model: Model[_]): Unit = model match {
    case pipeline: PipelineModel => pipeline.stages.foreach(releaseOne)
    case one => releaseOne(one)
  }

  private def releaseOne(stage: Any): Unit =
    stage.getClass.getMethods
      .find(method => method.getName == "unpersist" && method.getParameterCount == 0)
      .foreach(_.invoke(stage))
}
