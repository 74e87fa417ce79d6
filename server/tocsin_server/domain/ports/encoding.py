"""How the API encodes messages."""

from typing import Protocol


class MessageEncoder(Protocol):
    """Encodes the fields of a message that the server sets, but for its state.

    This encoding and the body of a draft, one after the other, are the whole
    message without its state, which is the only field that may change.
    """

    def __call__(self, message_id: str, create_time: int) -> bytes:
        """Returns the encoding; the time is in microseconds since the Unix epoch."""
        ...
