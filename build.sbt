// The Scala side of sparkprophet. `scripts/sbt.sh COMMAND` runs sbt; it needs nothing but Java.

import scala.util.matching.Regex

/** What the jar is compiled against; Spark itself is the cluster's, from 4.0 to 4.3. */
val sparkVersion = "4.1.0"

/** The version has one home, in the Python package: two that disagree would ship two versions. */
def pythonVersion(home: File): String = {
  val line: Regex = "(?m)^__version__\\s*=\\s*[\"']([^\"']+)[\"']".r
  if (!home.isFile) sys.error(s"$home is missing: it holds the version of the whole project")
  line
    .findFirstMatchIn(IO.read(home))
    .map(_.group(1))
    .getOrElse(sys.error(s"""$home has no line of the form: __version__ = "1.2.3""""))
}

/** The folder with the jars of an installed pyspark, if the tests are to run on those. */
lazy val pysparkJars: Option[File] =
  sys.props
    .get("pyspark.jars")
    .orElse(sys.env.get("PYSPARK_JARS"))
    .filter(_.nonEmpty)
    .map { path =>
      val dir = new File(path)
      if ((dir * "spark-core_*.jar").get.isEmpty)
        sys.error(s"pyspark.jars (or PYSPARK_JARS): found no Spark in '$path'; give pyspark/jars")
      dir
    }

def jarsIn(dir: File): Seq[File] = (dir * "*.jar").get

/** The artifact's name without its version, to see that two jars are the same library. */
def library(jar: File): String = jar.getName.replaceFirst("-\\d[^/]*\\.jar$", "")

/** What Spark's launcher opens since Java 17 (org.apache.spark.launcher.JavaModuleOptions). */
val sparkJavaOptions =
  Seq(
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5"
  ).map(module => s"--add-opens=$module=ALL-UNNAMED") ++ Seq(
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--enable-native-access=ALL-UNNAMED",
    "-Dio.netty.tryReflectionSetAccessible=true"
  )

lazy val common = Seq(
  organization := "sparkprophet",
  version := pythonVersion(file("python") / "sparkprophet" / "version.py"),
  licenses := Seq(License.Apache2),
  scalaVersion := "2.13.17", // the one that Spark 4.1.0 is built with
  scalacOptions ++= Seq("-deprecation", "-feature", "-unchecked", "-Xlint", "-Werror"),
  scalacOptions ++= Seq("-encoding", "utf-8"),
  libraryDependencies ++= Seq(
    "org.apache.spark" %% "spark-sql" % sparkVersion % Provided,
    "org.apache.spark" %% "spark-mllib" % sparkVersion % Provided
  )
)

lazy val root = (project in file("."))
  .settings(common)
  .settings(
    name := "sparkprophet",
    Compile / scalaSource := baseDirectory.value / "scala" / "src" / "main" / "scala",
    // What scripts/scala_params.py writes; in git, so that sbt needs no Python.
    Compile / unmanagedSourceDirectories +=
      baseDirectory.value / "scala" / "src" / "generated" / "scala",
    Compile / resourceDirectory := baseDirectory.value / "scala" / "src" / "main" / "resources",
    Test / scalaSource := baseDirectory.value / "scala" / "src" / "test" / "scala",
    Test / resourceDirectory := baseDirectory.value / "scala" / "src" / "test" / "resources",
    libraryDependencies += "org.scalatest" %% "scalatest-funsuite" % "3.2.19" % Test
  )
  .settings(Compile / resourceGenerators += pythonSources)
  .settings(testSettings)

/** Programs for spark-submit: a jar of their own, made by `examples/package` and nothing else. */
lazy val examples = (project in file("examples/scala"))
  .dependsOn(root % Provided)
  .settings(common)
  .settings(
    name := "sparkprophet-examples",
    target := (root / target).value / "examples",
    Compile / mainClass := None, // --class says which
    Compile / scalaSource := baseDirectory.value
  )

/** The Python package as one zip in the jar, which the jar ships to Spark's workers itself. */
lazy val pythonSources = Def.task {
  val from = baseDirectory.value / "python"
  val zip = (Compile / resourceManaged).value / "sparkprophet" / "python.zip"
  val modules = (from / "sparkprophet" ** "*.py").get.sorted
  // No dates of files: the zip of equal sources is equal, wherever it is built.
  IO.zip(modules.pair(Path.relativeTo(from)), zip, Some(0L))
  Seq(zip)
}

// JVM and Python workers must be of one Spark version, and the workers' is the installed pyspark's.
// So the tests are compiled and run on pyspark's jars alone; only the main code is compiled against
// 4.1.0.
lazy val testSettings = Seq(
  Test / unmanagedJars ++= Attributed.blankSeq(pysparkJars.toSeq.flatMap(jarsIn)),
  Test / managedClasspath := {
    val withSpark = (Test / managedClasspath).value
    val withoutSpark = Classpaths.managedJars(Test, (Test / classpathTypes).value, update.value)
    pysparkJars match {
      case None => withSpark
      case Some(dir) =>
        val there = jarsIn(dir).map(library).toSet
        withoutSpark.filterNot(jar => there(library(jar.data)))
    }
  },
  Test / fork := true,
  Test / javaOptions ++= sparkJavaOptions ++ Seq(
    "-Xmx2g",
    // As in tests/conftest.py, and why.
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=480m",
    "-XX:+UseSerialGC",
    s"-Dspark.sql.warehouse.dir=${(target.value / "spark-warehouse").toURI}",
    s"-Dsparkprophet.test.pyspark=${pysparkJars.fold("")(_.getAbsolutePath)}",
    s"-Dsparkprophet.test.compiledAgainst=$sparkVersion"
  ),
  Test / envVars += "SPARK_LOCAL_IP" -> "127.0.0.1",
  // A JVM has room for one SparkContext: suites run one after the other.
  Test / parallelExecution := false,
  Test / testOptions += Tests.Argument(TestFrameworks.ScalaTest, "-oDF")
)
