"""Messages: sent, and read back."""

from collections.abc import Sequence

from tocsin_server.domain.model.errors import MessageNotFound, TocsinError
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.messages import Message, Send, Sent, Submission
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.encoding import MessageEncoder
from tocsin_server.domain.ports.identifiers import Identifiers
from tocsin_server.domain.ports.messages import MessageStore


class Messages:
    """Sends messages and reads them back."""

    def __init__(
        self,
        store: MessageStore,
        clock: Clock,
        identifiers: Identifiers,
        encode: MessageEncoder,
    ) -> None:
        self._store = store
        self._clock = clock
        self._identifiers = identifiers
        self._encode = encode

    async def send(self, submissions: Sequence[Submission]) -> Sequence[Sent | TocsinError]:
        """Sends each submission on its own, in order, and returns the outcome of each.

        An outcome may be ChannelNotFound, RequestIdReused, or what the store
        fails with. Cancelling the call does not undo a send.

        Raises:
            WritesOverloaded: nothing was taken.
        """
        now = self._clock.now()
        return await self._store.send([self._accept(item, now) for item in submissions])

    def _accept(self, submission: Submission, now: int) -> Send:
        """Returns a submission with the fields that the server sets; it is accepted `now`."""
        message_id = self._identifiers.message_id(now)
        body = self._encode(message_id, now) + submission.draft.body
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

    async def list(self, caller: Caller, channel_id: str, after: str, limit: int) -> Page[Message]:
        """Returns up to `limit` of a channel's messages, newest first, from a page key on."""
        return await self._store.list_messages(caller.tenant, channel_id, after, limit)
