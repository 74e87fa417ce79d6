"""Messages, as they are sent and as they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tocsin_server.domain.model.idempotency import RequestKey


class MessageState(IntEnum):
    """Where a message stands, numbered as in the protos."""

    SENT = 3


class Draft(NamedTuple):
    """A message to send, and to whom.

    `body` is what the sender wrote, as the transport encodes it: all that no
    rule asks about. `recipients` are distinct user ids.
    """

    channel_id: str
    severity: int
    sender: str
    body: bytes
    recipients: Sequence[str]


@dataclass(slots=True)
class Message:
    """A stored message. `create_time` is in microseconds since the Unix epoch.

    `sequence` numbers messages in the order in which they were committed; it
    stays inside the server. `body` is the whole message as the transport
    encodes it, but for its state. Not frozen, because it is made by the
    hundred thousand; nobody changes one.
    """

    sequence: int
    message_id: str
    channel_id: str
    state: int
    create_time: int
    body: bytes


class Submission(NamedTuple):
    """One send that a caller asks for."""

    request: RequestKey
    draft: Draft


class Send(NamedTuple):
    """One send as the store takes it: a submission with the server's own facts.

    `body` is the whole message as the transport encodes it, but for its state.
    """

    request: RequestKey
    draft: Draft
    message_id: str
    create_time: int
    body: bytes

    @property
    def rows(self) -> int:
        """How many rows it writes, for bounding a transaction."""
        return 1 + len(self.draft.recipients)


class Sent(NamedTuple):
    """A send that is committed."""

    message: Message
    accepted_count: int
