import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin_server.domain.model.visible_text import is_blank

BLANK = [
    "",
    " ",
    "\t\n",
    "\u00a0",
    "\u200b",
    "\u2800",
    "\u3164",
    "\u115f",
    "\ufe0f",
    "\u2060",
    "\x01",
    "\u2065",
    "\ufff0",
    "\U0001d159",
    "\U000e0fff",
]


@pytest.mark.parametrize("text", [*BLANK, "".join(BLANK)])
def test_a_text_of_invisible_characters_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    "text", ["a", "0", "\u0378", ".", "ü", "é", "日本", "\u0e01", "👍", "⠁", "ㅎ", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
)
def test_a_text_with_a_visible_character_is_not(text: str) -> None:
    assert not is_blank(text)
    assert not is_blank("\u200b" + text + "\u3164")


@given(st.text(), st.characters(categories=["L"], exclude_characters="\u115f\u1160\u3164\uffa0"))
def test_no_text_around_a_letter_makes_it_blank(text: str, letter: str) -> None:
    assert not is_blank(text + letter)
