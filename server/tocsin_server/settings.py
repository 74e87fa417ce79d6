"""The settings of `tocsin-server serve`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides.

    Attributes:
        database_url: where everything is stored.
        listen: HOST:PORT; port 0 picks one. Or unix:PATH.
        idempotency_retention: seconds for which a request id is remembered.
        history_retention: seconds for which a cursor can be resumed from at least.
        max_streams: how many streams the server has open at most.
    """

    database_url: str = "sqlite+aiosqlite:///tocsin.db"
    listen: str = "127.0.0.1:50051"
    idempotency_retention: float = 24 * 3600.0
    history_retention: float = 7 * 24 * 3600.0
    max_streams: int = 20_000
