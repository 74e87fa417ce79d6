"""The inboxes in memory, with as much of a store around them as the tests of reading call."""

from collections.abc import Sequence
from typing import Self

from tocsin_server.domain.model.channels import Channel
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.messages import Message, MessageState, Send, Sent

from tests.support.inboxes import MemoryInboxes


class MemoryStore(MemoryInboxes):
    """Sends commit one revision to each recipient. Every channel exists."""

    @property
    def channels(self) -> Self:
        """Itself."""
        return self

    @property
    def messages(self) -> Self:
        """Itself."""
        return self

    @property
    def inboxes(self) -> Self:
        """Itself."""
        return self

    async def create_channel(self, request: RequestKey, channel: Channel) -> None:
        """Does nothing."""

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent]:
        """Commits the sends in order."""
        return [self._send(send) for send in sends]

    async def close(self) -> None:
        """Does nothing."""

    def _send(self, send: Send) -> Sent:
        draft = send.draft
        for user_id in draft.recipients:
            key = InboxKey(send.request.tenant, user_id)
            self.commit(key, channel_id=draft.channel_id, body=send.body)
        message = Message(
            sequence=0,
            message_id=send.message_id,
            channel_id=draft.channel_id,
            state=MessageState.SENT,
            create_time=send.create_time,
            body=send.body,
        )
        return Sent(message, len(draft.recipients))
