"""Page tokens: the page keys of the store, each bound to the list that it belongs to.

A list is everything in a request but its page size and page token.
"""

from binascii import crc32
from hashlib import blake2b

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.api.rules import Validate
from tocsin_server.domain.model.errors import Violation
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.opaque import decode_token, encode_token

_CHECK_BYTES = 4


def binding(tenant: str, rpc: str, query: bytes) -> bytes:
    """Returns 12 bytes that stand for one list: its tenant, its RPC and its query."""
    return blake2b(b"\0".join((tenant.encode(), rpc.encode(), query)), digest_size=12).digest()


def encode_page_token(bound_to: bytes, key: str) -> str:
    """Returns the token of a page key of the list that it is bound to."""
    body = bound_to + key.encode()
    return encode_token(crc32(body).to_bytes(_CHECK_BYTES, "big") + body)


def decode_page_token(token: str, bound_to: bytes) -> str:
    """Returns the page key of a token.

    Raises:
        ValueError: the token is not one of this list.
    """
    raw = decode_token(token)
    check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if crc32(body).to_bytes(_CHECK_BYTES, "big") != check:
        raise ValueError("is not a page token")
    if body[: len(bound_to)] != bound_to:
        raise ValueError("belongs to another query")
    try:
        return body[len(bound_to) :].decode()
    except UnicodeDecodeError:
        raise ValueError("is not a page token") from None


class Listing:
    """One request for a page of a list.

    Attributes:
        after: the page key of its token, empty for the first page.
    """

    def __init__(self, caller: Caller, request: ProtoMessage, validate: Validate) -> None:
        """Validates the request, with its service's `validate`, and its page token.

        Raises:
            FieldsInvalid: with every violation.
        """
        query = type(request)()
        query.CopyFrom(request)
        query.ClearField("page_size")
        query.ClearField("page_token")
        rpc = request.DESCRIPTOR.name
        self._binding = binding(caller.tenant, rpc, query.SerializeToString(deterministic=True))
        self.after = ""
        violations = []
        if token := request.page_token:  # type: ignore[attr-defined]  # every list has one
            try:
                self.after = decode_page_token(token, self._binding)
            except ValueError as problem:
                violations.append(Violation("page_token", str(problem), "PAGE_TOKEN_INVALID"))
        validate(request, *violations)

    def token(self, key: str) -> str:
        """Returns the page token of a page key, empty for an empty key."""
        return encode_page_token(self._binding, key) if key else ""
