package sparkprophet

import org.apache.spark.ml.Model
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.sql.SparkSession

import sparkprophet.params.TableParams
import sparkprophet.saving.{Manifest, Metadata, Written}

/** What is kept of a search, in a model and where that is saved. */
private[sparkprophet] case class SearchRecord(
    trials: Seq[ScoredTrial],
    stoppedBy: String,
    maximise: Boolean,
    searchSpace: Option[String]
)

/** A model with the record of its search: all trials, and what ended it. */
trait SearchedModel extends TableParams {

  private[sparkprophet] def record: SearchRecord

  /** Every candidate that was tried, in order. */
  def trials: Array[ScoredTrial] = record.trials.toArray

  /** What ended the search: numTrials, earlyStopping, timeout, maxFailedTrials or interrupt. */
  def stoppedBy: String = record.stoppedBy

  /** Writes all of it below a path but its metadata; that is what it says besides the params. */
  private[sparkprophet] def parts(path: String, withSubModels: Boolean): Written

  /** Writes it to a folder that is not there. */
  protected def writeTo(path: String, withSubModels: Boolean): Unit = {
    val written = parts(path, withSubModels)
    Metadata.write(SparkSession.active, path, this, written.params, written.extra)
    Manifest.write(SparkSession.active, path)
  }
}

private[sparkprophet] object SearchedModel {

  /** A copy of a sub-model; null of a candidate that failed. */
  def copied(model: Model[_]): Model[_] =
    if (model == null) null else model.copy(ParamMap.empty).asInstanceOf[Model[_]]
}
