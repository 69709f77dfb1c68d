package sparkprophet.params

/** Words of error messages, which have one form: "param: found X, must be Y; remedy". */
private[sparkprophet] object Messages {

  private val Limit = 500
  private val ListLimit = 400

  /** @throws IllegalArgumentException with the message, always */
  def refuse(message: String): Nothing = throw new IllegalArgumentException(message)

  /**
   * `message` on one line, cut in the middle to at most `limit` characters: the start names what is
   * wrong, the end holds the remedy, so both are kept.
   */
  def clip(message: String, limit: Int = Limit): String = {
    val line = printable(message.split("\\s+").mkString(" "))
    val tail = limit / 3
    if (line.length <= limit) line
    else s"${line.take(limit - tail - 3)}...${line.takeRight(tail)}"
  }

  /** The text with its control characters escaped: a terminal does what they say. */
  def printable(text: String): String = text.flatMap { character =>
    val kind = Character.getType(character)
    if (kind == Character.CONTROL || kind == Character.FORMAT) f"\\u${character.toInt}%04x"
    else character.toString
  }

  /**
   * The remedy for an unknown name: the one that differs in case alone, else all of them.
   *
   * @param kind what the known names are
   */
  def nearest(name: String, known: Seq[String], kind: String): String =
    known
      .find(_.equalsIgnoreCase(name))
      .fold(clip(s"$kind: ${known.mkString(", ")}", ListLimit))(near => s"did you mean '$near'?")

  /** A value and its type. */
  def shown(value: Any): String = value match {
    case null => "null"
    case entries: Array[_] => shown(entries.toSeq)
    case other =>
      val text = other.toString
      val short = if (text.length > 80) text.take(77) + "..." else text
      s"$short (${other.getClass.getSimpleName})"
  }
}
