"""Messages as the transport encodes them."""

from __future__ import annotations

from typing import Protocol


class Stamp(Protocol):
    """Encodes what the server sets of a message, as its transport does.

    Followed by the body of a draft it is the whole message, but for its state,
    which alone may change.
    """

    def __call__(self, message_id: str, create_time: int) -> bytes:
        """Returns the encoding; the time is in microseconds since the Unix epoch."""
        ...
