"""What makes a repeated request safe."""

from hashlib import blake2b
from typing import NamedTuple


class RequestKey(NamedTuple):
    """One mutation as its caller named it.

    The first OK for it is kept and answered again; the same key with another
    digest is refused. An empty `request_id` makes no promise.
    """

    tenant: str
    caller: str
    rpc: str
    request_id: str
    digest: bytes

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What identifies the request, without what it asks for."""
        return (self.tenant, self.caller, self.rpc, self.request_id)


def body_digest(body: bytes) -> bytes:
    """Returns 16 bytes that stand for what a request means, which `body` encodes."""
    return blake2b(body, digest_size=16).digest()
