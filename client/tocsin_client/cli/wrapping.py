"""Finds where a text may be wrapped: between words, or inside a long word, but never inside a character.

What people see as one character may be several code points: a flag, a family, a letter with its
marks. rich breaks between any two code points that have a width.

Source: Unicode Standard Annex #29 (extended grapheme clusters), without conjuncts.
"""

import re
from collections.abc import Iterator, Sequence
from unicodedata import category

from rich.cells import cell_len

_WORD = re.compile(r"\s*\S+\s*")

_JOINER = "\u200d"
_REGIONAL_INDICATORS = ("\U0001f1e6", "\U0001f1ff")
# Beside combining marks and selectors, which are known by their category: the skins of emoji, the
# letters in flags of regions, joiners, vowels and ends of Korean syllables, and vowels of Thai and Lao.
_EXTENDING = re.compile(
    "[\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\u200c\u200d\u1160-\u11ff\ud7b0-\ud7fb\u0e33\u0eb3]"
)


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


def characters(text: str) -> Iterator[str]:
    """Yields what people see as the characters of a text: its grapheme clusters."""
    start = 0
    for place in range(1, len(text)):
        if not _belongs(text[start:place], text[place]):
            yield text[start:place]
            start = place
    if text:
        yield text[start:]


def _belongs(cluster: str, character: str) -> bool:
    """Whether a character is part of the cluster before it."""
    if character < "\u0300":
        return False
    if cluster[-1] == _JOINER or category(character)[0] == "M" or _EXTENDING.match(character):
        return True
    return len(cluster) == 1 and _is_regional(cluster) and _is_regional(character)


def _is_regional(character: str) -> bool:
    first, last = _REGIONAL_INDICATORS
    return first <= character <= last
