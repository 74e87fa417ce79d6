"""Finds where a text may be wrapped: between words, or inside a long word, but never inside a character.

What people see as one character may be several code points: a flag, a family, a letter with its
marks. rich breaks between any two code points that have a width.

Source: Unicode Standard Annex #29 (extended grapheme clusters), as the package `regex` has it.
"""

import re
from collections.abc import Sequence

from rich.cells import cell_len

_WORD = re.compile(r"\s*\S+\s*")


def line_breaks(text: str, width: int) -> Sequence[int]:
    """Returns the places at which new lines begin, so that each has at most `width` columns.

    Spaces at the end of a line may go beyond `width`, and so does a single wider character.
    """
    places: list[int] = []
    used = 0

    def begin_line(place: int) -> None:
        nonlocal used
        if place:
            places.append(place)
        used = 0

    for word in _WORD.finditer(text):
        visible = word[0].rstrip()
        length = cell_len(visible)
        if used + length > width and used:
            begin_line(word.start())
        if length <= width:
            used += cell_len(word[0])
            continue
        place = word.start()
        for character in characters(visible):
            cells = cell_len(character)
            if used + cells > width and used:
                begin_line(place)
            used += cells
            place += len(character)
        used += len(word[0]) - len(visible)
    return places


def characters(text: str) -> list[str]:
    """Returns what people see as the characters of a text: its grapheme clusters."""
    import regex  # noqa: PLC0415  # few lists have a word that is wider than its line

    return regex.findall(r"\X", text)
