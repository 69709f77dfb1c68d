package sparkprophet.params

import org.apache.spark.ml.param.Param
import org.apache.spark.sql.Dataset
import org.apache.spark.sql.types._

import sparkprophet.params.Messages.{nearest, refuse}

/**
 * The columns of an input by name, as Spark finds them.
 *
 * @param caseSensitive whether Spark tells names apart that differ in case alone
 */
final private[sparkprophet] class InputColumns(schema: StructType, caseSensitive: Boolean) {

  /** All that Spark takes for a column of this name. */
  def same(name: String): Seq[StructField] = schema.filter(field =>
    field.name == name || !caseSensitive && field.name.equalsIgnoreCase(name)
  )

  /**
   * The type of the column of exactly this name.
   *
   * @param param the param that names it
   * @throws IllegalArgumentException where there is none, or where Spark takes several for it
   */
  def typeOf(param: String, name: String): DataType = {
    val alike = same(name)
    val field = alike.find(_.name == name).getOrElse {
      val remedy = nearest(name, schema.names.toSeq, "columns")
      refuse(s"$param: there is no column '$name'; $remedy")
    }
    if (alike.length > 1)
      refuse(
        s"$param: ${alike.length} columns are called '$name' " +
          s"(${alike.map(_.name).mkString(", ")}); rename all but one"
      )
    field.dataType
  }

  /**
   * Refuses a column of another type, and one that [[typeOf]] refuses.
   *
   * @param wanted what the type must be, and the remedy
   */
  def require(param: String, name: String, wanted: String)(fits: DataType => Boolean): Unit = {
    val kind = typeOf(param, name)
    if (!fits(kind)) refuse(s"$param: column '$name' is ${kind.simpleString}, must be $wanted")
  }

  /** As the other one, of the column that a param names; of no column where it is not set. */
  def require(stage: TableParams, param: Param[String], wanted: String)(
      fits: DataType => Boolean
  ): Unit =
    if (stage.isDefined(param)) require(param.name, stage.getOrDefault(param), wanted)(fits)
}

private[sparkprophet] object InputColumns {

  /** Types of a column of times. */
  val TimeTypes: Set[DataType] = Set(DateType, TimestampType, TimestampNTZType)

  /** Those of a dataset, by its session's rule about case. */
  def apply(dataset: Dataset[_]): InputColumns = new InputColumns(
    dataset.schema,
    dataset.sparkSession.conf.get("spark.sql.caseSensitive", "false") == "true"
  )

  def isNumber(kind: DataType): Boolean = kind.isInstanceOf[NumericType]

  def isText(kind: DataType): Boolean = kind.isInstanceOf[StringType]

  /** Of keys: others Spark cannot group, hash or hand to Python. */
  def isKey(kind: DataType): Boolean = isAtomic(kind) && (kind match {
    case _: YearMonthIntervalType | _: VariantType | CalendarIntervalType => false
    case other => !other.typeName.matches("time(\\(\\d+\\))?") // not known to all versions of Spark
  })

  /** The type, or a name that stands for all types whose equal values are equal. */
  def family(kind: DataType): Any = kind match {
    case _: StringType | _: CharType | _: VarcharType => "text"
    case ByteType | ShortType | IntegerType | LongType => "whole number"
    case decimal: DecimalType => if (decimal.scale == 0) "whole number" else "decimal"
    case _: DayTimeIntervalType => "interval"
    case other => other
  }

  def isAtomic(kind: DataType): Boolean = kind match {
    case _: ArrayType | _: MapType | _: StructType | _: UserDefinedType[_] | NullType => false
    case _ => true
  }
}
