package sparkprophet

import java.io.IOException
import java.util.UUID

import org.apache.hadoop.fs.{FileStatus, FileSystem, Path}
import org.apache.spark.sql.SparkSession

/** Folders on whatever file system a path is of: local, HDFS, object stores. */
private[sparkprophet] object Folder {

  def exists(spark: SparkSession, path: String): Boolean =
    system(spark, path).exists(new Path(path))

  /** What is in a folder. */
  def entries(spark: SparkSession, path: String): Seq[FileStatus] =
    system(spark, path).listStatus(new Path(path)).toSeq

  /** Makes a folder where there is none. */
  def make(spark: SparkSession, path: String, what: String): Unit = {
    val made =
      try system(spark, path).mkdirs(new Path(path))
      catch {
        case error: IOException => throw unmade(path, what, s" (${error.getMessage})", error)
      }
    if (!made) throw unmade(path, what, "", null)
  }

  /** Writes beside `path`, then renames, so that a failed write leaves what was there. */
  def replace(spark: SparkSession, path: String)(write: String => Unit): Unit = {
    val files = system(spark, path)
    val target = new Path(path)
    val fresh = beside(target, "new")
    try {
      write(fresh.toString)
      Option(target.getParent).foreach(files.mkdirs)
      val old = if (files.exists(target)) Some(beside(target, "old")) else None
      old.foreach(move(files, target, _))
      try move(files, fresh, target)
      catch {
        case error: IOException =>
          old.foreach(move(files, _, target))
          throw error
      }
      old.foreach(files.delete(_, true))
    } finally files.delete(fresh, true)
  }

  private def system(spark: SparkSession, path: String): FileSystem = {
    val configuration =
      new org.apache.hadoop.conf.Configuration(spark.sparkContext.hadoopConfiguration)
    new Path(path).getFileSystem(configuration)
  }

  private def beside(target: Path, why: String): Path = {
    val name = s".${target.getName}.$why-${UUID.randomUUID().toString.replace("-", "")}"
    if (target.getParent == null) new Path(name) else new Path(target.getParent, name)
  }

  private def move(files: FileSystem, from: Path, to: Path): Unit =
    if (!files.rename(from, to))
      throw new IOException(s"cannot rename $from to $to; check the folder's permissions")

  private def unmade(path: String, what: String, why: String, cause: Throwable): IOException =
    new IOException(s"$what: $path cannot be made$why; choose a folder you can write to", cause)
}
