"""What senders wrote, as text in which nothing is obeyed and nothing hides."""

import unicodedata
from itertools import accumulate

_REPLACEMENT = "\ufffd"
# Default_Ignorable_Code_Point: what is not seen wherever it is not supported, assigned or not.
# From DerivedCoreProperties.txt of Unicode 14.0:
# https://www.unicode.org/Public/14.0.0/ucd/DerivedCoreProperties.txt
_IGNORABLE = frozenset(
    chr(number)
    for first, last in (
        (0x00AD, 0x00AD),
        (0x034F, 0x034F),
        (0x061C, 0x061C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    for number in range(first, last + 1)
)
# Format characters that are seen: Arabic and other signs that span the digits after them.
_SEEN = {
    *"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2",
    *"\U000110bd\U000110cd",
}
# They make one emoji of several, and choose the forms of letters.
_JOINERS = {"\u200c", "\u200d"}
# They choose between a sign and its emoji; of ASCII, only what is on a telephone's keys has one.
_SELECTORS = {"\ufe0e", "\ufe0f"}
_KEYS = {*"#*0123456789"}
# They choose the forms of Mongolian letters, and part a last vowel from the rest of its word.
_MONGOLIAN_SELECTORS = {*"\u180b\u180c\u180d\u180e\u180f"}
_MONGOLIAN_LETTERS = range(0x1820, 0x18AB)


def plain(text: str) -> str:
    """One line of text in which nothing steers the terminal, and nothing hides.

    White space becomes a space; control characters, what reorders text and what is not seen,
    U+FFFD. What gives a visible character its form stays behind it, once.
    """
    return "".join(accumulate(text, _shown, initial=" "))[1:]


def _shown(before: str, character: str) -> str:
    """What is shown of a character behind another that is shown."""
    if character.isspace():
        return " "
    return character if not _hides(character) or _forms(before, character) else _REPLACEMENT


def _hides(character: str) -> bool:
    if character in _IGNORABLE:
        return True
    return unicodedata.category(character) in {"Cc", "Cf"} and character not in _SEEN


def _forms(before: str, character: str) -> bool:
    """Whether a character that is not seen gives its form to the one before it, which is."""
    visible = not before.isascii() and before != _REPLACEMENT and not _hides(before)
    if character in _JOINERS:
        return visible or before in _SELECTORS
    if character in _SELECTORS:
        return visible or before in _KEYS
    return character in _MONGOLIAN_SELECTORS and ord(before) in _MONGOLIAN_LETTERS
