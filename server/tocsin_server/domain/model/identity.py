"""Who calls, and whose inbox it is."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: a name within a tenant, from the credential."""

    tenant: str
    name: str


class InboxKey(NamedTuple):
    """Names one inbox: the tenant and, within it, the user."""

    tenant: str
    user_id: str

    def digest(self) -> bytes:
        """Returns 8 bytes that stand for this inbox in cursors and notification ids."""
        return blake2b(f"{self.tenant}\0{self.user_id}".encode(), digest_size=8).digest()
