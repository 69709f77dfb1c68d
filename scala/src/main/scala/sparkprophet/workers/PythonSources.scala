package sparkprophet.workers

import java.io.File
import java.nio.file.{Files, StandardCopyOption}
import java.security.MessageDigest

/** The Python package that the jar carries: the one implementation, in the version of the jar. */
private[sparkprophet] object PythonSources {

  /** The sources as a zip file, which Python can import from; there until this JVM ends. */
  lazy val zip: File = {
    val bytes = resource()
    // By content: Spark takes files of one name for one file.
    val hash = MessageDigest.getInstance("SHA-256").digest(bytes).take(6).map("%02x".format(_))
    val folder = Files.createTempDirectory("sparkprophet-")
    val file = folder.resolve(s"sparkprophet-${hash.mkString}.zip")
    Files.copy(new java.io.ByteArrayInputStream(bytes), file, StandardCopyOption.REPLACE_EXISTING)
    // In the order of deletion, which is the reverse of this one.
    folder.toFile.deleteOnExit()
    file.toFile.deleteOnExit()
    file.toFile
  }

  private def resource(): Array[Byte] = {
    val stream = getClass.getResourceAsStream("/sparkprophet/python.zip")
    if (stream == null)
      throw new IllegalStateException(
        "sparkprophet/python.zip is not on the class path: this jar was built without its Python " +
          "sources; build it with `sbt package`"
      )
    try stream.readAllBytes()
    finally stream.close()
  }
}
