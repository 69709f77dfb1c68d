package sparkprophet

import org.scalatest.Tag

/** Of a test that `make test-slow` runs and `make test` does not, as Python's mark `slow`. */
object Slow extends Tag("sparkprophet.Slow")
