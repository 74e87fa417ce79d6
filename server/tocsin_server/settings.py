"""The settings of `tocsin-server serve`."""

from dataclasses import dataclass

from tocsin_server.domain.model.limits import (
    RETENTION_SECONDS_MAX,
    RETENTION_SECONDS_MIN,
    STREAMS,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides.

    Attributes:
        database_url: where everything is stored.
        listen: HOST:PORT; port 0 picks one. Or unix:PATH.
        idempotency_retention: seconds for which a request id is remembered.
        history_retention: seconds for which a cursor can be resumed from at least.
        max_streams: how many streams the server has open at most.

    Raises:
        ValueError: a number is out of its bounds.
    """

    database_url: str = "sqlite+aiosqlite:///tocsin.db"
    listen: str = "127.0.0.1:50051"
    idempotency_retention: float = 24 * 3600.0
    history_retention: float = 7 * 24 * 3600.0
    max_streams: int = STREAMS

    def __post_init__(self) -> None:
        for name in ("idempotency_retention", "history_retention"):
            seconds = getattr(self, name)
            if not RETENTION_SECONDS_MIN <= seconds <= RETENTION_SECONDS_MAX:
                raise ValueError(
                    f"{name} is {seconds}, and must be {RETENTION_SECONDS_MIN:.0f}"
                    f" to {RETENTION_SECONDS_MAX:.0f} seconds"
                )
        if not self.max_streams >= 1:
            raise ValueError(f"max_streams is {self.max_streams}, and must be at least 1")
