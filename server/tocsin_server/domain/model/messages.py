"""Messages, as they are sent and as they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tocsin_server.domain.model.idempotency import RequestKey


class MessageState(IntEnum):
    """The state of a message, numbered as in the protos."""

    SENT = 3


class Draft(NamedTuple):
    """A message to send, and its recipients.

    `body` is the encoding of the message as its sender wrote it; the other fields are
    those that the server reads. `recipients` are distinct user ids.
    """

    channel_id: str
    severity: int
    sender: str
    body: bytes
    recipients: Sequence[str]


@dataclass(slots=True)
class Message:
    """A stored message. `create_time` is in microseconds since the Unix epoch.

    `sequence` numbers messages in the order of sending; no client sees it. On PostgreSQL
    they may commit in another order. `body`
    is the encoding of the whole message without its state. Not frozen, because a read
    makes up to a hundred thousand; nothing changes one.
    """

    sequence: int
    message_id: str
    channel_id: str
    state: int
    create_time: int
    body: bytes


class Submission(NamedTuple):
    """A send as a caller requests it."""

    request: RequestKey
    draft: Draft


class Send(NamedTuple):
    """A send as the store takes it: a submission with the fields that the server sets.

    `body` is the encoding of the whole message without its state.
    """

    request: RequestKey
    draft: Draft
    message_id: str
    create_time: int
    body: bytes

    @property
    def rows(self) -> int:
        """About how many rows it writes; a transaction is bounded by them."""
        return 1 + len(self.draft.recipients)


class Sent(NamedTuple):
    """A committed send."""

    message: Message
    accepted_count: int
