"""Page keys: where the next page of a list begins, as text that only the store reads."""

from collections.abc import Sequence
from json import dumps, loads

from tocsin_server.domain.model.errors import FieldsInvalid, Violation

_MOST = 2**63 - 1


def page_key(*parts: str | int) -> str:
    """Returns the key of the page behind the item that sorts by these parts."""
    return dumps(parts, separators=(",", ":"))


def key_parts(key: str, *types: type) -> Sequence[str | int]:
    """Returns the parts of a key, which are of these types.

    Raises:
        FieldsInvalid: no list of this order gave the key.
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


def number_behind(key: str, first: int) -> int:
    """Returns the number that a key of one number holds; `first` where there is no key."""
    return int(key_parts(key, int)[0]) if key else first


def _invalid() -> FieldsInvalid:
    """Returns the error for a key that came in a page token and is none of this list's."""
    return FieldsInvalid([Violation("page_token", "is not a page token", "PAGE_TOKEN_INVALID")])


def _is_storable(part: str | int) -> bool:
    """Tells whether a database takes a part: no negative or wide number, NUL or half character."""
    if isinstance(part, int):
        return 0 <= part <= _MOST
    try:
        return b"\0" not in part.encode()
    except UnicodeEncodeError:
        return False
