package org.apache.spark.sql.sparkprophet

import java.io.File
import java.util.{Collections, HashMap, WeakHashMap}

import org.apache.spark.api.python.{PythonEvalType, SimplePythonFunction}
import org.apache.spark.sql.{Column, DataFrame, SparkSession}
import org.apache.spark.sql.catalyst.expressions.PythonUDF
import org.apache.spark.sql.classic
import org.apache.spark.sql.classic.ExpressionUtils
import org.apache.spark.sql.types.{DataType, StructType}

/**
 * The private ways of Spark SQL into its Python workers: all that sparkprophet uses of them.
 *
 * Their signatures are the same from Spark 4.0.1 to 4.3.0.
 */
object PythonBridge {

  /**
   * A function that a worker makes of its command.
   *
   * @param command
   *   what the worker unpickles: (function, return type)
   * @param includes
   *   names of the files, sent by [[ship]], that go on the worker's path
   * @param version
   *   of the worker's Python, such as 3.11
   */
  final case class Function(
      name: String,
      command: Array[Byte],
      returnType: DataType,
      executable: String,
      version: String,
      includes: Seq[String]
  )

  /** A column that is a pandas UDF of `inputs`. */
  def pandasUdf(function: Function, inputs: Seq[Column]): Column =
    udf(function, inputs, PythonEvalType.SQL_SCALAR_PANDAS_UDF)

  /**
   * A column that is a pandas UDF of the batches of `inputs`, and depends on earlier rows: Spark
   * keeps filters of rows behind it, as it does with what it takes for random.
   */
  def pandasStream(function: Function, inputs: Seq[Column]): Column =
    udf(function, inputs, PythonEvalType.SQL_SCALAR_PANDAS_ITER_UDF, deterministic = false)

  /** One call of the function for each group of `data`, with all columns as one Arrow table. */
  def applyInArrow(data: DataFrame, keys: Seq[Column], function: Function): DataFrame = {
    require(function.returnType.isInstanceOf[StructType], "a group's rows have a struct's type")
    val inputs = data.columns.toSeq.map(data.apply)
    val grouped = data.groupBy(keys: _*).asInstanceOf[classic.RelationalGroupedDataset]
    grouped.flatMapGroupsInArrow(udf(function, inputs, PythonEvalType.SQL_GROUPED_MAP_ARROW_UDF))
  }

  /**
   * Sends a file to all executors, for the jobs of this session, if it has not been sent yet;
   * whether it was sent now.
   */
  def ship(spark: SparkSession, file: File): Boolean =
    // Sessions keep their files apart: what a plain addFile, or another session, sends is not found
    // by their jobs, though listFiles has it.
    sent.synchronized {
      val isNew = !sent.contains(spark)
      if (isNew)
        spark.asInstanceOf[classic.SparkSession].artifactManager.withResources {
          spark.sparkContext.addFile(file.getAbsolutePath)
        }
      sent.add(spark)
      isNew
    }

  /** Sessions that have the file; those that are gone are forgotten. */
  private val sent =
    Collections.newSetFromMap(new WeakHashMap[SparkSession, java.lang.Boolean])

  private def udf(
      function: Function,
      inputs: Seq[Column],
      evalType: Int,
      deterministic: Boolean = true
  ): Column = {
    val python = SimplePythonFunction(
      function.command.toSeq,
      new HashMap[String, String](), // to which Spark 4.0 adds its own
      java.util.List.of(function.includes: _*),
      function.executable,
      function.version,
      Collections.emptyList(),
      null
    )
    ExpressionUtils.column(
      PythonUDF(
        function.name,
        python,
        function.returnType,
        inputs.map(ExpressionUtils.expression),
        evalType,
        udfDeterministic = deterministic
      )
    )
  }
}
