"""Pages of a list, and the tokens that lead from one to the next."""

from binascii import crc32
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from json import dumps, loads
from typing import Generic, TypeVar

from tocsin_server.domain.tokens import decode_token, encode_token

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and whether more follow.

    A page holds what fits a response, and at least one item when there are any.
    """

    items: Sequence[T]
    more: bool


Key = Sequence[str | int]
"""What the last item of a page sorts by; the next page starts behind it."""


def binding(tenant: str, rpc: str, query: bytes) -> bytes:
    """Returns 12 bytes that stand for one list: whose, of what, and which items."""
    return blake2b(b"\0".join((tenant.encode(), rpc.encode(), query)), digest_size=12).digest()


def page_token(bound_to: bytes, key: Key) -> str:
    """Returns the token for the page behind `key` of the list it is bound to."""
    body = bound_to + dumps(list(key), separators=(",", ":")).encode()
    return encode_token(crc32(body).to_bytes(4, "big") + body)


def page_key(token: str, bound_to: bytes, shape: Sequence[type]) -> Key:
    """Returns the key that a token leads behind; `shape` has its parts' types.

    Raises:
        ValueError: the token was not given for this list.
    """
    raw = decode_token(token)
    check, body = raw[:4], raw[4:]
    if crc32(body).to_bytes(4, "big") != check:
        raise ValueError("is not a page token")
    if body[: len(bound_to)] != bound_to:
        raise ValueError("belongs to another query")
    try:
        key = loads(body[len(bound_to) :])
    except (ValueError, RecursionError):
        raise ValueError("is not a page token") from None
    if not isinstance(key, list) or [type(part) for part in key] != list(shape):
        raise ValueError("is not a page token")
    if any(isinstance(part, int) and not 0 <= part < 2**63 for part in key):
        raise ValueError("is not a page token")
    if any(isinstance(part, str) and not _is_text(part) for part in key):
        raise ValueError("is not a page token")
    return key


def _is_text(part: str) -> bool:
    """Tells whether a database would take a text: without NUL, and without halves of characters."""
    try:
        return b"\0" not in part.encode()
    except UnicodeEncodeError:
        return False
