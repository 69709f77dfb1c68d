package sparkprophet.grouped

import org.apache.spark.sql.DataFrame
import org.apache.spark.storage.StorageLevel

import sparkprophet.Summary
import sparkprophet.params.Columns
import sparkprophet.workers.PythonWorkers

/** Doing the work of all groups once. */
private[sparkprophet] object Job {

  /**
   * Does the work once, keeps its rows, and counts them.
   *
   * A lazy table would be fitted again at every use. The rows are kept by persist, not by a local
   * checkpoint, so that a lost executor costs its own groups and not the model.
   *
   * @param beganAt when the job began, in milliseconds since 1970
   * @param checkpoint where finished groups are kept, if anywhere
   */
  def materialise(
      work: GroupWork,
      beganAt: Long,
      checkpoint: Option[Checkpoint] = None
  ): (DataFrame, Summary) = checkpoint match {
    case None => counted(work, beganAt)(work.rows(work.costs))
    case Some(place) => place.explained(counted(work, beganAt)(place.rows(work)))
  }

  private def counted(work: GroupWork, beganAt: Long)(
      rows: => DataFrame
  ): (DataFrame, Summary) = PythonWorkers.explained(work.data.sparkSession) {
    val models = work.named(rows).persist(StorageLevel.MEMORY_AND_DISK)
    val counts =
      try Summary.count(models)
      catch {
        case error: Throwable =>
          GroupWork.release(models)
          throw error
      }
    val wall = (System.currentTimeMillis() - beganAt) / 1000.0
    val slots = GroupWork.slots(work.data.sparkSession)
    val limit = work.params.getParallelism
    val atOnce = if (limit == 0) slots else math.min(slots, limit)
    (models, Summary(counts, wall, atOnce, beganAt / 1000.0, Some(Columns.sessionZone(models))))
  }
}
