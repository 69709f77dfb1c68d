package sparkprophet.params

/** A storage's URL without its secrets, as Python's module `search.batched.storage_url` masks it. */
private[sparkprophet] object StorageUrl {

  private val User = "^([^:/?#]+://[^:/@]*:)([^@]*)(?=@)".r
  private val Query = "(?i)([?&][^=&]*(?:passw(?:or)?d|pwd|secret|token)=)([^&]*)".r

  /** `url` with *** for its password, and for secrets among the arguments of its query. */
  def masked(url: String): String =
    Query.replaceAllIn(User.replaceAllIn(url, "$1***"), "$1***")
}
