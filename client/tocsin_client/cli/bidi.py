"""Which characters that set the direction of text are harmless where they stand.

Unicode Standard Annex #9, "Unicode Bidirectional Algorithm": https://www.unicode.org/reports/tr9/.
"""

import unicodedata

_MARKS = {*"\u061c\u200e\u200f"}
_OVERRIDES = {*"\u202d\u202e"}
_EMBEDDINGS = {*"\u202a\u202b"} | _OVERRIDES
_ISOLATES = {*"\u2066\u2067\u2068"}
_END_OF_EMBEDDING = "\u202c"
_END_OF_ISOLATE = "\u2069"
# They turn what is between them and their end around, also text without letters of such a script.
_RIGHT_TO_LEFT = {*"\u202b\u2067"}


def harmless(text: str) -> set[int]:
    """Returns the places of the characters that set directions and pass.

    Marks pass in text that has letters of a right-to-left script. Embeddings and isolates pass with
    their ends, those from right to left in such text only. Overrides never pass, nor do their ends.
    """
    # The marks themselves count as letters to the algorithm.
    has_right_to_left = any(
        unicodedata.bidirectional(each) in {"R", "AL", "AN"} for each in {*text} - _MARKS
    )
    passing = {place for place, each in enumerate(text) if has_right_to_left and each in _MARKS}
    for begin, end in _pairs(text):
        opening = text[begin]
        if opening not in _OVERRIDES and (has_right_to_left or opening not in _RIGHT_TO_LEFT):
            passing |= {begin, end}
    return passing


def _pairs(text: str) -> list[tuple[int, int]]:
    """The places of each embedding, override or isolate that has an end, and of its end."""
    pairs = []
    opened: list[int] = []
    isolates = 0
    for place, character in enumerate(text):
        if character in _EMBEDDINGS or character in _ISOLATES:
            opened.append(place)
            isolates += character in _ISOLATES
        elif character == _END_OF_EMBEDDING:
            if opened and text[opened[-1]] in _EMBEDDINGS:
                pairs.append((opened.pop(), place))
        elif character == _END_OF_ISOLATE and isolates:
            isolates -= 1
            # It ends the embeddings inside the isolate, too: they have no end of their own.
            while text[opened[-1]] in _EMBEDDINGS:
                opened.pop()
            pairs.append((opened.pop(), place))
    return pairs
