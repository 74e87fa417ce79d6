"""Who may call a method, and who calls without a credential."""

from enum import Enum

from tocsin_server.domain.model.identity import Caller


class Access(Enum):
    """Who may call a method."""

    OPEN = "every caller that reaches the server"


def anonymous(peer: str) -> Caller:
    """Returns the caller of a call that carries no credential."""
    return Caller(tenant="default", subject="anonymous", peer=peer)
