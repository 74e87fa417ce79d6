"""Texts that show something: a title of invisible characters alone is blank.

(Sources: Unicode's general categories, and its property Default_Ignorable_Code_Point.)
"""

import re
from unicodedata import category

_VISIBLE_ASCII = re.compile("[!-~]")

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
"""Control, format, surrogate and space characters; an unassigned one may be a newer emoji."""

_INVISIBLE_RANGES = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors
    (0x2065, 0x2065),  # reserved for a format character
    (0x2800, 0x2800),  # Braille pattern blank
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF0, 0xFFF8),  # reserved for format characters
    (0x1D159, 0x1D159),  # musical symbol null notehead
    (0xE0000, 0xE0FFF),  # tags, variation selectors supplement, reserved for more of them
)
"""What else shows nothing by itself: letters, marks, symbols and reserved code points."""


def is_blank(text: str) -> bool:
    """Tells whether a text is empty, or has only characters that show nothing."""
    if _VISIBLE_ASCII.search(text):
        return False
    return not any(_is_visible(character) for character in text)


def _is_visible(character: str) -> bool:
    if category(character) in _INVISIBLE_CATEGORIES:
        return False
    number = ord(character)
    return not any(first <= number <= last for first, last in _INVISIBLE_RANGES)
