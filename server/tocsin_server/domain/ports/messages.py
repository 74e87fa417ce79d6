"""Messages, kept, and sent into inboxes."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.model.messages import Message, Send, Sent
from tocsin_server.domain.model.pages import Page


class MessageStore(Protocol):
    """Keeps messages, and copies them into inboxes."""

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits each send on its own, in the order given, and returns their outcomes.

        One transaction holds a send's message, its notifications, the revisions and
        counters of their inboxes, and the answer to its request; several sends may
        share a transaction. Each inbox takes one revision for each message, in commit
        order, and every committed change is announced to Live. A repeated request
        sends nothing and gets the first answer. A send whose outcome is an error
        (ChannelNotFound, RequestIdReused, or an error of the database) left nothing
        behind. Cancelling the call does not cancel the sends.

        Raises:
            WritesOverloaded: too many writes wait; no send was taken.
        """
        ...

    async def get_message(self, tenant: str, message_id: str) -> Message | None:
        """Returns the message, or None."""
        ...

    async def list_messages(
        self, tenant: str, channel_id: str, after: str, limit: int
    ) -> Page[Message]:
        """Returns up to `limit` of a channel's messages, newest first, from a page key on.

        An empty key is the start. An unknown channel has no messages.

        Raises:
            FieldsInvalid: no list of messages gave the key.
        """
        ...
