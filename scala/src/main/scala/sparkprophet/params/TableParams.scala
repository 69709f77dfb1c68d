package sparkprophet.params

import org.apache.spark.ml.param._

import sparkprophet.SearchSpace
import sparkprophet.params.Messages.refuse

/**
 * Params that are made from Python's tables: one method for each kind of range.
 *
 * Spark's own checks name neither the range nor the remedy, so these throw before Spark's can.
 */
private[sparkprophet] trait TableParams extends Params {

  import TableParams._

  /** Takes back a default that was saved. */
  private[sparkprophet] def restoreDefault(param: Param[Any], value: Any): Unit =
    setDefault(param, value)

  /** Gives `to` this stage's values and defaults. */
  private[sparkprophet] def copyTo(to: Params): Unit = copyValues(to)

  protected def text(name: String, doc: String): Param[String] =
    new Param(this, name, doc, isText(name))

  protected def texts(name: String, doc: String): StringArrayParam =
    new StringArrayParam(
      this,
      name,
      doc,
      (values: Array[String]) =>
        (values != null || refuse(s"$name: found null, must be an array, which may be empty")) &&
          values.forall(isText(name)) &&
          (values.distinct.length == values.length ||
            refuse(s"$name: found ${values.mkString(", ")}; name each one once"))
    )

  protected def oneOf(choices: String*)(name: String, doc: String): Param[String] =
    new Param(
      this,
      name,
      doc,
      (value: String) =>
        choices.contains(value) ||
          refuse(s"$name: found '$value', must be one of ${choices.mkString(", ")}")
    )

  protected def number(low: Double, high: Double, openEnds: Boolean)(
      name: String,
      doc: String
  ): DoubleParam = new DoubleParam(
    this,
    name,
    doc,
    (value: Double) =>
      isBetween(value, low, high, openEnds) ||
        refuse(s"$name: found $value, must be a number ${range(low, high, openEnds)}")
  )

  protected def whole(low: Int)(name: String, doc: String): IntParam =
    new IntParam(
      this,
      name,
      doc,
      (value: Int) =>
        value >= low || refuse(s"$name: found $value, must be a whole number >= $low")
    )

  protected def long(name: String, doc: String): LongParam = new LongParam(this, name, doc)

  protected def flag(name: String, doc: String): BooleanParam = new BooleanParam(this, name, doc)

  /** auto, true, false or a Fourier order, as text. */
  protected def seasonality(name: String, doc: String): Param[String] =
    new Param(
      this,
      name,
      doc,
      (value: String) =>
        value != null && (Set("auto", "true", "false")(value) || value.matches("[0-9]{1,4}")) ||
          refuse(s"$name: found '$value', must be auto, true, false or a Fourier order")
    )

  protected def rows(name: String, doc: String): RowsParam = new RowsParam(this, name, doc)

  protected def searchSpaceJson(name: String, doc: String): Param[String] =
    new Param(
      this,
      name,
      doc,
      (json: String) => {
        if (json == null) refuse(s"$name: found null, must be a SearchSpace or its JSON")
        SearchSpace.fromJson(json)
        true
      }
    )
}

private object TableParams {

  private def isText(param: String): String => Boolean = value =>
    value != null && value.nonEmpty || refuse(
      s"$param: found ${if (value == null) "null" else "''"}, must be non-empty text"
    )

  private def isBetween(value: Double, low: Double, high: Double, openEnds: Boolean): Boolean =
    java.lang.Double.isFinite(value) &&
      (if (openEnds) low < value && value < high else low <= value && value <= high)

  private def range(low: Double, high: Double, openEnds: Boolean): String =
    (high.isInfinite, openEnds) match {
      case (true, true) => s"> ${short(low)}"
      case (true, false) => s">= ${short(low)}"
      case (false, true) => s"between ${short(low)} and ${short(high)}"
      case (false, false) => s"from ${short(low)} to ${short(high)}"
    }

  private def short(number: Double): String = number.toString.stripSuffix(".0")
}
