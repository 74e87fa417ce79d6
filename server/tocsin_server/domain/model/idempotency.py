"""Request keys: they make repeated requests safe."""

from hashlib import blake2b
from typing import NamedTuple


class RequestKey(NamedTuple):
    """The name of a mutation, and the digest of what it means.

    The first OK is kept, and a repeat gets it again. The same name with another digest
    is refused. An empty `request_id` names nothing.
    """

    tenant: str
    caller: str
    rpc: str
    request_id: str
    digest: bytes

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What identifies the request: everything but its digest."""
        return (self.tenant, self.caller, self.rpc, self.request_id)


def body_digest(body: bytes) -> bytes:
    """Returns the 16-byte digest of `body`, which encodes what a request means."""
    return blake2b(body, digest_size=16).digest()
