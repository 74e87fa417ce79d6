"""Page keys: the place where the next page of a list begins, as text that only the store reads."""

from collections.abc import Sequence
from json import dumps, loads

from tocsin_server.domain.model.errors import FieldsInvalid, Violation

_LARGEST = 2**63 - 1


def page_key(*parts: str | int) -> str:
    """Returns the key of the page after an item; the parts are what the item is sorted by."""
    return dumps(parts, separators=(",", ":"))


def key_parts(key: str, *types: type) -> Sequence[str | int]:
    """Returns the parts of a key, which must have these types.

    Raises:
        FieldsInvalid: the key is not from a list with this order.
    """
    try:
        parts = loads(key)
    except (ValueError, RecursionError):
        raise _invalid() from None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(types):
        raise _invalid()
    if not all(_is_storable(part) for part in parts):
        raise _invalid()
    return parts


def number_after(key: str, first: int) -> int:
    """Returns the number in a key of one number; `first` if the key is empty."""
    return int(key_parts(key, int)[0]) if key else first


def _invalid() -> FieldsInvalid:
    """Returns the error for a page token whose key is not from this list."""
    return FieldsInvalid([Violation("page_token", "is not a page token", "PAGE_TOKEN_INVALID")])


def _is_storable(part: str | int) -> bool:
    """Whether a database takes a part: no negative or too large number, NUL, or lone surrogate."""
    if isinstance(part, int):
        return 0 <= part <= _LARGEST
    try:
        return b"\0" not in part.encode()
    except UnicodeEncodeError:
        return False
