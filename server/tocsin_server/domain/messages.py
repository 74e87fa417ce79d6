"""Messages, and sending them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tocsin_server.domain.errors import MessageNotFound, TocsinError
from tocsin_server.domain.identity import Caller
from tocsin_server.domain.paging import Page
from tocsin_server.domain.ports import Clock, Identifiers, MessageStore, Stamp
from tocsin_server.domain.requests import RequestKey


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


class Messages:
    """Sends messages and reads them back."""

    def __init__(
        self, store: MessageStore, clock: Clock, identifiers: Identifiers, stamp: Stamp
    ) -> None:
        self._store = store
        self._clock = clock
        self._identifiers = identifiers
        self._stamp = stamp

    async def send(self, submissions: Sequence[Submission]) -> Sequence[Sent | TocsinError]:
        """Sends each submission on its own, in order, and tells what became of each.

        An outcome may be ChannelNotFound, RequestIdReused, or what the store
        fails with. Cancelling the call does not undo a send.

        Raises:
            WritesOverloaded: nothing was taken.
        """
        now = self._clock.now()
        return await self._store.send([self._stamped(item, now) for item in submissions])

    def _stamped(self, submission: Submission, now: int) -> Send:
        """Returns a send with the server's own facts, as of now."""
        message_id = self._identifiers.message_id(now)
        body = self._stamp(message_id, now) + submission.draft.body
        return Send(submission.request, submission.draft, message_id, now, body)

    async def get(self, caller: Caller, message_id: str) -> Message:
        """Returns a message.

        Raises:
            MessageNotFound: the caller's tenant has none of that id.
        """
        message = await self._store.get_message(caller.tenant, message_id)
        if message is None:
            raise MessageNotFound(message_id=message_id)
        return message

    async def list(
        self, caller: Caller, channel_id: str, before: int | None, limit: int
    ) -> Page[Message]:
        """Returns a page of up to `limit` of a channel's messages, newest first.

        Only those whose sequence is below `before`.
        """
        return await self._store.list_messages(caller.tenant, channel_id, before, limit)
