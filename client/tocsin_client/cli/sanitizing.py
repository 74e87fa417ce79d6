r"""Makes text from senders safe to print: real text passes, what is dangerous is shown escaped.

Control characters, overrides of the text's direction, and invisible characters that no script needs
where they stand are shown as escapes of Python: `\x1b`, `\u202e`, `\U000e0001`.

Sources: Unicode Standard Annex #9 (directions), Technical Standard #51 (emoji), #37 (ideographic
variation sequences), and DerivedCoreProperties.txt of Unicode 14.0.
"""

import re
import unicodedata

from tocsin_client.cli import bidi

# Default_Ignorable_Code_Point: invisible wherever it is not supported, assigned or not.
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
# Format characters that are visible: Arabic and other signs that span the digits after them.
_VISIBLE_FORMATS = {
    *"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2",
    *"\U000110bd\U000110cd",
}
# They are no spaces, and print nothing: in a line of Braille, of music, of hieroglyphs.
_BLANK = {*"\u2800\U0001d159\U00016fe4\U00013441\U00013442"}

_SOFT_HYPHEN = "\u00ad"
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Myanmar, Phags-pa, mathematical operators, punctuation of East Asia, Manichaean.
_STANDARD_VARIANTS = (
    "\u1000-\u109f\uaa60-\uaa7f\ua840-\ua877\u2200-\u22ff\u2a00-\u2aff"
    "\u3001\u3002\uff01-\uff1f\U00010ac0-\U00010aff"
)
# Thai, Lao, Tibetan, Myanmar, Khmer, Tai, Balinese, Javanese, Han and kana: no spaces part words.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f"
    f"\ua980-\ua9ff\uaa60-\uaadf\u3041-\u30ff{_HAN}"
)
# Invisible sequences that a script or an emoji needs, each beside the characters that it belongs to.
_NEEDED = re.compile(
    "|".join(
        (
            # The flag of a part of a country: England, Scotland, Wales.
            "(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",
            # Ideographic and standardized variation sequences; Mongolian letters' forms.
            f"(?<=[{_HAN}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
            f"(?<=[{_STANDARD_VARIANTS}])[\ufe00-\ufe02]",
            "(?<=[\u1820-\u18aa])[\u180b-\u180f]",
            # Between two words.
            f"(?<=[{_UNSPACED}])\u200b+|\u200b+(?=[{_UNSPACED}])",
            # Keeps two combining marks from changing places.
            "(?<=[\u0300-\u034e\u0350-\u036f\u0591-\u05ea])\u034f(?=[\u0300-\u036f\u0591-\u05c7])",
            # The place of a letter that a Korean syllable lacks.
            "\u115f(?=[\u1161-\u11a7\ud7b0-\ud7c6])|(?<=[\u1100-\u115e\ua960-\ua97c])\u1160",
            # Steps of shorthand, beams of music, groups of hieroglyphs.
            "(?<=[\U0001bc00-\U0001bc99])[\U0001bca0-\U0001bca3]",
            "(?<=[\U0001d100-\U0001d172\U0001d17b-\U0001d1ff])[\U0001d173-\U0001d17a]",
            "(?<=[\U00013000-\U0001342f])[\U00013430-\U0001343f]",
        )
    )
)
# They make one emoji of several, and choose the forms of letters.
_JOINERS = {"\u200c", "\u200d"}
# They choose between a sign and its emoji; of ASCII, only what is on a telephone's keys has one.
_EMOJI_SELECTORS = {"\ufe0e", "\ufe0f"}
_KEYS = {*"#*0123456789"}


def plain(text: str) -> str:
    """Returns the text as one line in which nothing steers the terminal, and nothing hides.

    White space becomes a space. What is dangerous or invisible is escaped, except what a script or an
    emoji needs where it stands.
    """
    if text.isascii() and text.isprintable():
        return text
    needed = bidi.harmless(text) | _needed(text)
    shown = []
    before = " "
    for place, character in enumerate(text):
        if character.isspace():
            before = " "
            shown.append(before)
        elif not _hides(character) or place in needed or _selects(before, character):
            before = character
            shown.append(before)
        else:
            before = ""
            shown.append(_escaped(character))
    return "".join(shown)


def plain_title(text: str) -> str:
    """Returns the text as `plain` does; all of it escaped where nothing in it is visible."""
    if all(each.isspace() or each in _BLANK or _hides(each) for each in text):
        return "".join(map(_escaped, text))
    return plain(text)


def _needed(text: str) -> set[int]:
    """The places of invisible characters that a script needs."""
    places = {place for sequence in _NEEDED.finditer(text) for place in range(*sequence.span())}
    for place in range(1, len(text) - 1):
        if text[place] == _SOFT_HYPHEN and _spells(text[place - 1]) and _spells(text[place + 1]):
            places.add(place)
    return places


def _spells(character: str) -> bool:
    """Whether a character is a visible part of a word."""
    return unicodedata.category(character)[0] in "LM" and not _hides(character)


def _hides(character: str) -> bool:
    if character in _IGNORABLE:
        return True
    category = unicodedata.category(character)
    return category in {"Cc", "Cf", "Cs"} and character not in _VISIBLE_FORMATS


def _selects(before: str, character: str) -> bool:
    """Whether a character gives its form to the one before it, which is visible."""
    visible = bool(before) and not before.isascii() and not _hides(before)
    if character in _JOINERS:
        return visible or before in _EMOJI_SELECTORS
    return character in _EMOJI_SELECTORS and (visible or before in _KEYS)


def _escaped(character: str) -> str:
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
