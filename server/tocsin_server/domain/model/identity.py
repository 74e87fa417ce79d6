"""Identity: callers and inboxes."""

from collections.abc import Collection
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple


class Role(Enum):
    """What a caller may do."""

    ADMIN = "admin"
    """Everything within its tenant."""


class Caller(NamedTuple):
    """The caller of an RPC.

    A call without a token is an admin's, and may use all channels.

    Attributes:
        tenant: the tenant that the call acts in.
        subject: the caller's name within its tenant.
        role: the role that the caller has in its tenant.
        channels: the channels that the caller may use; None for all.
        token_id: the id of the call's token; empty for a call without a token.
        peer: the address that the call comes from, as its transport writes it.
    """

    tenant: str
    subject: str
    role: Role = Role.ADMIN
    channels: Collection[str] | None = None
    token_id: str = ""
    peer: str = ""


class InboxKey(NamedTuple):
    """Names one inbox: the tenant and, within it, the user."""

    tenant: str
    user_id: str

    def digest(self) -> bytes:
        """Returns the 8-byte digest of this inbox for cursors and notification ids."""
        return blake2b(f"{self.tenant}\0{self.user_id}".encode(), digest_size=8).digest()
