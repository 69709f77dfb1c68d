package sparkprophet.grouped

import org.apache.spark.sql.functions._
import org.json4s._
import org.json4s.jackson.JsonMethods.{compact, parse, render}

/** Points that served some groups well, for the searches of all groups to try first. */
private[sparkprophet] object WarmStart {

  /**
   * Searches a few groups alone; the best trial's point of each, as a JSON list.
   *
   * Which groups follows from the hashes of the keys alone: from each of the first buckets that
   * are not empty, the group with the smallest hash. Those without a holdout give no point.
   */
  def bestPoints(work: GroupWork, groups: Int): String = {
    val chosen = work.data
      .groupBy(Packing.bucket(col("seed")).as("bucket"))
      .agg(min("seed"), count("*"))
      .orderBy("bucket")
      .limit(groups)
      .collect()
    val seeds = chosen.map(_.getLong(1)).toSeq
    val costs = Packing.costs(chosen.map(row => row.getInt(0) -> row.getLong(2)).toMap)
    val rows = work.copy(data = work.data.where(col("seed").isInCollection(seeds))).rows(costs)
    val complete = filter(col("trials"), trial => trial("value").isNotNull)
    val ranked = array_min(transform(complete, t => struct(t("value"), t("trial"), t("params"))))
    val points = rows
      .select(col("seed"), ranked("params").as("point"))
      .orderBy("seed")
      .collect()
      .flatMap(row => Option(row.getString(1)))
    compact(render(JArray(points.toList.map(parse(_)))))
  }
}
