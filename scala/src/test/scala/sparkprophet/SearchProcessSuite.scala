package sparkprophet

import java.io.File
import java.nio.file.{Files, Path}
import java.nio.file.attribute.PosixFilePermissions

import org.apache.commons.io.FileUtils
import org.json4s._
import org.json4s.jackson.JsonMethods.parse
import org.scalatest.funsuite.AnyFunSuite

import sparkprophet.bayesian.ProcessStudy
import sparkprophet.params.PlainJson
import sparkprophet.workers.{PythonSources, SearchProcess}

class SearchProcessSuite extends AnyFunSuite {

  private val python =
    sys.env.get("PYSPARK_DRIVER_PYTHON").orElse(sys.env.get("PYSPARK_PYTHON")).getOrElse("python3")

  private val line = SearchSpace.fromJson(
    """{"formatVersion": 1, "fixed": [], "dimensions": [{"kind": "uniform", "name": "x", "low": 0.0,
      "high": 1.0, "log": false, "parent": null, "when": []}]}"""
  )

  private def withProcess[T](run: SearchProcess => T): T = {
    val process = new SearchProcess(python, Seq(PythonSources.zip))
    try run(process)
    finally process.close()
  }

  private def open(process: SearchProcess, fields: (String, JValue)*): JValue = {
    val facts =
      parse("""{"estimator": "E", "evaluator": "V", "settings": {}, "others": {}}""")
    val arguments = Map[String, JValue](
      "space" -> JString(line.toJson),
      "maximise" -> JBool(false),
      "seed" -> JInt(3),
      "sampler" -> JString("tpe"),
      "numStartupTrials" -> JInt(4),
      "storage" -> JNull,
      "studyName" -> JNull,
      "facts" -> facts,
      "numTrials" -> JInt(12),
      "batchSize" -> JInt(4),
      "earlyStoppingRounds" -> JInt(0),
      "timeout" -> JDouble(0.0),
      "maxFailedTrials" -> JNull
    ) ++ fields
    process.call("open", arguments.toSeq: _*)
  }

  private def isAlive(pid: Long): Boolean =
    ProcessHandle.of(pid).map[Boolean](_.isAlive).orElse(false)

  private def eventually(condition: => Boolean): Boolean =
    Iterator.continually { Thread.sleep(20); condition }.take(500).contains(true)

  test("a search of twelve points finds more than chance does, and says what ended it") {
    withProcess { process =>
      open(process)
      val trials = new ProcessStudy(process, maximise = false)
      var batch = trials.next()
      while (batch.isRight) {
        batch.foreach(_.foreach { asked =>
          val x = PlainJson.number(asked.point \ "x")
          assert(x >= 0 && x <= 1)
          trials.tell(asked.number, Seq(x - 0.3, 0.3 - x).map(math.abs), 0.5)
        })
        batch = trials.next()
      }
      assert(batch == Left("numTrials"))
      val told = trials.trials()
      assert(told.map(_.number) == (0 until 12))
      assert(told.forall(trial => trial.seconds == 0.5 && trial.state == "COMPLETE"))
      // The value is the mean of scores that this test has worked out itself.
      told.foreach { trial =>
        val x = trial.params("x").asInstanceOf[Double]
        assert(math.abs(trial.value.get - math.abs(x - 0.3)) < 1e-15)
      }
      assert(trials.best().get.value.get == told.map(_.value.get).min)
    }
  }

  test("NaN and the infinities arrive, as failures") {
    withProcess { process =>
      open(process)
      val trials = new ProcessStudy(process, maximise = false)
      trials.next()
      trials.tell(0, Seq(1.0, Double.NaN), 0.0)
      trials.tell(1, Seq(Double.NegativeInfinity, 1.0), 0.0)
      trials.fail(2, "E: " + "long " * 200, 0.0)
      trials.fail(3, "no", 0.0, interrupted = true)
      val errors = trials.trials().map(_.error.get)
      assert(errors.head == "ValueError: the metric is nan on fold 1")
      assert(errors(1) == "ValueError: the metric is -inf on fold 0")
      assert(errors(2).length == 500 && errors.length == 3)
    }
  }

