package sparkprophet

/**
 * Every candidate of a search failed, or more than `maxFailedTrials`.
 *
 * @param trials all that were tried, each with its error
 */
class SearchFailedException(message: String, val trials: Array[ScoredTrial])
    extends RuntimeException(message)
