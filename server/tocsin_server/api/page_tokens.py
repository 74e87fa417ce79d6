"""Page tokens of requests: a list is all of a request but its page."""

from binascii import crc32
from collections.abc import Callable, Sequence
from hashlib import blake2b
from json import dumps, loads
from typing import Generic, TypeVar

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.api.rules import validate
from tocsin_server.domain.model.errors import Violation
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.opaque import decode_token, encode_token
from tocsin_server.domain.model.pages import Page

T = TypeVar("T")

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


class Listing(Generic[T]):
    """One request for a page of a list."""

    def __init__(
        self, caller: Caller, request: ProtoMessage, shape: Sequence[type], key: Callable[[T], Key]
    ) -> None:
        """Checks the request, its page token too.

        `key` gives what an item sorts by, and `shape` the types of that.

        Raises:
            FieldsInvalid: with every violation.
        """
        query = type(request)()
        query.CopyFrom(request)
        query.ClearField("page_size")
        query.ClearField("page_token")
        rpc = request.DESCRIPTOR.name
        encoded = query.SerializeToString(deterministic=True)
        self._binding = binding(caller.tenant, rpc, encoded)
        self._key = key
        self.after: Key | None = None
        """What the page before ended with; None at the start."""
        violations = []
        if token := request.page_token:  # type: ignore[attr-defined]  # every list has one
            try:
                self.after = page_key(token, self._binding, shape)
            except ValueError as problem:
                violations.append(Violation("page_token", str(problem), "PAGE_TOKEN_INVALID"))
        validate(request, *violations)

    def next_page_token(self, page: Page[T]) -> str:
        """Returns the token for the page after this one, empty at the end."""
        return page_token(self._binding, self._key(page.items[-1])) if page.more else ""
