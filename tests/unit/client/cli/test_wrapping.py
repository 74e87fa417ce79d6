from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tocsin_client.cli.wrapping import characters, line_breaks

CHARACTERS = {
    "a letter": "a",
    "a wide letter": "漢",
    "a letter with an accent": "e\u0301",
    "a letter with many": "a" + "\u0301\u0323" * 3,
    "a flag": "\U0001f1e9\U0001f1ea",
    "a flag of a region": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a hand": "\U0001f44d\U0001f3fd",
    "a heart": "\u2764\ufe0f",
    "a key": "1\ufe0f\u20e3",
    "a consonant with a vowel": "क\u093f",
    "a Thai vowel": "กำ",
    "a Korean syllable": "\u1112\u1161\u11ab",
}


def lines(text: str, width: int) -> list[str]:
    places = [0, *line_breaks(text, width), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
@pytest.mark.parametrize("width", [2, 5, 8, 9])
@pytest.mark.parametrize("before", ["", "a", "a b"])
def test_what_people_see_as_one_character_is_not_split(
    character: str, width: int, before: str
) -> None:
    text = before + character * 20

    wrapped = lines(text, width)

    assert len(wrapped) > 1
    assert "".join(wrapped) == text
    assert [each for line in wrapped for each in characters(line)] == [
        *before,
        *[character] * 20,
    ]


@given(st.lists(st.sampled_from([*CHARACTERS.values(), " ", "  "])), st.integers(2, 20))
def test_a_line_is_as_wide_as_it_may_be_and_no_wider(parts: list[str], width: int) -> None:
    text = "".join(parts)

    wrapped = lines(text, width)

    assert "".join(wrapped) == text
    for line in wrapped:
        assert cell_len(line.rstrip()) <= width or len(list(characters(line.strip()))) == 1
