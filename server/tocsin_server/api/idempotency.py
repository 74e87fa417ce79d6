"""The keys that make repeated requests safe."""

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.domain.model.idempotency import RequestKey, body_digest
from tocsin_server.domain.model.identity import Caller


def request_key(caller: Caller, rpc: str, request: ProtoMessage, request_id: str) -> RequestKey:
    """Returns what makes a repeat of a mutation safe."""
    digest = body_digest(request.SerializeToString(deterministic=True)) if request_id else b""
    return RequestKey(caller.tenant, caller.subject, rpc, request_id, digest)
