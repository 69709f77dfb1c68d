package sparkprophet

import java.io.File

/** The Python package that goes with this jar. */
private[sparkprophet] object PythonSources {

  /** A place for the PYTHONPATH. */
  def zip: File = new File("python").getAbsoluteFile
}
