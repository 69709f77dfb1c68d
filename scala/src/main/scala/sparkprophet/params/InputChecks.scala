package sparkprophet.params

import org.apache.spark.sql.Dataset
import org.apache.spark.sql.types.BooleanType

import sparkprophet.params.InputColumns.{TimeTypes, isKey, isNumber, isText}
import sparkprophet.params.Messages.refuse

/** Mistakes in an input that are seen on the driver, without a job. */
private[sparkprophet] object InputChecks {

  /**
   * Refuses a column that is missing, ambiguous, of the wrong type, in two roles, or would be
   * overwritten; and a stream.
   *
   * @param fitting whether it is the input of a fit, which needs the label too
   */
  def check(params: GroupedProphetParams, input: Dataset[_], fitting: Boolean): Unit = {
    if (input.isStreaming)
      refuse(
        "dataset: is a stream, and a group's rows must be there together; use " +
          "writeStream.foreachBatch and transform each batch"
      )
    check(params, InputColumns(input), fitting)
  }

  /** As the other one, of the columns alone. */
  def check(params: GroupedProphetParams, columns: InputColumns, fitting: Boolean): Unit = {
    params.getGroupCols.foreach {
      columns.require(
        "groupCols",
        _,
        "text, binary, a boolean, a number, a time or an interval of days; cast it"
      )(isKey)
    }
    columns.require(params, params.timestampCol, "a date or timestamp; use to_date")(
      TimeTypes.contains
    )
    if (fitting) {
      columns.require(params, params.labelCol, "a number; cast it")(isNumber)
      columns.require(params, params.countryHolidaysCol, "a string")(isText)
      columns.require(params, params.overridesCol, "a JSON string; use to_json")(isText)
    }
    columns.require(params, params.capCol, "a number; cast it")(isNumber)
    columns.require(params, params.floorCol, "a number; cast it")(isNumber)
    Columns.columnNames(params).foreach {
      columns.require("regressors or seasonalities", _, "a number or boolean; cast it")(kind =>
        isNumber(kind) || kind == BooleanType
      )
    }
    checkRoles(params)
    checkOutputs(params, columns)
    if (params.getGrowth == "logistic" && !params.isSet(params.capCol))
      refuse("growth: found 'logistic' without capCol; set capCol to a numeric column")
  }

  /**
   * Refuses values of a key column that would be compared with those of another type: Spark would
   * cast one to the other, so that '00' is 0, and 0.1 as a float is not 0.1 as a double. Whole
   * numbers of any width are one type.
   */
  def checkKeys(params: GroupedProphetParams, input: Dataset[_], models: Dataset[_]): Unit =
    for (name <- params.getGroupCols) {
      val (kind, ofFit) = (input.schema(name).dataType, models.schema(name).dataType)
      if (InputColumns.family(kind) != InputColumns.family(ofFit))
        refuse(
          s"groupCols: column '$name' is ${kind.simpleString}, and was ${ofFit.simpleString} in " +
            "the fit; cast it to that"
        )
    }

  private def checkRoles(params: GroupedProphetParams): Unit = {
    val groups = params.getGroupCols.toSeq
    for (param <- Seq(params.timestampCol, params.labelCol))
      if (groups.contains(params.getOrDefault(param)))
        refuse(
          s"groupCols: '${params.getOrDefault(param)}' is ${param.name} too; take it out of one " +
            "of them"
        )
    groups.filter(name => ModelColumns.Reserved(name.toLowerCase)).foreach { name =>
      refuse(
        s"groupCols: '$name' is a column of the models table; rename it, as in " +
          s"withColumnRenamed(\"$name\", \"group_$name\")"
      )
    }
  }

  private def checkOutputs(params: GroupedProphetParams, columns: InputColumns): Unit = {
    val names = Columns.outputs(params)
    if (names.distinct.length < names.length)
      refuse(
        s"predictionCol, lowerCol, upperCol: found ${names.mkString(", ")}, must be three names; " +
          "rename one"
      )
    val outputs = Seq(params.predictionCol, params.lowerCol, params.upperCol)
    for ((param, name) <- outputs.zip(names) if columns.same(name).nonEmpty)
      refuse(
        s"${param.name}: column '$name' is in the input already; set ${param.name} to another " +
          "name or drop the column"
      )
  }
}
