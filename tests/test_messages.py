"""Texts that come from data and go to a terminal."""

from sparkprophet.messages import clip, printable


def test_control_characters_are_shown_and_not_sent():
    red, back, turned = "\x1b[31m", "\x9b2J", "\u202e"
    text = clip(f"group store={red}évil{back}🍊{turned}\x07: no rows\nfurther")
    assert text == r"group store=\x1b[31mévil\x9b2J🍊\u202e\x07: no rows further"
    assert printable("süd 🍊 東京 a-b_c") == "süd 🍊 東京 a-b_c"
