"""Messages, kept, and sent into inboxes."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.model.messages import Message, Send, Sent
from tocsin_server.domain.model.pages import Page


class MessageStore(Protocol):
    """Keeps messages and puts their copies into inboxes."""

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits each send on its own, in the order given.

        A send is one transaction with its message, its notifications, their
        inboxes' revisions and counters, and the answer to its request; several
        sends may share a transaction. Each inbox takes one revision a message,
        in commit order, and every committed change is then handed to Live.
        A request answered before sends nothing and gets the answer of then.
        Outcomes that are errors (ChannelNotFound, RequestIdReused, and what
        the database fails with) left nothing behind. Cancelling the call does
        not cancel the sends.

        Raises:
            WritesOverloaded: nothing was taken.
        """
        ...

    async def get_message(self, tenant: str, message_id: str) -> Message | None:
        """Returns the message, or None."""
        ...

    async def list_messages(
        self, tenant: str, channel_id: str, before: int | None, limit: int
    ) -> Page[Message]:
        """Returns up to `limit` of a channel's messages with a sequence below `before`.

        Newest first. An unknown channel has none.
        """
        ...