  test("what Python refuses is an IllegalArgumentException, and the next call works") {
    withProcess { process =>
      val sampler =
        intercept[IllegalArgumentException](open(process, "sampler" -> JString("best")))
      assert(sampler.getMessage.startsWith("sampler: found 'best'"))
      val unopened = intercept[IllegalArgumentException](process.call("next"))
      assert(unopened.getMessage == "there is no search; call open first")
      open(process)
      val wrong = intercept[IllegalStateException](
        process.call(
          "tell",
          "number" -> JInt(99),
          "scores" -> JArray(List(JInt(1))),
          "seconds" -> JInt(0)
        )
      )
      assert(wrong.getMessage.contains("IndexError"))
      assert((process.call("next") \ "points").children.length == 4)
    }
  }

  test("calls of several threads each get their own answer") {
    withProcess { process =>
      val answers = new java.util.concurrent.ConcurrentLinkedQueue[(Int, Int)]
      val threads = (1 to 4).map { count =>
        new Thread(() =>
          for (_ <- 1 to 5) {
            val points = process.call(
              "propose",
              "space" -> JString(line.toJson),
              "history" -> JArray(Nil),
              "count" -> JInt(count),
              "seed" -> JInt(1)
            )
            answers.add((count, points.children.length))
          }
        )
      }
      threads.foreach(_.start())
      threads.foreach(_.join())
      assert(answers.size == 20)
      answers.forEach { case (asked, found) => assert(asked == found) }
    }
  }

  test("close ends the process, in the middle of a call too") {
    val stuck = withScript("#!/bin/sh\nexec sleep 60\n") { script =>
      val process = new SearchProcess(script, Nil)
      @volatile var error: Throwable = null
      val caller = new Thread(() =>
        try {
          process.call("next")
          ()
        } catch { case e: Throwable => error = e }
      )
      caller.start()
      Thread.sleep(300)
      assert(isAlive(process.pid) && caller.isAlive)
      process.close()
      caller.join(5000)
      assert(error.isInstanceOf[IllegalStateException])
      assert(error.getMessage == "next: the search process was closed")
      assert(
        intercept[IllegalStateException](process.call("next")).getMessage.contains("is closed")
      )
      process.close()
      process.pid
    }
    assert(eventually(!isAlive(stuck)))
  }

  test("a process that dies is an error with its exit code, its last words and the remedy") {
    val talkative = "#!/bin/sh\nread line\nfor i in $(seq 30); do echo word $i >&2; done\nexit 7\n"
    withScript(talkative) { script =>
      val process = new SearchProcess(script, Nil)
      val error = intercept[IllegalArgumentException](process.call("next"))
      assert(
        error.getMessage.startsWith(s"'$script' -m sparkprophet.search ended with exit code 7")
      )
      assert(error.getMessage.contains("word 30\n") && !error.getMessage.contains("word 10\n"))
      assert(error.getMessage.contains("`pip install sparkprophet`"))
    }
  }

  test("an interpreter that is not there is named, with the remedy") {
    val error = intercept[IllegalArgumentException](new SearchProcess("/no/such/python", Nil))
    assert(error.getMessage.contains("'/no/such/python' cannot be started"))
    assert(error.getMessage.contains("PYSPARK_PYTHON, to a Python"))
  }

  test("a module that the interpreter lacks is named, with the remedy") {
    // Folders before the interpreter's own, in which these modules fail as if they were not there.
    for (module <- Seq("numpy", "optuna")) withFolder { folder =>
      Files.writeString(
        folder.resolve(s"$module.py"),
        s"raise ModuleNotFoundError(\"No module named '$module'\", name='$module')\n"
      )
      val process = new SearchProcess(python, Seq(folder.toFile, PythonSources.zip))
      val error = intercept[IllegalArgumentException](open(process))
      process.close()
      assert(error.getMessage.contains(s"No module named '$module'"))
      assert(error.getMessage.startsWith(s"the search cannot run in '$python'"))
      assert(error.getMessage.contains("`pip install sparkprophet`"))
    }
  }

  test("its path begins with the sources, and where the driver was started is not on it") {
    withScript("#!/bin/sh\necho $PYTHONSAFEPATH $PYTHONPATH >&2\n") { script =>
      val process = new SearchProcess(script, Seq(new File("/one"), new File("/two.zip")))
      val said = intercept[IllegalArgumentException](process.call("next")).getMessage
      assert(said.contains("exit code 0: 1 /one:/two.zip"))
    }
  }

  private def withFolder[T](run: Path => T): T = {
    val folder = Files.createTempDirectory("search")
    try run(folder)
    finally FileUtils.deleteDirectory(folder.toFile)
  }

  private def withScript[T](text: String)(run: String => T): T = withFolder { folder =>
    val file = Files.writeString(folder.resolve("python"), text)
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"))
    run(new File(file.toString).getPath)
  }
}
