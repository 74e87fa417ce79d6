"""The keys that make repeated requests safe.

A key holds a digest of what the request means, not of its bytes: a repeat may
name recipients in another order or twice, leave out a default, or carry fields
that this server does not know. Each service says in its `decode` what its
requests mean.
"""

from collections.abc import Callable, Iterable

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.domain.model.idempotency import RequestKey, body_digest
from tocsin_server.domain.model.identity import Caller


def request_key(
    caller: Caller, rpc: str, request_id: str, meaning: Callable[[], bytes]
) -> RequestKey:
    """Returns the key of a mutation.

    `meaning` returns bytes that are equal for requests that mean the same, and
    for no others. It is called only if there is a request id.
    """
    digest = body_digest(meaning()) if request_id else b""
    return RequestKey(caller.tenant, caller.subject, rpc, request_id, digest)


def meaning_of(canonical: ProtoMessage) -> bytes:
    """Returns the meaning of a request in its canonical form, all fields of which count."""
    return canonical.SerializeToString(deterministic=True)


def texts_meaning(texts: Iterable[str]) -> bytes:
    """Returns the meaning of a set of texts without NUL: neither order nor repeats count."""
    return "".join(f"{text}\0" for text in sorted(set(texts))).encode()
