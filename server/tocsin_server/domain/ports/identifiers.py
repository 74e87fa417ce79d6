"""New identifiers."""

from typing import Protocol


class Identifiers(Protocol):
    """Makes new identifiers, each unlike any other."""

    def message_id(self, now: int) -> str:
        """Returns a UUIDv7 for the given time in microseconds."""
        ...

    def token(self) -> str:
        """Returns an opaque token of 16 characters."""
        ...
